from __future__ import annotations

import pytest
import torch
from monai.data.box_utils import batched_nms, non_max_suppression
from torch import Tensor

from skiagraph.networks.box_assignment import (
    BACKGROUND,
    IGNORED,
    Assignment,
    draw,
    labelled_classes,
    match,
    suppress,
)

RULE = Assignment(object_iou=0.7, background_iou=0.3, examples=10, object_share=0.5)


def some_boxes(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    start = torch.rand(count, 2, generator=generator) * 60
    return torch.cat([start, start + 5 + torch.rand(count, 2, generator=generator) * 40], dim=1)


def iou(one: list[float], other: list[float]) -> float:
    height = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    width = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return height * width / (sum(areas) - height * width)


def kept_one_by_one(boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float) -> list[int]:
    kept: list[int] = []
    for candidate in sorted(range(len(boxes)), key=lambda number: -float(scores[number])):
        rivals = [other for other in kept if labels[other] == labels[candidate]]
        if all(iou(boxes[candidate].tolist(), boxes[other].tolist()) <= threshold for other in rivals):
            kept.append(candidate)
    return kept


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5])
def test_suppression_is_what_one_by_one_gives(seed: int, threshold: float) -> None:
    boxes, scores = some_boxes(60, seed), torch.rand(60, generator=torch.Generator().manual_seed(seed))
    expected = kept_one_by_one(boxes, scores, torch.zeros(60), threshold)
    assert suppress(boxes, scores, threshold).tolist() == expected
    assert non_max_suppression(boxes, scores, threshold).tolist() == expected
    labels = torch.arange(60) % 3
    apart = kept_one_by_one(boxes, scores, labels, threshold)
    assert apart != expected
    assert batched_nms(boxes, scores, labels, threshold).tolist() == apart


def test_a_chain_of_boxes_each_over_the_next_loses_every_second() -> None:
    """The longest way for one decision to depend on others."""
    start = torch.arange(50.0)[:, None]
    boxes = torch.cat([start, 0 * start, start + 3, 0 * start + 10], dim=1)
    assert suppress(boxes, 50 - torch.arange(50.0), 0.4).tolist() == list(range(0, 50, 2))


def test_of_equal_boxes_and_scores_the_first_stays() -> None:
    assert suppress(some_boxes(1, 0).expand(4, 4), torch.ones(4), 0.5).tolist() == [0]
    assert suppress(torch.zeros(0, 4), torch.zeros(0), 0.5).tolist() == []


@pytest.mark.parametrize("every_box", [False, True])
def test_candidates_are_matched_by_their_overlap(every_box: bool) -> None:
    truth = torch.tensor([[0.0, 0.0, 10.0, 10.0], [50.0, 50.0, 60.0, 60.0]])
    candidates = torch.tensor(
        [
            [0.0, 0.0, 10.0, 8.0],  # 0.8 of the first
            [0.0, 0.0, 10.0, 5.0],  # 0.5 of the first: neither
            [0.0, 0.0, 10.0, 2.0],  # 0.2 of the first
            [50.0, 50.0, 60.0, 56.0],  # 0.6 of the second, its best
            [50.0, 50.0, 60.0, 52.0],  # 0.2 of the second
            [80.0, 80.0, 90.0, 90.0],
        ]
    )
    rule = Assignment(object_iou=0.7, background_iou=0.3, examples=10, object_share=0.5, every_box=every_box)
    best_of_second = 1 if every_box else IGNORED
    expected = [0, IGNORED, BACKGROUND, best_of_second, BACKGROUND, BACKGROUND]
    assert match(truth, candidates, rule).tolist() == expected


def test_a_box_that_no_candidate_touches_takes_none() -> None:
    rule = Assignment(object_iou=0.7, background_iou=0.3, examples=10, object_share=0.5, every_box=True)
    candidates = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    assert match(torch.tensor([[50.0, 50.0, 60.0, 60.0]]), candidates, rule).tolist() == [BACKGROUND]
    assert match(torch.zeros(0, 4), candidates, rule).tolist() == [BACKGROUND]


@pytest.mark.parametrize(
    ("objects", "background", "drawn"), [(20, 100, (5, 5)), (2, 100, (2, 8)), (20, 3, (5, 3)), (0, 100, (0, 10))]
)
def test_examples_are_drawn_in_their_shares(objects: int, background: int, drawn: tuple[int, int]) -> None:
    matched = torch.tensor([7] * objects + [BACKGROUND] * background + [IGNORED] * 50)
    chosen = draw(matched, RULE)
    assert tuple(map(len, chosen)) == drawn
    assert (matched[chosen[0]] == 7).all()
    assert (matched[chosen[1]] == BACKGROUND).all()
    assert all(len(each.unique()) == len(each) for each in chosen)


def test_examples_are_random_and_follow_the_seed() -> None:
    matched = torch.full((1000,), BACKGROUND)
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(draw(matched, RULE)[1].tolist())
    assert drawn[0] == drawn[1] != drawn[2]


def test_labelled_classes_are_those_named_or_all() -> None:
    device = torch.device("cpu")
    assert labelled_classes({}, 3, device).tolist() == [True, True, True]
    assert labelled_classes({"labelled": torch.tensor([2, 0])}, 3, device).tolist() == [True, False, True]
    assert labelled_classes({"labelled": torch.zeros(0, dtype=torch.int64)}, 3, device).tolist() == [False] * 3


@pytest.mark.parametrize("labelled", [[3], [-1], [0, 3]])
def test_labelled_classes_that_there_are_not_are_refused(labelled: list[int]) -> None:
    with pytest.raises(ValueError, match="classes 0 to 2"):
        labelled_classes({"labelled": torch.tensor(labelled, dtype=torch.int64)}, 3, torch.device("cpu"))
