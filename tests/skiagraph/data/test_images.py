from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
)

from skiagraph.data import find_images


def write_png(path: Path, size: tuple[int, int] = (1, 1)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size).save(path, format="PNG")
    return path


def write_dicom(path: Path, frames: int | None = None, rows: int = 4, modality: str | None = None) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MultiFrameGrayscaleByteSecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dicom = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dicom.SOPClassUID, dicom.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    if rows:
        dicom.Rows, dicom.Columns, dicom.BitsAllocated, dicom.BitsStored, dicom.HighBit = rows, rows, 8, 8, 7
        dicom.SamplesPerPixel, dicom.PixelRepresentation, dicom.PhotometricInterpretation = (
            1,
            0,
            "MONOCHROME2",
        )
        dicom.PixelData = np.zeros((frames or 1, rows, rows), np.uint8).tobytes()
    if modality is not None:
        dicom.Modality = modality
    if frames is not None:
        dicom.NumberOfFrames = frames
    dicom.save_as(path)
    return path


def names(path: Path, **arguments: object) -> list[str]:
    return [item["name"] for item in find_images(path, **arguments)]  # type: ignore[arg-type]


def test_folder_is_searched_deeply_and_results_are_left_out(tmp_path: Path) -> None:
    for name in ("b.png", "a c/ü.PNG", "a c/x.jpeg", "d.bmp", "e.tiff", ".hidden.png", ".cache/f.png"):
        write_png(tmp_path / name)
    for name in ("b_label.png", "b_mask.png", "b_overlay.jpg", "summary.csv"):
        write_png(tmp_path / name)
    items = find_images(tmp_path)
    assert [item["name"] for item in items] == ["a c/x", "a c/ü", "b", "d", "e"]
    assert [item["image"] for item in items[:2]] == [
        str(tmp_path / "a c/x.jpeg"),
        str(tmp_path / "a c/ü.PNG"),
    ]


def test_one_file(tmp_path: Path) -> None:
    path = write_png(tmp_path / "one pixel.png")
    assert find_images(path) == [{"image": str(path), "name": "one pixel"}]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    write_png(tmp_path / "z/1.png")
    (tmp_path / "z/back").symlink_to(tmp_path)
    (tmp_path / "a").symlink_to(tmp_path / "z")
    assert names(tmp_path) == ["z/1"]


def test_files_are_named_by_where_they_are_and_not_by_a_link_to_it(tmp_path: Path) -> None:
    write_png(tmp_path / "z/below/deep/1.png")
    (tmp_path / "a").symlink_to(tmp_path / "z/below")
    (tmp_path / "b").symlink_to(tmp_path / "z/below/deep")
    (tmp_path / "z/a").symlink_to(tmp_path / "z/below/deep")
    assert names(tmp_path) == ["z/below/deep/1"]


def test_linked_folder_is_searched(tmp_path: Path) -> None:
    write_png(tmp_path / "elsewhere/1.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/UltrasoundImages").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "data") == ["UltrasoundImages/1"]


def test_every_frame_of_a_dicom_file_is_an_item(tmp_path: Path) -> None:
    write_dicom(tmp_path / "cine.dcm", frames=3)
    write_dicom(tmp_path / "single.DICOM")
    write_dicom(tmp_path / "one.dcm", frames=1)
    items = find_images(tmp_path)
    assert [(item["name"], item.get("frame")) for item in items] == [
        ("cine_0000", 0),
        ("cine_0001", 1),
        ("cine_0002", 2),
        ("one", None),
        ("single", None),
    ]


def test_dicom_is_known_by_its_magic(tmp_path: Path) -> None:
    for name in ("IM0001", "1.2.840.113"):
        write_dicom(tmp_path / name)
    for name in ("README", "archive.2"):
        (tmp_path / name).write_text("no image")
    assert names(tmp_path) == ["1.2.840.113", "IM0001"]
    with pytest.raises(ValueError, match=r"no image here; expected \.png"):
        find_images(tmp_path, suffixes=(".png",))


