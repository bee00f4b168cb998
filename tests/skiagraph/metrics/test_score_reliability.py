from __future__ import annotations

import math

import numpy as np
import pytest

from skiagraph.metrics import ClassBoxes, match_boxes, score_reliability
from skiagraph.metrics.box_matching import Matches

BOX = np.array([[0.0, 0, 10, 10]])


def one_box_an_image(scores: list[float], hits: list[bool]) -> Matches:
    images = [
        ClassBoxes(BOX if hit else BOX + 50, np.array([score]), BOX) for score, hit in zip(scores, hits, strict=True)
    ]
    return match_boxes(images, [0.5])


def test_bins_of_score_against_share_of_hits() -> None:
    matches = one_box_an_image([1.0, 0.93, 0.35, 0.31, 0.33, 0.3, 0.04], [True, False, True, False, False, False, True])
    bins = score_reliability(matches)
    assert bins.boxes.tolist() == [0, 0, 0, 4, 0, 0, 0, 0, 0, 2]
    assert [bins.mean_score[n] for n in (3, 9)] == pytest.approx([1.29 / 4, 1.93 / 2])
    assert [bins.share_true[n] for n in (3, 9)] == pytest.approx([1 / 4, 1 / 2])
    assert np.isnan(bins.share_true).sum() == 8
    expected = (4 * abs(1 / 4 - 1.29 / 4) + 2 * abs(1 / 2 - 1.93 / 2)) / 6
    assert bins.expected_calibration_error == pytest.approx(expected)
    assert score_reliability(matches, least_score=0.0).boxes.sum() == 7


def test_scores_that_are_true_as_often_as_they_say_are_reliable_and_overconfident_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.05, 1, 3000)
    hits = rng.uniform(size=3000) < scores
    assert score_reliability(one_box_an_image([*scores], [*hits])).expected_calibration_error < 0.04
    squared = rng.uniform(size=3000) < scores**2
    error = score_reliability(one_box_an_image([*scores], [*squared])).expected_calibration_error
    assert error == pytest.approx(np.mean(scores - scores**2), abs=0.03)


def test_an_image_weighs_as_often_as_it_is_drawn() -> None:
    matches = one_box_an_image([0.9, 0.9, 0.2], [True, False, True])
    bins = score_reliability(matches, np.array([3.0, 1, 0]))
    assert (bins.boxes.sum(), bins.share_true[9]) == (4, pytest.approx(0.75))


def test_without_boxes_there_is_no_error() -> None:
    assert math.isnan(score_reliability(match_boxes([None])).expected_calibration_error)
    assert math.isnan(score_reliability(one_box_an_image([0.01], [True])).expected_calibration_error)
