"""Spine radiographs: the picture shows what the truth says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from skiagraph.geometry.vertebrae import order_faults
from skiagraph.phantoms import SpineImage, draw_spine
from skiagraph.phantoms.spine import place_spine

HEIGHT_PX = 560


@pytest.fixture(scope="module")
def images() -> list[SpineImage]:
    return [draw_spine(1, patient, height_px=HEIGHT_PX) for patient in range(4)]


def _grey(image: SpineImage, points: NDArray[np.float64]) -> NDArray[np.float64]:
    return map_coordinates(image.pixels.astype(float), points.reshape(-1, 2).T[::-1], order=1).reshape(
        points.shape[:-1]
    )


def _sharp(images: list[SpineImage]) -> list[SpineImage]:
    """The images that are not so dark or bright that bone cannot be told."""
    return [image for image in images if np.ptp(image.pixels[100:-100]) > 100]


def _across_edges(image: SpineImage, starts: list[int], ends: list[int], inside: list[int]) -> NDArray[np.float64]:
    """Mean grey 8 px outside to 8 px inside of edges from corner to corner, near both corners, (17,)."""
    corners = image.points_px.reshape(17, 4, 2)
    profiles = []
    for start, end, opposite in zip(starts, ends, inside, strict=True):
        along = corners[:, end] - corners[:, start]
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(along, axis=1, keepdims=True)
        normal *= np.sign(((corners[:, opposite] - corners[:, start]) * normal).sum(axis=1))[:, None]
        share = np.array([0.06, 0.1, 0.14, 0.86, 0.9, 0.94])
        places = corners[:, start, None] + share[:, None] * along[:, None]
        offsets = np.arange(-8.0, 9)[:, None, None, None]
        profiles.append(_grey(image, places + offsets * normal[:, None]).mean(axis=(1, 2)))
    return np.mean(profiles, axis=0)


def test_bodies_begin_at_their_edges(images: list[SpineImage]) -> None:
    """Where the grey rises most is less than a pixel away; the hollows take half a pixel near the corners."""
    sharp = _sharp(images)
    plates = np.mean([_across_edges(image, [0, 2], [1, 3], [2, 0]) for image in sharp], axis=0)
    sides = np.mean([_across_edges(image, [0, 1], [2, 3], [1, 0]) for image in sharp], axis=0)
    for profile in (plates, sides):
        assert np.argmax(np.diff(profile)) - 8 in (-1, 0)
    # Endplates stand out from what is on either side.
    assert plates[8:12].max() > plates[[0, -1]].max() + 3


def test_bodies_are_brighter_than_the_discs_between_them(images: list[SpineImage]) -> None:
    u, v = np.meshgrid(np.linspace(0.2, 0.8, 9), np.linspace(0.3, 0.7, 9))
    brighter = []
    for image in _sharp(images):
        corners = image.points_px.reshape(17, 2, 2, 2)
        discs = np.stack([corners[:-1, 1], corners[1:, 0]], axis=1)
        body, disc = (_grey(image, _within(quads, u, v)).mean(axis=(1, 2)) for quads in (corners, discs))
        # The exposure changes on the way down: a disc is compared with both of its neighbours.
        brighter.append((body[:-1] + body[1:]) / 2 - disc)
    assert np.mean(brighter) > 3
    assert np.mean(np.array(brighter) > 0) > 0.8


def _within(quads: NDArray[np.float64], u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places in quads (N, 2, 2, 2), u from left to right and v from top to bottom, (N, *u.shape, 2)."""
    u, v = u[..., None], v[..., None]
    top, bottom = ((1 - u) * quads[:, row, 0, None, None] + u * quads[:, row, 1, None, None] for row in (0, 1))
    return (1 - v) * top + v * bottom


