"""What the ultrasound bundle promises beyond the base tests: how good its weights are, and which ones it refuses."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import run
from PIL import Image
from torch import nn

from skiagraph.data.ct_labels import LabelSettings, label_sweep
from skiagraph.engines.errors import root_cause
from skiagraph.phantoms import write_ultrasound_phantoms
from tests.bundles.collection import ROOT

BUNDLE = ROOT / "bundles" / "ultrasound_bone_segmentation"
CONFIGS = BUNDLE / "configs"
DATA = os.environ.get("SKIAGRAPH_DATA")

needs_real_data = pytest.mark.skipif(DATA is None, reason="SKIAGRAPH_DATA names no folder: not run on real images")


def evaluate(dataset_dir: Path, out: Path, **knobs: object) -> dict[str, float]:
    configs = [str(CONFIGS / "train.json"), str(CONFIGS / "evaluate.json")]
    run(
        config_file=configs,
        bundle_root=str(BUNDLE),
        dataset_dir=str(dataset_dir),
        output_dir=str(out),
        workers=0,
        **knobs,
    )
    measured: dict[str, float] = json.loads((out / "metrics.json").read_text())
    return measured


def infer(dataset_dir: Path, out: Path, **knobs: object) -> None:
    run(
        config_file=str(CONFIGS / "inference.json"),
        bundle_root=str(BUNDLE),
        dataset_dir=str(dataset_dir),
        output_dir=str(out),
        **knobs,
    )


def test_bone_of_phantoms_never_trained_on_is_found(tmp_path: Path) -> None:
    write_ultrasound_phantoms(tmp_path / "phantoms", specimens=8, frames=3)
    measured = evaluate(tmp_path / "phantoms", tmp_path / "out")
    assert measured["n"] == 9
    assert measured["f1_0.5mm"] >= 0.85
    assert (tmp_path / "out" / "distance_curves.png").is_file()


@needs_real_data
def test_near_cortex_of_a_real_fibula_is_found_without_marking_everything(tmp_path: Path) -> None:
    sweep = Path(str(DATA)) / "ultrabones" / "sweep"
    label_sweep(sweep, tmp_path, LabelSettings())
    (tmp_path / "UltrasoundImages").symlink_to(sweep / "UltrasoundImages")
    measured = evaluate(tmp_path, tmp_path / "out", data_list=str(ROOT / "data_lists" / "ultrabones_sweep.json"))
    assert measured["n"] == 25
    assert measured["completeness_1.0mm"] >= 0.8
    phantoms = json.loads((BUNDLE / "docs" / "metrics.json").read_text())
    assert measured["line_length_mm"] <= phantoms["truth_length_mm"]


@needs_real_data
def test_bone_is_found_on_every_real_example(tmp_path: Path) -> None:
    examples = Path(str(DATA)) / "ultrabones" / "examples"
    infer(examples, tmp_path)
    answers = [json.loads(path.read_text()) for path in tmp_path.glob("*_surface.json")]
    assert len(answers) == len(list(examples.glob("*.png")))
    assert all(answer["spacing_mm"] is None for answer in answers)
    assert sum(answer["bone_found"] for answer in answers) >= 20


def test_results_that_cannot_be_written_fail_for_themselves(tmp_path: Path) -> None:
    for name in "abc":
        Image.fromarray(np.full((90, 140), 40, np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "out" / "b_mask.png").mkdir(parents=True)
    with pytest.raises(SystemExit, match=r"^1 of 3 images failed: .*b\.png: results not written: .*b_mask\.png is a"):
        infer(tmp_path, tmp_path / "out")
    rows = (tmp_path / "out" / "summary.csv").read_text().splitlines()[1:]
    assert [row.split(",")[:2] for row in rows] == [["a", "done"], ["b", "failed"], ["c", "done"]]
    assert (tmp_path / "out" / "c_overlay.jpg").is_file()


def test_an_image_size_that_the_network_does_not_take_is_told(tmp_path: Path) -> None:
    Image.fromarray(np.full((90, 140), 40, np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(RuntimeError) as caught:
        infer(tmp_path, tmp_path / "out", image_size=[256, 250])
    assert re.search("multiples of 32, not 250.*image_size", str(root_cause(caught.value)))


def test_published_weights_as_they_are_pickled_are_refused_with_the_reason(tmp_path: Path) -> None:
    pickled = tmp_path / "best_model.pth"
    torch.save(nn.Sequential(nn.Conv2d(1, 1, 3)), pickled)
    with pytest.raises(RuntimeError) as caught:
        run(
            config_file=[str(CONFIGS / "inference.json"), str(CONFIGS / "published_network.json")],
            bundle_root=str(BUNDLE),
            weights=str(pickled),
            output_dir=str(tmp_path),
        )
    assert "holds a pickled Python object" in str(caught.value.__cause__)
    assert "state_dict()" in str(caught.value.__cause__)
