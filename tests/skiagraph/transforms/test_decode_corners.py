"""From logits to corners and how sure they are."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Flip, Resized

from skiagraph.data.point_shapes import write_shape
from skiagraph.geometry.heat_maps import gaussian_maps
from skiagraph.geometry.point_shape import fit_shape
from skiagraph.transforms import CornerDecoder, DecodeCornersd

SIZE, STRIDE = (32, 24), 4
LEANS, SHIFTS = (-0.4, -0.2, 0.0, 0.2, 0.4), (-8.0, 0.0, 8.0)


def points(count: int = 68) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(1, count, 2, generator=generator) * torch.tensor([56.0, 88.0]) + 20


def log_gaussians(places: torch.Tensor, sigma_px: float = 6.0) -> torch.Tensor:
    return gaussian_maps(places, SIZE, sigma_px, STRIDE).clamp_min(1e-20).log()


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_points_are_found_to_a_fraction_of_a_cell(kind: str) -> None:
    true = points()
    heights = gaussian_maps(true, SIZE, 6.0, STRIDE)
    logits = log_gaussians(true) if kind == "softmax" else torch.logit(heights.clamp(1e-6, 1 - 1e-6))
    found = CornerDecoder(kind, STRIDE).points(logits)
    assert (found - true).norm(dim=-1).max() < STRIDE / 4


@pytest.mark.parametrize("sigma_px", [4.0, 6.0])
def test_expected_error_is_the_mean_distance_of_the_distribution(sigma_px: float) -> None:
    true = points()
    expected = CornerDecoder(stride=STRIDE).expected_error_px(log_gaussians(true, sigma_px), true)
    # Of a normal distribution in the plane (Rayleigh).
    torch.testing.assert_close(
        expected, torch.full_like(expected, sigma_px * math.sqrt(math.pi / 2)), rtol=0.03, atol=0
    )


def test_a_second_place_lowers_the_confidence_and_raises_the_expected_error() -> None:
    true = torch.tensor([[[30.0, 40.0]]])
    two = gaussian_maps(true, SIZE, 3.0, STRIDE) + 0.5 * gaussian_maps(true + 40, SIZE, 3.0, STRIDE)
    decoder = CornerDecoder(stride=STRIDE)
    logits = two.clamp_min(1e-20).log()
    assert decoder.confidence(logits, true).item() == pytest.approx(2 / 3, abs=0.01)
    assert decoder.expected_error_px(logits, true).item() > 15


def test_previous_maps_are_one_where_the_network_is_as_sure_as_it_was_taught() -> None:
    cell = torch.tensor([[[29.5, 41.5]]])  # the middle of a cell
    decoder = CornerDecoder(stride=STRIDE, sigma_px=6.0)
    sure = decoder.previous_maps(log_gaussians(cell))
    torch.testing.assert_close(sure, gaussian_maps(cell, SIZE, 6.0, STRIDE), atol=0.01, rtol=0)
    assert decoder.previous_maps(torch.zeros(1, 1, *SIZE)).max() < 0.05


def test_sigmoid_maps_are_as_sure_as_they_are_high() -> None:
    true = points(1)
    decoder = CornerDecoder("sigmoid", STRIDE)
    high, low = (
        torch.logit((share * gaussian_maps(true, SIZE, 3.0, STRIDE)).clamp(1e-9, 1 - 1e-9)) for share in (0.99, 0.2)
    )
    assert decoder.confidence(high, true).item() > 0.85
    assert decoder.confidence(low, true).item() == pytest.approx(0.2, abs=0.05)
    torch.testing.assert_close(decoder.previous_maps(high), high.sigmoid())


def case(clicked: np.ndarray | None = None) -> dict:
    """An image that was a file of 192 x 256, and the logits of points on it."""
    meta = {"spacing_mm": (math.nan, math.nan), "spatial_shape": np.array([256, 192])}
    frame = MetaTensor(torch.zeros(1, 256, 192), affine=torch.eye(4, dtype=torch.float64), meta=meta)
    image = Resized("image", (SIZE[0] * STRIDE, SIZE[1] * STRIDE), mode="area")({"image": frame})["image"]
    logits = log_gaussians(points())[0]
    return {"image": image, "pred": logits, **({} if clicked is None else {"clicked": clicked})}


def test_corners_are_in_pixels_of_the_file() -> None:
    corners = DecodeCornersd("pred", CornerDecoder(stride=STRIDE))(case())["pred_corners"]
    in_file = (points()[0].numpy() + 0.5) * 2 - 0.5
    np.testing.assert_allclose(corners.points_px, in_file, atol=1.5)
    np.testing.assert_allclose(corners.expected_error_px, 2 * 6 * math.sqrt(math.pi / 2), rtol=0.05)
    assert not corners.clicked.any()


def test_a_clicked_point_stays_where_it_was_put_and_is_never_proposed() -> None:
    clicked = np.full((68, 2), np.nan)
    free = DecodeCornersd("pred", CornerDecoder(stride=STRIDE))(case())["pred_corners"]
    clicked[free.fix_next] = 3.25, 4.75
    corners = DecodeCornersd("pred", CornerDecoder(stride=STRIDE))(case(clicked))["pred_corners"]
    np.testing.assert_array_equal(corners.points_px[free.fix_next], [3.25, 4.75])
    assert corners.confidence[free.fix_next] == 1
    assert corners.expected_error_px[free.fix_next] == 0
    assert corners.clicked.tolist() == np.isfinite(clicked).all(axis=1).tolist()
    assert corners.fix_next != free.fix_next
    others = np.arange(68) != free.fix_next
    np.testing.assert_array_equal(corners.points_px[others], free.points_px[others])


def test_a_spine_is_found_where_the_network_is_sure_enough() -> None:
    sure = DecodeCornersd("pred", CornerDecoder(stride=STRIDE))(case())["pred_corners"].confidence.mean()
    for threshold, found in ((sure - 0.01, True), (sure + 0.01, False)):
        decode = DecodeCornersd("pred", CornerDecoder(stride=STRIDE), threshold=threshold)
        assert decode(case())["pred_corners"].spine_found is found


def test_a_mirrored_image_is_refused() -> None:
    mirrored = case()
    mirrored["image"] = Flip(1)(mirrored["image"])
    with pytest.raises(ValueError, match="mirrored"):
        DecodeCornersd("pred", CornerDecoder(stride=STRIDE))(mirrored)


def test_where_all_is_clicked_there_is_nothing_to_propose() -> None:
    corners = DecodeCornersd("pred", CornerDecoder(stride=STRIDE))(case(np.full((68, 2), 9.0)))["pred_corners"]
    assert corners.fix_next is None


@pytest.fixture
def with_shape(tmp_path: Path) -> CornerDecoder:
    """Goes by a shape of columns of points that lean, in an image twice as large as the network's."""
    down = torch.linspace(40, 216, 68)
    leaning = [torch.stack([96 + lean * (down - 128) + shift, down], dim=1) for lean in LEANS for shift in SHIFTS]
    write_shape(
        tmp_path / "shape.json", fit_shape(torch.stack(leaning), (2 * SIZE[0] * STRIDE, 2 * SIZE[1] * STRIDE), 2), {}
    )
    return CornerDecoder(stride=STRIDE, shape=tmp_path / "shape.json")


