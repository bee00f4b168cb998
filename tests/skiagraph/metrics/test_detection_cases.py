from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from PIL import Image

from skiagraph.handlers import CaseReport
from skiagraph.metrics import (
    average_precision,
    class_boxes,
    match_boxes,
    plot_boxes,
    score_boxes,
    sensitivity_at,
    summarise_boxes,
)
from tests.skiagraph.random_boxes import CLASSES, labelled_only, random_cases

LABELLED = ((0,), (0, 1), (0, 1))
# Corners of boxes far from one another.
A, B, C, D = ([at, at, at + 10, at + 20] for at in (0, 50, 100, 150))

Found = tuple[list[int], int, float]


def case(found: list[Found], true: list[tuple[list[int], int]], labelled: tuple[int, ...] = (0, 1)) -> dict[str, Any]:
    """A case from boxes with their class and score."""
    return {
        "pred": {
            "boxes": torch.tensor([box for box, _, _ in found], dtype=torch.float32),
            "labels": torch.tensor([label for _, label, _ in found]),
            "labels_scores": torch.tensor([score for _, _, score in found]),
        },
        "target": {
            "boxes": torch.tensor([box for box, _ in true], dtype=torch.float32).reshape(-1, 4),
            "labels": torch.tensor([label for _, label in true]),
            "labelled": torch.tensor(labelled),
        },
    }


def rows_of(*cases: dict[str, Any], threshold: float = 0.5) -> list[dict[str, Any]]:
    return [{"name": str(number), **score_boxes(c, CLASSES, threshold)} for number, c in enumerate(cases)]


def test_what_became_of_the_boxes_in_an_image() -> None:
    found = [(C, 0, 0.6), (A, 0, 0.9), (A, 0, 0.7), (B, 0, 0.3), (D, 1, 0.8)]
    row = score_boxes(case(found, [(A, 0), (B, 0)], labelled=(0,)), CLASSES)
    assert (row["true_implant"], row["found_implant"], row["hits_implant"]) == (2, 3, 1)
    assert row["top_score_implant"] == pytest.approx(0.9)
    assert (row["found_fracture"], row["top_score_fracture"]) == (1, pytest.approx(0.8))
    assert math.isnan(row["true_fracture"])
    assert math.isnan(row["hits_fracture"])
    boxes = json.loads(row["boxes_implant"])
    assert boxes == {"found": [[0.9, *A], [0.7, *A], [0.6, *C], [0.3, *B]], "true": [A, B]}
    assert json.loads(row["boxes_fracture"]) == {"found": [[0.8, *D]], "true": None}
    assert score_boxes(case(found, [(A, 0), (B, 0)]), CLASSES, threshold=0.3)["hits_implant"] == 2


def test_an_image_without_boxes_where_all_classes_are_labelled() -> None:
    empty = case([], [])
    del empty["target"]["labelled"]
    row = score_boxes(empty, CLASSES)
    assert [row[f"{what}_fracture"] for what in ("true", "found", "hits", "top_score")] == [0, 0, 0, 0]


def test_the_summary_holds_the_metrics_of_the_cases() -> None:
    cases = random_cases(24, 1, LABELLED)
    summary = summarise_boxes(rows_of(*cases), resamples=0)
    by_class = []
    for number, name in enumerate(CLASSES):
        known = [class_boxes(c["pred"], c["target"], number) for c in cases if number in c["target"]["labelled"]]
        matches = match_boxes(known)
        precision = average_precision(matches)
        by_class.append([precision.mean(), precision[0], precision[5], sensitivity_at(matches, 0.5)])
        keys = [f"{key}_{name}" for key in ("ap", "ap50", "ap75", "sensitivity_at_0.5_fp")]
        assert [summary[key] for key in keys] == pytest.approx(by_class[-1])
        assert summary[f"n_{name}"] == len(known) == (24, 16)[number]
        assert summary[f"true_{name}"] == sum(len(boxes.true) for boxes in known)
    keys = ["ap", "ap50", "ap75", "sensitivity_at_0.5_fp"]
    assert [summary[key] for key in keys] == pytest.approx(np.mean(by_class, axis=0))
    assert summary["ar100"] == pytest.approx((summary["ar100_implant"] + summary["ar100_fracture"]) / 2)
    assert 0 < summary["ece"] < 1
    assert summary["n"] == 24


