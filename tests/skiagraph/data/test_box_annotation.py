from __future__ import annotations

import numpy as np
import pytest

from skiagraph.data.box_annotation import BoxAnnotation, box_problems


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ((0, 0, 100, 50), None),  # the whole image
        ((99, 49, 100, 50), None),
        ((-1, 0, 10, 10), "box out of the image: implant (-1, 0, 10, 10)"),
        ((0, -0.5, 10, 10), "box out of the image: implant (0, -0.5, 10, 10)"),
        ((0, 0, 101, 10), "box out of the image: implant (0, 0, 101, 10)"),
        ((0, 0, 10, 51), "box out of the image: implant (0, 0, 10, 51)"),
        ((5, 5, 5, 10), "empty or reversed box: implant (5, 5, 5, 10)"),
        ((5, 10, 15, 10), "empty or reversed box: implant (5, 10, 15, 10)"),
        ((15, 5, 5, 10), "empty or reversed box: implant (15, 5, 5, 10)"),
        ((5, 10, 15, 5), "empty or reversed box: implant (5, 10, 15, 5)"),
    ],
)
def test_a_box_has_an_area_within_the_image(box: tuple[float, ...], problem: str | None) -> None:
    annotation = BoxAnnotation(np.array([(1, 1, 2, 2), box], dtype=float), ("implant", "implant"))
    assert box_problems(annotation, (100, 50), ["implant"]) == ([] if problem is None else [problem])


def test_every_sort_of_fault_is_told_with_all_that_have_it() -> None:
    boxes = np.array([(0, 0, 200, 9), (9, 0, 0, 9), (0, 0, 1, 300), (1, 1, 2, 2)], dtype=float)
    annotation = BoxAnnotation(boxes, ("implant", "nail", "fracture", "Implant"), size=(50, 100))
    assert box_problems(annotation, (100, 50), ["implant", "fracture"]) == [
        "drawn in an image of another size: 50 x 100, but it has 100 x 50 pixels",
        "unknown class: Implant, nail",
        "empty or reversed box: nail (9, 0, 0, 9)",
        "box out of the image: implant (0, 0, 200, 9), fracture (0, 0, 1, 300)",
    ]


def test_no_box_is_no_problem_and_flags_may_be_left_out() -> None:
    assert box_problems(BoxAnnotation(np.empty((0, 4)), (), (8, 8)), (8, 8), []) == []
    two = BoxAnnotation(np.ones((2, 4)), ("a", "b"), difficult=(True, False))
    assert (two.truncated, two.difficult) == ((False, False), (True, False))


def test_sums_that_are_not_quite_exact_are_no_fault() -> None:
    annotation = BoxAnnotation(np.array([[-1e-9, 0.0, 100 + 1e-9, 50.0]]), ("implant",))
    assert box_problems(annotation, (100, 50), {"implant"}) == []
    beyond = BoxAnnotation(np.array([[0.0, 0.0, 100.1, 50.0]]), ("implant",))
    assert box_problems(beyond, (100, 50), {"implant"}) == ["box out of the image: implant (0, 0, 100.1, 50)"]
