"""The checker against folders of which it is known what is left in them."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pydicom.data
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from skiagraph.dicom.check import CheckReport, CheckSettings, Finding, check_folders
from tests.skiagraph.dicom.planted import Change, clean, declare, keep_plant, other_uid, write_planted

REAL = os.environ.get("SKIAGRAPH_DATA")
Planted = tuple[Path, dict[str, list[dict[str, str]]]]
# What may be said of a plant instead of its kind: graphics are not read, and bytes are told where they lie.
AS_GOOD = {("(6000,3000)", "profile"), ("preamble", "bytes"), ("(FFFC,FFFC)", "bytes")}
# A UID or a patient ID that is left contradicts what it became elsewhere, and is told there too.
ACROSS = {"uid", "meta", "mapping", "reference", "patient"}
FILES = 27


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return write_planted(tmp_path_factory.mktemp("corpus"), FILES)


def check(before: Path, after: Path) -> CheckReport:
    return check_folders(before, after, CheckSettings(jobs=1, most=10**6))


def leaks(report: CheckReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.level == "leak"]


def tells_of(finding: Finding, plant: dict[str, str]) -> bool:
    if finding.path != plant["path"]:
        return False
    same = finding.kind == plant["kind"] or (
        plant["kind"] == "text" and finding.kind in ("name", "number", "phone", "date")
    )
    return same or (plant["path"], finding.kind) in AS_GOOD


def cleaned(planted: Planted, out: Path, change: Callable[[str], Change | None] = lambda name: None) -> dict[str, str]:
    """Clean all files but the DICOMDIR under other names and in another order; the new name of each."""
    folder, by_file = planted
    names = {}
    for number, name in enumerate(sorted((n for n in by_file if "DICOMDIR" not in n), key=lambda n: other_uid(n))):
        names[name] = f"{number % 3}/{number:04d}.dcm"
        clean(folder / name, out / names[name], change(name) or (lambda before, after: None))
    return names


def test_a_copy_leaks_everything_that_was_planted(planted: Planted) -> None:
    folder, by_file = planted
    found: dict[str, list[Finding]] = {}
    for finding in leaks(check(folder, folder)):
        found.setdefault(finding.file, []).append(finding)
    missed = [
        plant
        for name, plants in by_file.items()
        for plant in plants
        if plant["path"] != "pixels" and not any(tells_of(finding, plant) for finding in found[name])
    ]
    assert missed == []


def test_nothing_is_found_where_nothing_is_left(planted: Planted, tmp_path: Path) -> None:
    cleaned(planted, tmp_path)
    report = check(planted[0], tmp_path)
    assert leaks(report) == []
    assert report.clean
    assert report.notices["not in output"] == 1, "the DICOMDIR, and no other"
    assert "not in input" not in report.notices


@given(data=st.data())
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_identifier_left_in_a_file_is_found_and_nothing_else(
    planted: Planted, tmp_path: Path, data: st.DataObject
) -> None:
    shutil.rmtree(tmp_path)
    kept: dict[str, dict[str, str]] = {}

    def keep_one(name: str) -> Change | None:
        plants = [plant for plant in planted[1][name] if plant["path"].startswith("(")]
        kept[name] = data.draw(st.sampled_from(plants))
        return keep_plant(kept[name]["path"])

    names = cleaned(planted, tmp_path, keep_one)
    found: dict[str, list[Finding]] = {}
    for finding in leaks(check(planted[0], tmp_path)):
        found.setdefault(finding.file, []).append(finding)
    for name, plant in kept.items():
        assert any(tells_of(finding, plant) for finding in found.get(names[name], [])), (name, plant)
        top = plant["path"].split("[")[0]
        others = [f for f in found[names[name]] if not f.path.startswith(top) and f.kind not in ACROSS]
        assert others == [], plant


@pytest.mark.parametrize("damage", ["preamble", "behind", "behind an end", "name", "text file", "unreadable"])
def test_identifiers_outside_elements_are_found(planted: Planted, tmp_path: Path, damage: str) -> None:
    names = cleaned(planted, tmp_path)
    old = next(name for name in names if name.startswith("P00001"))
    path = tmp_path / names[old]
    patient = pydicom.dcmread(planted[0] / old)
    raw = path.read_bytes()
    said = str(patient.PatientID).encode()
    if damage == "preamble":
        path.write_bytes(said.ljust(128, b"\0") + raw[128:])
    elif damage == "behind":
        path.write_bytes(raw + said)
    elif damage == "behind an end":
        # Readers stop at an item's end, wherever it stands.
        path.write_bytes(raw + b"\xfe\xff\x0d\xe0\0\0\0\0" + said)
    elif damage == "name":
        path.rename(path.with_name(f"{patient.AccessionNumber}.dcm"))
    elif damage == "text file":
        (tmp_path / "summary.csv").write_bytes(b"file,patient\n1," + said + b"\n")
    else:
        (tmp_path / "broken.dcm").write_bytes(raw[:140] + said)
    kinds = Counter(finding.kind for finding in leaks(check(planted[0], tmp_path)))
    assert kinds["number"] >= 1
    assert kinds["bytes"] >= (damage in ("preamble", "behind an end"))
    # What stands behind the end is read as one more element.
    assert set(kinds) <= {"number", "bytes", "private"} | ({"method"} if damage == "unreadable" else set())


def _first_method(dataset: Dataset) -> Dataset:
    return dataset.DeidentificationMethodCodeSequence[0]


def _change_one(keyword: str, value: object) -> Change:
    return lambda before, after: setattr(after, keyword, value)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (_change_one("PatientIdentityRemoved", "NO"), "method"),
        (lambda before, after: delattr(after, "DeidentificationMethodCodeSequence"), "method"),
        (lambda before, after: declare(after, ("113100", "Clean Pixel Data Option")), "method"),
        (lambda before, after: setattr(_first_method(after), "CodingSchemeDesignator", "SCT"), "method"),
        (_change_one("LongitudinalTemporalInformationModified", "MODIFIED"), "method"),
        (_change_one("StudyComments", "none"), "profile"),
        (lambda before, after: setattr(after, "PatientAge", before.PatientAge), "profile"),
        (lambda before, after: after.add_new(0x00091010, "LO", "anything"), "private"),
        (lambda before, after: setattr(after, "StudyDate", before.StudyDate), "date"),
        (lambda before, after: setattr(after.file_meta, "MediaStorageSOPInstanceUID", "2.25.1"), "meta"),
        (_change_one("BurnedInAnnotation", "YES"), "burned in"),
        (lambda before, after: setattr(after, "PatientID", "S17"), "patient"),
        (_change_one("StudyInstanceUID", "2.25.77"), "mapping"),
    ],
)  # fmt: skip
def test_a_rule_that_one_file_breaks_is_told(planted: Planted, tmp_path: Path, change: Change, kind: str) -> None:
    names = cleaned(planted, tmp_path, lambda name: change if name == "P00001/ST0/IM000.dcm" else None)
    found = leaks(check(planted[0], tmp_path))
    assert {finding.kind for finding in found} - (ACROSS - {kind}) == {kind}
    assert names["P00001/ST0/IM000.dcm"] in {finding.file for finding in found}


def test_patients_that_become_one_are_told(planted: Planted, tmp_path: Path) -> None:
    cleaned(planted, tmp_path, lambda name: _change_one("PatientID", "S1"))
    assert {finding.kind for finding in leaks(check(planted[0], tmp_path))} == {"patient"}


def _shifted(days: Callable[[str], int]) -> Callable[[str], Change]:
    def change_of(name: str) -> Change:
        def change(before: Dataset, after: Dataset) -> None:
            declare(after, ("113100", "Basic Application Confidentiality Profile"),
                    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
                    ("113101", "Clean Pixel Data Option"))  # fmt: skip
            after.LongitudinalTemporalInformationModified = "MODIFIED"
            day = pydicom.valuerep.DA(before.StudyDate)
            moved = day.fromordinal(day.toordinal() + days(name))
            after.StudyDate = after.SeriesDate = f"{moved:%Y%m%d}"

        return change

    return change_of


@pytest.mark.parametrize(
    ("days", "kinds"),
    [
        # 38 days lie between two studies of a patient: a shift by as many gives a date of the original, rightly.
        (lambda name: -38, set()),
        (lambda name: -100 if "IM000" in name else -101, {"shift"}),
        (lambda name: 0, {"shift", "date"}),
    ],
)  # fmt: skip
def test_dates_may_move_by_one_interval(
    planted: Planted, tmp_path: Path, days: Callable[[str], int], kinds: set[str]
) -> None:
    cleaned(planted, tmp_path, _shifted(days))
    assert {finding.kind for finding in leaks(check(planted[0], tmp_path))} == kinds


def test_references_lead_to_what_their_target_became(planted: Planted, tmp_path: Path) -> None:
    def refer(uid: Callable[[str], str]) -> Callable[[str], Change]:
        def change_of(name: str) -> Change:
            def change(before: Dataset, after: Dataset) -> None:
                if "ReferencedSeriesSequence" in before:
                    after.ReferencedSeriesSequence = before.ReferencedSeriesSequence
                    series = after.ReferencedSeriesSequence[0]
                    series.SeriesInstanceUID = other_uid(series.SeriesInstanceUID)
                    item = series.ReferencedInstanceSequence[0]
                    item.ReferencedSOPInstanceUID = uid(item.ReferencedSOPInstanceUID)

            return change

        return change_of

    cleaned(planted, tmp_path / "right", refer(other_uid))
    assert leaks(check(planted[0], tmp_path / "right")) == []
    cleaned(planted, tmp_path / "wrong", refer(lambda uid: other_uid(uid + "9")))
    kinds = {finding.kind for finding in leaks(check(planted[0], tmp_path / "wrong"))}
    assert kinds == {"reference", "mapping"}


def test_what_another_patient_is_called_is_found_too(planted: Planted, tmp_path: Path) -> None:
    other = pydicom.dcmread(planted[0] / next(name for name in planted[1] if name.startswith("Okonkwo")))
    for text in ("seen with Ifeoma OKONKWO-BARNES", f"see {other.PatientID} too"):
        change = _change_one("SoftwareVersions", text)
        cleaned(planted, tmp_path, lambda name, change=change: change if name.startswith("P00001/ST0") else None)
        found = leaks(check(planted[0], tmp_path))
        assert {(finding.kind, finding.note) for finding in found} <= {
            (kind, "of another patient") for kind in ("name", "number")
        }
        assert len(found) == 5


@pytest.mark.parametrize(("text", "kinds"), [("Zeltron Helix", set()), ("CHEST", set()), ("Tharn, Petra", {"name"})])
def test_what_the_original_says_where_it_may_stay_is_no_leak(tmp_path: Path, text: str, kinds: set[str]) -> None:
    """But a person's name may stay nowhere."""
    before, _ = write_planted(tmp_path / "corpus", 1)
    [path] = before.rglob("IM*")
    original = pydicom.dcmread(path)
    original.StudyDescription = original.SoftwareVersions = text
    original.BodyPartExamined = "CHEST"
    original.ReferringPhysicianName = "Tharn^Petra"
    original.save_as(path)

    def keep(before: Dataset, after: Dataset) -> None:
        after.SoftwareVersions, after.BodyPartExamined = before.SoftwareVersions, before.BodyPartExamined

    clean(path, tmp_path / "out" / "1.dcm", keep)
    assert {finding.kind for finding in leaks(check(before, tmp_path / "out"))} == kinds
    moved = pydicom.dcmread(tmp_path / "out" / "1.dcm")
    moved.SoftwareVersions, moved.ManufacturerModelName = "", text
    moved.save_as(tmp_path / "out" / "1.dcm")
    assert bool(leaks(check(before, tmp_path / "out"))) == (text != "CHEST")


