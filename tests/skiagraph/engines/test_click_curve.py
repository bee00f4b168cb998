"""Evaluation with simulated clicks, on a network whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.engines import SupervisedEvaluator

from skiagraph.engines import ClickCurve
from skiagraph.transforms import CornerDecoder
from skiagraph.transforms.grid import move_points
from tests.skiagraph.engines.clicked_toy import POINTS, TO_FILE, Oracle, loader, truth


def evaluate(points: torch.Tensor, network: Oracle, **arguments: object) -> list[dict]:
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=loader(points),
        network=network,
        iteration_update=ClickCurve(CornerDecoder(), **arguments),
    )
    evaluator.run()
    return evaluator.state.output


def errors_of(corners: torch.Tensor, points: torch.Tensor) -> np.ndarray:
    """Distances of points in the file from true corners in the network's image."""
    true = move_points(corners.double().numpy(), TO_FILE.numpy())
    return np.linalg.norm(points.double().numpy() - true, axis=-1)


def test_errors_are_distances_in_pixels_of_the_file() -> None:
    points = truth()
    cases = evaluate(points, Oracle(points, 4.0), clicks=1, thorough=False)
    moved = 4.0 * (0.5 + np.arange(POINTS) / POINTS)
    in_file = np.hypot(moved * TO_FILE[0, 0].item(), moved * TO_FILE[1, 1].item())
    for case in cases:
        np.testing.assert_allclose(case["errors_px"][0].numpy(), in_file, atol=1.0)


def test_each_click_makes_the_worst_point_exact_for_good_and_helps_the_others() -> None:
    points = truth()
    cases = evaluate(points, Oracle(points, 4.0), clicks=5, thorough=False)
    errors = cases[0]["errors_px"].numpy()
    assert errors.shape == (6, POINTS)
    for click in range(5):
        exact = errors[click + 1] < 1e-3
        worst = np.where(errors[click] < 1e-3, -1, errors[click]).argmax()
        assert exact[worst]
        assert exact.sum() == click + 1
        assert errors[click + 1][~exact].mean() < errors[click][~exact].mean()


def test_network_is_shown_all_clicks_so_far_and_nothing_else() -> None:
    points = truth()
    network = Oracle(points, 4.0)
    evaluate(points, network, clicks=2, thorough=False)
    first, second, third = network.inputs
    assert not first.any()
    hinted = [(x[:, 16 : 16 + POINTS].amax(dim=(2, 3)) > 0.5).sum(dim=1).tolist() for x in (second, third)]
    assert hinted == [[1, 1], [2, 2]]
    assert not any(x[:, 16 + POINTS :].any() for x in network.inputs)


def test_the_networks_own_proposal_is_its_most_uncertain_point() -> None:
    points = truth(1)
    network = Oracle(points, 4.0)
    blurred = 7

    def blur(_: object, __: object, logits: torch.Tensor) -> torch.Tensor:
        logits = logits.clone()
        logits[:, blurred] *= 0.2
        return logits

    network.register_forward_hook(blur)
    (case,) = evaluate(points, network, clicks=1)
    errors = {key: errors_of(points[0], case[key]) for key in ("points_px", "points_px_fix_next")}
    assert errors["points_px_fix_next"][1, blurred] < 1e-3
    assert errors["points_px"][1, blurred] > 1
    np.testing.assert_allclose(errors["points_px"], case["errors_px"], atol=1e-3)


@pytest.mark.parametrize("miss_px", [5.0, 20.0])
def test_click_that_misses_leaves_its_point_as_far_off(miss_px: float) -> None:
    points = truth()
    cases = evaluate(points, Oracle(points, 4.0), clicks=1, miss_px=miss_px)
    for case, corners in zip(cases, points, strict=True):
        worst = case["errors_px"][0].argmax().item()
        missed = errors_of(corners, case["points_px_wrong_click"])
        assert missed[worst] == pytest.approx(miss_px, abs=1e-3)
        others = np.arange(POINTS) != worst
        np.testing.assert_allclose(missed[others], case["errors_px"][1][others], atol=1e-3)