def test_dicom_without_pixels_is_no_image_and_a_broken_one_is_left_to_its_reader(tmp_path: Path) -> None:
    for modality in ("SR", "PR", "KO", "DOC"):
        write_dicom(tmp_path / f"{modality}.dcm", rows=0, modality=modality)
    directory = pydicom.dcmread(tmp_path / "SR.dcm")
    del directory.Modality
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.save_as(tmp_path / "DICOMDIR")
    write_dicom(tmp_path / "scanned letter.dcm", modality="DOC")
    write_dicom(tmp_path / "unknown.dcm", rows=0)
    (tmp_path / "broken.dcm").write_bytes(b"no DICOM")
    assert names(tmp_path) == ["broken", "scanned letter", "unknown"]


def test_a_truncated_dicom_file_stays_in_the_list_for_its_reader(tmp_path: Path) -> None:
    whole = write_dicom(tmp_path / "whole.dcm", modality="XA").read_bytes()
    (tmp_path / "whole.dcm").unlink()
    cut = tmp_path / "cut.dcm"
    for size in range(len(whole)):
        cut.write_bytes(whole[:size])
        assert names(tmp_path) == ["cut"], size


def test_every_page_of_a_tiff_file_is_an_item(tmp_path: Path) -> None:
    pages = [Image.new("L", (4, 3), grey) for grey in (10, 20, 30)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "single.tif")
    items = find_images(tmp_path)
    assert [(item["name"], item.get("frame")) for item in items] == [
        ("single", None),
        ("stack_0000", 0),
        ("stack_0001", 1),
        ("stack_0002", 2),
    ]


def test_a_folder_of_images_named_like_results_is_told_why_it_is_empty(tmp_path: Path) -> None:
    for name in ("1_mask.png", "2_mask.png"):
        write_png(tmp_path / name)
    with pytest.raises(ValueError, match=r"no image here; 2 were left out as results, .* _label, _mask, _overlay"):
        find_images(tmp_path)


def test_pixels_are_not_read_to_count_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_dicom(tmp_path / "cine.dcm", frames=2)
    dcmread = pydicom.dcmread

    def header_only(*args: object, **kwargs: object) -> FileDataset:
        assert kwargs["stop_before_pixels"]
        return dcmread(*args, **kwargs)  # type: ignore[arg-type,return-value]

    monkeypatch.setattr(pydicom, "dcmread", header_only)
    assert names(path) == ["cine_0000", "cine_0001"]


def test_data_list_keeps_its_order_its_keys_and_its_missing_images(tmp_path: Path) -> None:
    write_png(tmp_path / "data/1.png")
    write_dicom(tmp_path / "data/cine.dcm", frames=2)
    test = [
        {"image": "gone.png", "label": "gone_label.png"},
        {"image": "cine.dcm"},
        {"image": "1.png", "group": "1"},
    ]
    (tmp_path / "list.json").write_text(json.dumps({"test": test, "validation": ["1.png"]}))
    items = find_images(tmp_path / "data", tmp_path / "list.json")
    assert [item["name"] for item in items] == ["gone", "cine_0000", "cine_0001", "1"]
    assert items[3]["group"] == "1"
    assert names(tmp_path / "data", data_list=tmp_path / "list.json", part="validation") == ["1"]


def test_frames_of_an_item_with_a_name_of_its_own_carry_it(tmp_path: Path) -> None:
    write_dicom(tmp_path / "cine.dcm", frames=2)
    items = [{"image": "cine.dcm", "name": "left"}, {"image": "cine.dcm", "frame": 1, "name": "best"}]
    for part, item in zip(("test", "validation"), items, strict=True):
        (tmp_path / "list.json").write_text(json.dumps({part: [item]}))
        expected = ["best"] if part == "validation" else ["left_0000", "left_0001"]
        assert names(tmp_path, data_list=tmp_path / "list.json", part=part) == expected


def test_nothing_to_run_on_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent: no such file or folder"):
        find_images(tmp_path / "absent")
    with pytest.raises(ValueError, match="no image here"):
        find_images(tmp_path)
    (tmp_path / "table.csv").touch()
    with pytest.raises(ValueError, match=r"table\.csv: no image here"):
        find_images(tmp_path / "table.csv")


def test_a_folder_that_the_runner_takes_for_a_number_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_png(tmp_path / "7" / "a.png")
    monkeypatch.chdir(tmp_path)
    assert find_images("./7")[0]["name"] == "a"
    with pytest.raises(ValueError, match=r"\./7"):
        find_images(7)  # type: ignore[arg-type]