def test_the_chest_is_darker_than_the_abdomen(images: list[SpineImage]) -> None:
    for image in images:
        centres = image.points_px.reshape(17, 4, 2).mean(axis=1)
        rows = centres[[2, 10, 13, 15], 1].astype(int)
        beside = np.r_[0 : image.pixels.shape[1] // 5]
        beside = beside[beside > 0.06 * image.pixels.shape[1]]
        assert image.pixels[rows[0] : rows[1], beside].mean() < image.pixels[rows[2] : rows[3], beside].mean()


@pytest.mark.parametrize("seed", range(50))
def test_corners_are_in_order_and_in_the_image(seed: int) -> None:
    place = place_spine(seed)
    assert place.points_px.shape == (68, 2)
    assert order_faults(place.points_px) == {}
    rows, columns = place.shape
    assert ((place.points_px >= 0) & (place.points_px <= [columns - 1, rows - 1])).all()


def test_curves_are_of_all_sizes_and_as_large_as_published() -> None:
    """The first published angle: the largest difference of tilt of the lines between the sides' middles."""
    angles = []
    for seed in range(120):
        corners = place_spine(seed).points_px.reshape(17, 2, 2, 2).mean(axis=1)
        across = corners[:, 1] - corners[:, 0]
        angles.append(np.ptp(np.degrees(np.arctan2(across[:, 1], across[:, 0]))))
    assert min(angles) > 4.99
    assert max(angles) < 70.01
    assert np.percentile(angles, 10) < 22
    assert np.percentile(angles, 90) > 50


def test_sizes_are_those_of_the_published_images() -> None:
    places = [place_spine(seed) for seed in range(120)]
    rows, columns = np.array([place.shape for place in places]).T
    assert rows.min() >= 973
    assert rows.max() <= 1600
    assert columns.min() >= 355
    assert columns.max() <= 1427
    assert (rows / columns).min() > 1.78
    assert (rows / columns).max() < 4.34
    assert np.median(rows / columns) == pytest.approx(2.72, abs=0.15)
    centres = np.array([place.points_px.reshape(17, 4, 2).mean(axis=1) / place.shape[0] for place in places])
    steps = 512 * np.linalg.norm(np.diff(centres, axis=1), axis=-1)
    assert steps[:, 0].mean() == pytest.approx(19.7, abs=1.5)
    assert steps[:, -1].mean() == pytest.approx(35.9, abs=2)


@pytest.mark.parametrize("height_px", [300, 3755])
def test_any_height_can_be_asked_for(height_px: int) -> None:
    place = place_spine(0, height_px=height_px)
    assert place.shape[0] == height_px
    assert 1.78 < height_px / place.shape[1] < 4.34


def test_the_height_changes_the_size_alone() -> None:
    small, large = (place_spine(5, patient=2, height_px=height_px) for height_px in (1000, 1500))
    assert np.allclose(small.corners_mm, large.corners_mm)
    assert np.allclose(1.5 * small.points_px, large.points_px)


def test_the_same_numbers_give_the_same_image_and_others_do_not() -> None:
    first, again = (draw_spine(3, 1, 2, height_px=300) for _ in range(2))
    assert first.pixels.tobytes() == again.pixels.tobytes()
    assert np.array_equal(first.points_px, again.points_px)
    assert np.array_equal(first.points_px, place_spine(3, 1, 2, height_px=300).points_px)
    for other in ((4, 1, 2), (3, 2, 2), (3, 1, 1)):
        assert not np.allclose(place_spine(*other, height_px=300).points_px, first.points_px, atol=1)


def test_images_of_a_patient_show_nearly_the_same_curve() -> None:
    def tilts(patient: int, image: int) -> NDArray[np.float64]:
        corners = place_spine(0, patient, image).points_px.reshape(17, 2, 2, 2).mean(axis=1)
        across = corners[:, 1] - corners[:, 0]
        return np.degrees(np.arctan2(across[:, 1], across[:, 0]))

    same = [np.abs(tilts(patient, 0) - tilts(patient, 1)).mean() for patient in range(30)]
    other = [np.abs(tilts(patient, 0) - tilts(patient + 1, 0)).mean() for patient in range(30)]
    assert min(same) > 0.1
    assert np.median(same) < 2.5
    assert np.median(other) > 3 * np.median(same)


def test_pixels_are_grey_levels_of_the_shape_that_was_placed(images: list[SpineImage]) -> None:
    for patient, image in enumerate(images):
        assert image.pixels.dtype == np.uint8
        assert image.pixels.shape == place_spine(1, patient, height_px=HEIGHT_PX).shape
        assert np.unique(image.pixels).size > 60
