from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts import benchmark as face
from skiagraph.bundle.ultrasound_chain import UltrasoundBenchmark


def test_prints_the_table_and_writes_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[UltrasoundBenchmark] = []
    report: dict[str, Any] = {"timings": [1.5]}
    monkeypatch.setattr(face, "run_ultrasound_benchmark", lambda settings: asked.append(settings) or report)
    monkeypatch.setattr(face, "ultrasound_rows", lambda given: [{"network": "default", "ms": given["timings"][0]}])
    monkeypatch.setattr(face, "ultrasound_notes", lambda _: "what the figures are")
    face.ultrasound(bundle_root="b", dataset_dir="d", weights="w.pt", frames=3, out=str(tmp_path / "new" / "b.json"))
    assert asked == [UltrasoundBenchmark(Path("b"), Path("d"), None, Path("w.pt"), None, 3, 7)]
    assert json.loads((tmp_path / "new" / "b.json").read_text()) == report
    printed = capsys.readouterr().out
    assert "| default | 1.500 |" in printed
    assert "what the figures are" in printed
