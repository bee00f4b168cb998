from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from skiagraph.geometry import extract_surface_lines, line_length, resample_line

ROWS = np.arange(128)[:, None]
COLUMNS = np.arange(160)


def ridge(row: NDArray[np.float64] | float, start: int, end: int, width: float = 3.0) -> NDArray[np.float64]:
    """A soft line of probability 1 along `row`, in the columns start .. end - 1."""
    inside = (start <= COLUMNS) & (end > COLUMNS)
    return np.exp(-(((ROWS - row) / width) ** 2)) * inside


def test_two_surfaces_are_found_to_a_tenth_of_a_pixel() -> None:
    wave = 30.3 + 8 * np.sin(COLUMNS / 20)
    lines = extract_surface_lines(np.maximum(ridge(wave, 10, 90), ridge(100.75, 70, 150)))
    assert len(lines) == 2
    upper, lower = sorted(lines, key=lambda line: line.points_px[0, 1])
    np.testing.assert_array_equal(upper.points_px[:, 0], np.arange(10, 90))
    np.testing.assert_array_equal(lower.points_px[:, 0], np.arange(70, 150))
    assert np.abs(upper.points_px[:, 1] - wave[10:90]).max() < 0.1
    np.testing.assert_allclose(lower.points_px[:, 1], 100.75, atol=0.03)


def test_confidence_is_the_mean_probability_of_the_run() -> None:
    probability = np.zeros((20, 12), dtype=np.float32)
    probability[5, 2:10], probability[6, 2:10] = 0.9, 0.6
    (line,) = extract_surface_lines(probability)
    np.testing.assert_allclose(line.confidence, 0.75, rtol=1e-6)
    np.testing.assert_allclose(line.points_px[:, 1], (5 * 0.4 + 6 * 0.1) / 0.5, rtol=1e-6)


def test_of_one_component_the_first_run_below_the_probe_counts() -> None:
    label = np.zeros((40, 60), dtype=bool)
    label[10:12, 5:50] = label[30:32, 5:50] = label[10:32, 4] = True  # a hook: two surfaces joined at its left
    (line,) = (line for line in extract_surface_lines(label) if len(line.points_px) > 3)
    np.testing.assert_allclose(line.points_px[:, 1], 10.5)


def test_surfaces_above_each_other_are_two_lines() -> None:
    label = np.zeros((40, 60), dtype=bool)
    label[10:12, 5:50] = label[30:32, 5:50] = True
    assert sorted(line.points_px[0, 1] for line in extract_surface_lines(label)) == [10.5, 30.5]


def test_a_line_is_split_where_it_jumps_and_short_ones_are_dropped() -> None:
    label = np.zeros((60, 60), dtype=bool)
    label[10:13, 5:20] = label[12:42, 20] = label[39:42, 20:40] = True  # a step of 29 rows
    lines = extract_surface_lines(label)
    assert [len(line.points_px) for line in lines] == [15, 19]
    assert not extract_surface_lines(label, min_columns=20)


@pytest.mark.parametrize("value", [1, 128, 255])
def test_label_images_of_any_grey_give_the_same_lines_as_a_mask(value: int) -> None:
    mask = ridge(40 + COLUMNS / 4, 10, 150) > 0.5
    expected = extract_surface_lines(mask)
    lines = extract_surface_lines(mask.astype(np.uint8) * np.uint8(value))
    assert len(lines) == len(expected) == 1
    np.testing.assert_array_equal(lines[0].points_px, expected[0].points_px)
    np.testing.assert_array_equal(lines[0].confidence, 1.0)


def test_nothing_gives_no_line_and_a_stack_of_images_is_refused() -> None:
    assert extract_surface_lines(np.zeros((8, 8))) == []
    with pytest.raises(ValueError, match=r"\(rows, columns\), got \(1, 8, 8\)"):
        extract_surface_lines(np.zeros((1, 8, 8)))


@given(st.integers(0, 10_000), st.floats(0.2, 0.9))
def test_every_point_is_the_plain_weighted_mean_of_a_first_run(seed: int, threshold: float) -> None:
    probability = ndimage.gaussian_filter(np.random.default_rng(seed).random((24, 20)), 1.2)
    probability = (probability - probability.min()) / np.ptp(probability)
    components, n = ndimage.label(probability > threshold, structure=np.ones((3, 3)))
    expected = set()
    for component in range(1, n + 1):
        for column in np.flatnonzero((components == component).any(axis=0)):
            row = int(np.argmax(components[:, column] == component))
            end = row
            while end < 24 and components[end, column] == component:
                end += 1
            weight = probability[row:end, column] - threshold
            expected.add((column, round(float(np.average(np.arange(row, end), weights=weight)), 6)))
    lines = extract_surface_lines(probability, threshold, min_columns=1)
    found = [(int(x), round(float(y), 6)) for line in lines for x, y in line.points_px]
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_a_frame_takes_no_more_than_a_fraction_of_the_time_between_two_frames() -> None:
    frame = np.kron(np.maximum(ridge(20, 0, 160), ridge(90, 10, 150)), np.ones((2, 2)))[:, :256]

    def seconds() -> float:
        start = time.perf_counter()
        extract_surface_lines(frame)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(10)) < 0.01  # 30 frames a second are 33 ms


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=1, max_size=12), st.floats(0.05, 5))
def test_resampling_keeps_the_ends_and_stays_on_the_line(points: list[tuple[float, float]], step: float) -> None:
    line = np.array(points)
    dense = resample_line(line, step)
    np.testing.assert_allclose(dense[0], line[0], atol=1e-9)
    if line_length(line) > 0:
        np.testing.assert_allclose(dense[-1], line[-1], atol=1e-9)
    assert (np.linalg.norm(np.diff(dense, axis=0), axis=1) <= step * (1 + 1e-6)).all()
    assert line_length(dense) <= line_length(line) * (1 + 1e-9) + 1e-12


def test_lengths_and_steps_of_an_angle() -> None:
    angle = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 10.0]])
    assert line_length(angle) == pytest.approx(11.0)
    assert line_length(angle[:1]) == 0
    np.testing.assert_allclose(resample_line(angle, 5.5), [[0, 0], [3, 4.5], [3, 10]])
