from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.handlers import IgniteMetricHandler
from PIL import Image
from torch.multiprocessing.spawn import start_processes

from skiagraph.geometry import SurfaceLine
from skiagraph.metrics import SurfaceF1Metric, lines_mm, plot_surfaces, score_surfaces, surface_distances

SPACING = (0.05, 0.08)


def flat(row: float, start: int = 100, end: int = 500) -> SurfaceLine:
    points = np.column_stack([np.arange(start, end), np.full(end - start, row)]).astype(float)
    return SurfaceLine(points, np.ones(len(points)))


def frame(predicted: list[SurfaceLine], true: list[SurfaceLine], **meta: Any) -> dict[str, Any]:
    """A decollated case: a frame of 512 x 640 pixels, bright in its upper half, resized to 256 x 256."""
    image = torch.zeros(1, 256, 256)
    image[:, :128] = 0.8
    meta = {"filename_or_obj": "frame.png", "spacing_mm": SPACING, "partial": False, **meta}
    affine = np.diag([SPACING[0] * 2, SPACING[1] * 2.5, 1, 1])
    return {"image": MetaTensor(image, affine=affine, meta=meta), "pred_lines": predicted, "truth_lines": true}


def test_a_case_is_scored_in_millimetres_and_by_the_brightness_of_its_image() -> None:
    values = score_surfaces(frame([flat(106), flat(400)], [flat(100), flat(400)]))
    assert (values["accuracy_0.2mm"], values["accuracy_0.3mm"]) == (pytest.approx(0.5), 1)  # 6 rows are 0.3 mm
    assert (values["f1_high_0.2mm"], values["f1_low_0.2mm"]) == (0, 1)
    assert values["truth_length_mm"] == pytest.approx(2 * 399 * 0.08)
    assert not any(name.startswith("published") for name in values)


def test_the_published_metrics_come_where_they_are_defined() -> None:
    case = frame([flat(100)], [flat(100)])
    band = torch.zeros(3, 256, 256)
    band[0, 47:54, 40:200] = 1
    case |= {"label": band, "pred": band[:1]}
    assert score_surfaces(case)["published_f1_0.5mm"] == pytest.approx(1)
    case |= {"label": band[:, :128], "pred": band[:1, :128]}
    assert "published_f1_0.5mm" not in score_surfaces(case)
    case |= {"label": band, "pred": band[:1], "image": frame([], [], partial=True)["image"]}
    assert "published_f1_0.5mm" not in score_surfaces(case)


def test_a_frame_of_unknown_pixel_size_is_named() -> None:
    case = frame([flat(100)], [flat(100)], spacing_mm=(math.nan, math.nan))
    with pytest.raises(ValueError, match=r"^frame.png: .* unknown.*--spacing"):
        score_surfaces(case)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Without what engines tell of their runs, where another test has asked for it."""
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_the_key_metric_is_the_mean_over_frames_that_can_be_judged(caplog: pytest.LogCaptureFixture) -> None:
    cases = [
        frame([flat(100)], [flat(104)]),
        frame([flat(100)], [flat(200)]),
        frame([flat(100, 100, 300)], [flat(100)]),
        frame([flat(100)], [flat(100)], partial=True),
    ]
    evaluator = Engine(lambda _, batch: batch)
    handler = IgniteMetricHandler(SurfaceF1Metric(0.5), output_transform=lines_mm)
    handler.attach(evaluator, "f1_0.5mm")
    evaluator.run([cases[:1], cases[1:]])
    expected = [surface_distances(*both)["f1_0.5mm"] for both in zip(*lines_mm(cases[:3]), strict=True)]
    assert expected[:2] == [1, 0]
    assert evaluator.state.metrics["f1_0.5mm"] == pytest.approx(np.mean(expected))
    assert warnings(caplog) == []
    for _ in range(2):
        evaluator.run([cases[3:]])
        assert math.isnan(evaluator.state.metrics["f1_0.5mm"])
    (warning,) = warnings(caplog)
    assert "undefined: no frame is fully labelled" in warning


def average_over_ranks(rank: int, folder: Path) -> None:
    torch.distributed.init_process_group("gloo", f"file://{folder / 'rendezvous'}", rank=rank, world_size=2)
    good, bad = frame([flat(100)], [flat(104)]), frame([flat(100)], [flat(200)])
    evaluator = Engine(lambda _, batch: batch)
    IgniteMetricHandler(SurfaceF1Metric(0.5), output_transform=lines_mm).attach(evaluator, "f1_0.5mm")
    evaluator.run([[good], [good]] if rank == 0 else [[bad]])
    (folder / str(rank)).write_text(str(evaluator.state.metrics["f1_0.5mm"]))
    torch.distributed.destroy_process_group()


def test_every_rank_sees_the_mean_over_the_frames_of_all(tmp_path: Path) -> None:
    start_processes(average_over_ranks, (tmp_path,), nprocs=2, start_method="spawn")
    assert [float((tmp_path / str(rank)).read_text()) for rank in range(2)] == pytest.approx([2 / 3, 2 / 3])


@pytest.mark.parametrize("distance", [-0.5, 0.25])
def test_distances_that_no_metric_is_called_by_are_refused(distance: float) -> None:
    with pytest.raises(ValueError, match=r"multiple of 0\.1"):
        SurfaceF1Metric(distance)


def test_curves_are_drawn_also_when_little_is_defined(tmp_path: Path) -> None:
    plot_surfaces([score_surfaces(frame([], [flat(100)], partial=True))], tmp_path)
    assert Image.open(tmp_path / "distance_curves.png").size[0] > 500
