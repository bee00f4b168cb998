"""Loading with pixel size: what tells it, and that it survives MONAI's transforms."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom.dataset
import pytest
from monai.data import DataLoader, Dataset
from monai.transforms import Compose, Resized, SelectItemsd
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage

from skiagraph.data import find_images
from skiagraph.transforms import LoadFramed
from skiagraph.transforms.load import spacing_mm


@pytest.fixture
def picture(tmp_path: Path) -> str:
    path = tmp_path / "a.png"
    Image.fromarray(np.arange(60, dtype=np.uint8).reshape(6, 10)).save(path)
    return str(path)


@pytest.fixture
def dicom(tmp_path: Path) -> str:
    """Two frames of the greys 10 and 20, with pixels of 0.3 x 0.4 mm."""
    path = tmp_path / "a.dcm"
    image = pydicom.dataset.Dataset()
    image.file_meta = pydicom.dataset.FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = UltrasoundMultiFrameImageStorage, "1.2.3"
    image.Rows, image.Columns, image.NumberOfFrames, image.SamplesPerPixel = 4, 6, 2, 1
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 8, 8, 7, 0
    image.PhotometricInterpretation, image.PixelSpacing = "MONOCHROME2", [0.3, 0.4]
    image.PixelData = bytes([10] * 24 + [20] * 24)
    image.save_as(path, enforce_file_format=True)
    return str(path)


def test_an_image_keeps_its_greys_and_facts(picture: str) -> None:
    image = LoadFramed("image")({"image": picture, "name": "leg/a", "partial": True})["image"]
    assert image.shape == (1, 6, 10)
    assert np.array_equal(image[0].numpy(), np.arange(60).reshape(6, 10))
    assert image.meta["name"] == "leg/a"
    assert image.meta["filename_or_obj"] == picture
    assert list(image.meta["spatial_shape"]) == [6, 10]
    assert image.meta["partial"] is True
    assert image.meta["error"] == ""


@pytest.mark.parametrize(
    ("item", "argument", "expected"),
    [
        ({"spacing_mm": [0.1, 0.2]}, 0.9, (0.1, 0.2)),
        ({"spacing_mm": 0.1}, None, (0.1, 0.1)),
        ({"spacing_mm": None}, 0.9, (0.9, 0.9)),
        ({}, (0.5, 0.6), (0.5, 0.6)),
        ({}, None, None),
    ],
)
def test_a_picture_has_the_size_of_its_item_else_of_the_argument(
    picture: str, item: dict[str, Any], argument: Any, expected: tuple[float, float] | None
) -> None:
    image = LoadFramed("image", spacing=argument)({"image": picture, **item})["image"]
    assert spacing_mm(image) == expected
    assert np.diag(image.affine.numpy())[:2] == pytest.approx(expected or (1, 1))


@pytest.mark.parametrize(("item", "expected"), [({}, (0.3, 0.4)), ({"spacing_mm": [0.1, 0.2]}, (0.1, 0.2))])
def test_a_file_that_tells_its_size_comes_before_the_argument(
    dicom: str, item: dict[str, Any], expected: tuple[float, float]
) -> None:
    assert spacing_mm(LoadFramed("image", spacing=0.9)({"image": dicom, **item})["image"]) == expected


@pytest.mark.parametrize(("frame", "grey"), [({}, 10), ({"frame": None}, 10), ({"frame": 1}, 20)])
def test_the_item_names_the_frame(dicom: str, frame: dict[str, Any], grey: int) -> None:
    assert set(LoadFramed("image")({"image": dicom, **frame})["image"].unique().tolist()) == {grey}


@pytest.mark.parametrize("spacing", [0, -0.1, [0.1, 0]])
def test_a_size_that_is_none_is_refused(picture: str, spacing: Any) -> None:
    with pytest.raises(ValueError, match="positive"):
        LoadFramed("image", spacing=spacing)


def test_a_bad_file_raises_or_is_handed_on(tmp_path: Path, picture: str) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"text")
    with pytest.raises(ValueError, match=r"bad\.png"):
        LoadFramed("image")({"image": str(bad)})
    for path in (bad, tmp_path / "missing.png"):
        image = LoadFramed("image", on_error="report")({"image": str(path), "name": "bad"})["image"]
        assert path.name in image.meta["error"]
        assert image.max() == 0
        assert image.meta["name"] == "bad"
    assert LoadFramed("image", on_error="report")({"image": picture})["image"].meta["error"] == ""
    with pytest.raises(ValueError, match="on_error"):
        LoadFramed("image", on_error="ignore")


@pytest.mark.parametrize("spacing", [0, -1, [0.1, 0.2, 0.3], [0.1, float("nan")], float("inf"), "wide", [], {}])
def test_a_bad_size_of_an_item_names_its_file_and_does_not_end_the_folder(picture: str, spacing: Any) -> None:
    item = {"image": picture, "name": "a", "spacing_mm": spacing}
    message = r"a\.png: spacing_mm must be one or two positive numbers"
    with pytest.raises(ValueError, match=message) as caught:
        LoadFramed("image")(item)
    image = LoadFramed("image", on_error="report")(item)["image"]
    assert image.meta["error"] == str(caught.value)
    assert spacing_mm(image) is None


def test_a_name_that_is_not_utf8_is_told_and_can_be_written(tmp_path: Path, picture: str) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    shutil.copy(picture, os.fsencode(folder) + b"/M\xfcller.png")
    (item,) = find_images(folder)
    image = LoadFramed("image", on_error="report")(item)["image"]
    assert image.meta["name"] == r"M\udcfcller"
    assert image.meta["error"].startswith(r"M\udcfcller: this name is not UTF-8")
    pd.DataFrame([image.meta["error"], image.meta["name"]]).to_csv(tmp_path / "summary.csv")


def test_a_folder_that_is_not_utf8_does_no_harm(tmp_path: Path, picture: str) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller")
    os.mkdir(folder)
    shutil.copy(picture, folder)
    Path(folder, "bad.png").write_bytes(b"text")
    good, bad = (LoadFramed("image", on_error="report")(item)["image"] for item in find_images(folder))
    assert (good.meta["name"], good.meta["error"], good.shape) == ("a", "", (1, 6, 10))
    assert r"M\udcfcller/bad.png: not an image" in bad.meta["error"]


def test_good_bad_and_unknown_sizes_pass_a_data_loader(tmp_path: Path, picture: str) -> None:
    (tmp_path / "bad.png").write_bytes(b"")
    items = [
        {"image": picture, "name": "a", "spacing_mm": [0.1, 0.2]},
        {"image": str(tmp_path / "bad.png"), "name": "b"},
        {"image": picture, "name": "c"},
    ]
    steps = [LoadFramed("image", on_error="report"), Resized("image", (8, 8), mode="area"), SelectItemsd("image")]
    (batch,) = DataLoader(Dataset(items, Compose(steps)), batch_size=3)
    images = [batch["image"][k] for k in range(3)]
    assert batch["image"].shape == (3, 1, 8, 8)
    assert [image.meta["name"] for image in images] == ["a", "b", "c"]
    assert [bool(image.meta["error"]) for image in images] == [False, True, False]
    assert [spacing_mm(image) for image in images] == [(0.1, 0.2), None, None]


def test_keys_may_be_missing_where_it_is_allowed(picture: str) -> None:
    assert set(LoadFramed(["image", "label"], allow_missing_keys=True)({"image": picture})) == {"image"}
    with pytest.raises(KeyError):
        LoadFramed(["image", "label"])({"image": picture})
