"""Recall and false alarms on real pictures without text; the figures of TEXT_DETECTION.md."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skiagraph.dicom import read_dicom_frame
from skiagraph.dicom.burned_in import find_text
from tests.skiagraph.dicom.burned_in.drawn_text import TEXTS, write_over

DATA = Path(os.environ.get("SKIAGRAPH_DATA", "no folder"))
WITHOUT_TEXT = (
    "dicom/rf/KarstenHilbertRF.dcm",
    "dicom/xa/XA1_J2KI.dcm",
    "dicom/xa/cine_96frames_jpeg_fragments.dcm",
    "ultrabones/**/163535.png",
    "coronary/images/train_0918.png",
)
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="SKIAGRAPH_DATA names no folder: not run on real images")


def picture(name: str) -> np.ndarray:
    path = next(DATA.glob(name))
    grey = read_dicom_frame(path).pixels if path.suffix == ".dcm" else np.asarray(Image.open(path).convert("L"))
    return np.rint(grey).astype(np.uint8)


@pytest.mark.parametrize("name", WITHOUT_TEXT)
@pytest.mark.parametrize(("size_px", "contrast"), [(12, 80), (16, -80), (24, 60)])
def test_every_character_is_within_a_box(name: str, size_px: int, contrast: int) -> None:
    written, characters = write_over(picture(name), TEXTS, size_px, contrast, seed=size_px)
    boxes = find_text(written)
    assert [c for c in characters if not c.is_within(boxes, written.shape)] == []


@pytest.mark.parametrize("name", WITHOUT_TEXT)
def test_hardly_anything_is_blanked_without_text(name: str) -> None:
    grey = picture(name)
    covered = np.zeros(grey.shape, dtype=bool)
    for top, left, bottom, right in find_text(grey):
        covered[top:bottom, left:right] = True
    assert covered.mean() < 0.005
