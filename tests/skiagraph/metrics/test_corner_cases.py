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


def case(
    curve: torch.Tensor = CURVE,
    predicted: NDArray[np.float64] = PREDICTED,
    truth: NDArray[np.float64] = TRUTH,
    deviation_px: float = 0.0,
    **more: torch.Tensor,
) -> dict[str, Any]:
    width, height = IMAGE_SIZE
    affine = np.eye(4)
    affine[:2, :2] = np.diag(FACTOR[::-1])
    affine[:2, 3] = SHIFT[::-1]
    meta = {"spatial_shape": np.array([height, width]), "spacing_mm": (math.nan, math.nan)}
    corners = Corners(predicted, np.ones(68), np.ones(68), np.full(68, deviation_px), np.zeros(68, dtype=bool))
    return {
        "image": MetaTensor(torch.zeros(1, 4, 4), affine=affine, meta=meta),
        "label": torch.from_numpy((truth - SHIFT) / FACTOR),
        "errors_px": curve,
        "pred_corners": corners,
        **more,
    }


def test_mean_errors_by_the_number_of_clicks() -> None:
    values = score_corners(case())
    assert [values[f"mre_px_k{clicks}"] for clicks in range(3)] == pytest.approx([31, 16.75, 33])
    assert [values[f"mre_percent_k{clicks}"] for clicks in range(3)] == pytest.approx([310 / 76, 167.5 / 76, 330 / 76])
    assert "mre_px_k3" not in values
    assert not [name for name in values if name.startswith(("fix_next", "others"))]


def test_by_hand_the_worst_points_are_put_right_and_the_others_stay() -> None:
    first = errors((10.0, {3: 78.0, WORST: 44.0, 60: 27.0}), (1.0, {}), (1.0, {}), (1.0, {}))
    values = score_corners(case(first))
    expected = [total / 68 for total in (650 + 78 + 44 + 27, 650 + 44 + 27, 650 + 27, 650)]
    assert [values[f"manual_mre_px_k{clicks}"] for clicks in range(4)] == pytest.approx(expected)


def test_clicks_where_the_network_proposes_and_one_that_missed() -> None:
    missed = errors((19.0, {WORST: 20.0}))[0]
    values = score_corners(case(errors_px_fix_next=CURVE.flip(0), errors_px_wrong_click=missed))
    assert [values[f"fix_next_mre_px_k{clicks}"] for clicks in range(3)] == pytest.approx([33, 16.75, 31])
    assert values["others_mre_px_exact_click"] == pytest.approx(17)
    assert values["others_mre_px_wrong_click"] == pytest.approx(19)


@pytest.mark.parametrize(
    ("usual", "to_20", "to_50"),
    [((60, 49, 20, 19.9), 3, 1), ((19, 60, 60, 60), 0, 0), ((50, 50, 50, 50), math.nan, math.nan)],
)
def test_clicks_until_the_mean_is_below(usual: tuple[float, ...], to_20: float, to_50: float) -> None:
    values = score_corners(case(errors(*((mean, {}) for mean in usual))))
    assert values["clicks_to_20px"] == pytest.approx(to_20, nan_ok=True)
    assert values["clicks_to_50px"] == pytest.approx(to_50, nan_ok=True)


def test_angles_are_compared_in_pixels_of_the_file() -> None:
    values = score_corners(case())
    names = [f"cobb_error_{name}_deg" for name in ("largest", "upper", "lower")]
    assert [values[name] for name in names] == pytest.approx([2, 6, 6])
    assert values["smape_percent"] == pytest.approx(100 * (2 + 6 + 6) / (48 + 26 + 35 + 50 + 20 + 41))


def test_two_straight_spines_differ_by_nothing_and_from_a_bent_one_by_all() -> None:
    level = rectangle_spine()
    assert score_corners(case(predicted=level, truth=level))["smape_percent"] == pytest.approx(0, abs=1e-6)
    assert score_corners(case(predicted=level))["smape_percent"] == pytest.approx(100)
    # Where not even rounding leaves an angle.
    exact = case(predicted=np.zeros((68, 2)), truth=np.zeros((68, 2)))
    exact["label"] = torch.zeros(68, 2)
    assert score_corners(exact)["smape_percent"] == 0


def test_true_angles_are_looked_for_in_the_intervals() -> None:
    """The largest angle is right, the two others are 6 and 5 degrees off; half a pixel makes two degrees or so."""
    predicted = rectangle_spine(np.interp(np.arange(17), TURNS, [2.0, 22.0, -26.0, 14.0]))
    shares = [
        score_corners(case(predicted=predicted, deviation_px=0.5), scale)["cobb_in_interval"] for scale in (1.0, 20.0)
    ]
    assert shares == [pytest.approx(1 / 3), 1]
    assert score_corners(case(predicted=predicted, deviation_px=10.0))["cobb_in_interval"] == 1


def row(k0: float, k1: float, to_20: float, to_50: float, **angles: float) -> dict[str, float]:
    every = {"largest": 1.0, "upper": 2.0, "lower": 6.0, **angles}
    named = {f"cobb_error_{name}_deg": error for name, error in every.items()}
    return {"mre_px_k0": k0, "mre_px_k1": k1, "clicks_to_20px": to_20, "clicks_to_50px": to_50, **named}


def test_a_summary_counts_what_is_good_enough_and_what_never_was() -> None:
    rows = [
        {"name": "a", **row(60.0, 18.0, 1.0, 1.0)},
        {"name": "b", **row(20.0, 30.0, math.nan, 0.0, largest=5.0)},
        {"name": "c", **row(10.0, 50.0, 0.0, 0.0)},
        {"name": "d", **row(70.0, 55.0, math.nan, math.nan)},
    ]
    summary = summarise_corners(rows)
    assert summary["n"] == 4
    assert (summary["mre_px_k0"], summary["mre_px_k1"]) == (40, pytest.approx(153 / 4))
    # Of those that came so far: after 1 and 0 clicks, and after 1, 0 and 0.
    assert (summary["clicks_to_20px"], summary["clicks_to_50px"]) == (0.5, pytest.approx(1 / 3))
    assert (summary["failures_20px"], summary["failures_50px"]) == (0.5, 0.25)
    assert [summary[f"share_under_20px_k{clicks}"] for clicks in range(2)] == [0.25, 0.25]
    assert [summary[f"share_under_50px_k{clicks}"] for clicks in range(2)] == [0.5, 0.5]
    assert "share_under_20px_k2" not in summary
    assert summary["cobb_mae_deg"] == pytest.approx(((1 + 5 + 1 + 1) / 4 + 2 + 6) / 3)


def test_a_summary_of_scored_cases_is_drawn(tmp_path: Path) -> None:
    rows = [score_corners(case()), score_corners(case(CURVE * 3))]
    summary = summarise_corners(rows)
    assert summary["mre_px_k0"] == pytest.approx(62)
    assert [summary[f"share_under_20px_k{clicks}"] for clicks in range(3)] == [0, 0.5, 0]
    plot_corners(rows, tmp_path)
    assert Image.open(tmp_path / "click_curve.png").size[0] > 500
