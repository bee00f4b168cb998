"""Vertebrae in X-rays: what is drawn is where the corners are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from skiagraph.phantoms.attenuation import Attenuation
from skiagraph.phantoms.spine_shape import draw_spine_build, pose_spine
from skiagraph.phantoms.vertebra_xray import BoneLook, _add_body, add_vertebrae

LOOK = BoneLook(density=1.0, plate=1.0, waist=0.04)


@pytest.mark.parametrize("level", [4, 10, 20])
@pytest.mark.parametrize("px_per_mm", [1.0, 2.6, 5.0])
def test_a_body_reaches_to_its_corners_and_no_farther(level: int, px_per_mm: float) -> None:
    rng = np.random.default_rng(level)
    quad = pose_spine(rng, draw_spine_build(rng))[level]
    for shift in rng.uniform(30, 31, (5, 2)):
        placed = quad - quad.mean(axis=(0, 1)) + shift
        image = Attenuation(np.zeros((round(62 * px_per_mm),) * 2, np.float32), px_per_mm)
        _add_body(rng, image, placed, LOOK)
        drawn = np.argwhere(image.total > 0)[:, ::-1]
        (top_left, top_right), (bottom_left, bottom_right) = placed * px_per_mm
        for corner in (top_left, top_right, bottom_left, bottom_right):
            assert np.linalg.norm(drawn - corner, axis=1).min() < 1.2
        outline = [top_left, top_right, bottom_right, bottom_left, top_left]
        for start, end in pairwise(outline):
            along = (end - start) / np.linalg.norm(end - start)
            outside = along[1] * (drawn - start)[:, 0] - along[0] * (drawn - start)[:, 1]
            assert outside.max() < 0.55
            assert outside.max() > -0.8


def test_a_body_has_the_area_of_its_corners_less_its_hollows() -> None:
    rng = np.random.default_rng(0)
    quad = pose_spine(rng, draw_spine_build(rng))[12]
    image = Attenuation(np.zeros((300, 300), np.float32), 5.0)
    placed = quad - quad.mean(axis=(0, 1)) + 30
    _add_body(rng, image, placed, LOOK)
    x, y = placed.reshape(4, 2)[[0, 1, 3, 2]].T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    # Parabolas take two thirds of their depth: 4 % of the width and 5 % of the height, on both sides each.
    hollows = 2 * 2 / 3 * (0.04 + 0.05)
    assert (image.total > 0).sum() / 25 == pytest.approx(area * (1 - hollows), rel=0.04)


def test_what_lies_outside_the_image_is_left_out() -> None:
    rng = np.random.default_rng(0)
    corners = pose_spine(rng, draw_spine_build(rng)) - 1000
    image = Attenuation(np.zeros((50, 40), np.float32), 1.0)
    add_vertebrae(rng, image, corners, LOOK)
    assert not image.total.any()


def test_denser_bone_attenuates_more() -> None:
    rng = np.random.default_rng(0)
    corners = pose_spine(rng, draw_spine_build(rng)) + np.array([100, 60])
    totals = []
    for density in (0.8, 1.2):
        image = Attenuation(np.zeros((560, 200), np.float32), 1.0)
        add_vertebrae(np.random.default_rng(2), image, corners, BoneLook(density, 1.0, 0.04))
        totals.append(image.total.sum())
    assert totals[1] > 1.3 * totals[0] > 0
