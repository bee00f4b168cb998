"""Files of many makers: done or refused with a reason, read by DCMTK, their pixels byte for byte the same."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest
from pydicom import dcmread
from pydicom.data import get_charset_files
from pydicom.misc import is_dicom

from skiagraph.dicom.deidentify import Key, Options, Settings, deidentify_folder
from tests.skiagraph.dicom.deidentify.planted import SECRET, outputs

EVERYTHING = Options(
    clean_descriptors=True, clean_graphics=True, modified_dates=True, retain_device=True, retain_institution=True,
    retain_patient_characteristics=True, retain_safe_private=True,
)  # fmt: skip


def folders() -> list[Path]:
    real = [Path(os.environ["SKIAGRAPH_DATA"]) / "dicom"] if "SKIAGRAPH_DATA" in os.environ else []
    return [Path(pydicom.__file__).parent / "data" / "test_files", Path(get_charset_files("*.dcm")[0]).parent, *real]


@pytest.mark.parametrize("root", folders(), ids=lambda folder: folder.name)
@pytest.mark.parametrize("options", [Options(), EVERYTHING], ids=["profile", "options"])
def test_every_file_is_done_or_refused_and_nothing_crashes(root: Path, options: Options, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = deidentify_folder(Settings(root, out, Key(SECRET), options), jobs=1)
    total = report.done + report.failed + len(report.not_dicom) + len(report.duplicates)
    assert total == sum(path.is_file() and not path.is_symlink() for path in root.rglob("*"))
    assert report.done >= 13
    assert all(failure.message and "Error" not in failure.message for failure in report.failures), report.summary()
    written = [path for path in outputs(out) if path.name != "DICOMDIR"]
    for path in written:
        dataset = dcmread(path)
        assert dataset.PatientIdentityRemoved == "YES"
        assert str(dataset)
    if shutil.which("dcmdump"):
        read = subprocess.run(["dcmdump", "-q", *map(str, written)], capture_output=True, errors="replace", check=False)
        assert [line for line in read.stderr.splitlines() if line.startswith(("E:", "F:"))] == []


def test_pixels_are_the_same_bytes(tmp_path: Path) -> None:
    root = folders()[0]
    out = tmp_path / "out"
    deidentify_folder(Settings(root, out, Key(SECRET)), jobs=1)
    before = {_pixels(path) for path in root.rglob("*") if path.is_file() and is_dicom(path)}
    after = [_pixels(path) for path in outputs(out) if path.name != "DICOMDIR"]
    assert len(after) > 50
    assert set(after) <= before


def _pixels(path: Path) -> bytes:
    try:
        return bytes(dcmread(path).get("PixelData", b""))
    except Exception:  # noqa: BLE001 damaged on purpose
        return b""
