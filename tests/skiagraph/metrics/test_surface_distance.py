from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, directed_hausdorff

from skiagraph.geometry import extract_surface_lines, resample_line
from skiagraph.metrics import GreyLookup, summarise_surfaces, surface_distances

Line = NDArray[np.float64]
DISTANCES = [f"{d / 10:.1f}mm" for d in range(21)]


def flat(start: float, end: float, y: float, points: int = 50) -> Line:
    return np.column_stack([np.linspace(start, end, points), np.full(points, y)])


def random_line(rng: np.random.Generator) -> Line:
    x = np.linspace(0, 20, 60)
    return np.column_stack([x + rng.uniform(-2, 2), 10 + np.cumsum(rng.normal(0, 0.15, 60))])


def curve(values: dict[str, float], name: str) -> NDArray[np.float64]:
    return np.array([values[f"{name}_{d}"] for d in DISTANCES])


def test_parallel_lines_agree_from_their_distance_on() -> None:
    spacing_row, spacing_column = 0.1708, 0.2001
    label, found = np.zeros((100, 100), dtype=bool), np.zeros((100, 100), dtype=bool)
    label[40, 10:60] = found[43, 10:60] = True
    scale = (spacing_column, spacing_row)
    true, predicted = ([line.points_px * scale for line in extract_surface_lines(mask)] for mask in (label, found))
    values = surface_distances(predicted, true)
    distance = 3 * spacing_row  # 0.5124 mm
    expected = [float(float(d[:-2]) >= distance) for d in DISTANCES]
    for name in ("accuracy", "completeness", "f1"):
        np.testing.assert_array_equal(curve(values, name), expected)
    assert values["hd95_mm"] == pytest.approx(distance)
    assert values["mean_surface_distance_mm"] == pytest.approx(distance)
    assert values["line_length_mm"] == pytest.approx(49 * spacing_column)


def test_exactly_the_distance_is_within_it() -> None:
    values = surface_distances([flat(0, 20, 10.4)], [flat(0, 20, 10.0)])
    assert (values["f1_0.3mm"], values["f1_0.4mm"]) == (0, 1)


def test_a_line_equals_itself_however_its_points_are_spread() -> None:
    unevenly = np.column_stack([np.array([0, 0.1, 0.2, 13, 20]), np.full(5, 10.0)])
    values = surface_distances([unevenly], [flat(0, 20, 10)])
    np.testing.assert_array_equal(curve(values, "f1"), 1)
    assert values["hd95_mm"] == pytest.approx(0, abs=1e-9)


def test_half_of_the_bone_found() -> None:
    values = surface_distances([flat(0, 10, 5)], [flat(0, 20, 5)])
    assert values["accuracy_0.5mm"] == 1
    assert values["completeness_0.5mm"] == pytest.approx(10.5 / 20, abs=0.002)
    precision, recall = 1, 10.5 / 20
    assert values["f1_0.5mm"] == pytest.approx(2 * precision * recall / (precision + recall), abs=0.002)
    assert values["mean_surface_distance_mm"] == pytest.approx((10**2 / 2) / 30, abs=0.01)
    assert values["hd95_mm"] == pytest.approx(9, abs=0.02)  # the 95th percentile of 0 .. 10 mm over half of the length
    assert (values["line_length_mm"], values["truth_length_mm"]) == (pytest.approx(10), pytest.approx(20))


def test_shares_are_of_length_not_of_points() -> None:
    near, far = flat(0, 10, 5, points=2), flat(10.5, 20.5, 9, points=500)
    values = surface_distances([near, far], [flat(0, 20, 5)])
    assert values["accuracy_1.0mm"] == pytest.approx(0.5, abs=0.001)


def test_length_is_that_of_the_line_however_crooked() -> None:
    x = np.arange(0, 20, 0.21)
    zigzag = np.column_stack([x, np.arange(len(x)) % 2 * 0.2])
    got = surface_distances([zigzag], [zigzag[::-1]])
    assert got["line_length_mm"] == pytest.approx(np.linalg.norm(np.diff(zigzag, axis=0), axis=1).sum())
    assert got["truth_length_mm"] == pytest.approx(got["line_length_mm"])


