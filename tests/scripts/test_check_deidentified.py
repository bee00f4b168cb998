"""The command line of the checker."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.skiagraph.dicom.planted import clean, write_planted

ROOT = Path(__file__).parents[2]


def _run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "shared")])}
    command = [sys.executable, "-m", "scripts.check_deidentified", *map(str, arguments), "--jobs", "2"]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("check")
    before, by_file = write_planted(out / "corpus", 9)
    for number, name in enumerate(sorted(by_file)):
        clean(before / name, out / "clean" / f"{number}.dcm")
    return out


def test_a_clean_folder_is_one_line_and_exit_code_zero(folder: Path) -> None:
    done = _run("corpus/files", "clean", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if "notice" not in line]
    assert len(lines) == 1
    assert lines[0].startswith("clean: 9 files against 9 originals")


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_what_is_found_is_masked_unless_asked_for(folder: Path, ending: str) -> None:
    report = folder / f"report.{ending}"
    for show in (False, True):
        done = _run("corpus/files", "corpus/files", "--report", report, *(["--show"] * show), cwd=folder)
        assert done.returncode == 1
        rows = (
            json.loads(report.read_text()) if ending == "json" else list(csv.DictReader(report.open(encoding="utf-8")))
        )
        names = {row["what"] for row in rows if row["kind"] == "name"}
        assert rows[0].keys() >= {"file", "path", "kind", "what", "origin"}
        assert ("Tharnaaa^Petra^^Dr." in names) is show
        assert ("T... (19 characters)" in names) is not show


def test_a_mistake_is_one_line_and_exit_code_one(folder: Path) -> None:
    failed = _run("corpus/files", "nowhere", cwd=folder)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert "nowhere: is no folder" in failed.stderr
