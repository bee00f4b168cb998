from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skiagraph.geometry.cobb import CobbAngle, CobbAngles, cobb_angles, cobb_angles_deg, cobb_intervals_deg
from skiagraph.geometry.vertebrae import VERTEBRAE
from tests.skiagraph.drawn_spines import rectangle_spine

Points = NDArray[np.float64]

TILTS = st.integers(0, 2**32).map(lambda seed: np.random.default_rng(seed).uniform(-45, 45, 17))
# One clear curve between T4 and T11, with a smaller one above and below.
TWO_BENDS = np.interp(np.arange(17), [0, 3, 10, 16], [-4.0, 22.0, -26.0, 9.0])


def curves(measured: CobbAngles) -> list[CobbAngle]:
    return [measured.largest, measured.upper, measured.lower]


def ends(angle: CobbAngle) -> tuple[int, int]:
    return VERTEBRAE.index(angle.upper_end), VERTEBRAE.index(angle.lower_end)


def by_all_pairs(tilts: NDArray[np.float64]) -> list[tuple[float, tuple[int, int]]]:
    """Angle and ends of the three curves, from every pair of vertebrae."""
    numbers = range(len(tilts))

    def largest(pairs: list[tuple[int, int]]) -> tuple[float, tuple[int, int]]:
        return max((abs(tilts[i] - tilts[j]), (i, j)) for i, j in pairs)

    first = largest([(i, j) for i, j in itertools.product(numbers, numbers) if i < j])
    upper, lower = first[1]
    return [
        first,
        largest([(i, upper) for i in numbers if i <= upper]),
        largest([(lower, j) for j in numbers if j >= lower]),
    ]


@settings(deadline=None, max_examples=40)
@given(TILTS)
def test_angles_and_ends_are_those_of_the_best_pairs(tilts: NDArray[np.float64]) -> None:
    measured = cobb_angles(rectangle_spine(tilts))
    for angle, (degrees, pair) in zip(curves(measured), by_all_pairs(tilts), strict=True):
        assert angle.angle_deg == pytest.approx(degrees, abs=1e-9)
        assert ends(angle) == pair


def test_a_spine_with_two_bends() -> None:
    measured = cobb_angles(rectangle_spine(TWO_BENDS))
    assert [round(angle.angle_deg, 6) for angle in curves(measured)] == [48, 26, 35]
    names = [(angle.upper_end, angle.lower_end) for angle in curves(measured)]
    assert names == [("T4", "T11"), ("T1", "T4"), ("T11", "L5")]


def test_a_wedged_vertebra_is_tilted_as_the_middles_of_its_sides() -> None:
    """T6 is 36 wide; its left side is 20 high and its right one 44, of which 8 are above and 16 below the left one."""
    points = rectangle_spine()
    points[20:24] = [[100, 250], [136, 242], [100, 270], [136, 286]]
    assert cobb_angles(points).largest.angle_deg == pytest.approx(np.degrees(np.arctan(4 / 36)))


@pytest.mark.parametrize("tilt", [0.0, 12.0])
def test_a_straight_spine_has_no_angle_and_no_region(tilt: float) -> None:
    points = rectangle_spine([tilt] * 17)
    np.testing.assert_allclose(cobb_angles_deg(points), 0, atol=1e-9)
    assert [angle.angle_deg for angle in curves(cobb_angles(points))] == pytest.approx([0, 0, 0], abs=1e-9)
    assert CobbAngle(0.0, "T1", "T1", "T1").region == ""


def test_nothing_is_left_above_or_below_a_curve_over_the_whole_spine() -> None:
    measured = cobb_angles(rectangle_spine(np.linspace(-20, 20, 17)))
    assert ends(measured.largest) == (0, 16)
    assert [(ends(angle), angle.angle_deg, angle.region) for angle in (measured.upper, measured.lower)] == [
        ((0, 0), 0, ""),
        ((16, 16), 0, ""),
    ]


@pytest.mark.parametrize(
    ("apex", "region"), [("T2", "PT"), ("T5", "PT"), ("T6", "MT"), ("T11", "MT"), ("T12", "TL/L"), ("L4", "TL/L")]
)
def test_region_is_that_of_the_apex(apex: str, region: str) -> None:
    assert CobbAngle(30.0, "T1", "L5", apex).region == region


@pytest.mark.parametrize(("first", "last", "apex", "region"), [(0, 6, "T4", "PT"), (2, 12, "T8", "MT")])
def test_apex_is_where_the_curve_bulges(first: int, last: int, apex: str, region: str) -> None:
    """A parabola between two vertebrae, on a spine that leans; its vertebrae turn with it."""
    numbers = np.arange(17)
    within = (first <= numbers) & (numbers <= last)
    across = np.where(within, (numbers - first) * (last - numbers) * 3.0, 0) + numbers * 4.0
    tilts = np.where(within, (2 * numbers - first - last) * 4.0, 0)
    points = rectangle_spine(tilts) + np.column_stack([np.repeat(across, 4), np.zeros(68)])
    largest = cobb_angles(points).largest
    assert ends(largest) == (first, last)
    assert (largest.apex, largest.region) == (apex, region)


