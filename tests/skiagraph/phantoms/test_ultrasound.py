"""B-mode phantoms: the picture shows what the truth says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from skiagraph.phantoms import UltrasoundFrame, draw_frame, draw_scanner
from skiagraph.phantoms.ultrasound import _scan_convert

SPACING_MM = 0.3


@pytest.fixture(scope="module")
def frames() -> list[tuple[bool, UltrasoundFrame]]:
    """Whether it is a fan, and the frame."""
    drawn = []
    for specimen in range(1, 15):
        scanner = draw_scanner(np.random.default_rng([0, specimen]), SPACING_MM)
        scanner = replace(scanner, fan=specimen > 12)
        rngs = [np.random.default_rng([0, specimen, frame]) for frame in range(1, 5)]
        drawn += [(scanner.fan, draw_frame(rng, scanner)) for rng in rngs]
    return drawn


def _grey_beside(frame: UltrasoundFrame, points: NDArray[np.float64], below_mm: float) -> NDArray[np.float64]:
    """Mean grey of three pixels, `below_mm` under each point that has so much image under it."""
    rows, columns = np.round(points[:, ::-1]).astype(int).T
    rows = rows + round(below_mm / SPACING_MM)
    inside = (rows > 0) & (rows < frame.image.shape[0] - 1)
    rows, columns = rows[inside], columns[inside]
    return np.mean([frame.image[rows + step, columns] for step in (-1, 0, 1)], axis=0)


def test_the_echo_lies_on_the_truth_and_the_shadow_below(frames: list[tuple[bool, UltrasoundFrame]]) -> None:
    lines = [(frame, line) for fan, frame in frames if not fan for line in frame.surfaces_px if len(line) > 20]
    assert len(lines) > 30
    on_line, above, below = (
        np.array([_grey_beside(frame, line, at).mean() for frame, line in lines]) for at in (0, -1.2, 2)
    )
    assert on_line.mean() > below.mean() + 60
    assert on_line.mean() > above.mean() + 20
    assert np.mean(on_line > below + 10) > 0.9


def test_the_brightest_row_is_that_of_the_truth(frames: list[tuple[bool, UltrasoundFrame]]) -> None:
    profile = np.zeros(21)
    for _, frame in frames:
        for line in frame.surfaces_px:
            steep = np.abs(np.gradient(line[:, 1]))
            x, y = np.round(line[steep < 0.3]).astype(int).T
            ok = (y > 10) & (y < frame.image.shape[0] - 11)
            profile += [frame.image[y[ok] + step, x[ok]].astype(float).sum() for step in range(-10, 11)]
    # The echo rises faster than it falls, so its middle may lie a pixel deeper than its surface.
    assert np.argmax(profile) - 10 in (0, 1)


def test_no_truth_lies_in_the_shadow_of_another(frames: list[tuple[bool, UltrasoundFrame]]) -> None:
    several = [frame.surfaces_px for fan, frame in frames if not fan and len(frame.surfaces_px) > 1]
    assert len(several) > 8
    for lines in several:
        columns = np.concatenate([line[:, 0] for line in lines])
        assert np.unique(columns).size == columns.size


def test_some_frames_show_no_bone_and_some_specimens_are_fans(frames: list[tuple[bool, UltrasoundFrame]]) -> None:
    empty = [not frame.surfaces_px for _, frame in frames]
    assert 0.03 < np.mean(empty) < 0.4
    fans = [draw_scanner(np.random.default_rng(seed)).fan for seed in range(400)]
    assert np.mean(fans) == pytest.approx(0.12, abs=0.06)
    fan = next(frame for fan, frame in frames if fan)
    # Beside the probe's arc there is nothing.
    assert fan.image[: fan.image.shape[0] // 4, 0].max() == 0
    assert fan.image[-5:, 0].max() == 0


def test_truth_is_inside_the_image(frames: list[tuple[bool, UltrasoundFrame]]) -> None:
    for _, frame in frames:
        rows, columns = frame.image.shape
        assert frame.image.dtype == np.uint8
        for line in frame.surfaces_px:
            assert line.shape[0] > 1
            assert ((line >= 0) & (line <= [columns - 1, rows - 1])).all()


def test_a_fan_carries_its_truth_along() -> None:
    image = np.zeros((160, 200), np.uint8)
    line = np.column_stack([np.arange(30.0, 170), 60 + 10 * np.sin(np.arange(140) / 25)])
    for x, y in line:
        image[round(y) - 1 : round(y) + 2, int(x)] = 255
    fan, (bent,) = _scan_convert(image, [line])
    bright = np.argwhere(fan > 100)
    distances = np.sqrt(((bright[:, None, ::-1] - bent[None]) ** 2).sum(-1))
    assert distances.min(axis=1).max() < 3
    assert distances.min(axis=0).max() < 1


def test_what_leaves_the_fan_breaks_the_line() -> None:
    """A line that dips below the image and returns is two lines, without a chord between."""
    x = np.arange(200.0)
    line = np.column_stack([x, np.where(np.abs(x - 100) < 20, 158.0, 80.0)])
    _, bent = _scan_convert(np.zeros((150, 200), np.uint8), [line])
    assert len(bent) == 2
    assert max(np.linalg.norm(np.diff(part, axis=0), axis=1).max() for part in bent) < 3


def test_the_same_seed_gives_the_same_frame() -> None:
    scanner = draw_scanner(np.random.default_rng([3, 1]), SPACING_MM)
    first, again, other = (draw_frame(np.random.default_rng([3, 1, frame]), scanner) for frame in (1, 1, 2))
    assert np.array_equal(first.image, again.image)
    assert all(np.array_equal(a, b) for a, b in zip(first.surfaces_px, again.surfaces_px, strict=True))
    assert np.mean(first.image != other.image) > 0.5


def test_pixel_size_is_drawn_or_given() -> None:
    drawn = [draw_scanner(np.random.default_rng(seed)) for seed in range(30)]
    assert len({scanner.spacing_mm for scanner in drawn}) == 30
    assert all(0.045 < scanner.spacing_mm < 0.066 for scanner in drawn)
    given = draw_scanner(np.random.default_rng(0), 0.2)
    assert given == replace(drawn[0], spacing_mm=0.2)
    frame = draw_frame(np.random.default_rng(0), given)
    assert frame.spacing_mm == (0.2, 0.2)
    assert frame.image.shape == (round(given.depth_mm / 0.2), round(given.width_mm / 0.2))
