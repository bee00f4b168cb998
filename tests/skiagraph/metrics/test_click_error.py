from __future__ import annotations

import math

import pytest
import torch
from ignite.engine import Engine
from monai.handlers import IgniteMetricHandler, from_engine

from skiagraph.metrics import ClickErrorMetric

# Errors of two points after no and one click, of three cases: means 5, 2 and 11.
CASES = torch.tensor([[[10.0, 6.0], [0.0, 4.0]], [[3.0, 3.0], [2.0, 0.0]], [[20.0, 16.0], [0.0, 8.0]]])


def test_every_case_has_the_same_weight_whatever_the_batches() -> None:
    metric = ClickErrorMetric()
    metric(y_pred=list(CASES[:2]), y=None)
    metric(y_pred=list(CASES[2:]), y=None)
    assert metric.aggregate().item() == pytest.approx(6)
    assert metric.get_buffer().flatten().tolist() == pytest.approx([5, 2, 11])
    metric.reset()
    metric(y_pred=list(CASES[1:]), y=None)
    assert metric.aggregate().item() == pytest.approx(6.5)


def test_without_cases_it_is_undefined() -> None:
    assert math.isnan(ClickErrorMetric().aggregate().item())


def test_a_batch_as_one_tensor_counts_the_same() -> None:
    metric = ClickErrorMetric()
    metric(y_pred=CASES)
    assert metric.get_buffer().tolist() == [[5], [2], [11]]
    assert metric.get_buffer().dtype == torch.float64


@pytest.mark.parametrize("decollated", [True, False])
def test_as_the_key_metric_of_an_evaluator(decollated: bool) -> None:
    labels = torch.zeros(3, 2, 2)

    def outputs(_: Engine, at: slice) -> object:
        batch = {"errors_px": CASES[at], "label": labels[at]}
        return (
            [{key: value[i] for key, value in batch.items()} for i in range(len(labels[at]))] if decollated else batch
        )

    evaluator = Engine(outputs)
    handler = IgniteMetricHandler(ClickErrorMetric(), output_transform=from_engine(["errors_px", "label"]))
    handler.attach(evaluator, "mre_px")
    for _ in range(2):
        evaluator.run([slice(0, 2), slice(2, 3)])
        assert evaluator.state.metrics["mre_px"] == pytest.approx(6)