@settings(deadline=None, max_examples=20)
@given(TILTS, st.tuples(st.floats(0.1, 3), st.floats(0.1, 3)))
def test_pixels_that_are_not_square_count(tilts: NDArray[np.float64], spacing: tuple[float, float]) -> None:
    """A spine in millimetres, as an image of that spacing shows it."""
    in_pixels = rectangle_spine(tilts) / [spacing[1], spacing[0]]
    true = [degrees for degrees, _ in by_all_pairs(tilts)]
    assert [angle.angle_deg for angle in curves(cobb_angles(in_pixels, spacing))] == pytest.approx(true, abs=1e-9)


@pytest.mark.parametrize("turn_deg", [-25.0, 10.0, 30.0])
def test_turning_the_image_leaves_the_angles(turn_deg: float) -> None:
    turn = np.radians(turn_deg)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    across = np.cumsum(-40 * np.tan(np.radians(TWO_BENDS)))
    points = rectangle_spine(TWO_BENDS) + np.column_stack([np.repeat(across, 4), np.zeros(68)])
    before, after = cobb_angles(points), cobb_angles(points @ matrix.T)
    assert [ends(angle) for angle in curves(after)] == [ends(angle) for angle in curves(before)]
    assert [angle.apex for angle in curves(after)] == [angle.apex for angle in curves(before)]
    np.testing.assert_allclose(cobb_angles_deg(points @ matrix.T), [48, 26, 35])


def test_many_spines_at_once_are_measured_as_one_by_one() -> None:
    tilts = np.random.default_rng(0).uniform(-30, 30, (2, 3, 17))
    spines = np.array([[rectangle_spine(one) for one in row] for row in tilts])
    measured = cobb_angles_deg(spines)
    assert measured.shape == (2, 3, 3)
    for row, column in itertools.product(range(2), range(3)):
        expected = [degrees for degrees, _ in by_all_pairs(tilts[row, column])]
        np.testing.assert_allclose(measured[row, column], expected)


def test_points_that_are_exact_have_exact_angles() -> None:
    points = rectangle_spine(TWO_BENDS)
    intervals = cobb_intervals_deg(points, np.zeros(68))
    np.testing.assert_allclose(intervals, np.array([[48, 48], [26, 26], [35, 35]]), atol=1e-9)


@settings(deadline=None, max_examples=20)
@given(TILTS, st.floats(0.1, 8))
def test_an_interval_holds_its_angle_and_nothing_below_zero(tilts: NDArray[np.float64], deviation: float) -> None:
    points = rectangle_spine(tilts)
    intervals = cobb_intervals_deg(points, np.full(68, deviation), draws=60)
    angles = cobb_angles_deg(points)
    assert intervals.shape == (3, 2)
    assert (intervals[:, 0] >= 0).all()
    assert ((intervals[:, 0] <= angles) & (angles <= intervals[:, 1])).all()


def test_what_noise_adds_to_a_largest_angle_is_not_in_the_interval() -> None:
    """Of a straight spine it begins at the angle itself and is as long as the draws spread above their middle."""
    rng = np.random.default_rng(5)
    drawn = cobb_angles_deg(rectangle_spine() + rng.normal(0, 1, (4000, 68, 2)))[:, 0]
    low, high = cobb_intervals_deg(rectangle_spine(), np.ones(68), 0.8, draws=2000)[0]
    assert low == 0
    assert high == pytest.approx(np.quantile(drawn, 0.9) - np.median(drawn), rel=0.1)


def test_an_interval_grows_with_the_deviations_and_with_the_share() -> None:
    points = rectangle_spine(TWO_BENDS)
    by_deviation = [np.ptp(cobb_intervals_deg(points, np.full(68, sd)), axis=1) for sd in (0.25, 0.5, 1.0, 2.0)]
    by_share = [np.ptp(cobb_intervals_deg(points, np.ones(68), share), axis=1) for share in (0.5, 0.8, 0.95)]
    for widths in (by_deviation, by_share):
        assert (np.diff(widths, axis=0) > 0).all()


def test_only_points_that_are_unsure_widen_an_interval() -> None:
    """T1 and T2 take no part in the lower curve, and are the end of the upper one."""
    deviations = np.where(np.arange(68) < 8, 1.0, 0.0)
    largest, upper, lower = np.ptp(cobb_intervals_deg(rectangle_spine(TWO_BENDS), deviations), axis=1)
    assert (largest, lower) == (pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-9))
    assert upper > 1


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_true_angles_lie_in_the_asked_share_of_intervals(share: float) -> None:
    """Of spines whose end vertebrae stand out, for there the error is a plain sum of the points' errors."""
    tilts = np.zeros(17)
    tilts[[0, 3, 10, 16]] = -10, 25, -30, 15
    truth, deviations = rectangle_spine(tilts), np.full(68, 1.0)
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(150):
        intervals = cobb_intervals_deg(truth + rng.normal(0, 1, truth.shape), deviations, share, draws=150)
        covered.append((intervals[:, 0] <= [55, 35, 45]) & (intervals[:, 1] >= [55, 35, 45]))
    # Three standard deviations of a share of 450, some of which go together.
    assert np.mean(covered) == pytest.approx(share, abs=0.1)
