from __future__ import annotations

import math

import pytest
import torch
from monai.losses import BoxGIoULoss

from skiagraph.losses import CentreLoss

STRIDE, CELLS, CLASSES = 8, 12, 2
BOX = (20.0, 28.0, 68.0, 76.0)  # its middle is that of cell (5, 6)
CELL = (5, 6)


def target(*labelled: int, label: int = 0) -> dict[str, torch.Tensor]:
    known = {"labelled": torch.tensor(labelled)} if labelled else {}
    return {"boxes": torch.tensor([BOX]), "labels": torch.tensor([label]), **known}


def perfect(label: int = 0) -> torch.Tensor:
    """Sure of the one cell and of nothing else; every cell measures the box."""
    maps = torch.full((1, CLASSES + 4, CELLS, CELLS), -12.0)
    maps[0, label, *CELL] = 12.0
    middle = torch.stack(torch.meshgrid(*[torch.arange(CELLS) * 8 + 4.0] * 2, indexing="ij"))
    box = torch.tensor(BOX)[:, None, None]
    away = torch.cat([middle - box[:2], box[2:] - middle]) / STRIDE
    maps[0, CLASSES:] = away.clamp_min(1e-3).log()
    return maps


def losses(maps: torch.Tensor, *targets: dict[str, torch.Tensor]) -> tuple[float, float]:
    made = CentreLoss(STRIDE)(maps, targets)
    return made["classification"].item(), made["box_regression"].item()


def test_a_perfect_answer_costs_nothing() -> None:
    assert losses(perfect(), target()) == pytest.approx((0, 0), abs=2e-3)


def test_another_class_or_another_place_costs() -> None:
    wrong = losses(perfect(1), target())[0]
    moved = losses(perfect().roll(4, dims=2), target())[0]
    assert min(wrong, moved) > 5
    # At the centre of a Gaussian that is sure of itself: -log(1e-4).
    missed = perfect()
    missed[0, 0, *CELL] = -12.0
    assert losses(missed, target())[0] == pytest.approx(-math.log(1e-4), rel=0.01)


def giou_loss(maps: torch.Tensor, cell: tuple[int, int], box: tuple[float, ...]) -> float:
    """Of what one cell measures."""
    middle = torch.tensor(cell) * STRIDE + STRIDE / 2
    away = maps[0, CLASSES:, cell[0], cell[1]].exp() * STRIDE
    found = torch.cat([middle - away[:2], middle + away[2:]])
    return BoxGIoULoss(reduction="none")(found[None], torch.tensor([box])).item()


def test_sides_cost_by_their_giou_near_the_centre_the_most() -> None:
    off = perfect()
    off[0, CLASSES:] += math.log(1.5)
    # Standard deviation of the Gaussian of a box of 48 pixels: 0.09 of it; it reaches three cells each way.
    weights, costs = [], []
    for row in range(CELLS):
        for column in range(CELLS):
            height = math.exp(-((row - CELL[0]) ** 2 + (column - CELL[1]) ** 2) * STRIDE**2 / 2 / (48 * 0.09) ** 2)
            if height > 0.01:
                weights.append(height)
                costs.append(giou_loss(off, (row, column), BOX))
    expected = 5 * sum(w * c for w, c in zip(weights, costs, strict=True)) / sum(weights)
    assert losses(off, target())[1] == pytest.approx(expected, rel=1e-4)


def test_a_large_box_counts_more_and_the_smaller_one_is_in_front() -> None:
    small, large = (4.0, 4.0, 20.0, 20.0), (16.0, 16.0, 80.0, 80.0)
    cells = {small: (1, 1), large: (6, 6)}
    maps = torch.full((1, CLASSES + 4, CELLS, CELLS), 0.0)
    both = {"boxes": torch.tensor([small, large]), "labels": torch.tensor([0, 0])}
    alone = {
        box: losses(maps, {"boxes": torch.tensor([box]), "labels": torch.tensor([0])})[1] for box in (small, large)
    }
    logs = {box: math.log((box[2] - box[0]) ** 2) for box in cells}
    expected = sum(logs[box] * alone[box] for box in cells) / sum(logs.values())
    assert losses(maps, both)[1] == pytest.approx(expected, rel=1e-4)
    inner = (32.0, 32.0, 64.0, 64.0)
    nested = {"boxes": torch.tensor([large, inner]), "labels": torch.tensor([0, 0])}
    swapped = {"boxes": nested["boxes"].flip(0), "labels": nested["labels"]}
    assert losses(maps, nested)[1] == pytest.approx(losses(maps, swapped)[1])


def test_of_classes_that_are_not_labelled_nothing_is_learned() -> None:
    doubtful = perfect()
    doubtful[0, 1, 2, 2] = 5.0
    assert losses(doubtful, target())[0] > 1
    assert losses(doubtful, target(0, 1))[0] > 1
    assert losses(doubtful, target(0))[0] == pytest.approx(0, abs=2e-3)
    # Where there is a box of such a class, it is learned all the same.
    missed = perfect()
    missed[0, 0, *CELL] = -12.0
    assert losses(missed, target(1))[0] == pytest.approx(losses(missed, target(0, 1))[0], rel=0.01)
    assert losses(missed, target(1))[0] > 5


def test_an_image_without_boxes_is_a_negative_one() -> None:
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.long)}
    nothing = torch.full((1, CLASSES + 4, CELLS, CELLS), -12.0)
    assert losses(nothing, empty) == pytest.approx((0, 0), abs=1e-3)
    assert losses(perfect(), empty)[0] > 5