def test_sensitivity_and_false_boxes_are_those_at_the_threshold() -> None:
    rows = rows_of(
        case([(A, 0, 0.9), (B, 0, 0.4), (C, 1, 0.9)], [(A, 0), (B, 0)], labelled=(0,)),
        case([(A, 0, 0.6), (A, 1, 0.7), (C, 0, 0.6)], [(A, 1)]),
        case([(A, 0, 0.2), (B, 1, 0.9)], []),
        case([], []),
    )
    summary = summarise_boxes(rows, resamples=0)
    assert (summary["sensitivity_implant"], summary["sensitivity_fracture"]) == (0.5, 1)
    assert summary["sensitivity"] == 0.75
    assert summary["fp_per_negative_implant"] == pytest.approx(2 / 3)
    assert summary["fp_per_negative_fracture"] == pytest.approx(1 / 2)
    assert summary["fp_per_negative"] == pytest.approx(3 / 3)


def test_intervals_hold_the_metric_and_shrink_with_more_images() -> None:
    widths = []
    for images in (12, 48):
        summary = summarise_boxes(rows_of(*random_cases(images, 2, LABELLED)), resamples=100)
        for key in ("ap", "ap50", "ap_implant", "ap50_fracture", "ar100", "sensitivity_at_0.5_fp", "fp_per_negative"):
            assert summary[f"{key}_low"] <= summary[key] <= summary[f"{key}_high"]
        widths.append(summary["ap50_high"] - summary["ap50_low"])
    assert widths[1] < 0.75 * widths[0]


def test_intervals_come_from_images_drawn_again() -> None:
    """Of two images, found and missed: each is drawn alone in a quarter of the resamples."""
    rows = rows_of(case([(A, 0, 0.9)], [(A, 0)]), case([], [(A, 0)]))
    summary = summarise_boxes(rows, resamples=100)
    assert (summary["ap50_low"], summary["ap50_high"]) == (0, 1)
    assert 0.4 < summary["ap50"] < 0.6
    assert summarise_boxes(rows, resamples=100) == pytest.approx(summary, nan_ok=True)


def test_the_audit_looks_for_fractures_that_metal_brings_forth() -> None:
    rows = rows_of(
        case([(A, 1, 0.9), (B, 1, 0.6), (C, 1, 0.4)], [(A, 0)], labelled=(0,)),
        case([(B, 1, 0.7)], [(A, 0), (B, 1)]),
        case([(D, 1, 0.2)], [(A, 0)]),
        case([(C, 1, 0.3)], []),
        case([], [], labelled=(0,)),
        case([(A, 1, 0.8)], [(A, 1)]),
    )
    summary = summarise_boxes(rows, resamples=0)
    assert summary["false_fractures_per_implant_image"] == pytest.approx(2 / 3)
    assert summary["fracture_score_on_implant_images"] == pytest.approx((0.9 + 0.7 + 0.2) / 3)
    assert summary["fracture_score_on_negative_images"] == pytest.approx(0.3)
    without = summarise_boxes(rows_of(case([], [(A, 1)])), resamples=0)
    assert math.isnan(without["fracture_score_on_implant_images"])
    turned = summarise_boxes(rows, resamples=0, audit=("fracture", "implant"))
    assert turned["false_implants_per_fracture_image"] == 0


def test_one_class_needs_no_audit() -> None:
    cases = random_cases(6, 3)
    summary = summarise_boxes([score_boxes(labelled_only(c, 0), ["implant"]) for c in cases], resamples=5)
    assert summary["ap50"] == summary["ap50_implant"]
    assert not any("per_implant_image" in key for key in summary)


def test_a_summary_of_nothing(tmp_path: Path) -> None:
    assert summarise_boxes([]) == {"n": 0}
    plot_boxes([], tmp_path)
    undefined = summarise_boxes(rows_of(case([], [], labelled=())), resamples=3)
    assert math.isnan(undefined["ap50"])
    assert math.isnan(undefined["fp_per_negative_high"])


def test_a_report_writes_rows_that_can_be_read_again(tmp_path: Path) -> None:
    cases = random_cases(9, 4, LABELLED)
    for number, c in enumerate(cases):
        c["image"] = MetaTensor(torch.zeros(1, 2, 2), meta={"name": f"{number}.png"})
    report = CaseReport(
        tmp_path, partial(score_boxes, classes=CLASSES), partial(summarise_boxes, resamples=20, seed=1), plot_boxes
    )
    evaluator = Engine(lambda _, batch: batch)
    report.attach(evaluator)
    evaluator.run([cases])
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["ap50"] == evaluator.state.metrics["ap50"] > 0
    table = pd.read_csv(tmp_path / "per_case.csv")
    assert table["true_fracture"].isna().tolist() == [True, False, False] * 3
    again = summarise_boxes(table.to_dict("records"), resamples=20, seed=1)
    assert {key: again[key] for key in metrics} == pytest.approx(
        {key: math.nan if value is None else value for key, value in metrics.items()}, nan_ok=True
    )
    for name in ("precision_recall", "froc", "reliability"):
        assert Image.open(tmp_path / f"{name}.png").size[0] > 400
