"""Edges between points, in length and direction."""

from __future__ import annotations

import math

import pytest
import torch

from skiagraph.geometry.heat_maps import gaussian_maps
from skiagraph.losses import HeatMapLoss, morphology_loss

SIZE = torch.tensor([100.0, 200.0])


def spine() -> torch.Tensor:
    body = torch.tensor([[0.0, 0.0], [20.0, 0.0], [0.0, 6.0], [20.0, 6.0]])
    return torch.cat([body + torch.tensor([30.0, 10.0 * number + 5]) for number in range(17)])[None]


def loss(points: torch.Tensor, counted: torch.Tensor | None = None) -> float:
    every = torch.ones(1, 68) if counted is None else counted
    return morphology_loss(points, spine(), every, SIZE).item()


def test_a_spine_somewhere_else_has_the_same_form() -> None:
    assert loss(spine()) == pytest.approx(0, abs=1e-6)
    assert loss(spine() + torch.tensor([7.0, -3.0])) == pytest.approx(0, abs=1e-6)


def test_a_spine_twice_as_large_differs_by_its_lengths_alone() -> None:
    # 17 vertebrae with two edges of 20 and two of 6, and 16 discs with two of 4, in shares of width and height.
    mean = (17 * (2 * 20 / 100 + 2 * 6 / 200) + 16 * 2 * 4 / 200) / (17 * 4 + 16 * 2)
    assert loss(spine() * 2) == pytest.approx(mean, rel=1e-5)


def test_a_spine_upside_down_differs_by_its_directions() -> None:
    assert loss(-spine()) == pytest.approx(2, abs=1e-5)


def test_edges_to_points_outside_the_image_do_not_count() -> None:
    moved = spine()
    moved[0, 0] += 50
    counted = torch.ones(1, 68)
    counted[0, 0] = 0
    assert loss(moved) > 0.001
    assert loss(moved, counted) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_it_can_be_added_to_the_loss_of_heat_maps(kind: str) -> None:
    true = spine() + 20
    # So sharp that nothing of a map lies elsewhere.
    heights = gaussian_maps(true + torch.tensor([3.0, 2.0]), (64, 32), 5.0, 4).clamp(1e-30, 1 - 1e-6)
    logits = (heights.log() if kind == "softmax" else torch.logit(heights)).requires_grad_()
    plain, added = (HeatMapLoss(kind, 4, morphology=weight)(logits, true) for weight in (0.0, 5.0))
    assert math.isclose(added.item(), plain.item(), abs_tol=5e-3)  # moved as a whole
    bent = true.clone()
    bent[:, 30:34, 0] += 9
    assert (HeatMapLoss(kind, 4, morphology=5.0)(logits, bent) - HeatMapLoss(kind, 4)(logits, bent)).item() > 0.01
    (gradient,) = torch.autograd.grad(added, logits)
    assert gradient.isfinite().all()
