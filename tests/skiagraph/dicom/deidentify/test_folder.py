"""A folder of files: consistent, resumable, complete, and never changed."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import FileDataset
from pydicom.fileset import FileSet
from pydicom.uid import DeflatedExplicitVRLittleEndian, UID_dictionary

from skiagraph.dicom.deidentify import Finding, Key, Options, Settings, deidentify_folder
from tests.skiagraph.dicom.deidentify.planted import SECRET, deidentify, outputs, radiograph, settings, write


@dataclass(frozen=True)
class Found:
    frames: tuple[int, ...]
    box: tuple[int, int, int, int]
    rule: str
    action: str


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_second_process_gives_the_same_files(tmp_path: Path) -> None:
    root = write(tmp_path / "in", a=radiograph(), b=radiograph())
    _, out = deidentify(root, Options(modified_dates=True))
    (tmp_path / "key").write_bytes(SECRET)
    (tmp_path / "key").chmod(0o600)
    command = [sys.executable, "-m", "scripts.deidentify", root, tmp_path / "again", "--key-file", tmp_path / "key"]
    subprocess.run([*command, "--modified-dates", "--jobs", "2"], check=True, capture_output=True)
    assert digests(tmp_path / "again") == digests(out)


def test_the_input_is_not_changed_and_names_tell_nothing(tmp_path: Path) -> None:
    root = write(tmp_path / "in", Doe_John=radiograph())
    before = digests(root)
    os.chmod(root / "Doe_John.dcm", 0o400)
    _, out = deidentify(root)
    assert digests(root) == before
    (written,) = outputs(out)
    name = str(written.relative_to(out)).lower()
    assert "doe" not in name
    assert "1.2.3" not in name


def test_references_still_resolve_and_well_known_uids_stay(tmp_path: Path) -> None:
    first, second = radiograph(), radiograph()
    second.SourceImageSequence = [FileDataset("", {})]
    second.SourceImageSequence[0].ReferencedSOPClassUID = first.SOPClassUID
    second.SourceImageSequence[0].ReferencedSOPInstanceUID = first.SOPInstanceUID
    _, out = deidentify(write(tmp_path / "in", a=first, b=second))
    one, two = sorted(map(dcmread, outputs(out)), key=lambda dataset: "SourceImageSequence" in dataset)
    reference = two.SourceImageSequence[0]
    assert reference.ReferencedSOPInstanceUID == one.SOPInstanceUID == one.file_meta.MediaStorageSOPInstanceUID
    assert reference.ReferencedSOPClassUID == first.SOPClassUID in UID_dictionary
    assert one.SOPInstanceUID.startswith("2.25.")
    assert one.SOPInstanceUID.is_valid
    assert one.StudyInstanceUID == two.StudyInstanceUID != first.StudyInstanceUID


def test_a_patient_is_issuer_and_number_however_they_are_typed(tmp_path: Path) -> None:
    files = [
        radiograph(patient=patient, study=f"1.2.3.4567.{n}") for n, patient in enumerate(["AB-12", "ab 12", "AB13"])
    ]
    _, out = deidentify(write(tmp_path / "in", **{f"f{n}": file for n, file in enumerate(files)}))
    found = sorted(dcmread(path).PatientID for path in outputs(out))
    assert len(set(found)) == 2
    other = radiograph(patient="AB-12")
    other.IssuerOfPatientID = "elsewhere"
    _, out = deidentify(write(tmp_path / "other", a=other))
    assert dcmread(outputs(out)[0]).PatientID not in found


def test_nothing_of_the_meta_information_preamble_or_trailing_bytes_is_left(tmp_path: Path) -> None:
    root = write(tmp_path / "in", a=radiograph())
    with (root / "a.dcm").open("ab") as file:
        file.write(b"\0PK\3\4 John Doe's program")
    _, out = deidentify(root)
    content = outputs(out)[0].read_bytes()
    assert content[:132] == bytes(128) + b"DICM"
    assert content.endswith(bytes(range(32)))
    assert not any(secret in content for secret in (b"HOSPITAL_AE", b"Doe", b"1.2.3.99", b"PK\3\4"))


def test_done_files_are_skipped_until_the_input_or_the_settings_change(tmp_path: Path) -> None:
    root = write(tmp_path / "in", a=radiograph(), b=radiograph(patient="ID0815Y", study="1.2.3.4.5.99"))

    def counts(options: Options | None = None) -> tuple[int, int]:
        report, _ = deidentify(root, options)
        return report.done, report.skipped

    assert [counts(), counts()] == [(2, 0), (0, 2)]
    changed = dcmread(root / "a.dcm")
    changed.OperatorsName = "Another^Operator"
    changed.save_as(root / "a.dcm")
    assert counts() == (1, 1)
    assert counts(Options(modified_dates=True)) == (2, 0)
    next(iter(outputs(tmp_path / "in_out"))).unlink()
    assert counts(Options(modified_dates=True)) == (1, 1)
    ledger = next((tmp_path / "in_out_ledger").rglob("*.gz"))
    ledger.write_bytes(ledger.read_bytes()[:20])
    assert counts(Options(modified_dates=True)) == (1, 1)


def test_an_output_of_other_settings_does_not_stay_if_the_file_is_refused_now(tmp_path: Path) -> None:
    class Failing:
        def clean(self, dataset: FileDataset, path: Path, identifiers: Iterable[str]) -> list[Finding]:
            raise ValueError("cannot")

    root = write(tmp_path / "in", a=radiograph())
    _, out = deidentify(root)
    assert outputs(out)
    again = Settings(root, out, Key(SECRET), Options(clean_pixels=True), cleaner=Failing())
    assert deidentify_folder(again, jobs=1).failed == 1
    assert outputs(out) == []


def test_a_killed_worker_loses_no_file(tmp_path: Path) -> None:
    root = write(tmp_path / "in", **{f"f{n}": radiograph() for n in range(6)})
    script = """
