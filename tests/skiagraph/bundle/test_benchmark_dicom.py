"""What is measured of the de-identification."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import scripts.benchmark
from skiagraph.bundle import benchmark_dicom
from skiagraph.bundle.benchmark_dicom import dicom_notes, dicom_rows, run_dicom_benchmark
from skiagraph.bundle.deidentifiers import TOOLS


def test_tools_are_timed_and_what_they_leave_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark_dicom, "KINDS", {"flat CR": ("cr", 16), "cine XA": ("xa", 16)})
    monkeypatch.setattr(benchmark_dicom, "TOOLS", {**TOOLS, "another": ("no_such_package", TOOLS["dicognito"][1])})
    scripts.benchmark.dicom(files=2, frames=2, rounds=1, out=str(tmp_path / "benchmark.json"))
    assert "Times as fast as the fastest other: flat CR" in capsys.readouterr().out
    report = json.loads((tmp_path / "benchmark.json").read_text())
    entries = {(entry["kind"], entry["tool"]): entry for entry in report["tools"]}
    assert entries["flat CR", "another"] == {"kind": "flat CR", "tool": "another", "installed": False}
    for kind in ("flat CR", "cine XA"):
        assert entries[kind, "skiagraph"]["leaks"] == 0
        assert entries[kind, "dicognito"]["leaks"] > 10
        assert entries[kind, "deid"]["leaks"] > 10
        assert entries[kind, "skiagraph"]["files_per_second"] > 0
        assert 10 < entries[kind, "skiagraph"]["peak_mb"] < 2000
    assert dicom_rows(report)[-1]["leaks"] == "not installed"


def test_a_single_tool_has_nothing_to_be_compared_with() -> None:
    entry = {"kind": "flat CR", "tool": "skiagraph", "installed": True, "files_per_second": 50.0, "leaks": 0}
    report = {"files": 1, "frames": 1, "rounds": 1, "tools": [{**entry, "times_as_fast": None, "peak_mb": 90.0}]}
    assert dicom_rows(report)[0]["times as fast as the fastest other"] == "-"
    assert "no other tool is installed" in dicom_notes(report)


@pytest.mark.parametrize(("files", "frames"), [(0, 1), (1, 0)])
def test_nothing_to_time_is_refused(files: int, frames: int) -> None:
    with pytest.raises(ValueError, match="nothing to time"):
        run_dicom_benchmark(files, frames, 1)
