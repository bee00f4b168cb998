"""What is measured of the keypoint bundle."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import scripts.benchmark
from skiagraph.bundle import benchmark_keypoints
from skiagraph.bundle.benchmark import RUNTIMES
from skiagraph.bundle.benchmark_keypoints import keypoint_notes, keypoint_rows
from skiagraph.phantoms import draw_spine

BUNDLE = Path(__file__).resolve().parents[3] / "bundles" / "interactive_vertebra_keypoints"


def test_default_network_is_timed_in_every_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(draw_spine(1, height_px=400).pixels).save(tmp_path / "a.png")
    monkeypatch.setattr(benchmark_keypoints, "NETWORKS", {"default": ()})
    monkeypatch.setattr(
        benchmark_keypoints, "_TABLE", replace(benchmark_keypoints._TABLE, reference=("default", "eager"))
    )
    scripts.benchmark.keypoints(str(BUNDLE), str(tmp_path), rounds=1, out=str(tmp_path / "benchmark.json"))
    assert "goal 100" in capsys.readouterr().out
    report = json.loads((tmp_path / "benchmark.json").read_text())
    assert [(row["network"], row["runtime"]) for row in report["timings"]] == [("default", each) for each in RUNTIMES]
    eager = report["timings"][0]
    assert all(eager[what]["median_ms"] > 0 for what in ("first_answer", "refinement", "network_alone"))
    for row in report["timings"]:
        if row["installed"]:
            assert row["largest_difference"] < 1e-2
            assert row["network"] == "default"
    rows = keypoint_rows(report)
    assert rows[0]["first answer"].endswith("(1.00x)")
    assert rows[0]["difference"] == "0.0e+00"


def test_a_runtime_that_is_missing_is_named() -> None:
    timing = {"median_ms": 20.0, "min_ms": 18.0, "times_as_fast": 4.0}
    present = {"network": "default", "runtime": "eager", "installed": True, "largest_difference": 0.0}
    present |= dict.fromkeys(("first_answer", "refinement", "network_alone"), timing)
    report = {
        "threads": 2,
        "rounds": 3,
        "times_as_fast_as": "UNet-IKEM eager",
        "networks": {"default": {"parameters": 3_790_000, "multiply_adds": 2_500_000_000}},
        "timings": [
            present,
            {"network": "default", "runtime": "OpenVINO", "installed": False},
        ],
    }
    rows = keypoint_rows(report)
    assert rows[0]["refinement"] == "20.0 (4.00x)"
    assert rows[0]["parameters"] == "3.79 M"
    assert rows[1] == {"network": "default", "runtime": "OpenVINO", "difference": "not installed"}
    assert "Refinement by the default network takes 20.0 ms" in keypoint_notes(report)
