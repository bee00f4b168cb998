"""Distances and bands against brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Resized

from skiagraph.transforms import BandTargetd, LineDistanced

SHAPE = (23, 31)


def _label(seed: int) -> np.ndarray:
    """Two crooked lines that leave columns free between them."""
    rng = np.random.default_rng(seed)
    label = np.zeros(SHAPE, np.float32)
    for columns in (np.arange(3, 12), np.arange(18, 25)):
        label[np.clip(rng.integers(5, 18) + np.cumsum(rng.integers(-1, 2, columns.size)), 0, 22), columns] = 255
    return label


def _distance_by_brute_force(label: np.ndarray) -> np.ndarray:
    grid = np.stack(np.indices(label.shape), axis=-1).reshape(-1, 1, 2)
    return np.linalg.norm(grid - np.argwhere(label > 0)[None], axis=-1).min(axis=1).reshape(label.shape)


@pytest.mark.parametrize("seed", range(4))
def test_distance_is_that_to_the_nearest_pixel_of_the_line(seed: int) -> None:
    label = _label(seed)
    target = LineDistanced("label")({"label": torch.from_numpy(label[None])})["label"]
    assert target.dtype == torch.float32
    assert target[0].numpy() == pytest.approx(_distance_by_brute_force(label), abs=1e-4)
    assert target[1].min() == 1


@pytest.mark.parametrize("band_px", [0.0, 1.0, 2.5, 3.0])
def test_band_and_skeleton_hold_the_pixels_within_their_distance(band_px: float) -> None:
    label = _label(7)
    steps = LineDistanced("label"), BandTargetd("label", band_px=band_px, skeleton_px=band_px / 2)
    data = {"label": torch.from_numpy(label[None])}
    for step in steps:
        data = step(data)
    expected = _distance_by_brute_force(label)
    band, skeleton, known = data["label"].numpy()
    assert np.array_equal(band, expected <= band_px)
    assert np.array_equal(skeleton, expected <= band_px / 2)
    assert known.all()


def test_a_partial_label_is_known_along_its_columns_and_those_beside() -> None:
    label = np.zeros(SHAPE, np.float32)
    label[9, 10:15] = 1
    for margin, expected in ((0, range(10, 15)), (2, range(8, 17)), (5, range(5, 20))):
        data = {"label": torch.from_numpy(label[None]), "partial": True}
        known = LineDistanced("label", margin_px=margin)(data)["label"][1]
        assert np.flatnonzero(known[0]).tolist() == list(expected)
        assert (known == known[0]).all()


def test_a_label_without_line_says_no_bone_anywhere_or_nothing_at_all() -> None:
    for partial, known_everywhere in ((False, True), (True, False)):
        data = LineDistanced("label")({"label": torch.zeros(1, *SHAPE), "partial": partial})
        assert torch.isfinite(data["label"]).all()
        band, skeleton, known = BandTargetd("label")(data)["label"]
        assert not band.any()
        assert not skeleton.any()
        assert known.all() == known_everywhere
        assert known.any() == known_everywhere


def test_distance_survives_interpolation_where_a_line_does_not() -> None:
    """Half a pixel further down by bilinear interpolation, the band moves along and stays as wide."""
    label = np.zeros(SHAPE, np.float32)
    label[10] = 1
    target = LineDistanced("label")({"label": torch.from_numpy(label[None])})["label"]
    shifted = target.clone()
    shifted[0, 1:] = (target[0, 1:] + target[0, :-1]) / 2
    band = BandTargetd("label", band_px=3.0)({"label": shifted})["label"][0]
    assert np.flatnonzero(band[:, 5]).tolist() == [8, 9, 10, 11, 12, 13]


def test_meta_data_and_other_items_stay() -> None:
    affine = np.diag([0.2, 0.3, 1, 1])
    label = MetaTensor(_label(1)[None], affine=affine, meta={"name": "a"})
    data = LineDistanced("label")({"label": label, "other": 5})
    assert data["other"] == 5
    assert data["label"].meta["name"] == "a"
    assert np.allclose(data["label"].affine, affine)
    assert label.shape == (1, *SHAPE)
    assert set(LineDistanced(["label", "truth"], allow_missing_keys=True)({"label": label})) == {"label"}


@pytest.mark.parametrize("offset", range(8))
def test_a_thin_line_survives_a_resize_in_its_place(offset: int) -> None:
    """In an image of four times the height and twice the width, as the network's smaller pixels have it."""
    label = torch.zeros(1, 256, 128)
    label[:, 100 + offset, 20:90] = 255
    steps = [
        LineDistanced("label", size=(64, 64), margin_px=4),
        Resized("label", (64, 64), mode="bilinear"),
        BandTargetd("label", band_px=3),
    ]
    data = {"label": MetaTensor(label), "partial": True}
    for step in steps:
        data = step(data)
    band, skeleton, known = data["label"].numpy()
    rows, _ = np.nonzero(band[:, 16:40])
    assert rows.mean() == pytest.approx((100 + offset + 0.5) / 4 - 0.5, abs=0.51)
    assert band[:, 16:40].sum(axis=0) == pytest.approx(6, abs=1)
    assert skeleton[:, 16:40].sum(axis=0) == pytest.approx(2, abs=1)
    assert np.flatnonzero(known[0]).tolist() == pytest.approx(list(range(6, 49)), abs=1)
