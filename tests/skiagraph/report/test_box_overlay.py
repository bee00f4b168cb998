from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from skiagraph.report import overlay_boxes
from skiagraph.report.box_overlay import COLOURS, WHITE

GREY = 60
Drawn = NDArray[np.uint8]


def blank(rows: int = 600, columns: int = 900) -> Drawn:
    return np.full((rows, columns), GREY, np.uint8)


def where(drawn: Drawn, colour: tuple[int, int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.nonzero((drawn == colour).all(axis=2))


def touched(drawn: Drawn) -> NDArray[np.bool_]:
    return (drawn != GREY).any(axis=2)


def test_a_box_lies_between_the_pixels_that_it_bounds() -> None:
    """From the left edge of column 200 to the left edge of column 500: the line is as wide on both sides of it."""
    drawn = overlay_boxes(blank(), np.array([[200.0, 100, 500, 400]]), ["implant"], [0.5])
    assert drawn.shape == (600, 900, 3)
    profile = (drawn[250].astype(float) - GREY)[:, 2] / (COLOURS[0][2] - GREY)
    left, right = profile[:350], profile[350:]
    assert left.sum() == pytest.approx(3, abs=0.3)
    assert (left * (np.arange(350) + 0.5)).sum() / left.sum() == pytest.approx(200, abs=0.3)
    assert (right * (np.arange(350, 900) + 0.5)).sum() / right.sum() == pytest.approx(500, abs=0.3)
    rows = np.nonzero(touched(drawn)[:, 450])[0]
    assert (rows.min() + 1.5, rows.max() - 0.5) == pytest.approx((100, 400), abs=1)


def test_class_and_score_stand_above_the_box_or_where_there_is_room() -> None:
    for box, rows_of_text in (
        ([300, 200, 500, 400], (150, 200)),  # above
        ([300, 5, 500, 400], (400, 450)),  # below
        ([300, 5, 500, 595], (5, 55)),  # inside
    ):
        drawn = overlay_boxes(blank(), np.array([box], float), ["implant"], [0.87])
        frame = overlay_boxes(blank(), np.array([box], float), ["i"], [0.87])
        rows, columns = np.nonzero((drawn != frame).any(axis=2))
        assert rows_of_text[0] - 1 <= rows.min() < rows.max() <= rows_of_text[1] + 1
        assert columns.min() >= 300 - 3


@pytest.mark.parametrize("box", [[880, 300, 900, 320], [0, 0, 900, 600], [0, 590, 20, 600], [850, -50, 990, 700]])
def test_the_text_is_whole_within_the_image(box: list[float]) -> None:
    """As many pixels have the full colour as with a box in the middle, less or more the line."""
    text = []
    for place in (box, [400, 300, 420, 320]):
        long, short = (
            overlay_boxes(blank(), np.array([place], float), [name], [0.5], classes=("mmmm", "m"))
            for name in ("mmmm", "m")
        )
        text.append(len(where(long, COLOURS[0])[0]) - len(where(short, COLOURS[1])[0]))
    assert text[0] == pytest.approx(text[1], rel=0.2)
    assert text[1] > 100


def test_a_class_keeps_its_colour_whatever_is_in_the_image() -> None:
    classes = ("implant", "fracture")
    box = np.array([[100.0, 100, 300, 300]])
    drawn = overlay_boxes(blank(), box, ["fracture"], [0.9], classes=classes)
    assert len(where(drawn, COLOURS[1])[0]) > 500
    assert not len(where(drawn, COLOURS[0])[0])
    both = overlay_boxes(blank(), np.concatenate([box, box + 300]), ["fracture", "implant"], [0.9, 0.5], None, classes)
    rows, _ = where(both, COLOURS[0])
    assert rows.min() > 350
    assert len(COLOURS) == len(set(COLOURS))


def as_the_colour_blind_see(colours: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Colours (N, 3) for dichromats: Vienot, Brettel and Mollon, Color Res. Appl. 24 (1999), linear RGB."""
    linear = (colours / 255) ** 2.2
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    return [(linear @ matrix.T).clip(0, 1) ** (1 / 2.2) * 255 for matrix in (np.eye(3), protan, deutan)]


def test_colours_differ_for_the_colour_blind_and_from_a_dark_image() -> None:
    for seen in as_the_colour_blind_see(np.array([*COLOURS, (0, 0, 0)], float)):
        apart = np.linalg.norm(seen[:, None] - seen, axis=2)[np.triu_indices(len(seen), 1)]
        assert apart.min() > 35


def test_texts_of_boxes_beside_one_another_do_not_cover_each_other() -> None:
    boxes = np.array([[300.0, 200, 500, 400], [310, 202, 510, 402]])
    alone = [overlay_boxes(blank(), boxes[[n]], ["implant"], [0.9 - n / 10]) for n in range(2)]
    both = overlay_boxes(blank(), boxes, ["implant"] * 2, [0.9, 0.8])
    above, below = touched(both)[:195].sum(), touched(both)[408:].sum()
    assert above == touched(alone[0])[:195].sum() > 0
    assert below == pytest.approx(touched(alone[1])[:197].sum(), rel=0.2)


def test_the_surest_box_is_on_top() -> None:
    boxes = np.array([[300.0, 200, 500, 400], [300.0, 200, 500, 400]])
    for scores, top in (([0.9, 0.2], 0), ([0.2, 0.9], 1)):
        drawn = overlay_boxes(blank(), boxes, ["a", "b"], scores)
        assert tuple(drawn[300, 300]) == COLOURS[top]


def test_true_boxes_are_dashed_and_white() -> None:
    truth = np.array([[300.0, 200, 600, 500]])
    drawn = overlay_boxes(blank(), np.array([[20.0, 20, 90, 90]]), ["implant"], [0.5], truth)
    share = (drawn[200:500, 300] == WHITE).all(axis=1).mean()
    assert 0.35 < share < 0.65
    rows, columns = where(drawn, WHITE)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == pytest.approx((200, 500, 300, 600), abs=2)


def test_nothing_found_is_said() -> None:
    drawn = overlay_boxes(blank(), np.empty((0, 4)), [], [])
    rows, columns = where(drawn, WHITE)
    assert len(rows) > 100
    assert max(rows.max(), columns.max() / 10) < 40


def test_lines_and_letters_grow_with_the_image() -> None:
    small, large = (
        touched(overlay_boxes(blank(300 * n, 450 * n), n * np.array([[100.0, 100, 300, 200]]), ["implant"], [0.5]))
        for n in (1, 4)
    )
    assert large.mean() == pytest.approx(small.mean(), rel=0.35)


def test_the_image_stays_as_it_was_and_may_have_colours() -> None:
    image = np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8)
    before = image.copy()
    drawn = overlay_boxes(image, np.array([[30.0, 30, 80, 70]]), ["implant"], [0.5], np.array([[35.0, 35, 80, 70]]))
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(drawn[76:], before[76:])


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2)])
def test_tiny_images_and_boxes_outside_are_no_trouble(size: tuple[int, int]) -> None:
    boxes = np.array([[-50.0, -50, -10, -10], [0, 0, 1, 1], [1e4, 5, 2e4, 6]])
    drawn = overlay_boxes(np.zeros(size, np.uint8), boxes, ["a", "b", "c"], [0.9, 0.8, 0.7], boxes)
    assert drawn.shape == (*size, 3)
