"""What is measured of the detection bundle."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import scripts.benchmark
from skiagraph.bundle import benchmark_detection
from skiagraph.bundle.benchmark import RUNTIMES
from skiagraph.bundle.benchmark_detection import detection_notes, detection_rows
from skiagraph.phantoms import write_limb_phantoms

BUNDLE = Path(__file__).resolve().parents[3] / "bundles" / "bone_xray_detection"


def test_both_detectors_are_timed_at_every_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_limb_phantoms(tmp_path / "limb", patients=24, images=1, size_px=128)
    monkeypatch.setattr(benchmark_detection, "SIZES", (64, 128))
    table = replace(benchmark_detection._TABLE, reference=("Faster R-CNN", 128, "eager"))
    monkeypatch.setattr(benchmark_detection, "_TABLE", table)
    monkeypatch.setattr(benchmark_detection, "RUNTIMES", ("eager", "TorchScript"))
    out = tmp_path / "benchmark.json"
    scripts.benchmark.detection(str(BUNDLE), str(tmp_path / "limb"), rounds=1, out=str(out))
    assert "times as fast end to end, goal 4." in capsys.readouterr().out
    report = json.loads(out.read_text())
    measured = [row for row in report["timings"] if row["installed"]]
    assert {(row["network"], row["size"]) for row in measured} == {
        (network, size) for network in ("default", "Faster R-CNN") for size in (64, 128)
    }
    for row in measured:
        assert row["largest_difference"] < 1e-2
        assert row["end_to_end"]["median_ms"] > 0 < row["network_alone"]["median_ms"]
    counts = report["networks"]["default"]["multiply_adds"]
    assert counts["128"] == pytest.approx(4 * counts["64"], rel=0.1)
    assert report["images_per_second"]["cached"] > 0
    rows = {(row["network"], row["size"], row["runtime"]): row for row in detection_rows(report)}
    assert rows["Faster R-CNN", 128, "eager"]["end to end"].endswith("(1.00x)")


def test_a_runtime_that_is_missing_is_named() -> None:
    timing = {"median_ms": 20.0, "min_ms": 18.0, "times_as_fast": 5.25}
    present = {"network": "default", "size": 320, "runtime": "eager", "installed": True, "largest_difference": 0.0}
    present |= {"end_to_end": timing, "network_alone": timing}
    report = {
        "threads": 2,
        "rounds": 3,
        "times_as_fast_as": "Faster R-CNN 640 eager",
        "networks": {"default": {"parameters": 3_670_000, "multiply_adds": {"320": 2_500_000_000}}},
        "images_per_second": {"from_files": 20.4, "cached": 33.6},
        "timings": [present, {"network": "default", "size": 320, "runtime": "OpenVINO", "installed": False}],
    }
    rows = detection_rows(report)
    assert rows[0]["end to end"] == "20.0 (5.25x)"
    assert (rows[0]["parameters"], rows[0]["multiply-adds"]) == ("3.67 M", "2.50 G")
    assert rows[1] == {"network": "default", "size": 320, "runtime": "OpenVINO", "difference": "not installed"}
    notes = detection_notes(report)
    assert "5.2 at 320 times as fast end to end" in notes
    assert "brings 20 training images a second from files, and 34 from memory" in notes


def test_all_runtimes_are_measured_by_default() -> None:
    assert benchmark_detection.RUNTIMES == RUNTIMES
