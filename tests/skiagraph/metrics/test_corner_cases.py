from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from numpy.typing import NDArray
from PIL import Image

from skiagraph.geometry.cobb import cobb_angles_deg
from skiagraph.metrics import plot_corners, score_corners, summarise_corners
from skiagraph.transforms.decode_corners import Corners
from tests.skiagraph.drawn_spines import IMAGE_SIZE, rectangle_spine

TURNS = [0, 3, 10, 16]
# Cobb angles 48, 26 and 35; and 50, 20 and 41.
TRUTH = rectangle_spine(np.interp(np.arange(17), TURNS, [-4.0, 22.0, -26.0, 9.0]))
PREDICTED = rectangle_spine(np.interp(np.arange(17), TURNS, [3.0, 23.0, -27.0, 14.0]))

# The network's image has a third of the rows of the file and half of its columns, and begins a little inside.
FACTOR, SHIFT = np.array([2.0, 3.0]), np.array([0.5, 1.0])
WORST = 5


def errors(*rows: tuple[float, dict[int, float]]) -> torch.Tensor:
    """Errors of all 68 points after each click: one number for all, but for some."""
    return torch.tensor([[others.get(point, usual) for point in range(68)] for usual, others in rows])


# Means 31, 16.75 and 33.
CURVE = errors((30.0, {WORST: 98.0}), (17.0, {WORST: 0.0}), (34.0, {WORST: 0.0, 9: 0.0}))


def off(distances: torch.Tensor, truth: NDArray[np.float64] = TRUTH) -> torch.Tensor:
    """Points so far from the truth, each in a direction of its own."""
    turns = np.arange(68)
    return torch.from_numpy(truth + distances.numpy()[..., None] * np.stack([np.cos(turns), np.sin(turns)], axis=-1))


def case(
    curve: torch.Tensor = CURVE,
    predicted: NDArray[np.float64] = PREDICTED,
    truth: NDArray[np.float64] = TRUTH,
    expected_error_px: float = 0.0,
    spacing: tuple[float, float] = (math.nan, math.nan),
    **more: torch.Tensor,
) -> dict[str, Any]:
    width, height = IMAGE_SIZE
    affine = np.eye(4)
    affine[:2, :2] = np.diag(FACTOR[::-1])
    affine[:2, 3] = SHIFT[::-1]
    if not math.isnan(spacing[0]):
        affine = np.diag([*spacing, 1, 1]) @ affine
    meta = {"spatial_shape": np.array([height, width]), "spacing_mm": spacing}
    corners = Corners(predicted, np.ones(68), np.full(68, expected_error_px), np.zeros(68, dtype=bool))
    return {
        "image": MetaTensor(torch.zeros(1, 4, 4), affine=affine, meta=meta),
        "label": torch.from_numpy((truth - SHIFT) / FACTOR),
        "pred_corners": corners,
        "points_px": off(curve, truth),
        "points_px_fix_next": off(curve, truth),
        "points_px_wrong_click": off(curve[0], truth),
        **more,
    }


def test_mean_errors_by_the_number_of_clicks() -> None:
    values = score_corners(case())
    assert [values[f"mre_px_k{clicks}"] for clicks in range(3)] == pytest.approx([31, 16.75, 33])
    assert [values[f"mre_percent_k{clicks}"] for clicks in range(3)] == pytest.approx([310 / 76, 167.5 / 76, 330 / 76])
    assert "mre_px_k3" not in values


def test_by_hand_the_worst_points_are_put_right_and_the_others_stay() -> None:
    first = errors((10.0, {3: 78.0, WORST: 44.0, 60: 27.0}), (1.0, {}), (1.0, {}), (1.0, {}))
    values = score_corners(case(first))
    expected = [total / 68 for total in (650 + 78 + 44 + 27, 650 + 44 + 27, 650 + 27, 650)]
    assert [values[f"manual_mre_px_k{clicks}"] for clicks in range(4)] == pytest.approx(expected)


def test_clicks_where_the_network_proposes_and_one_that_missed() -> None:
    missed = errors((19.0, {WORST: 20.0}))[0]
    values = score_corners(case(points_px_fix_next=off(CURVE.flip(0)), points_px_wrong_click=off(missed)))
    assert [values[f"fix_next_mre_px_k{clicks}"] for clicks in range(3)] == pytest.approx([33, 16.75, 31])
    assert values["others_mre_px_exact_click"] == pytest.approx(17)
    assert values["others_mre_px_wrong_click"] == pytest.approx(19)


@pytest.mark.parametrize(
    ("usual", "to_20", "to_50"),
    [((60, 49, 20, 19.9), 3, 1), ((19, 60, 60, 60), 0, 0), ((50, 50, 50, 50), 3, 3)],
)
def test_clicks_until_the_mean_is_below(usual: tuple[float, ...], to_20: float, to_50: float) -> None:
    values = score_corners(case(errors(*((mean, {}) for mean in usual))))
    assert values["clicks_to_20px"] == pytest.approx(to_20, nan_ok=True)
    assert values["clicks_to_50px"] == pytest.approx(to_50, nan_ok=True)


