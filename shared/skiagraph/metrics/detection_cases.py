"""Metrics of found boxes from the cases of an ignite evaluator."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..report.detection_plots import plot_froc, plot_precision_recall, plot_reliability
from .average_precision import RECALLS, average_precision, average_recall, interpolated_precision
from .bootstrap import bootstrap_intervals
from .box_matching import Array, ClassBoxes, Matches, class_boxes, labelled_numbers, match_boxes
from .case_means import case_means
from .froc import best_threshold, false_per_negative, froc_curve, sensitivity_at
from .score_reliability import score_reliability

Row = Mapping[str, Any]

# Where sensitivity is read off, in false boxes per image.
_FALSE_PER_IMAGE = (0.1, 0.5, 1.0)
# Which of the overlaps of COCO are 0.50 and 0.75.
_AT_50, _AT_75 = 0, 5
_COLUMN = "boxes_"


def score_boxes(case: Mapping[str, Any], classes: Sequence[str], threshold: float = 0.5) -> dict[str, Any]:
    """What became of the boxes in one image, in columns for every class.

    * ``true_<class>``: true boxes; empty (NaN) where the class is not labelled.
    * ``found_<class>``: boxes found with a score of at least the threshold. ``hits_<class>``: those of them that hit a
      true box, at IoU 0.5; NaN where the class is not labelled.
    * ``top_score_<class>``: the highest score, 0 where nothing was found.
    * ``boxes_<class>``: the boxes themselves, as JSON, from which `summarise_boxes` reckons: ``found``, best first,
      ``[score, corner, corner, corner, corner]``; and ``true``, null where the class is not labelled. In the frame and
      the order of axes that they have in the case.

    Args:
        case: decollated: `pred` with tensors ``boxes`` (N, 4), ``labels`` (N,) and ``labels_scores`` (N,); `target`
            with ``boxes`` (M, 4), ``labels`` (M,), in the same frame, and ``labelled``, the numbers of the classes
            whose boxes are complete, all where it is missing.
        classes: name of each number.
        threshold: the score from which on a box is shown to a user.
    """
    labelled = labelled_numbers(case["target"], len(classes))
    row: dict[str, Any] = {}
    for number, name in enumerate(classes):
        boxes = class_boxes(case["pred"], case["target"], number)
        row |= {f"{what}_{name}": value for what, value in _score_class(boxes, number in labelled, threshold).items()}
    return row


def summarise_boxes(
    rows: Sequence[Row], resamples: int = 1000, seed: int = 0, audit: tuple[str, str] = ("implant", "fracture")
) -> dict[str, float]:
    """Metrics over images: ``<metric>_<class>``, and ``<metric>``, the mean over the classes where it is defined.

    A class counts only in the images where it is labelled: in the others it has neither true nor false boxes.

    * ``ap``, ``ap50``, ``ap75``: average precision of COCO, at IoU 0.50 to 0.95, 0.50 and 0.75; ``ar100``: recall.
    * ``sensitivity_at_0.1_fp`` and so on: see `sensitivity_at`. ``best_threshold``: see there. ``ece``: expected
      calibration error of the scores.
    * ``sensitivity``: share of true boxes found at the threshold of `score_boxes`; ``fp_per_negative``: false boxes
      there per image without the class, and over all classes as `false_per_negative` has it.
    * ``false_fractures_per_implant_image``, ``fracture_score_on_implant_images``,
      ``fracture_score_on_negative_images``: whether a fracture is seen where there is metal, from boxes above the
      threshold that hit no true fracture, and means over images of the highest score; negative images are labelled for
      both and have neither. Where fractures are not labelled beside implants, some of the false ones may be real.
    * ``n``, how many images; ``n_<class>``, where it is labelled; ``true_<class>``, true boxes.

    Undefined ones are NaN. ``<metric>_low`` and ``<metric>_high`` are 95 % intervals over images (see
    `bootstrap_intervals`). Without rows there is only ``n``.

    Args:
        rows: of `score_boxes`.
        resamples: for the intervals; 0 leaves them out.
        seed: of the resamples.
        audit: the class that must not bring forth the other; left out unless both are among the classes.
    """
    if not rows:
        return {"n": 0}
    cases = _read(rows)
    measure = partial(_measure, cases, audit)
    summary: dict[str, float] = {"n": len(rows)}
    for name, case in cases.items():
        summary[f"n_{name}"] = int(case.matches.labelled.sum())
        summary[f"true_{name}"] = int(case.matches.true_boxes.sum())
    summary |= measure(np.ones(len(rows)))
    return {**summary, **(bootstrap_intervals(measure, len(rows), resamples, seed) if resamples else {})}


def plot_boxes(rows: Sequence[Row], output_dir: str | Path) -> None:
    """Draw `precision_recall.png` (IoU 0.5 and 0.75), `froc.png` and `reliability.png` (IoU 0.5), a curve a class."""
    folder = Path(output_dir)
    matches = {name: cases.matches for name, cases in _read(rows).items() if cases.matches.true_boxes.any()}
    precisions = {name: interpolated_precision(every)[[_AT_50, _AT_75]] for name, every in matches.items()}
    plot_precision_recall(RECALLS, precisions, folder / "precision_recall.png")
    plot_froc({name: froc_curve(every) for name, every in matches.items()}, folder / "froc.png")
    reliabilities = {name: score_reliability(every) for name, every in matches.items()}
    curves = {name: (every.mean_score, every.share_true, every.boxes) for name, every in reliabilities.items()}
    plot_reliability(curves, folder / "reliability.png")


@dataclass(frozen=True)
class _ClassCases:
    """One class in all images (images,): the columns of `score_boxes`, and what its boxes match."""

    matches: Matches
    true: Array
    found: Array
    hits: Array
    top_score: Array

    @property
    def false(self) -> Array:
        """Boxes above the threshold that hit none; all of them where the class is not labelled."""
        return self.found - np.nan_to_num(self.hits)


def _score_class(boxes: ClassBoxes, labelled: bool, threshold: float) -> dict[str, Any]:
    order = np.argsort(-boxes.scores, kind="stable")
    found = np.column_stack([boxes.scores, boxes.found])[order]
    shown = boxes.scores >= threshold
    hits = match_boxes([ClassBoxes(boxes.found[shown], boxes.scores[shown], boxes.true)], [0.5]).hits
    written = {"found": _shortest(found), "true": _shortest(boxes.true) if labelled else None}
    return {
        "true": len(boxes.true) if labelled else math.nan,
        "found": int(shown.sum()),
        "hits": int(hits.sum()) if labelled else math.nan,
        "top_score": float(found[0, 0]) if len(found) else 0.0,
        "boxes": json.dumps(written),
    }


def _shortest(values: Array) -> list[list[float]]:
    """Numbers of single precision as the shortest decimals that tell them apart."""
    return [[float(str(value)) for value in line] for line in values.astype(np.float32)]


def _read(rows: Sequence[Row]) -> dict[str, _ClassCases]:
    names = [column.removeprefix(_COLUMN) for column in (rows[0] if rows else ()) if column.startswith(_COLUMN)]
    return {name: _read_class(rows, name) for name in names}


def _read_class(rows: Sequence[Row], name: str) -> _ClassCases:
    every = [json.loads(row[_COLUMN + name]) for row in rows]
    found = [np.array(boxes["found"], dtype=float).reshape(-1, 5) for boxes in every]
    true = [None if boxes["true"] is None else np.array(boxes["true"], dtype=float).reshape(-1, 4) for boxes in every]
    boxes = [None if t is None else ClassBoxes(f[:, 1:], f[:, 0], t) for f, t in zip(found, true, strict=True)]
    columns = ("true", "found", "hits", "top_score")
    return _ClassCases(match_boxes(boxes), *(np.array([row[f"{c}_{name}"] for row in rows], float) for c in columns))


def _measure(cases: Mapping[str, _ClassCases], audit: tuple[str, str], weights: Array) -> dict[str, float]:
    by_class = {name: _measure_class(case, weights) for name, case in cases.items()}
    summary = case_means(by_class.values())
    del summary["n"]
    false, true = (np.stack([getattr(case, what) for case in cases.values()]) for what in ("false", "true"))
    summary["fp_per_negative"] = false_per_negative(false, true, weights)
    summary |= {f"{what}_{name}": value for name, values in by_class.items() for what, value in values.items()}
    if set(audit) <= set(cases):
        summary |= _audit_shortcut(cases, audit, weights)
    return summary


def _measure_class(case: _ClassCases, weights: Array) -> dict[str, float]:
    matches = case.matches
    precision = average_precision(matches, weights)
    true_boxes = weights @ matches.true_boxes
    return {
        "ap": float(precision.mean()),
        "ap50": float(precision[_AT_50]),
        "ap75": float(precision[_AT_75]),
        "ar100": average_recall(matches, weights),
        **{f"sensitivity_at_{false:g}_fp": sensitivity_at(matches, false, weights) for false in _FALSE_PER_IMAGE},
        "best_threshold": best_threshold(matches, weights),
        "sensitivity": float(weights @ np.nan_to_num(case.hits) / true_boxes) if true_boxes else math.nan,
        "fp_per_negative": false_per_negative(case.false[None], case.true[None], weights),
        "ece": score_reliability(matches, weights).expected_calibration_error,
    }


def _audit_shortcut(cases: Mapping[str, _ClassCases], audit: tuple[str, str], weights: Array) -> dict[str, float]:
    name, finding_name = audit
    hardware, finding = cases[name], cases[finding_name]
    with_hardware, with_neither = hardware.true > 0, (hardware.true == 0) & (finding.true == 0)
    return {
        f"false_{finding_name}s_per_{name}_image": _mean(finding.false, with_hardware * weights),
        f"{finding_name}_score_on_{name}_images": _mean(finding.top_score, with_hardware * weights),
        f"{finding_name}_score_on_negative_images": _mean(finding.top_score, with_neither * weights),
    }


def _mean(values: Array, weights: Array) -> float:
    return float(np.average(values, weights=weights)) if weights.any() else math.nan
