from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from numpy.typing import NDArray
from skimage.filters import sato

from skiagraph.geometry import SurfaceLine
from skiagraph.metrics.ridge_baseline import RidgeFilter, ridge_response, tune_ridge_filter

SPACING_MM = 0.2


def make_case(row: float, *, noise: float = 0.0, partial: bool = False) -> dict[str, Any]:
    """A bright line 1.5 px wide (sigma) across a frame of 48 x 64, and its truth."""
    rows = np.arange(48)[:, None] + 0.0 * np.arange(64)
    image = np.exp(-((rows - row) ** 2) / (2 * 1.5**2)) + noise * np.random.default_rng(0).random((48, 64))
    meta = {"spacing_mm": (SPACING_MM, SPACING_MM), "partial": partial, "filename_or_obj": "made here"}
    affine = torch.diag(torch.tensor([SPACING_MM, SPACING_MM, 1.0, 1.0], dtype=torch.float64))
    line = SurfaceLine(np.column_stack([np.arange(64.0), np.full(64, row)]), np.ones(64))
    return {"image": MetaTensor(torch.tensor(image)[None].float(), affine=affine, meta=meta), "truth_lines": [line]}


def line_image() -> NDArray[Any]:
    return np.asarray(make_case(20.0, noise=0.2)["image"][0])


def test_response_is_satos_whatever_the_gain() -> None:
    expected = sato(line_image(), sigmas=[1.0, 2.0], black_ridges=False)
    response = ridge_response(line_image() * 0.1, [1.0, 2.0])
    np.testing.assert_allclose(response, expected / expected.max(), atol=1e-5)
    assert response.max() == 1.0


def test_dark_lines_are_no_ridges() -> None:
    bright, dark = ridge_response(line_image(), [2.0]), ridge_response(1.0 - line_image(), [2.0])
    assert bright[20].mean() > 0.9
    assert dark[20].mean() < 0.1


def test_black_frame_has_no_ridges() -> None:
    assert not ridge_response(np.zeros((48, 64)), [1.0]).any()


def test_lines_lie_on_the_ridge_in_pixels_of_the_original() -> None:
    case = make_case(20.0)
    (line,) = RidgeFilter((2.0,), 0.5, 20).lines(case)
    np.testing.assert_allclose(line.points_px[:, 1], 20.0, atol=0.05)
    # As if the frame had been twice as large before it was resized.
    case["image"].meta["spacing_mm"] = (SPACING_MM / 2, SPACING_MM / 2)
    (line,) = RidgeFilter((2.0,), 0.5, 20).lines(case)
    np.testing.assert_allclose(line.points_px[:, 1], 40.0, atol=0.1)


def test_f1_counts_what_is_found_and_what_is_not() -> None:
    case = make_case(20.0)
    ridge = RidgeFilter((2.0,), 0.5, 20)
    assert ridge.f1(case) == pytest.approx(1.0)
    far = SurfaceLine(case["truth_lines"][0].points_px + np.array([0.0, 15.0]), np.ones(64))
    # Half of the truth is found, and all that is found is true: 2 * 1 * 0.5 / 1.5.
    assert ridge.f1({**case, "truth_lines": [*case["truth_lines"], far]}) == pytest.approx(2 / 3, abs=0.01)
    assert math.isnan(ridge.f1(make_case(20.0, partial=True)))


def test_tuning_finds_a_filter_for_easy_frames() -> None:
    cases = [make_case(row, noise=0.3) for row in (14.0, 30.0)]
    tuned = tune_ridge_filter(cases)
    assert tuned is not None
    assert np.mean([tuned.f1(case) for case in cases]) > 0.95
    # The best threshold is no accident of the order in which they are tried.
    assert tuned.f1(cases[0]) >= RidgeFilter((5.0,), 0.2, 3).f1(cases[0])


def test_partial_labels_cannot_tune() -> None:
    assert tune_ridge_filter([make_case(20.0, partial=True)]) is None
