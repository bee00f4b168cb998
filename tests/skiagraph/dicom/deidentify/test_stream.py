"""Bytes of data sets: every encoding, items of any kind, hostile depth."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.skiagraph.dicom.deidentify.planted import deidentify, nested, outputs, radiograph


def with_nested_name(depth: int) -> Dataset:
    dataset, element = radiograph(), Dataset()
    element.CodeMeaning, element.OperatorsName = "seen by John Doe", "Opera^Tora"
    nested(dataset, element, depth)
    return dataset


def innermost(dataset: Dataset) -> Dataset:
    while "ReferencedSeriesSequence" in dataset:
        dataset = dataset.ReferencedSeriesSequence[0]
    return dataset


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("bare", [True, False])
def test_every_encoding_gives_the_same_values(tmp_path: Path, syntax: str, undefined: bool, bare: bool) -> None:
    dataset = with_nested_name(3)
    dataset.file_meta.TransferSyntaxUID = syntax
    for element in dataset.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = undefined
            for item in element.value:
                item.is_undefined_length_sequence_item = undefined
    buffer = BytesIO()
    little, implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
    dcmwrite(buffer, dataset, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    content = buffer.getvalue()
    start = 144 + int.from_bytes(content[140:144], "little")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one").write_bytes(content[start:] if bare else content)
    report, out = deidentify(tmp_path / "in")
    assert report.failures == ()
    after = dcmread(outputs(out)[0])
    inner = innermost(after)
    assert (after.file_meta.TransferSyntaxUID, after.Rows, after.PixelData) == (syntax, 4, bytes(range(32)))
    assert (inner.CodeMeaning, inner.OperatorsName.family_name) == ("seen by REMOVED", "Person")
    assert after.DeidentificationMethodCodeSequence[0].CodeValue == "113100"


@pytest.mark.parametrize(("depth", "fails"), [(60, False), (70, True), (400, True)])
def test_depth_has_a_bound(tmp_path: Path, depth: int, fails: bool) -> None:
    item = b"\x08\x00\x04\x01LO\x04\x00John"
    for _ in range(depth):
        item = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + item
        item += b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    dataset = radiograph()
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    content = buffer.getvalue()
    place = content.index(b"\x10\x00\x10\x00PN")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "deep").write_bytes(content[:place] + item + content[place:])
    report, out = deidentify(tmp_path / "in")
    assert [("nested more than" in failure.message) for failure in report.failures] == [True] * fails
    if not fails:
        assert b"John" not in outputs(out)[0].read_bytes()