def test_a_dicomdir_leads_to_files_that_are_there(planted: Planted, tmp_path: Path) -> None:
    shutil.copytree(planted[0] / "MEDIUM", tmp_path / "MEDIUM")
    (tmp_path / "MEDIUM" / "PT000000" / "ST000001" / "SE000000" / "IM000000").unlink()
    found = [finding for finding in leaks(check(planted[0], tmp_path)) if finding.kind == "reference"]
    assert [finding.what for finding in found] == ["MEDIUM/PT000000/ST000001/SE000000/IM000000"]


def test_a_copy_that_is_lost_is_told(planted: Planted, tmp_path: Path) -> None:
    """Nothing but their place tells them apart."""
    name = "P00001/ST0/IM000.dcm"
    for number in range(3):
        (tmp_path / "before").mkdir(exist_ok=True)
        shutil.copyfile(planted[0] / name, tmp_path / "before" / f"{number}.dcm")
    for number in range(2):
        clean(planted[0] / name, tmp_path / "after" / f"{number}.dcm")
    report = check(tmp_path / "before", tmp_path / "after")
    assert report.clean
    assert report.notices["not in output"] == 1


def _real_files() -> Iterator[tuple[str, Path]]:
    own = Path(pydicom.data.__file__).parent
    for path in sorted(own.rglob("*.dcm")):
        yield path.relative_to(own).as_posix(), path
    for path in sorted(Path(REAL, "dicom").rglob("*.dcm")) if REAL else ():
        yield path.relative_to(REAL or "").as_posix(), path


def test_copies_of_real_files_leak_and_none_crashes(tmp_path: Path) -> None:
    for name, path in _real_files():
        if path.is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, tmp_path / name)
    report = check(tmp_path, tmp_path)
    assert report.outputs >= 80
    assert {"name", "number", "uid", "date", "profile", "private", "method"} <= set(report.counts)
    assert not [finding for finding in leaks(report) if "could not be looked at" in finding.note]
