"""Images with random true boxes, and boxes found near them and elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

CLASSES = ("implant", "fracture")
SIZE = 60


def random_cases(images: int, seed: int, labelled: tuple[tuple[int, ...], ...] = ((0, 1),)) -> list[dict[str, Any]]:
    """Cases of two classes; whole pixels and scores of two decimals, so that overlaps and scores are often equal.

    Args:
        labelled: what is in the first, second, ... image, from the start again when they end.
    """
    rng = np.random.default_rng(seed)
    return [_random_case(rng, list(labelled[number % len(labelled)])) for number in range(images)]


def labelled_only(case: dict[str, Any], *numbers: int) -> dict[str, Any]:
    """The case with these classes labelled; the boxes of the others stay in its target."""
    return {**case, "target": {**case["target"], "labelled": torch.tensor(numbers, dtype=torch.int64)}}


def _random_case(rng: np.random.Generator, labelled: list[int]) -> dict[str, Any]:
    true = _random_boxes(rng, int(rng.integers(0, 5)))
    classes = rng.integers(0, 2, len(true))
    near = rng.integers(0, len(true), 7) if len(true) else np.empty(0, dtype=int)
    moved = true[near] + rng.integers(-3, 4, (len(near), 4))
    found = np.concatenate([moved, _random_boxes(rng, 4)])
    found_classes = np.concatenate([classes[near], rng.integers(0, 2, 4)])
    scores = np.round(rng.beta(2, 2, len(found)), 2)
    known = np.isin(classes, labelled)
    return {
        "pred": {**_tensors(found, found_classes), "labels_scores": torch.from_numpy(scores).float()},
        "target": {**_tensors(true[known], classes[known]), "labelled": torch.tensor(labelled)},
    }


def _random_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    low = rng.integers(0, SIZE - 30, (count, 2))
    return np.concatenate([low, low + rng.integers(8, 30, (count, 2))], axis=1)


def _tensors(boxes: np.ndarray, classes: np.ndarray) -> dict[str, torch.Tensor]:
    return {"boxes": torch.from_numpy(boxes).float(), "labels": torch.from_numpy(classes)}
