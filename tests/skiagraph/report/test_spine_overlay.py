from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from skiagraph.geometry.cobb import cobb_angles
from skiagraph.geometry.vertebrae import VERTEBRAE
from skiagraph.report.overlays import GREEN
from skiagraph.report.spine_overlay import BLUE, RED, YELLOW, overlay_spine
from tests.skiagraph.drawn_spines import IMAGE_SIZE, WIDTH, rectangle_spine

# As large as makes lines so thick that the pixels on them have their colour in full.
SCALE = 3.0
GREY = 100
TWO_BENDS = np.interp(np.arange(17), [0, 3, 10, 16], [-4.0, 22.0, -26.0, 9.0])

Points = NDArray[np.float64]


def blank(scale: float = SCALE) -> NDArray[np.uint8]:
    return np.full((round(IMAGE_SIZE[1] * scale), round(IMAGE_SIZE[0] * scale)), GREY, np.uint8)


def colour_at(drawn: NDArray[np.uint8], point: Points) -> tuple[int, ...]:
    column, row = np.rint(point).astype(int)
    return tuple(drawn[row, column].tolist())


def edges(points: Points, number: int) -> list[tuple[Points, Points]]:
    """The two ends of the four edges of a vertebra."""
    top_left, top_right, bottom_left, bottom_right = points[4 * number : 4 * number + 4]
    return [
        (top_left, top_right),
        (top_right, bottom_right),
        (bottom_right, bottom_left),
        (bottom_left, top_left),
    ]


def outline_colours(drawn: NDArray[np.uint8], points: Points, number: int) -> set[tuple[int, ...]]:
    """At some places on each edge, but for its middle, where the line of the spine crosses it."""
    return {
        colour_at(drawn, start + share * (end - start))
        for start, end in edges(points, number)
        for share in (0.1, 0.25, 0.75, 0.9)
    }


def beside(points: Points, number: int) -> Points:
    """A point to the left of a vertebra, on its mid-line."""
    top_left, top_right, bottom_left, bottom_right = points[4 * number : 4 * number + 4]
    left, right = (top_left + bottom_left) / 2, (top_right + bottom_right) / 2
    return left - 0.5 * (right - left)


