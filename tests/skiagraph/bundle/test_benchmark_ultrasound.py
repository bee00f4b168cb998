from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image

from skiagraph.bundle.benchmark import RUNTIMES
from skiagraph.bundle.benchmark_ultrasound import run_ultrasound_benchmark, ultrasound_notes, ultrasound_rows
from skiagraph.bundle.ultrasound_chain import InferenceChain, SameAnswers, UltrasoundBenchmark
from skiagraph.data import read_data_list
from skiagraph.networks import CompactUNet, save_weights
from skiagraph.report import markdown_table

CONFIGS = Path(__file__).resolve().parents[3] / "bundles" / "ultrasound_bone_segmentation" / "configs"
CHANNELS = {"default": (4, 8), "published": (8, 16)}
TIMED = [f"{what}_{threads}_threads" for what in ("network", "end_to_end") for threads in (1, 2)]


def edit_json(path: Path, **entries: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def make_network(name: str) -> CompactUNet:
    torch.manual_seed(0)
    return CompactUNet(channels=CHANNELS[name], blocks=(1, 1))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> UltrasoundBenchmark:
    """The bundle with networks and images that are small, on five frames of a bright line."""
    root, data = tmp_path_factory.mktemp("bundle"), tmp_path_factory.mktemp("data")
    shutil.copytree(CONFIGS, root / "configs")
    for config, name in (("train", "default"), ("inference", "default"), ("published_network", "published")):
        definition = {"_target_": "skiagraph.networks.CompactUNet", "channels": CHANNELS[name], "blocks": [1, 1]}
        edit_json(root / "configs" / f"{config}.json", network_def=definition)
    for config in ("train", "inference"):
        edit_json(root / "configs" / f"{config}.json", image_size=[64, 64])
    for name, file in (("default", "models/model.pt"), ("published", "published.pt")):
        save_weights(make_network(name), root / file)
    items = [write_frame(data, f"{number}", row=20 + 8 * number) for number in range(5)]
    content = {"training": items[:1], "validation": items[1:2], "test": items[2:]}
    (data / "data_list.json").write_text(json.dumps(content))
    return UltrasoundBenchmark(root, data, published_weights=root / "published.pt", frames=2, rounds=1)


def write_frame(folder: Path, name: str, row: int) -> dict[str, Any]:
    """A line across 80 x 96 pixels on dark speckle."""
    frame = np.random.default_rng(row).integers(0, 60, (80, 96)).astype(np.uint8)
    label = np.zeros((80, 96), np.uint8)
    frame[row - 1 : row + 2], label[row] = 250, 255
    for kind, pixels in (("image", frame), ("label", label)):
        Image.fromarray(pixels).save(folder / f"{name}_{kind}.png")
    return {"image": f"{name}_image.png", "label": f"{name}_label.png", "group": name, "spacing_mm": [0.2, 0.2]}


@pytest.fixture(scope="module")
def report(settings: UltrasoundBenchmark) -> dict[str, Any]:
    return run_ultrasound_benchmark(settings)


def test_both_networks_are_timed_in_every_runtime(report: dict[str, Any]) -> None:
    rows = {(row["network"], row["runtime"]): row for row in report["timings"] if row["installed"]}
    assert {(name, runtime) for name in CHANNELS for runtime in RUNTIMES[:2]} <= set(rows)
    for timed in TIMED:
        reference = rows["published", "eager"][timed]["median_ms"]
        for row in rows.values():
            assert 0 < row[timed]["min_ms"] <= row[timed]["median_ms"]
            assert row[timed]["times_as_fast"] == pytest.approx(reference / row[timed]["median_ms"])


def test_the_chain_takes_longer_than_its_network(report: dict[str, Any]) -> None:
    for row in report["timings"]:
        if row["installed"]:
            assert row["end_to_end_1_threads"]["min_ms"] > row["network_1_threads"]["min_ms"]


def test_exports_answer_like_eager_and_only_the_default_network_streams(report: dict[str, Any]) -> None:
    for row in report["timings"]:
        if row["installed"]:
            assert row["largest_difference"] < 1e-4
            assert (row["stream_frames_per_second"] is not None) == (row["network"] == "default")


def test_sizes_are_those_of_the_networks(report: dict[str, Any]) -> None:
    for name, size in report["networks"].items():
        assert size["parameters"] == sum(parameter.numel() for parameter in make_network(name).parameters())
    assert report["networks"]["published"]["multiply_adds"] > report["networks"]["default"]["multiply_adds"] > 0


def test_f1_of_a_ridge_on_lines_that_are_ridges(report: dict[str, Any]) -> None:
    assert report["f1_0.5mm"]["ridge_filter"] > 0.95
    assert report["ridge_filter"]["tuned_on_frames"] == 1
    assert all(0 <= report["f1_0.5mm"][name] <= 1 for name in CHANNELS)


def test_one_row_each_in_the_table(report: dict[str, Any]) -> None:
    table = markdown_table(ultrasound_rows(report))
    assert table.count("\n") == 2 + 2 * len(RUNTIMES) + 1
    assert "1.00x" in next(line for line in table.splitlines() if "published" in line and "eager" in line)
    assert "frames/s" in ultrasound_notes(report)


def test_without_weights_there_is_no_f1(report: dict[str, Any]) -> None:
    rows = ultrasound_rows({**report, "f1_0.5mm": {**report["f1_0.5mm"], "published": None}})
    (row,) = [row for row in rows if (row["network"], row.get("runtime")) == ("published", "eager")]
    assert row["F1, 0.5 mm"] == "-"


def test_a_runtime_that_is_missing_keeps_its_row(report: dict[str, Any]) -> None:
    missing = [{**row, "installed": row["runtime"] == "eager"} for row in report["timings"]]
    rows = ultrasound_rows({**report, "timings": missing})
    assert sum(row.get("difference") == "not installed" for row in rows) == 2 * (len(RUNTIMES) - 1)


@pytest.fixture
def chain(settings: UltrasoundBenchmark, tmp_path: Path) -> InferenceChain:
    items = read_data_list(settings.dataset_dir / "data_list.json", settings.dataset_dir, "test")[:1]
    return InferenceChain(settings, "default", items, tmp_path)


def answer_with_band(image: torch.Tensor) -> torch.Tensor:
    """Logits of a surface at row 31 of 64."""
    logits = torch.full_like(image, -5.0)
    logits[..., 30:33, :] = 5.0
    return logits


def test_stream_and_files_give_the_same_line_on_the_grid_of_the_frame(chain: InferenceChain, tmp_path: Path) -> None:
    chain.run_files(SameAnswers(answer_with_band, [answer_with_band(chain.images[0])]))
    (written,) = json.loads((tmp_path / "2_image_surface.json").read_text())["lines"]
    (streamed,) = chain.lines_of_frame(answer_with_band)
    # 80 rows became 64, and 96 columns too: centres of pixels move with their edges.
    y, x = (31 + 0.5) * 80 / 64 - 0.5, (np.arange(64) + 0.5) * 96 / 64 - 0.5
    expected = np.column_stack([x, np.full(64, y)])
    np.testing.assert_allclose(streamed.points_px, expected, atol=1e-3)
    np.testing.assert_allclose(written["points_px"], expected, atol=0.01)


def test_being_timed_leaves_a_network_as_it_is(chain: InferenceChain) -> None:
    before = {key: value.clone() for key, value in chain.network.state_dict().items()}
    chain.run_files(SameAnswers(chain.network, [answer_with_band(chain.images[0])]))
    chain.run_files(SameAnswers(chain.network, [answer_with_band(chain.images[0])]))
    assert not chain.network.training
    assert all(torch.equal(value, before[key]) for key, value in chain.network.state_dict().items())


def test_known_answers_come_in_turn_and_keep_the_place_of_the_image() -> None:
    seen: list[torch.Tensor] = []
    network = SameAnswers(lambda image: seen.append(image) or image, [torch.zeros(1), torch.ones(1)])
    affine = torch.diag(torch.tensor([3.0, 2.0, 1.0, 1.0], dtype=torch.float64))
    image = MetaTensor(torch.rand(1), affine=affine)
    answers = [network(image) for _ in range(3)]
    assert [float(answer) for answer in answers] == [0.0, 1.0, 0.0]
    assert torch.equal(answers[0].affine, affine)
    assert len(seen) == 3
    assert not any(isinstance(tensor, MetaTensor) for tensor in seen)


def test_missing_weights_are_named(settings: UltrasoundBenchmark, tmp_path: Path) -> None:
    lost = tmp_path / "lost.pt"
    with pytest.raises(FileNotFoundError, match=r"lost\.pt"):
        run_ultrasound_benchmark(UltrasoundBenchmark(settings.bundle_root, settings.dataset_dir, weights=lost))


def test_no_frames_to_time(settings: UltrasoundBenchmark) -> None:
    with pytest.raises(ValueError, match="no frames to time"):
        run_ultrasound_benchmark(UltrasoundBenchmark(settings.bundle_root, settings.dataset_dir, frames=0))
