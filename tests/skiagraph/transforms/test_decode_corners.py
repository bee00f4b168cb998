"""From logits to corners and how sure they are."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Resized

from skiagraph.geometry.heat_maps import gaussian_maps
from skiagraph.transforms import CornerDecoder, DecodeCornersd

SIZE, STRIDE = (32, 24), 4


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


def test_deviation_is_that_of_the_peak_and_not_of_a_second_one_far_off() -> None:
    true = torch.tensor([[[30.0, 40.0]]])
    two = gaussian_maps(true, SIZE, 3.0, STRIDE) + 0.5 * gaussian_maps(true + 40, SIZE, 3.0, STRIDE)
    decoder = CornerDecoder(stride=STRIDE)
    logits = two.clamp_min(1e-20).log()
    assert decoder.deviation_px(logits, true).item() == pytest.approx(3.0, rel=0.05)
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
    assert corners.deviation_px[free.fix_next] == corners.expected_error_px[free.fix_next] == 0
    assert corners.clicked.tolist() == np.isfinite(clicked).all(axis=1).tolist()
    assert corners.fix_next != free.fix_next
    others = np.arange(68) != free.fix_next
    np.testing.assert_array_equal(corners.points_px[others], free.points_px[others])


def test_an_answer_that_is_not_finite_is_refused() -> None:
    broken = case()
    broken["pred"][5, 2, 2] = math.nan
    with pytest.raises(ValueError, match="not finite"):
        DecodeCornersd("pred", CornerDecoder(stride=STRIDE))(broken)