def is_drawn(drawn: NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return bool((drawn == colour).all(axis=2).any())


def test_outlines_lie_on_the_edges_of_the_vertebrae() -> None:
    points = rectangle_spine(TWO_BENDS, SCALE)
    drawn = overlay_spine(blank(), points)
    assert drawn.shape == (*blank().shape, 3)
    assert drawn.dtype == np.uint8
    assert all(outline_colours(drawn, points, number) == {GREEN} for number in range(17))


def test_nothing_is_drawn_away_from_the_vertebrae_and_the_line_through_them() -> None:
    points, image = rectangle_spine(TWO_BENDS), blank(1)
    lines = [edge for number in range(17) for edge in edges(points, number)]
    centres = points.reshape(17, 4, 2).mean(axis=1)
    lines += itertools.pairwise(centres)
    away = np.ones(image.shape, dtype=bool)
    for start, end in lines:
        columns, rows = np.rint(np.linspace(start, end, 100)).astype(int).T
        away[rows, columns] = False
    touched_far = (overlay_spine(image, points) != GREY).any(axis=2) & (distance_transform_edt(away) > 2.5)
    # The names stand within the vertebrae.
    row, column = np.nonzero(touched_far)
    assert len(row) > 0
    to_centres = np.abs(np.column_stack([column, row])[:, None] - centres)
    assert (to_centres < (WIDTH / 2, 10)).all(axis=2).any(axis=1).all()


def test_each_vertebra_has_its_name_in_its_middle_and_a_line_leads_through_all() -> None:
    points = rectangle_spine(scale=SCALE)
    drawn = overlay_spine(blank(), points)
    widths = []
    for number in range(17):
        left, top = np.rint(points[4 * number]).astype(int) + 8
        right, bottom = np.rint(points[4 * number + 3]).astype(int) - 8
        rows, columns = np.nonzero((drawn[top:bottom, left:right] == GREEN).all(axis=2))
        widths.append(np.ptp(columns))
        assert widths[-1] > np.ptp(rows) > 10
        assert (rows.min() + rows.max()) / 2 == pytest.approx((bottom - top) / 2, abs=4)
        assert (columns.min() + columns.max()) / 2 == pytest.approx((right - left) / 2, abs=4)
    assert {VERTEBRAE[number] for number in np.argsort(widths)[-3:]} == {"T10", "T11", "T12"}
    centres = points.reshape(17, 4, 2).mean(axis=1)
    between = {colour_at(drawn, (upper + lower) / 2) for upper, lower in itertools.pairwise(centres)}
    assert len(between) == 1
    assert not between & {GREEN, (GREY,) * 3}


def test_the_image_stays_as_it_was() -> None:
    image = np.random.default_rng(0).integers(0, 256, (380, 120), np.uint8)
    before = image.copy()
    points = rectangle_spine(TWO_BENDS, 0.5)
    overlay_spine(image, points, cobb_angles(points), {"T1": "is wrong"}, {3: BLUE})
    np.testing.assert_array_equal(image, before)


def test_vertebrae_at_fault_are_red_and_no_others() -> None:
    points = rectangle_spine(scale=SCALE)
    drawn = overlay_spine(blank(), points, faults={"T3": "is wrong", "L5": "is wrong"})
    for number, name in enumerate(VERTEBRAE):
        assert outline_colours(drawn, points, number) == {RED if name in ("T3", "L5") else GREEN}


def test_angles_are_lines_along_their_end_vertebrae_alone() -> None:
    points = rectangle_spine(TWO_BENDS, SCALE)
    drawn = overlay_spine(blank(), points, cobb_angles(points))
    with_line = [name for number, name in enumerate(VERTEBRAE) if colour_at(drawn, beside(points, number)) == YELLOW]
    assert with_line == ["T1", "T4", "T11", "L5"]
    assert not is_drawn(overlay_spine(blank(), points), YELLOW)


def test_an_angle_is_written_on_the_right_between_its_ends_and_whole() -> None:
    points = rectangle_spine(np.linspace(-20, 20, 17), SCALE)
    middle = round(points[:, 1].mean())
    sizes = []
    # Beside the spine there is room for the number, or too little, so that it stands farther left.
    for width in (720, 600):
        drawn = overlay_spine(blank()[:, :width], points, cobb_angles(points))
        rows, columns = np.nonzero((drawn == YELLOW).all(axis=2)[middle - 100 : middle + 100])
        assert rows.mean() == pytest.approx(100, abs=10)
        assert columns.min() > points[:, 0].max()
        sizes.append(len(columns))
    assert sizes[0] == pytest.approx(sizes[1], rel=0.02)


def test_where_there_is_no_angle_none_is_drawn() -> None:
    straight = rectangle_spine(scale=SCALE)
    assert not is_drawn(overlay_spine(blank(), straight, cobb_angles(straight)), YELLOW)
    # One curve over the whole spine leaves nothing above and below it.
    bent = rectangle_spine(np.linspace(-20, 20, 17), SCALE)
    drawn = overlay_spine(blank(), bent, cobb_angles(bent))
    with_line = [name for number, name in enumerate(VERTEBRAE) if colour_at(drawn, beside(bent, number)) == YELLOW]
    assert with_line == ["T1", "L5"]


def test_marks_are_rings_around_their_points() -> None:
    points = rectangle_spine(scale=SCALE)
    plain = overlay_spine(blank(), points)
    marked = overlay_spine(blank(), points, marks={4: BLUE, 67: RED})
    for number, colour in ((4, BLUE), (67, RED)):
        rows, columns = np.nonzero((marked == colour).all(axis=2))
        away = np.hypot(columns - points[number, 0], rows - points[number, 1])
        assert len(away) > 50
        assert np.ptp(away) < 8
        assert away.min() > 5
        assert np.hypot(*(np.array([columns.mean(), rows.mean()]) - points[number])) < 1
    rows, columns = np.nonzero((marked != plain).any(axis=2))
    to_points = [np.hypot(columns - x, rows - y) for x, y in points[[4, 67]]]
    assert np.min(to_points, axis=0).max() < 25


@pytest.mark.parametrize("size", [(2, 2), (1, 1), (3, 400), (400, 3)])
def test_tiny_images_and_points_outside_are_no_trouble(size: tuple[int, int]) -> None:
    points = rectangle_spine(TWO_BENDS)
    drawn = overlay_spine(np.zeros(size, np.uint8), points, cobb_angles(points), {"T2": "is wrong"}, {0: BLUE})
    assert drawn.shape == (*size, 3)
