"""Label maps as PNG and NIfTI, read by other libraries too."""

from __future__ import annotations

import tempfile
from pathlib import Path

import itk
import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from skiagraph.dicom.mask_files import read_masks, write_masks

SUFFIXES = [".png", ".nii", ".nii.gz"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=25, deadline=None)
@given(
    hnp.arrays(st.sampled_from([np.bool_, np.uint8, np.uint16]), hnp.array_shapes(min_dims=2, max_dims=3, max_side=9))
)
def test_masks_come_back_as_they_were(suffix: str, masks: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_masks(Path(folder, f"a.b{suffix}"), masks)
        back = read_masks(Path(folder, f"a.b{suffix}"))
    assert back.dtype == (np.uint16 if masks.max() > 255 else np.uint8)
    assert np.array_equal(back, masks)


def test_png_is_grey_one_file_a_frame(tmp_path: Path) -> None:
    masks = np.arange(12 * 6, dtype=np.uint16).reshape(12, 2, 3) * 100
    write_masks(tmp_path / "a.png", masks)
    assert len([*tmp_path.iterdir()]) == 12
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a_11of12.png")), masks[10])
    write_masks(tmp_path / "b.png", masks[0] > 200)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), masks[0] > 200)


def test_nifti_has_columns_first_and_claims_no_place(tmp_path: Path) -> None:
    masks = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3)
    write_masks(tmp_path / "a.nii.gz", masks, spacing_mm=(0.25, 0.5))
    image = nibabel.load(tmp_path / "a.nii.gz")
    assert image.shape == (3, 2, 1, 4)
    assert image.dataobj[2, 1, 0, 3] == masks[3, 1, 2]
    assert image.header.get_zooms()[:2] == (0.5, 0.25)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert (image.header["sform_code"], image.header["qform_code"]) == (0, 0)
    write_masks(tmp_path / "b.nii", masks[0])
    header = nibabel.load(tmp_path / "b.nii").header
    assert (header.get_xyzt_units()[0], header.get_data_shape()) == ("unknown", (3, 2))


def test_itk_reads_the_same(tmp_path: Path) -> None:
    masks = np.random.default_rng(0).integers(0, 1000, (4, 5, 7)).astype(np.uint16)
    write_masks(tmp_path / "a.nii.gz", masks, spacing_mm=(0.25, 0.5))
    image = itk.imread(str(tmp_path / "a.nii.gz"))
    assert np.array_equal(np.asarray(image)[:, 0], masks)
    assert tuple(image.GetSpacing())[:2] == (0.5, 0.25)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_masks_give_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    masks = np.eye(5, dtype=np.uint8)
    for name in ("a", "b"):
        write_masks(tmp_path / f"{name}{suffix}", masks)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_what_is_no_mask_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.jpg: masks are written as \.png, \.nii, \.nii\.gz"):
        write_masks(tmp_path / "a.jpg", np.zeros((2, 2), bool))
    with pytest.raises(ValueError, match="65536"):
        write_masks(tmp_path / "a.png", np.full((2, 2), 65536))
    Image.new("RGB", (2, 2)).save(tmp_path / "colour.png")
    (tmp_path / "text.nii").write_text("no")
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2), np.float32), None), tmp_path / "float.nii")
    for name in ("colour.png", "text.nii", "float.nii"):
        with pytest.raises(ValueError, match=name):
            read_masks(tmp_path / name)
    for name in ("none.png", "none.nii"):
        with pytest.raises(FileNotFoundError):
            read_masks(tmp_path / name)


def test_a_cine_with_frames_missing_is_told(tmp_path: Path) -> None:
    masks = np.zeros((3, 2, 2), np.uint8)
    write_masks(tmp_path / "a.png", masks)
    (tmp_path / "a_2of3.png").unlink()
    with pytest.raises(FileNotFoundError, match="a_2of3"):
        read_masks(tmp_path / "a.png")
    write_masks(tmp_path / "a.png", masks)
    write_masks(tmp_path / "a.png", masks[:2])
    with pytest.raises(ValueError, match="cines of 2 and 3 frames"):
        read_masks(tmp_path / "a.png")
