"""The standard's table, and what each class of its rows does."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import BasicTextSRStorage

from scripts.build_profile_table import build_profile_table
from skiagraph.dicom.deidentify import Options
from skiagraph.dicom.deidentify import profile as profile_module
from tests.skiagraph.dicom.deidentify.planted import deidentify, outputs, radiograph, write

PACKAGE = Path(profile_module.__file__).parent


def done(folder: Path, dataset: FileDataset, options: Options | None = None) -> FileDataset:
    report, out = deidentify(write(folder / "in", one=dataset), options)
    assert report.summary().startswith("1 done, 0 skipped, 0 failed"), report.summary()
    return dcmread(outputs(out)[0])


def test_the_table_is_what_the_script_makes_of_the_standards(tmp_path: Path) -> None:
    if "SKIAGRAPH_DATA" not in os.environ:
        pytest.skip("SKIAGRAPH_DATA names no folder with the standard's table")
    source = Path(os.environ["SKIAGRAPH_DATA"]) / "dicom_standard"
    build_profile_table(str(source), str(tmp_path / "profile.json"))
    assert (tmp_path / "profile.json").read_bytes() == (PACKAGE / "profile.json").read_bytes()


def test_the_table_has_the_rows_that_the_standard_is_known_for() -> None:
    rows = json.loads((PACKAGE / "profile.json").read_text())["rows"]
    assert len(rows) == 621
    assert rows["00100010"] == {"basic": "Z"}
    assert rows["00080018"] == {"basic": "U", "uids": "K"}
    assert rows["60xx3000"] == {"basic": "X", "graphics": "C"}
    assert rows["00081030"] == {"basic": "X", "descriptors": "C"}


def sample(vr: str) -> object:
    """A valid value for a VR."""
    texts = {"DA": "20010203", "TM": "010203", "DT": "20010203010203", "UI": "1.2.3.4567", "DS": "7.5", "IS": "7"}
    if vr == "SQ":
        return [Dataset()]
    if vr in ("OB", "UN", "OW"):
        return b"QZ"
    return texts.get(vr, "030Y" if vr == "AS" else 7 if vr in ("US", "SS", "UL") else "QZXW")


@pytest.mark.parametrize("group", range(8))
def test_every_row_of_the_table_is_honoured(tmp_path: Path, group: int) -> None:
    """X is gone or replaced where it may have to be there; Z is empty or another value; D and U are other values."""
    rows = json.loads((PACKAGE / "profile.json").read_text())["rows"]
    tags = [int(tag, 16) for tag in rows if len(tag) == 8 and "x" not in tag and int(tag[:4], 16) > 7][group::8]
    dataset = radiograph()
    for tag in tags:
        if tag not in dataset:
            vr = dictionary_VR(tag).split(" ")[0]
            dataset.add_new(tag, vr, sample(vr))
    before = {tag: dataset[tag].value for tag in tags}
    after = done(tmp_path, dataset)
    for tag in tags:
        code, value = rows[f"{tag:08x}"]["basic"], after.get(tag)
        if code == "X":
            assert value is None, f"{tag:08x}"
        elif code in ("D", "U"):
            assert value is not None, f"{tag:08x}"
        if value is not None and dictionary_VR(tag) != "SQ":
            assert value.value != before[tag], f"{tag:08x} {code}"


@pytest.mark.parametrize(
    ("option", "kept", "lost"),
    [
        ("retain_device", {"DeviceSerialNumber": "SN-8899", "StationName": "STATION7"}, "InstitutionName"),
        ("retain_institution", {"InstitutionName": "St. Mary's Hospital"}, "StationName"),
        ("retain_patient_characteristics", {"PatientSex": "M", "PatientSize": 1.8}, "StationName"),
        ("retain_uids", {"StudyInstanceUID": "1.2.3.4.5.6.77.1"}, "StationName"),
        ("clean_descriptors", {"StudyDescription": "Chest of REMOVED"}, "StationName"),
    ],
)
def test_an_option_keeps_its_own_and_nothing_else(tmp_path: Path, option: str, kept: dict, lost: str) -> None:
    dataset = radiograph()
    was = dataset[lost].value
    after = done(tmp_path, dataset, Options(**{option: True}))
    assert {keyword: after.get(keyword) for keyword in kept} == kept
    assert after.get(lost) != was
    codes = {item.CodeValue for item in after.DeidentificationMethodCodeSequence}
    assert len(codes) == 2
    assert "113100" in codes


def test_safe_private_attributes_stay_with_their_creator(tmp_path: Path) -> None:
    """PS3.15 Table E.3.10-1: GEMS_ACQU_01 (0019,xx23) is safe, xx0F is not listed."""
    dataset = radiograph()
    block = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0x23, "DS", "12.5")
    block.add_new(0x0F, "DS", "13.5")
    block.add_new(0x9E, "LO", "sequence of John Doe")
    dataset.private_block(0x0019, "SOMEBODY", create=True).add_new(0x23, "DS", "14.5")
    after = done(tmp_path, dataset, Options(retain_safe_private=True))
    kept = after.private_block(0x0019, "GEMS_ACQU_01")
    assert (kept[0x23].value, kept[0x9E].value) == (12.5, "sequence of REMOVED")
    assert 0x0F not in kept
    assert [element.value for element in after.group_dataset(0x0019) if element.tag.is_private_creator] == [
        "GEMS_ACQU_01"
    ]


def test_without_the_option_private_elements_go_at_any_depth(tmp_path: Path) -> None:
    dataset, item = radiograph(), Dataset()
    for place in (dataset, item):
        place.private_block(0x0019, "GEMS_ACQU_01", create=True).add_new(0x23, "DS", "12.5")
    item.CodeMeaning = "stays"
    dataset.ProcedureCodeSequence = [item]
    after = done(tmp_path, dataset)
    assert [element.tag for element in after.iterall() if element.tag.is_private] == []
    assert after.ProcedureCodeSequence[0].CodeMeaning == "stays"


@pytest.mark.parametrize("tag", [0x50003000, 0x501E3000, 0x60003000, 0x60023000, 0x60004000, 0x60001500])
def test_curves_and_overlays_go_as_whole_groups(tmp_path: Path, tag: int) -> None:
    dataset = radiograph()
    dataset.add_new(tag, "LO" if tag & 0xFFFF != 0x3000 else "OW", "John" if tag & 0xFFFF != 0x3000 else b"John")
    dataset.add_new((tag & 0xFFFF0000) | 0x0010, "US", 4)
    after = done(tmp_path, dataset)
    assert [element.tag for element in after if element.tag.group == tag >> 16] == []


def test_what_is_in_no_table_goes_by_its_vr(tmp_path: Path) -> None:
    dataset = radiograph()
    dataset.add_new(0x0040A067, "PN", "Author^Ann")
    dataset.add_new(0x00143076, "DA", "20200304")
    dataset.RetrieveURL = "http://archive/4711"
    dataset.add_new(0x04081999, "LO", "no element of the standard")
    after = done(tmp_path, dataset)
    assert after[0x0040A067].value != "Author^Ann"
    assert after[0x00143076].value == "19000101"
    assert tag_for_keyword("RetrieveURL") not in after
    assert 0x04081999 not in after


def test_a_structured_report_keeps_codes_and_numbers_and_says_so(tmp_path: Path) -> None:
    dataset, text, number, code = radiograph(), Dataset(), Dataset(), Dataset()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
    text.ValueType, text.TextValue = "TEXT", "Mr. Doe fell on 4 March"
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "121071", "DCM", "Finding"
    number.ValueType, number.ConceptNameCodeSequence, number.NumericValue = "NUM", [code], "12.5"
    text.ContentSequence = [number]
    dataset.ContentSequence = [text]
    after = done(tmp_path, dataset)
    assert "113104" in [item.CodeValue for item in after.DeidentificationMethodCodeSequence]
    (kept,) = after.ContentSequence
    assert "Doe" not in kept.TextValue
    assert "March" not in kept.TextValue
    assert kept.ContentSequence[0].NumericValue == 12.5
    assert kept.ContentSequence[0].ConceptNameCodeSequence[0].CodeMeaning == "Finding"


def test_a_date_that_stands_in_a_time_goes(tmp_path: Path) -> None:
    dataset = radiograph()
    with disable_value_validation():
        dataset.StudyTime, dataset.SeriesTime, dataset.ContentTime = "19700215", "235959.123456", "10:11:12"
        after = done(tmp_path, dataset, Options(modified_dates=True))
        assert (after.StudyTime, after.SeriesTime, after.ContentTime) == ("", "235959.123456", "10:11:12")


def test_drawings_of_a_presentation_state_are_zeros_of_the_same_number(tmp_path: Path) -> None:
    dataset, annotation, drawing = radiograph(), Dataset(), Dataset()
    drawing.GraphicData, drawing.NumberOfGraphicPoints = [1.0, 2.0, 3.0, 4.0], 2
    annotation.GraphicObjectSequence = [drawing]
    dataset.GraphicAnnotationSequence = [annotation]
    after = done(tmp_path, dataset).GraphicAnnotationSequence[0].GraphicObjectSequence[0]
    assert list(after.GraphicData) == [0.0] * 4
