"""Opening of DICOM files in every form, and of what is none."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite

from skiagraph.dicom import DicomFrames, is_dicom, one_line_errors, read_header
from tests.skiagraph.dicom.made_files import make_image, write_image

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8)
EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"


@pytest.mark.parametrize(("syntax", "implicit"), [(EXPLICIT, False), (IMPLICIT, True), (BIG, False)])
def test_a_bare_data_set_is_read_as_what_it_looks_like(tmp_path: Path, syntax: str, implicit: bool) -> None:
    path, image = tmp_path / "bare", make_image(RAMP, PatientID="7")
    del image.file_meta
    dcmwrite(path, image, implicit_vr=implicit, little_endian=syntax != BIG)
    header = read_header(path)
    assert is_dicom(path)
    assert header.file_meta.TransferSyntaxUID == syntax
    assert header.PatientID == "7"
    assert "PixelData" not in header
    with DicomFrames(path) as frames:
        assert np.array_equal(frames[0].values, RAMP)


def test_file_meta_without_transfer_syntax_or_preamble(tmp_path: Path) -> None:
    image = make_image(RAMP)
    plain = tmp_path / "plain"
    dcmwrite(plain, image, enforce_file_format=True)
    without_preamble = tmp_path / "without"
    without_preamble.write_bytes(plain.read_bytes()[132:])
    assert np.array_equal(DicomFrames(without_preamble)[0].values, RAMP)
    image.file_meta = FileMetaDataset()
    image.file_meta.ImplementationVersionName = "X"
    dcmwrite(tmp_path / "meta", image, implicit_vr=True, little_endian=True)
    assert read_header(tmp_path / "meta").file_meta.TransferSyntaxUID == IMPLICIT


@pytest.mark.parametrize(
    "content",
    [b"", b"text, and more of it than a header", b"\x89PNG\r\n\x1a\n" + bytes(100), b"\xff\xd8\xff\xe0" + bytes(999),
     b"\x08\x00" + bytes(200), bytes(400), b"\x08\x00\x05\x00\x02\x00\x00\x00abXYZWxxxxxxxx"],
)  # fmt: skip
def test_what_is_no_dicom_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(content)
    assert not is_dicom(path)
    with pytest.raises(ValueError, match=r"a\.dcm: cannot be read as DICOM: it does not begin like a DICOM file$"):
        read_header(path)


def test_a_missing_file_is_an_error_of_the_file_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_header(tmp_path / "missing")


def test_only_what_is_asked_for(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.dcm", RAMP, PatientID="7")
    assert [element.keyword for element in read_header(path, only=["Rows"])] == ["Rows"]


def test_a_deflated_file_is_inflated_on_the_disk(tmp_path: Path) -> None:
    """24 MB of zeros; a header and a frame take a small part of that."""
    path = tmp_path / "deflated"
    image = make_image(np.zeros((24, 1000, 1000), np.uint8), NumberOfFrames=24)
    image.file_meta.TransferSyntaxUID = DEFLATED
    image.save_as(path, enforce_file_format=True)
    tracemalloc.start()
    header = read_header(path)
    with DicomFrames(path) as frames:
        assert frames[23].values.shape == (1000, 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert header.file_meta.TransferSyntaxUID == DEFLATED
    assert peak < 8e6


def test_a_damaged_deflated_file_is_told(tmp_path: Path) -> None:
    image = make_image(RAMP)
    image.file_meta.TransferSyntaxUID = DEFLATED
    path = tmp_path / "a.dcm"
    image.save_as(path, enforce_file_format=True)
    content = path.read_bytes()
    start = 144 + int.from_bytes(content[140:144], "little")
    path.write_bytes(content[:start] + b"\xff" * 8 + content[start + 8 :])
    with pytest.raises(ValueError, match=r"a\.dcm: cannot be read as DICOM: Error -3 while decompressing"):
        read_header(path)


def test_deflated_pixels_are_those_that_zlib_gives() -> None:
    """The pixels are the last element of pydicom's own deflated file."""
    path = Path(str(get_testdata_file("image_dfl.dcm")))
    content = path.read_bytes()
    length = int.from_bytes(content[140:144], "little")
    plain = zlib.decompress(content[144 + length :], -zlib.MAX_WBITS)
    with DicomFrames(path) as frames:
        assert plain.endswith(frames[0].values.tobytes())


def test_private_classes_nested_and_unknown_sequences_are_kept(tmp_path: Path) -> None:
    image, inner = make_image(RAMP, SOPClassUID="1.2.3.4.5.6"), Dataset()
    inner.PatientID = "inside"
    block = image.private_block(0x0041, "MAKER", create=True)
    block.add_new(0x01, "SQ", [inner])
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    header = read_header(tmp_path / "a.dcm")
    assert header.SOPClassUID == "1.2.3.4.5.6"
    assert header[0x0041, 0x1001].value[0].PatientID == "inside"


def test_the_header_is_that_of_pydicom() -> None:
    for name in (
        "CT_small.dcm",
        "rtplan.dcm",
        "nested_priv_SQ.dcm",
        "UN_sequence.dcm",
        "reportsi.dcm",
        "MR_small_expb.dcm",
    ):
        path = str(get_testdata_file(name))
        assert read_header(path) == pydicom.dcmread(path, stop_before_pixels=True)


def test_any_error_becomes_one_line_that_names_the_file_once() -> None:
    with pytest.raises(ValueError, match=r"^x: broken: first$"), one_line_errors("x", "broken"):
        raise RuntimeError("first:\nsecond")
    with pytest.raises(ValueError, match=r"^x: already$"), one_line_errors("x", "broken"):
        raise IndexError("x: already")
    with pytest.raises(ValueError, match=r"^x: broken: EOFError$"), one_line_errors("x", "broken"):
        raise EOFError
    with pytest.raises(PermissionError), one_line_errors("x", "broken"):
        raise PermissionError(13, "Permission denied", "x")
