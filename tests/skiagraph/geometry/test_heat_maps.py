from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from skiagraph.geometry.heat_maps import gaussian_maps, highest_points

POINTS = torch.tensor([[[20.3, 41.7], [0.0, 0.0]], [[-6.0, 50.0], [35.49, 63.5]]], dtype=torch.float64)


def by_formula(x: float, y: float, size: tuple[int, int], sigma_px: float, stride: int) -> np.ndarray:
    """A Gaussian in pixels of the image at the middle of the pixels that a cell covers, in a plain double loop."""
    drawn = np.zeros(size)
    for row in range(size[0]):
        for column in range(size[1]):
            middle_x = np.mean(range(column * stride, (column + 1) * stride))
            middle_y = np.mean(range(row * stride, (row + 1) * stride))
            drawn[row, column] = math.exp(-((middle_x - x) ** 2 + (middle_y - y) ** 2) / (2 * sigma_px**2))
    return drawn


@pytest.mark.parametrize(("stride", "size"), [(1, (64, 36)), (2, (32, 18)), (4, (16, 9))])
def test_maps_are_gaussians_at_the_centres_of_pixels(stride: int, size: tuple[int, int]) -> None:
    drawn = gaussian_maps(POINTS, size, 5.0, stride)
    assert drawn.shape == (2, 2, *size)
    for image, point in np.ndindex(2, 2):
        expected = by_formula(*POINTS[image, point].tolist(), size, 5.0, stride)
        np.testing.assert_allclose(drawn[image, point].numpy(), expected, atol=1e-12)


def test_height_is_one_where_a_point_lies_on_the_centre_of_a_cell() -> None:
    drawn = gaussian_maps(torch.tensor([[9.5, 13.5]]), (8, 8), 6.0, stride=4)
    assert (drawn == 1).nonzero().tolist() == [[0, 3, 2]]


@pytest.mark.parametrize("missing", [(math.nan, math.nan), (math.nan, 3.0), (3.0, math.nan), (math.inf, 3.0)])
def test_a_point_that_is_missing_gives_an_empty_map(missing: tuple[float, float]) -> None:
    drawn = gaussian_maps(torch.tensor([[5.0, 5.0], missing]), (12, 10), 2.0)
    assert drawn[0].max() == 1
    assert (drawn[1] == 0).all()


@pytest.mark.parametrize(
    ("stride", "sigma_px", "radius"), [(1, 0.7, 2), (1, 1.5, 5), (2, 3.0, 5), (4, 2.8, 2), (4, 6.0, 5)]
)
def test_points_drawn_away_from_the_border_are_found_again(stride: int, sigma_px: float, radius: int) -> None:
    """Squares that reach three standard deviations or so."""
    rng = np.random.default_rng(0)
    away = radius + 1
    points = torch.from_numpy(rng.uniform(away * stride, (np.array([24, 30]) - away) * stride - 1, (50, 2)))
    maps = gaussian_maps(points, (30, 24), sigma_px, stride)
    assert (highest_points(maps, stride, radius) - points).abs().max() < 0.05
    # Neither the height of a map nor its batch matters.
    batched = highest_points((maps * 1e-6).reshape(5, 10, 30, 24), stride, radius)
    assert (batched - points.reshape(5, 10, 2)).abs().max() < 0.05


def test_a_small_square_finds_the_highest_cell_and_leans_the_right_way() -> None:
    points = torch.tensor([[[41.5 + shift, 65.5 - shift]] for shift in np.linspace(-1.9, 1.9, 15)])
    found = highest_points(gaussian_maps(points, (30, 24), 6.0, 4), 4)
    assert (found - points).abs().max() < 1
    assert (found[:, 0].diff(dim=0) * torch.tensor([1, -1]) > 0).all()


def test_only_the_square_around_the_highest_cell_counts() -> None:
    higher, lower = gaussian_maps(torch.tensor([[9.25, 30.5], [30.0, 8.0]]), (40, 40), 0.7)
    found = highest_points(higher + 0.5 * lower)
    assert found.tolist() == pytest.approx([9.25, 30.5], abs=0.05)


@pytest.mark.parametrize("corner", [(0.0, 0.0), (23.0, 0.0), (0.0, 29.0), (23.0, 29.0)])
@pytest.mark.parametrize("stride", [1, 4])
def test_at_the_border_the_square_stays_inside(corner: tuple[float, float], stride: int) -> None:
    """Without the part of the map that is outside, the centroid is drawn inwards, by less than a cell."""
    point = (torch.tensor([corner]) + 0.5) * stride - 0.5
    (found,) = highest_points(gaussian_maps(point, (30, 24), 1.0 * stride, stride), stride)
    inwards = (torch.tensor([11.5, 14.5]) - torch.tensor(corner)).sign()
    moved = (found - point[0]) * inwards / stride
    assert (moved >= 0).all()
    assert (moved < 1).all()


def test_the_square_of_a_border_cell_is_the_nearest_one_inside() -> None:
    maps = torch.zeros(1, 9, 11)
    maps[0, 0, 10] = 3
    maps[0, 4, 6] = 1  # the far corner of rows 0 to 4, columns 6 to 10
    maps[0, 5, 6] = maps[0, 4, 5] = 2  # just outside of it
    assert highest_points(maps).tolist() == [[pytest.approx(9.0), pytest.approx(1.0)]]


def test_of_an_empty_map_it_is_the_first_cell() -> None:
    assert highest_points(torch.zeros(2, 3, 7, 8)).tolist() == [[[0.0, 0.0]] * 3] * 2
    assert highest_points(torch.zeros(1, 7, 8), stride=4).tolist() == [[1.5, 1.5]]


def test_very_small_maps_are_no_empty_ones() -> None:
    maps = torch.zeros(1, 9, 9)
    maps[0, 4, 5:7] = 1e-30
    assert highest_points(maps).tolist() == [[5.5, 4.0]]
