"""The command line that labels ultrasound from CT."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def label_ultrasound(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "shared")}
    command = [sys.executable, "-m", "scripts.label_ultrasound", *map(str, arguments)]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


def test_labels_a_sweep_with_its_own_calibration(ellipse_sweep, tmp_path):
    calibration = ",".join(map(str, ellipse_sweep.image_to_marker))
    out = tmp_path / "labels of it"
    arguments = ("--sweep", ellipse_sweep.root, "--out", out, "--refine", "sweep", "--jobs", "1")
    ended = label_ultrasound(*arguments, f"--image_to_marker={calibration}")
    assert ended.returncode == 0, ended.stderr
    labels = sorted(path.name for path in (out / "Labels").iterdir())
    assert labels == [f"{name}_label.png" for name in ellipse_sweep.names]
    assert len((out / "alignment.csv").read_text().splitlines()) == 1 + len(labels)


def test_says_in_one_line_what_is_missing(ellipse_sweep, tmp_path):
    (ellipse_sweep.root / "tracking.csv").unlink()
    ended = label_ultrasound("--sweep", ellipse_sweep.root, "--out", tmp_path / "out")
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].endswith("a tracked sweep needs one row for each image.")
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "out").exists()


def test_a_frame_that_misses_the_bone_is_named(ellipse_sweep, tmp_path):
    ended = label_ultrasound("--sweep", ellipse_sweep.root, "--out", tmp_path / "out", "--jobs", "1")
    assert ended.returncode == 0, ended.stderr  # the published calibration looks past this bone
    for name in ellipse_sweep.names:
        assert f"frame {name}: the image plane misses the bone" in ended.stderr
