"""Pictures of cases for the tracking of a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from torch.nn import functional

from skiagraph.geometry.heat_maps import gaussian_maps
from skiagraph.handlers import boxes_sample, corners_sample
from tests.skiagraph.drawn_spines import IMAGE_SIZE, rectangle_spine

STRIDE = 4
SIZE = (IMAGE_SIZE[1] // STRIDE // 2 * 2, IMAGE_SIZE[0] // STRIDE // 2 * 2)
ORANGE, GREEN = (255, 170, 60), (70, 255, 90)


def engine(*cases: dict[str, Any]) -> Engine:
    return SimpleNamespace(state=SimpleNamespace(output=list(cases)))  # type: ignore[return-value]  # all that it reads


@pytest.fixture
def case() -> dict[str, Any]:
    """A black image, and a prediction 8 pixels right of the truth."""
    truth = torch.from_numpy(rectangle_spine()).float()
    grey = torch.zeros(1, 1, SIZE[0] * STRIDE, SIZE[1] * STRIDE)
    blocks = functional.pixel_unshuffle(grey, STRIDE)[0]
    logits = gaussian_maps(truth + torch.tensor([8.0, 0.0]), SIZE, 6.0, STRIDE).clamp_min(1e-20).log()
    return {"image": torch.cat([blocks, torch.zeros(2 * 68, *SIZE)]), "pred": logits, "label": truth}


def columns(picture: np.ndarray, red: bool) -> np.ndarray:
    """Where there is orange (much red) or green (little)."""
    bright = picture.max(axis=2) > 150
    return np.flatnonzero((bright & ((picture[..., 0] > 200) == red)).any(axis=0))


def test_truth_is_orange_and_prediction_green(case: dict[str, Any]) -> None:
    picture = corners_sample(engine(case))
    assert picture is not None
    assert picture.shape == (SIZE[0] * STRIDE, SIZE[1] * STRIDE, 3)
    left, right = case["label"][:, 0].min().item(), case["label"][:, 0].max().item()
    assert columns(picture, red=True).min() == pytest.approx(left, abs=2)
    assert columns(picture, red=False).max() == pytest.approx(right + 8, abs=2)


def test_without_a_truth_there_is_the_prediction_alone(case: dict[str, Any]) -> None:
    del case["label"]
    picture = corners_sample(engine(case))
    assert picture is not None
    assert len(columns(picture, red=False)) > 0
    assert len(columns(picture, red=True)) == 0


def test_without_a_case_there_is_no_picture() -> None:
    assert corners_sample(engine()) is None


def test_what_a_detector_found_is_drawn_in_the_colour_of_its_class() -> None:
    found = {
        "boxes": torch.tensor([[20.0, 30.0, 80.0, 100.0]]),
        "labels": torch.tensor([1]),
        "labels_scores": torch.tensor([0.8]),
    }
    image = torch.linspace(0, 1, 128)[None, :, None].expand(1, 128, 160)
    of_second = boxes_sample(engine({"image": image, "pred": found}), ("implant", "fracture"))
    of_first = boxes_sample(engine({"image": image, "pred": {**found, "labels": torch.tensor([0])}}), ("implant", "x"))
    truth = {"target": {"boxes": torch.tensor([[100.0, 10.0, 120.0, 140.0]])}}
    with_truth = boxes_sample(engine({"image": image, "pred": found} | truth), ("implant", "fracture"))
    assert of_second is not None
    assert of_first is not None
    assert with_truth is not None
    assert of_second.shape == (128, 160, 3)
    edge = of_second[50, 30].astype(int)
    assert np.ptp(edge) > 40
    assert np.abs(edge - of_first[50, 30]).max() > 40
    assert (with_truth[100:] != of_second[100:]).any()
    assert boxes_sample(engine(), ("implant",)) is None
