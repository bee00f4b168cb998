"""What the keypoint bundle promises beyond the base tests: how good its weights are, and its overlays and scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from monai.bundle import run

from skiagraph.engines import bfloat16_is_fast
from skiagraph.phantoms import write_spine_phantoms
from tests.bundles.collection import ROOT

BUNDLE = ROOT / "bundles" / "interactive_vertebra_keypoints"
CONFIGS = BUNDLE / "configs"
DATA = os.environ.get("SKIAGRAPH_DATA")

needs_real_data = pytest.mark.skipif(DATA is None, reason="SKIAGRAPH_DATA names no folder: not run on real images")

# Mean radial error after 0 to 5 clicks, Kim et al., MICCAI 2022.
PUBLISHED_PX = (58.6, 35.4, 29.4, 24.0, 21.1, 17.7)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spines")
    write_spine_phantoms(folder, patients=8, images=1, height_px=320)
    return folder


@needs_real_data
def test_spines_never_trained_on_need_fewer_clicks_than_published(tmp_path: Path) -> None:
    run(
        config_file=[str(CONFIGS / "train.json"), str(CONFIGS / "evaluate.json")],
        bundle_root=str(BUNDLE),
        dataset_dir=str(Path(str(DATA)) / "aasce"),
        data_list=str(ROOT / "data_lists" / "aasce.json"),
        output_dir=str(tmp_path),
        workers=0,
        amp=bfloat16_is_fast("cpu"),
        **{"validate#clicks#clicks": 5},
    )
    measured = json.loads((tmp_path / "metrics.json").read_text())
    assert measured["n"] == 99
    for clicks, published in enumerate(PUBLISHED_PX):
        assert measured[f"mre_px_k{clicks}"] < published
    for clicks in range(1, 6):
        assert measured[f"mre_px_k{clicks}"] < measured[f"manual_mre_px_k{clicks}"]
    assert measured["cobb_mae_deg"] <= 7
    assert measured["others_mre_px_wrong_click"] <= 1.1 * measured["others_mre_px_exact_click"]
    assert (tmp_path / "click_curve.png").is_file()


@pytest.mark.parametrize("overlay", ["unet_ikem", "hrnet_ocr_ikem"])
def test_published_networks_train_through_their_overlays(overlay: str, phantoms: Path, tmp_path: Path) -> None:
    """At a quarter of their size."""
    run(
        config_file=[str(CONFIGS / "train.json"), str(CONFIGS / f"{overlay}.json")],
        bundle_root=str(BUNDLE),
        dataset_dir=str(phantoms),
        output_dir=str(tmp_path),
        epochs=1,
        val_interval=1,
        batch_size=2,
        workers=0,
        image_size=[128, 64],
        amp=False,
    )
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    assert len(state) > 100
    assert all(torch.isfinite(tensor).all() for tensor in state.values() if tensor.is_floating_point())


def annotate(image: Path, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.annotate_keypoints", str(image), "--out", str(out), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_corner_is_put_right_from_the_command_line(phantoms: Path, tmp_path: Path) -> None:
    image = next((phantoms / "data" / "training").glob("*.jpg"))
    done = annotate(image, tmp_path / "aus gabe", "--clicks", '{"T5_tl": [60.5, 80]}', "--spacing", "0.5")
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "aus gabe" / f"{image.stem}_keypoints.json").read_text())
    assert content["points"]["T5_tl"]["x_mm"] == 30.25
    assert len(list((tmp_path / "aus gabe").glob("*_overlay.jpg"))) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--clicks", '{"T5": [60, 80]}'], "T5: no such point"),
        (["--clicks", '{"T5_tl": [60, 8000]}'], "lies outside the image"),
        (["--frame", "3"], "there is no frame 3"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(
    phantoms: Path, tmp_path: Path, arguments: list[str], told: str
) -> None:
    done = annotate(next((phantoms / "data" / "training").glob("*.jpg")), tmp_path / "out", *arguments)
    assert done.returncode != 0
    assert told in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
