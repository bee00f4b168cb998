"""De-identify a folder of DICOM files: `python -m scripts.deidentify IN OUT --key-file KEY`."""

from __future__ import annotations

from pathlib import Path

from skiagraph.dicom.burned_in import PixelCleaner
from skiagraph.dicom.deidentify import (
    Index,
    Options,
    Settings,
    check_apart,
    deidentify_folder,
    read_key,
    write_new_key,
    write_reidentification,
)
from skiagraph.folder_work import Report

from ._face import run


def deidentify(
    root: str,
    out: str,
    key_file: str,
    new_key: bool = False,
    clean_pixels: bool = False,
    clean_descriptors: bool = False,
    clean_graphics: bool = False,
    modified_dates: bool = False,
    retain_patient_characteristics: bool = False,
    retain_device: bool = False,
    retain_institution: bool = False,
    retain_uids: bool = False,
    retain_safe_private: bool = False,
    keep_markers: bool = False,
    keep_burned_in: bool = False,
    reidentification: str | None = None,
    passphrase_file: str | None = None,
    dry_run: bool = False,
    jobs: int = -1,
    cluster: str | None = None,
) -> Report:
    """De-identify DICOM files after PS3.15 Annex E; the same key gives the same pseudonyms anywhere and at any time.

    What was done to each element stands in OUT_ledger, with keyed hashes of what was there; keep it apart from OUT.
    A file that cannot be done is named with the reason, and is not in OUT. Run it again to go on: what is done with
    the same settings is skipped.

    Args:
        root: folder of the files, which are not changed.
        out: folder to write: patient/study/series/object.dcm, all pseudonyms.
        key_file: secret of at least 32 bytes that only you may read; who has it can link pseudonyms to originals.
        new_key: write a new key to key_file first.
        clean_pixels: find text in the pixels and blank it, whatever it says; without it pixels are not looked at, and
            files that say that text is in their pixels are refused.
        clean_descriptors: keep descriptions and comments, cleaned.
        clean_graphics: keep texts of graphic annotations, cleaned.
        modified_dates: keep dates, moved by a secret number of days for each patient.
        retain_patient_characteristics: keep sex, age, size, weight and the like.
        retain_device: keep what identifies the device.
        retain_institution: keep what identifies the institution.
        retain_uids: keep UIDs.
        retain_safe_private: keep the private attributes that the standard calls safe.
        keep_markers: with clean_pixels, leave what is too short for two letters, such as the side markers L and R.
        keep_burned_in: do files that say that text is in their pixels, without cleaning them.
        reidentification: file to write that leads from pseudonyms back to patients, encrypted with a passphrase; one
            that ends in .csv is not encrypted. Outside of OUT.
        passphrase_file: file with the passphrase.
        dry_run: write the ledger of what would be done, and no DICOM file.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler, such as tcp://scheduler:8786.
    """
    check_apart(Path(key_file), Path(root), Path(out))
    if new_key:
        write_new_key(key_file)
    options = Options(
        clean_pixels=clean_pixels,
        clean_graphics=clean_graphics,
        clean_descriptors=clean_descriptors,
        modified_dates=modified_dates,
        retain_patient_characteristics=retain_patient_characteristics,
        retain_device=retain_device,
        retain_uids=retain_uids,
        retain_safe_private=retain_safe_private,
        retain_institution=retain_institution,
    )
    settings = Settings(
        Path(root),
        Path(out),
        read_key(key_file),
        options,
        cleaner=PixelCleaner(keep_markers=keep_markers) if clean_pixels else None,
        keep_burned_in=keep_burned_in,
        dry_run=dry_run,
    )
    settings.check(key_file, reidentification, passphrase_file)
    with Index() as index:
        report = deidentify_folder(settings, jobs=jobs, cluster=cluster, index=index)
        if reidentification is not None:
            write_reidentification(reidentification, index.patients(), settings, passphrase_file)
    return report


if __name__ == "__main__":
    run(deidentify)
