from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine
from monai.handlers import IgniteMetricHandler, from_engine
from torch.multiprocessing.spawn import start_processes

from skiagraph.metrics import BoxAPMetric, score_boxes, summarise_boxes
from tests.skiagraph.random_boxes import CLASSES, labelled_only, random_cases

CASES = random_cases(20, 0, ((0,), (0, 1), (0, 1)))


def summary(cases: list[dict[str, Any]]) -> dict[str, float]:
    return summarise_boxes([score_boxes(case, CLASSES) for case in cases], resamples=0)


def run(metric: BoxAPMetric, batches: list[list[dict[str, Any]]]) -> float:
    evaluator = Engine(lambda _, batch: batch)
    IgniteMetricHandler(metric, output_transform=from_engine(["pred", "target"])).attach(evaluator, "ap")
    evaluator.run(batches)
    return evaluator.state.metrics["ap"]


def test_it_is_the_ap_of_the_evaluation_whatever_the_batches() -> None:
    expected = summary(CASES)["ap"]
    assert 0.1 < expected < 0.9
    assert run(BoxAPMetric(CLASSES), [CASES[:3], CASES[3:]]) == pytest.approx(expected)
    assert run(BoxAPMetric(CLASSES), [[case] for case in CASES]) == pytest.approx(expected)


def test_another_overlap() -> None:
    assert run(BoxAPMetric(CLASSES, [0.75]), [CASES]) == pytest.approx(summary(CASES)["ap75"])


def test_a_class_without_truth_is_left_out_and_without_any_it_is_undefined() -> None:
    cases = [labelled_only(case, 0) for case in CASES]
    assert run(BoxAPMetric(CLASSES), [cases]) == pytest.approx(summary(CASES)["ap_implant"])
    assert math.isnan(run(BoxAPMetric(CLASSES), [[labelled_only(case) for case in CASES]]))
    assert math.isnan(BoxAPMetric(CLASSES).aggregate().item())


def test_a_second_epoch_starts_anew() -> None:
    metric = BoxAPMetric(CLASSES)
    run(metric, [CASES])
    assert run(metric, [CASES[:10]]) == pytest.approx(summary(CASES[:10])["ap"])


def test_tensors_are_refused() -> None:
    with pytest.raises(TypeError, match="lists of boxes"):
        BoxAPMetric(CLASSES)(torch.zeros(1, 4), torch.zeros(1, 4))


def over_ranks(rank: int, folder: Path) -> None:
    torch.distributed.init_process_group("gloo", f"file://{folder / 'rendezvous'}", rank=rank, world_size=2)
    ap = run(BoxAPMetric(CLASSES), [CASES[:5], CASES[5:12]] if rank == 0 else [CASES[12:]])
    (folder / str(rank)).write_text(str(ap))
    torch.distributed.destroy_process_group()


def test_every_rank_sees_the_precision_over_the_boxes_of_all(tmp_path: Path) -> None:
    start_processes(over_ranks, (tmp_path,), nprocs=2, start_method="spawn")
    assert [float((tmp_path / str(rank)).read_text()) for rank in range(2)] == pytest.approx([summary(CASES)["ap"]] * 2)
