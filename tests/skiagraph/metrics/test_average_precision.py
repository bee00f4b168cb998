from __future__ import annotations

import contextlib
import io
import math
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from skiagraph.metrics import (
    ClassBoxes,
    average_precision,
    average_recall,
    class_boxes,
    interpolated_precision,
    match_boxes,
)
from skiagraph.metrics.box_matching import Matches
from tests.skiagraph.random_boxes import labelled_only, random_cases


def coco_boxes(side: dict[str, Any], image: int) -> list[dict[str, Any]]:
    boxes, labels = side["boxes"].double().numpy(), side["labels"].tolist()
    sizes = boxes[:, 2:] - boxes[:, :2]
    return [
        {"image_id": image, "category_id": label, "bbox": [*box[:2], *size], "area": float(size.prod()), "iscrowd": 0}
        for box, size, label in zip(boxes, sizes, labels, strict=True)
    ]


def by_pycocotools(cases: list[dict[str, Any]], number: int) -> COCOeval:
    """Evaluation of one class over the images where it is labelled."""
    true = [box for image, case in enumerate(cases) for box in coco_boxes(case["target"], image)]
    found = [
        {**box, "score": float(score)}
        for image, case in enumerate(cases)
        for box, score in zip(
            coco_boxes(case["pred"], image), case["pred"]["labels_scores"].double().tolist(), strict=True
        )
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": image} for image in range(len(cases))],
            "annotations": [{**box, "id": n + 1} for n, box in enumerate(true)],
            "categories": [{"id": 0}, {"id": 1}],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.params.imgIds = [image for image, case in enumerate(cases) if number in case["target"]["labelled"]]
        evaluation.params.catIds = [number]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def matches_of(cases: list[dict[str, Any]], number: int) -> Matches:
    return match_boxes(
        [class_boxes(c["pred"], c["target"], number) if number in c["target"]["labelled"] else None for c in cases]
    )


@pytest.mark.parametrize("labelled", [((0, 1),), ((0,), (0, 1), (0, 1))])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("number", [0, 1])
def test_equal_to_pycocotools(seed: int, number: int, labelled: tuple[tuple[int, ...], ...]) -> None:
    cases = random_cases(30, seed, labelled)
    reference = by_pycocotools(cases, number)
    matches = matches_of(cases, number)
    # IoU, recall, class, any area, 100 boxes an image.
    np.testing.assert_allclose(interpolated_precision(matches), reference.eval["precision"][:, :, 0, 0, 2], atol=1e-12)
    precision = average_precision(matches)
    ours = (precision.mean(), precision[0], precision[5], average_recall(matches))
    assert ours == pytest.approx([reference.stats[n] for n in (0, 1, 2, 8)], abs=1e-12)
    assert 0.1 < ours[0] < ours[1] < 0.9


def test_more_boxes_than_a_hundred_do_not_count() -> None:
    cases = random_cases(1, 0)
    pred = cases[0]["pred"]
    cases[0]["pred"] = {key: value.repeat_interleave(60, dim=0) for key, value in pred.items()}
    for number in range(2):
        reference = by_pycocotools(cases, number)
        matches = matches_of(cases, number)
        assert len(matches.scores) == 100
        assert reference.stats[8] > 0
        assert average_precision(matches).mean() == pytest.approx(reference.stats[0], abs=1e-12)
        assert average_recall(matches) == pytest.approx(reference.stats[8])


def test_an_overlap_that_is_exactly_the_threshold_is_a_hit() -> None:
    box = np.array([[0.0, 0, 10, 10]])
    for rows, overlaps in ((7, 5), (5, 1), (4, 0)):
        hits = match_boxes([ClassBoxes(np.array([[0.0, 0, rows, 10]]), np.ones(1), box)]).hits
        assert hits.sum() == overlaps


def test_boxes_without_an_area_hit_nothing() -> None:
    point = np.array([[3.0, 3, 3, 3]])
    matches = match_boxes([ClassBoxes(point, np.ones(1), point)])
    assert not matches.hits.any()


def test_an_image_where_a_class_is_not_labelled_changes_nothing() -> None:
    cases = random_cases(12, 6)
    unlabelled = [labelled_only(case, 1) for case in random_cases(12, 7)]
    alone, mixed = matches_of(cases, 0), matches_of([*unlabelled, *cases], 0)
    np.testing.assert_array_equal(average_precision(mixed), average_precision(alone))
    assert average_recall(mixed) == average_recall(alone)
    assert mixed.labelled.tolist() == [False] * 12 + [True] * 12


def test_an_image_that_weighs_two_is_one_that_is_there_twice() -> None:
    cases = random_cases(15, 8)
    for case in cases:  # two boxes of one score in one image stand in another order when the image is repeated
        scores = case["pred"]["labels_scores"]
        scores += 1e-4 * np.arange(len(scores))
    weights = np.random.default_rng(0).multinomial(15, np.full(15, 1 / 15))
    repeated = [case for case, weight in zip(cases, weights, strict=True) for _ in range(weight)]
    weighed, twice = matches_of(cases, 0), matches_of(repeated, 0)
    np.testing.assert_allclose(average_precision(weighed, weights.astype(float)), average_precision(twice), atol=1e-12)
    assert average_recall(weighed, weights.astype(float)) == pytest.approx(average_recall(twice))
    assert average_precision(weighed)[0] != pytest.approx(average_precision(twice)[0])


def test_with_truth_but_no_box_found_it_is_0_and_without_truth_undefined() -> None:
    nothing, box = np.empty((0, 4)), np.array([[0.0, 0, 10, 10]])
    missed = match_boxes([ClassBoxes(nothing, np.empty(0), box)])
    assert average_precision(missed).tolist() == [0] * 10
    assert average_recall(missed) == 0
    for images in ([ClassBoxes(box, np.ones(1), nothing)], [None], []):
        matches = match_boxes(images)
        assert np.isnan(average_precision(matches)).all()
        assert math.isnan(average_recall(matches))
