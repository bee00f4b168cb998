"""Segmentations that inference leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Resized
from PIL import Image

from skiagraph.dicom.mask_files import read_masks
from skiagraph.dicom.segment import BONE, CORONARY_ARTERY, Segment
from skiagraph.dicom.segmentation import read_segmentation
from skiagraph.transforms import LoadFramed
from skiagraph.transforms.save_segmentation import SaveSegmentationd
from tests.skiagraph.dicom.source_images import write_source

SEGMENTS = [Segment("Artery", CORONARY_ARTERY, "Skiagraph", "0.1"), Segment("Bone", BONE, "Skiagraph", "0.1")]
SHAPE = (20, 30)


def _probability() -> torch.Tensor:
    """The first segment is sure of rows 2 to 7, the second surer of rows 6 to 11 and unsure of row 15."""
    maps = torch.zeros(2, *SHAPE)
    maps[0, 2:8], maps[1, 6:12], maps[1, 15] = 0.7, 0.9, 0.4
    return maps


def _expected() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:6], labels[6:12] = 1, 2
    return labels


def _case(path: Path, **item: Any) -> dict[str, Any]:
    case = LoadFramed("image")({"image": str(path), "name": "a/b", **item})
    return {**case, "pred": MetaTensor(_probability(), meta=case["image"].meta)}


def test_frames_of_a_cine_are_one_series(tmp_path: Path) -> None:
    source = write_source(tmp_path / "cine.dcm", "XA cine", (5, *SHAPE))
    save = SaveSegmentationd("pred", tmp_path / "out", SEGMENTS)
    written = []
    for frame in (3, 0):
        save(_case(source, frame=frame))
        back = read_segmentation(tmp_path / "out/a/b_segmentation.dcm")
        assert back.frames == (frame,)
        assert back.labels == ("Artery", "Bone")
        assert np.array_equal(back.masks[0], _expected())
        written.append(pydicom.dcmread(tmp_path / "out/a/b_segmentation.dcm"))
    assert written[0].SeriesInstanceUID == written[1].SeriesInstanceUID
    assert written[0].SOPInstanceUID != written[1].SOPInstanceUID
    assert [file.InstanceNumber for file in written] == [4, 1]


def test_a_whole_cine_is_one_file(tmp_path: Path) -> None:
    source = write_source(tmp_path / "cine.dcm", "XA cine", (5, *SHAPE))
    case = _case(source)
    frames = torch.stack([_probability() * (k != 2) for k in range(5)], dim=1)
    case["pred"] = MetaTensor(frames, meta=case["image"].meta)
    SaveSegmentationd("pred", tmp_path / "out", SEGMENTS)(case)
    back = read_segmentation(tmp_path / "out/a/b_segmentation.dcm")
    assert back.frames == (0, 1, 2, 3, 4)
    assert not back.masks[2].any()
    assert all(np.array_equal(back.masks[k], _expected()) for k in (0, 1, 3, 4))


@pytest.mark.parametrize("suffix", [".png", ".nii.gz"])
def test_other_images_leave_masks(tmp_path: Path, suffix: str) -> None:
    Image.new("L", SHAPE[::-1]).save(tmp_path / "frame.png")
    SaveSegmentationd("pred", tmp_path / "out", SEGMENTS, suffix=suffix)(
        _case(tmp_path / "frame.png", spacing_mm=(0.2, 0.1))
    )
    path = tmp_path / f"out/a/b_segmentation{suffix}"
    assert np.array_equal(read_masks(path), _expected())
    if suffix == ".nii.gz":
        assert nibabel.load(path).header.get_zooms() == pytest.approx((0.1, 0.2))


def test_masks_have_the_grid_of_the_file(tmp_path: Path) -> None:
    Image.new("L", SHAPE[::-1]).save(tmp_path / "frame.png")
    case = _case(tmp_path / "frame.png")
    SaveSegmentationd("pred", tmp_path / "out", SEGMENTS)(Resized("pred", (80, 90))(case))
    assert np.mean(read_masks(tmp_path / "out/a/b_segmentation.png") != _expected()) < 0.02


def test_a_channel_too_many_is_told(tmp_path: Path) -> None:
    Image.new("L", SHAPE[::-1]).save(tmp_path / "frame.png")
    with pytest.raises(ValueError, match="2 probability maps for 1 segments"):
        SaveSegmentationd("pred", tmp_path / "out", SEGMENTS[:1])(_case(tmp_path / "frame.png"))
