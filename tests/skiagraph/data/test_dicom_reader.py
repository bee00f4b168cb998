"""DICOM frames through MONAI's LoadImage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.transforms import Compose, LoadImage, LoadImaged, Spacingd

from skiagraph.data.dicom_reader import DicomFrameReader
from tests.skiagraph.dicom.made_files import write_image

RUN = np.random.default_rng(0).integers(0, 256, (4, 6, 8), dtype=np.uint8)


@pytest.fixture
def cine(tmp_path: Path) -> Path:
    return write_image(tmp_path / "run", RUN, NumberOfFrames=4, PixelSpacing=[0.2, 0.3])


def test_one_frame_with_its_size(cine: Path) -> None:
    image = LoadImage(reader=DicomFrameReader, frame=2)(cine)
    assert isinstance(image, MetaTensor)
    assert np.array_equal(image.numpy(), RUN[2])
    assert torch.equal(image.affine, torch.diag(torch.tensor([0.2, 0.3, 1, 1], dtype=torch.float64)))
    assert image.meta["spacing_mm"] == (0.2, 0.3)
    assert image.meta["filename_or_obj"] == str(cine)


def test_a_whole_cine_has_its_frames_last(cine: Path) -> None:
    image = LoadImage(reader=DicomFrameReader(frame=None), ensure_channel_first=True)(cine)
    assert image.shape == (1, 6, 8, 4)
    assert np.array_equal(image.numpy()[0], RUN.transpose(1, 2, 0))
    assert np.allclose(image.pixdim, [0.2, 0.3, 1])


def test_spatial_transforms_and_loaders_take_it(cine: Path) -> None:
    chain = Compose(
        [LoadImaged("image", DicomFrameReader(), ensure_channel_first=True), Spacingd("image", pixdim=[0.1, 0.1])]
    )
    (batch,) = DataLoader(Dataset([{"image": cine}], chain), batch_size=1)
    # MONAI keeps the first and the last pixel centre: 5 * 0.2 mm and 7 * 0.3 mm in steps of 0.1 mm.
    assert batch["image"].shape == (1, 1, 11, 22)


def test_files_are_stacked_as_channels_if_they_agree(tmp_path: Path) -> None:
    first, second = (write_image(tmp_path / f"{n}.dcm", RUN[n]) for n in range(2))
    image = LoadImage(reader=DicomFrameReader(), ensure_channel_first=True)([first, second])
    assert np.array_equal(image.numpy(), RUN[:2])
    assert np.isnan(image.meta["spacing_mm"]).all()
    assert torch.equal(image.affine, torch.eye(4, dtype=torch.float64))
    other = write_image(tmp_path / "other.dcm", RUN[0], PixelSpacing=[1, 1])
    reader = DicomFrameReader()
    with pytest.raises(ValueError, match="differ in shape"):
        reader.get_data(reader.read([first, other]))


def test_what_it_is_for_goes_by_content(cine: Path, tmp_path: Path) -> None:
    text = tmp_path / "a.dcm"
    text.write_text("no picture")
    reader = DicomFrameReader()
    assert reader.verify_suffix([cine])
    assert not reader.verify_suffix([cine, text])
    assert not reader.verify_suffix(tmp_path / "missing.dcm")
    with pytest.raises(ValueError, match=r"a\.dcm: cannot be read as DICOM"):
        reader.read(text)
    with pytest.raises(ValueError, match=r"run: frame 4 is not among its 4"):
        DicomFrameReader(frame=4).read(cine)