def test_angles_are_compared_in_pixels_of_the_file() -> None:
    values = score_corners(case(points_px=torch.from_numpy(np.stack([PREDICTED, TRUTH]))))
    names = [f"cobb_error_{name}_deg" for name in ("largest", "upper", "lower")]
    assert [values[name] for name in names] == pytest.approx([2, 6, 6])
    share = 100 * (2 + 6 + 6) / (48 + 26 + 35 + 50 + 20 + 41)
    by_clicks = [(values[f"cobb_mae_deg_k{clicks}"], values[f"smape_percent_k{clicks}"]) for clicks in range(2)]
    assert by_clicks == [pytest.approx((14 / 3, share)), pytest.approx((0, 0), abs=1e-6)]


def test_angles_are_those_of_the_body_where_pixels_are_wider_than_high() -> None:
    values = score_corners(case(spacing=(0.2, 0.4)))
    flat = np.array([2.0, 1.0])
    expected = np.abs(cobb_angles_deg(PREDICTED * flat) - cobb_angles_deg(TRUTH * flat))
    names = [f"cobb_error_{name}_deg" for name in ("largest", "upper", "lower")]
    assert [values[name] for name in names] == pytest.approx(expected.tolist())
    assert values["mre_px_k0"] == pytest.approx(31)


def test_two_straight_spines_differ_by_nothing_and_from_a_bent_one_by_all() -> None:
    level = rectangle_spine()
    answer = torch.from_numpy(level)[None].expand(2, -1, -1)
    assert score_corners(case(points_px=answer, truth=level))["smape_percent_k0"] == pytest.approx(0, abs=1e-6)
    assert score_corners(case(points_px=answer))["smape_percent_k0"] == pytest.approx(100)
    # Where not even rounding leaves an angle.
    exact = case(points_px=torch.zeros(2, 68, 2), truth=np.zeros((68, 2)))
    exact["label"] = torch.from_numpy(-SHIFT / FACTOR).expand(68, 2)
    assert score_corners(exact)["smape_percent_k0"] == 0


def test_true_angles_are_looked_for_in_the_intervals() -> None:
    """The largest angle is right, the two others are 6 and 5 degrees off; half a pixel makes two degrees or so."""
    predicted = rectangle_spine(np.interp(np.arange(17), TURNS, [2.0, 22.0, -26.0, 14.0]))
    shares = [
        score_corners(case(predicted=predicted, expected_error_px=0.5), scale)["cobb_in_interval"]
        for scale in (1.0, 20.0)
    ]
    assert shares == [pytest.approx(1 / 3), 1]
    assert score_corners(case(predicted=predicted, expected_error_px=10.0))["cobb_in_interval"] == 1


def row(name: str, first: float, second: float, clicks_to_20: float) -> dict[str, Any]:
    """An image whose mean errors are these, before and after a click."""
    every = {"mre_px_k0": first, "mre_px_k1": second, "clicks_to_20px": clicks_to_20}
    angles = {"cobb_mae_deg_k0": first / 10, "smape_percent_k0": first / 5}
    return {"name": name, **every, **{f"fix_next_{key}": value + 1 for key, value in every.items()}, **angles}


def test_a_summary_counts_what_is_good_enough_and_what_never_was() -> None:
    rows = [row("a", 60, 18, 1), row("b", 20, 30, 1), row("c", 10, 50, 0), row("d", 70, 55, 1)]
    summary = summarise_corners(rows)
    assert summary["n"] == 4
    assert (summary["mre_px_k0"], summary["mre_px_k1"]) == (40, pytest.approx(153 / 4))
    assert (summary["clicks_to_20px"], summary["fix_next_clicks_to_20px"]) == (0.75, 1.75)
    # b and d never came below 20 pixels, d not below 50; c fell back.
    assert (summary["failures_20px"], summary["failures_50px"]) == (0.5, 0.25)
    assert [summary[f"share_under_20px_k{clicks}"] for clicks in range(2)] == [0.25, 0.25]
    assert [summary[f"share_under_50px_k{clicks}"] for clicks in range(2)] == [0.5, 0.5]
    # Each of the proposed clicks leaves a pixel more.
    assert summary["fix_next_share_under_20px_k1"] == 0.25
    assert summary["fix_next_share_under_50px_k0"] == 0.5
    assert summary["fix_next_failures_50px"] == 0.25
    assert "share_under_20px_k2" not in summary
    assert (summary["cobb_mae_deg"], summary["smape_percent"]) == (4, 8)


def test_a_summary_of_nothing() -> None:
    assert summarise_corners([]) == {"n": 0}


def test_a_summary_of_scored_cases_is_drawn(tmp_path: Path) -> None:
    rows = [score_corners(case()), score_corners(case(CURVE * 3))]
    summary = summarise_corners(rows)
    assert summary["mre_px_k0"] == pytest.approx(62)
    assert [summary[f"share_under_20px_k{clicks}"] for clicks in range(3)] == [0, 0.5, 0]
    plot_corners(rows, tmp_path)
    assert Image.open(tmp_path / "click_curve.png").size[0] > 500