def test_concentric_arcs_differ_by_their_radii() -> None:
    angle = np.linspace(0.3, 2.5, 400)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    values = surface_distances([12.7 * circle], [12.0 * circle])
    assert values["hd95_mm"] == pytest.approx(0.7, abs=1e-3)
    assert values["mean_surface_distance_mm"] == pytest.approx(0.7, abs=1e-3)
    assert (values["f1_0.6mm"], values["f1_0.8mm"]) == (0, 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_scipy_agrees_and_curves_rise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    predicted, true = random_line(rng), random_line(rng)
    values = surface_distances([predicted], [true])
    p, t = resample_line(predicted, 0.02), resample_line(true, 0.02)
    distance = cdist(p, t)
    for name, directed in (("accuracy", distance.min(axis=1)), ("completeness", distance.min(axis=0))):
        expected = [np.mean(directed <= d / 10) for d in range(1, 21)]
        np.testing.assert_allclose(curve(values, name)[1:], expected, atol=0.02)
        assert (np.diff(curve(values, name)) >= 0).all()
    hausdorff = max(directed_hausdorff(p, t)[0], directed_hausdorff(t, p)[0])
    assert values["hd95_mm"] <= hausdorff + 0.02
    hd95 = max(np.quantile(distance.min(axis=1), 0.95), np.quantile(distance.min(axis=0), 0.95))
    assert values["hd95_mm"] == pytest.approx(hd95, abs=0.02)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_flipping_both_changes_nothing_and_exchanging_them_exchanges_shares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    predicted, true = random_line(rng), random_line(rng)
    values = surface_distances([predicted], [true])
    flipped = surface_distances([predicted[::-1] * (-1, 1)], [true * (-1, 1)])
    assert flipped == pytest.approx(values, abs=1e-6)
    exchanged = surface_distances([true], [predicted])
    np.testing.assert_allclose(curve(exchanged, "accuracy"), curve(values, "completeness"))
    assert exchanged["hd95_mm"] == pytest.approx(values["hd95_mm"])


def test_intensity_parts_the_points_of_each_side_but_not_what_they_are_compared_with() -> None:
    image = np.zeros((128, 256), dtype=np.uint8)
    image[:, :128] = 200  # bright left of x = 25.55 mm
    grey = GreyLookup(image, np.diag([0.1, 0.2, 1, 1]))
    true = [flat(5, 45, 5)]
    predicted = [flat(5, 25, 5.1), flat(27, 45, 6.0)]
    values = surface_distances(predicted, true, grey)
    assert values["accuracy_high_0.5mm"] == values["completeness_high_0.6mm"] == 1
    assert values["accuracy_low_0.5mm"] == 0
    assert values["accuracy_low_1.0mm"] == 1
    assert values["completeness_low_0.9mm"] == pytest.approx(0, abs=0.03)
    assert values["accuracy_0.5mm"] == pytest.approx(20 / 38, abs=0.01)


def test_grey_is_read_through_the_affine_of_a_resized_image() -> None:
    rows, columns = np.mgrid[:64, :128].astype(float)
    affine = np.array([[0.5, 0, 0, 0.1], [0, 0.25, 0, -0.2], [0, 0, 1, 0], [0, 0, 0, 1]])
    x, y = np.array([3.0, 10.2]), np.array([7.0, 20.6])
    for image, index in ((rows, (y - 0.1) / 0.5), (columns, (x + 0.2) / 0.25)):
        np.testing.assert_allclose(GreyLookup(image, affine).at(np.column_stack([x, y])), index)


def test_107_is_high() -> None:
    for value, part, other in ((107, "high", "low"), (106, "low", "high")):
        grey = GreyLookup(np.full((9, 9), value, dtype=np.uint8), np.eye(4))
        values = surface_distances([flat(0, 5, 2)], [flat(0, 5, 2)], grey)
        assert values[f"f1_{part}_0.5mm"] == 1
        assert math.isnan(values[f"f1_{other}_0.5mm"])


GREY = GreyLookup(np.full((9, 9), 200, dtype=np.uint8), np.eye(4))


def test_a_bone_that_was_not_found_counts_as_missed() -> None:
    values = surface_distances([], [flat(0, 5, 2)], GREY)
    for name in ("accuracy", "completeness", "f1", "accuracy_high", "completeness_high", "f1_high"):
        np.testing.assert_array_equal(curve(values, name), 0)
    assert np.isnan(curve(values, "f1_low")).all()
    assert math.isnan(values["hd95_mm"])
    assert math.isnan(values["mean_surface_distance_mm"])
    assert (values["line_length_mm"], values["truth_length_mm"]) == (0, pytest.approx(5))


def test_a_bone_that_is_not_there_counts_as_wrong() -> None:
    values = surface_distances([flat(0, 5, 2)], [], GREY)
    for name in ("accuracy", "f1", "accuracy_high", "f1_high"):
        np.testing.assert_array_equal(curve(values, name), 0)
    assert np.isnan(curve(values, "completeness")).all()
    assert math.isnan(values["hd95_mm"])


def test_no_bone_where_there_is_none_is_right() -> None:
    for nothing in ([], [np.empty((0, 2))], [flat(3, 3, 3, points=1)]):
        values = surface_distances(nothing, [], GREY)
        for name in ("accuracy", "completeness", "f1"):
            np.testing.assert_array_equal(curve(values, name), 1)
        assert np.isnan(curve(values, "f1_high")).all()


def test_a_partial_truth_judges_only_whether_it_was_found() -> None:
    predicted, true = [flat(0, 5, 2), flat(0, 5, 7)], [flat(0, 5, 2)]
    whole = surface_distances(predicted, true, GREY)
    values = surface_distances(predicted, true, GREY, partial=True)
    for name in ("accuracy", "f1", "accuracy_high", "f1_high", "f1_low"):
        assert np.isnan(curve(values, name)).all()
    np.testing.assert_array_equal(curve(values, "completeness_high"), 1)
    assert math.isnan(values["hd95_mm"])
    assert math.isnan(values["mean_surface_distance_mm"])
    assert values["line_length_mm"] == whole["line_length_mm"] == pytest.approx(10)
    assert list(values) == list(whole)
    assert np.isnan(curve(surface_distances([], [], partial=True), "completeness")).all()
    np.testing.assert_array_equal(curve(surface_distances([], true, partial=True), "completeness"), 0)


def test_the_summary_leaves_out_what_is_undefined_and_says_for_how_many() -> None:
    true = [flat(0, 5, 2)]
    rows = [surface_distances(true, true), surface_distances([], true), surface_distances(true, [])]
    summary = summarise_surfaces(rows)
    assert (summary["n"], summary["n_without_distance"]) == (3, 2)
    assert summary["f1_0.5mm"] == pytest.approx(1 / 3)
    assert summary["completeness_0.5mm"] == pytest.approx(1 / 2)
    assert summary["hd95_mm"] == pytest.approx(0, abs=1e-9)
    assert math.isnan(summarise_surfaces(rows[1:])["hd95_mm"])