def column(lean: float = 0.0) -> torch.Tensor:
    down = (torch.linspace(40, 216, 68) + 0.5) / 2 - 0.5
    return torch.stack([48 + lean * (down - 64), down], dim=1)[None]


def test_a_point_that_is_seen_twice_is_found_where_the_shape_wants_it(with_shape: CornerDecoder) -> None:
    true = column(0.2)
    heights = gaussian_maps(true, SIZE, 6.0, STRIDE)
    # One point is seen better 40 pixels beside its column.
    heights[:, 30] = 0.7 * heights[:, 30] + gaussian_maps(true + torch.tensor([40.0, 0.0]), SIZE, 6.0, STRIDE)[:, 30]
    logits = heights.clamp_min(1e-20).log()
    torn = CornerDecoder(stride=STRIDE).points(logits)
    assert (torn - true)[0, 30].norm() > 30
    assert (with_shape.points(logits) - true).norm(dim=-1).max() < 2


def test_a_click_pulls_along_points_that_may_be_anywhere(with_shape: CornerDecoder) -> None:
    true = column(0.3)
    clicked = torch.full((1, 68, 2), torch.nan)
    clicked[:, [2, 64]] = true[:, [2, 64]]
    blurred = log_gaussians(column(0.0), sigma_px=30.0)
    before, after = with_shape.points(blurred), with_shape.points(blurred, clicked)
    torch.testing.assert_close(after[:, [2, 64]], true[:, [2, 64]])
    assert (after - true).norm(dim=-1).mean() < 0.5 * (before - true).norm(dim=-1).mean()


def test_a_point_that_is_surely_far_from_the_shape_is_still_one(with_shape: CornerDecoder) -> None:
    """Where both the map and the nearness to the shape are too small for a number."""
    logits = log_gaussians(column())
    far = torch.tensor([85.5, 117.5])
    logits[:, 2] = -300 + 300 * gaussian_maps(far[None, None], SIZE, 2.0, STRIDE)[:, 0]
    torch.testing.assert_close(with_shape.points(logits)[0, 2], far, atol=1.0, rtol=0)


def test_an_answer_that_is_not_finite_is_refused() -> None:
    broken = case()
    broken["pred"][5, 2, 2] = math.nan
    with pytest.raises(ValueError, match="not finite"):
        DecodeCornersd("pred", CornerDecoder(stride=STRIDE))(broken)