import os, sys
from pathlib import Path
from tests.skiagraph.dicom.deidentify.planted import settings
from skiagraph.dicom.deidentify import Options, Settings, deidentify_folder

class Killer:
    def clean(self, dataset, path, identifiers):
        if path.name == "f3.dcm":
            os._exit(9)
        return []

root = Path(sys.argv[1])
chosen = settings(root)
chosen = Settings(chosen.root, chosen.out, chosen.key, Options(clean_pixels=True), cleaner=Killer())
report = deidentify_folder(chosen, jobs=2)
print(report.done, report.failed, [failure.name for failure in report.failures])
"""
    (tmp_path / "kill.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [*sys.path, str(tmp_path)]))}
    run = [sys.executable, str(tmp_path / "kill.py"), str(root)]
    ended = subprocess.run(run, capture_output=True, text=True, env=environment, check=False)
    assert ended.stdout.startswith("5 1"), ended.stderr
    assert len(outputs(tmp_path / "in_out")) == 5


def test_duplicates_are_written_once_and_contradictions_fail(tmp_path: Path) -> None:
    one = radiograph()
    root = write(tmp_path / "in", a=one, b=one)
    one.InstanceNumber = "2"
    write(root, c=one)
    report, out = deidentify(root)
    assert len(outputs(out)) == 1
    assert [Path(line.split(":")[0]).name for line in report.duplicates] == ["b.dcm"]
    assert [Path(failure.name).name for failure in report.failures] == ["c.dcm"]
    assert report.exit_code == 1


def test_the_next_duplicate_takes_the_place_of_one_that_fails(tmp_path: Path) -> None:
    class Picky:
        def clean(self, dataset: FileDataset, path: Path, identifiers: Iterable[str]) -> list[Finding]:
            if path.name == "a.dcm":
                raise ValueError("not this one")
            return []

    one = radiograph()
    root = write(tmp_path / "in", a=one, b=one)
    chosen = settings(root)
    report = deidentify_folder(
        Settings(root, chosen.out, chosen.key, Options(clean_pixels=True), cleaner=Picky()), jobs=1
    )
    assert (report.done, report.failed) == (1, 1)
    assert len(outputs(chosen.out)) == 1


def test_a_cleaner_of_pixels_is_asked_with_what_identifies_and_its_pixels_are_written(tmp_path: Path) -> None:
    class Blackening:
        def clean(self, dataset: FileDataset, path: Path, identifiers: Iterable[str]) -> list[Finding]:
            assert "Doe^John^A" in list(identifiers)
            dataset.PixelData, dataset.BurnedInAnnotation = bytes(32), "NO"
            return [Found((0,), (0, 0, 4, 4), "test", "blanked")]

    dataset = radiograph()
    dataset.BurnedInAnnotation = "YES"
    root = write(tmp_path / "in", a=dataset)
    chosen = settings(root)
    deidentify_folder(Settings(root, chosen.out, chosen.key, Options(clean_pixels=True), cleaner=Blackening()), jobs=1)
    after = dcmread(outputs(chosen.out)[0])
    assert (after.PixelData, after.BurnedInAnnotation) == (bytes(32), "NO")
    assert "113101" in [item.CodeValue for item in after.DeidentificationMethodCodeSequence]
    assert after.PatientName != "Doe^John^A"


def test_the_ledger_tells_every_change_without_the_value(tmp_path: Path) -> None:
    _, out = deidentify(write(tmp_path / "in", a=radiograph()))
    (ledger,) = outputs(out.with_name("in_out_ledger"))
    lines = [json.loads(line) for line in gzip.decompress(ledger.read_bytes()).decode().splitlines()]
    told = {line["element"]: (line["action"], line["rule"]) for line in lines[1:]}
    assert told["(0010,0010)"] == ("patient's pseudonym", "E.1-1 Z: keyed pseudonym of the patient")
    assert told["(0008,1030)"] == ("remove", "E.1-1 X")
    text = gzip.decompress(ledger.read_bytes()).decode().lower()
    assert not any(secret in text for secret in ("doe", "4711", "mary", "in/a.dcm"))
    key = Key(SECRET)
    by_element = {line["element"]: line["before"] for line in lines[1:]}
    assert by_element["(0010,0020)"] == key.hash(b"ID4711X ")


def test_a_dry_run_writes_no_dicom(tmp_path: Path) -> None:
    root = write(tmp_path / "in", a=radiograph())
    chosen = settings(root)
    dry = Settings(root, chosen.out, chosen.key, dry_run=True)
    assert deidentify_folder(dry, jobs=1).done == 1
    assert not chosen.out.exists()
    assert outputs(dry.ledger)
    assert not chosen.ledger.exists()
    assert deidentify_folder(chosen, jobs=1).done == 1


@pytest.mark.parametrize("inside", [True, False])
def test_outputs_and_inputs_are_kept_apart(tmp_path: Path, inside: bool) -> None:
    root = write(tmp_path / "x" / "in", a=radiograph())
    out = root / "out" if inside else tmp_path / "x"
    with pytest.raises(ValueError, match="one folder is in the other"):
        deidentify_folder(Settings(root, out, Key(SECRET)), jobs=1)


def test_what_is_not_dicom_is_named_and_not_copied(tmp_path: Path) -> None:
    root = write(tmp_path / "in", a=radiograph())
    (root / "John Doe.txt").write_text("a letter")
    (root / "empty").touch()
    (root / "link.dcm").symlink_to(root / "a.dcm")
    report, out = deidentify(root)
    assert [Path(path).name for path in report.not_dicom] == ["John Doe.txt", "empty"]
    assert (len(outputs(out)), report.exit_code) == (1, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"}, "encapsulates a document"),
        ({"SOPClassUID": "1.3.46.670589.5.0.1.1"}, "private"),
        ({"BurnedInAnnotation": "YES"}, "Burned In Annotation"),
        ({"SOPInstanceUID": ""}, "no SOP Class UID or SOP Instance UID"),
    ],
)
def test_what_cannot_be_promised_is_refused(tmp_path: Path, change: dict[str, str], reason: str) -> None:
    dataset = radiograph()
    for keyword, value in change.items():
        setattr(dataset, keyword, value)
    report, out = deidentify(write(tmp_path / "in", a=dataset))
    assert [reason in failure.message for failure in report.failures] == [True]
    assert (outputs(out), report.exit_code) == ([], 1)


def test_damaged_files_fail_in_one_line_and_nothing_of_them_is_written(tmp_path: Path) -> None:
    root = write(tmp_path / "in", a=radiograph())
    content = (root / "a.dcm").read_bytes()
    (root / "a.dcm").unlink()
    for number, length in enumerate(range(140, len(content) - 1, 61)):
        (root / f"cut{number}").write_bytes(content[:length])
    report, out = deidentify(root)
    assert report.failed == len(list(root.iterdir()))
    assert all("\n" not in failure.message for failure in report.failures)
    assert outputs(out) == []


def test_deflated_files_are_read_and_written(tmp_path: Path) -> None:
    dataset = radiograph()
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    _, out = deidentify(write(tmp_path / "in", a=dataset))
    after = dcmread(outputs(out)[0])
    assert (after.PatientID != "ID4711X", after.PixelData) == (True, bytes(range(32)))


def test_a_bomb_of_zeros_is_refused(tmp_path: Path) -> None:
    dataset = radiograph()
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    root = write(tmp_path / "in", a=dataset)
    content = (root / "a.dcm").read_bytes()
    meta = content[: 144 + int.from_bytes(content[140:144], "little")]
    deflater = zlib.compressobj(wbits=-15)
    zeros = itertools.repeat(bytes(1 << 22), 80)
    (root / "a.dcm").write_bytes(meta + b"".join(map(deflater.compress, zeros)) + deflater.flush())
    report, _ = deidentify(root)
    assert "larger than 256 MiB" in report.failures[0].message


def test_a_dicomdir_is_built_anew(tmp_path: Path) -> None:
    source = Path(get_testdata_file("DICOMDIR")).parent
    shutil.copytree(source / "77654033", tmp_path / "copy" / "77654033")
    shutil.copy(source / "DICOMDIR", tmp_path / "copy")
    report, out = deidentify(tmp_path / "copy")
    assert report.failures == ()
    found = FileSet(out / "DICOMDIR")
    assert len(found) == len(outputs(out)) - 1 > 3
    assert all(instance.load().SOPInstanceUID == instance.SOPInstanceUID for instance in found)
    assert b"Doe" not in (out / "DICOMDIR").read_bytes()
