"""The command line of the phantoms."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "shared")])}
    command = [sys.executable, "-m", "scripts.phantoms", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("phantoms")


SMALL = ("--specimens", "1", "--frames", "1", "--spacing", "0.5", "--jobs", "1")


def test_phantoms_are_written_where_they_were_asked_for(small: Path) -> None:
    done = _run("ultrasound", "here", *SMALL, cwd=small)
    assert done.returncode == 0, done.stderr
    assert "1 done, 0 skipped, 0 failed" in done.stdout + done.stderr
    assert sorted(path.relative_to(small).as_posix() for path in small.rglob("*") if path.is_file()) == [
        "here/1/record_1/Labels/100000_label.png",
        "here/1/record_1/UltrasoundImages/100000.png",
        "here/1/record_1/tracking.csv",
        "here/data_list.json",
        "here/phantoms.json",
    ]


def test_spine_phantoms_are_written_where_they_were_asked_for(small: Path) -> None:
    done = _run("spine", "spines", "--patients", "1", "--images", "1", "--height", "300", "--jobs", "1", cwd=small)
    assert done.returncode == 0, done.stderr
    assert "1 done, 0 skipped, 0 failed" in done.stdout + done.stderr
    assert sorted(path.relative_to(small).as_posix() for path in (small / "spines").rglob("*") if path.is_file()) == [
        "spines/data/training/phantom-001 A AP.jpg",
        "spines/data_list.json",
        "spines/labels/training/angles.csv",
        "spines/labels/training/filenames.csv",
        "spines/labels/training/index.csv",
        "spines/labels/training/landmarks.csv",
        "spines/phantoms.json",
    ]


def test_limb_phantoms_are_written_where_they_were_asked_for(small: Path) -> None:
    done = _run("limb", "arms", "--patients", "1", "--images", "2", "--size", "160", "--jobs", "1", cwd=small)
    assert done.returncode == 0, done.stderr
    assert "2 done, 0 skipped, 0 failed" in done.stdout + done.stderr
    study = "arms/train/XR_HUMERUS/patient00001/study1_positive"
    assert sorted(path.relative_to(small).as_posix() for path in (small / "arms").rglob("*") if path.is_file()) == [
        "arms/data_list.json",
        "arms/phantoms.json",
        *(f"{study}/image{number}.{ending}" for number in (1, 2) for ending in ("png", "xml")),
    ]


def test_a_mistake_is_one_line_and_exit_code_one(small: Path) -> None:
    failed = _run("ultrasound", "here", *SMALL, "--seed", "8", cwd=small)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert "another seed, pixel size or version" in failed.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("ultrasound", ("--specimens", "--frames", "--spacing")),
        ("spine", ("--patients", "--images", "--height")),
        ("limb", ("--patients", "--images", "--size")),
    ],
)
def test_help_names_the_arguments(small: Path, name: str, own: tuple[str, ...]) -> None:
    shown = _run(name, "--help", cwd=small)
    assert shown.returncode == 0
    for word in ("--seed", *own, "--jobs", "--cluster"):
        assert word in shown.stdout + shown.stderr
