from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skiagraph.geometry.vertebrae import (
    MIRRORED,
    POINT_NAMES,
    VERTEBRAE,
    order_faults,
    vertebra_corners,
    vertebra_outlines,
)
from tests.skiagraph.drawn_spines import STEP, rectangle_spine

Points = NDArray[np.float64]

NUMBERS = st.integers(0, 16)
TWO_NUMBERS = st.tuples(NUMBERS, NUMBERS).filter(lambda pair: pair[0] < pair[1]).map(tuple)


@st.composite
def spines(draw: st.DrawFn) -> Points:
    """Good spines: tilted by up to 40 degrees, bent sideways, and with corners a little off."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    points = rectangle_spine(rng.uniform(-40, 40, 17))
    sideways = np.repeat(np.cumsum(rng.uniform(-15, 15, 17)), 4)
    return points + np.column_stack([sideways, np.zeros(68)]) + rng.uniform(-2, 2, (68, 2))


def test_names_run_from_top_to_bottom_and_as_text_is_read() -> None:
    assert " ".join(VERTEBRAE) == "T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 L1 L2 L3 L4 L5"
    assert POINT_NAMES[:5] == ("T1_tl", "T1_tr", "T1_bl", "T1_br", "T2_tl")
    assert POINT_NAMES[48:50] == ("L1_tl", "L1_tr")
    assert (len(set(POINT_NAMES)), POINT_NAMES[67]) == (68, "L5_br")


def test_mirrored_swaps_left_and_right_and_does_it_back() -> None:
    swap = str.maketrans("lr", "rl")
    for point, name in enumerate(POINT_NAMES):
        vertebra, corner = name.split("_")
        assert POINT_NAMES[MIRRORED[point]] == f"{vertebra}_{corner.translate(swap)}"
        assert MIRRORED[MIRRORED[point]] == point


def test_corners_and_outlines_go_round_the_vertebra() -> None:
    points = np.arange(136.0).reshape(68, 2)
    corners = vertebra_corners(points)
    for number, name in itertools.product((0, 5, 16), ("tl", "tr", "bl", "br")):
        row, column = "tb".index(name[0]), "lr".index(name[1])
        at = POINT_NAMES.index(f"{VERTEBRAE[number]}_{name}")
        np.testing.assert_array_equal(corners[number, row, column], points[at])
    outlines = vertebra_outlines(points)
    assert len(outlines) == 17
    around = [POINT_NAMES.index(f"T6_{corner}") for corner in ("tl", "tr", "br", "bl", "tl")]
    np.testing.assert_array_equal(outlines[5], points[around])


def test_straight_spine_has_no_fault() -> None:
    assert order_faults(rectangle_spine()) == {}


@settings(deadline=None, max_examples=40)
@given(spines())
def test_good_spines_and_their_mirror_images_have_no_fault(points: Points) -> None:
    assert order_faults(points) == {}
    mirrored = np.column_stack([500 - points[:, 0], points[:, 1]])
    assert order_faults(mirrored[list(MIRRORED)]) == {}
    assert order_faults(mirrored) == dict.fromkeys(VERTEBRAE, "left and right are swapped")


@settings(deadline=None, max_examples=60)
@given(spines(), NUMBERS, st.sampled_from(list(itertools.combinations(range(4), 2))))
def test_two_swapped_corners_of_a_vertebra_are_found(points: Points, number: int, pair: tuple[int, int]) -> None:
    at = 4 * number + np.array(pair)
    points[at] = points[at[::-1]]
    assert list(order_faults(points)) == [VERTEBRAE[number]]


@settings(deadline=None, max_examples=40)
@given(spines(), TWO_NUMBERS)
def test_two_swapped_vertebrae_are_found(points: Points, pair: tuple[int, int]) -> None:
    """What lies above the one before it is what comes after the lower one, and the upper one in its new place."""
    upper, lower = pair
    vertebrae = points.reshape(17, 4, 2)
    vertebrae[[upper, lower]] = vertebrae[[lower, upper]]
    faults = order_faults(points)
    assert set(faults) == {VERTEBRAE[upper + 1], VERTEBRAE[lower]}
    assert all(fault == f"lies above {VERTEBRAE[VERTEBRAE.index(name) - 1]}" for name, fault in faults.items())


@settings(deadline=None, max_examples=40)
@given(spines(), TWO_NUMBERS, st.booleans())
def test_one_vertebra_marked_twice_is_found(points: Points, pair: tuple[int, int], downwards: bool) -> None:
    original, duplicate = pair if downwards else pair[::-1]
    vertebrae = points.reshape(17, 4, 2)
    vertebrae[duplicate] = vertebrae[original] + 3
    faults = order_faults(points)
    assert faults[VERTEBRAE[original]] == f"is in the same place as {VERTEBRAE[duplicate]}"
    assert faults[VERTEBRAE[duplicate]] == f"is in the same place as {VERTEBRAE[original]}"
    # Only where the duplicate is out of its place can the one after it be at fault as well.
    after = {VERTEBRAE[duplicate + 1]} if original > duplicate else set()
    assert set(faults) - {VERTEBRAE[original], VERTEBRAE[duplicate]} <= after


@settings(deadline=None, max_examples=20)
@given(spines())
def test_list_that_begins_with_the_wrong_vertebra_is_found(points: Points) -> None:
    assert order_faults(np.roll(points, -4, axis=0)) == {"L5": "lies above L4"}
    assert order_faults(np.roll(points, 4, axis=0)) == {"T2": "lies above T1"}


@pytest.mark.parametrize(
    ("order", "fault"),
    [
        ((1, 0, 3, 2), "left and right are swapped"),
        ((2, 3, 0, 1), "top and bottom are swapped"),
        ((1, 0, 2, 3), "left and right of the top edge are swapped"),
        ((0, 1, 3, 2), "left and right of the bottom edge are swapped"),
        ((2, 1, 0, 3), "top and bottom of the left edge are swapped"),
        ((0, 3, 2, 1), "top and bottom of the right edge are swapped"),
    ],
)
def test_what_is_wrong_within_a_vertebra_is_said(order: tuple[int, ...], fault: str) -> None:
    points = rectangle_spine()
    points[28:32] = points[28 + np.array(order)]
    assert order_faults(points) == {"T8": fault}


@pytest.mark.parametrize(("share", "same"), [(0.25, True), (0.35, False)])
def test_bodies_nearer_than_three_tenths_of_the_usual_step_are_one(share: float, same: bool) -> None:
    points = rectangle_spine()
    points[64:] += (0, STEP * (share - 1))
    assert (list(order_faults(points)) == ["L4", "L5"]) is same
    assert (order_faults(points) == {}) is not same
