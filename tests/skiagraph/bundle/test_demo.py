from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from skiagraph.bundle.demo import run_demo


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """The programs that are asked for, in a collection of two bundles; those named 'broken' fail."""
    asked: list[list[str]] = []

    def ask(command: list[str], check: bool) -> subprocess.CompletedProcess[bytes]:
        asked.append(command[2:])
        assert not check
        return subprocess.CompletedProcess(command, returncode=int("broken" in " ".join(command)))

    monkeypatch.setattr(subprocess, "run", ask)
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        config = tmp_path / "bundles" / name / "configs" / "inference.json"
        config.parent.mkdir(parents=True)
        config.write_text(json.dumps({"dataset_dir": f"phantoms/{name}"}))
    return asked


def test_phantoms_that_are_missing_or_incomplete_are_written_first(commands: list[list[str]], tmp_path: Path) -> None:
    (tmp_path / "phantoms" / "one").mkdir(parents=True)
    (tmp_path / "phantoms" / "one" / "data_list.json").touch()
    (tmp_path / "phantoms" / "two").mkdir()
    assert run_demo(Path("bundles"), Path("out"), "--workers", "1") == Path("out")
    assert [command[0] for command in commands] == ["monai.bundle", "scripts.phantoms", "monai.bundle"]
    assert commands[1] == ["scripts.phantoms", "two", "phantoms/two"]
    assert commands[2][-4:] == ["--output_dir", "out/two", "--workers", "1"]


def test_a_bundle_that_fails_is_named(commands: list[list[str]], tmp_path: Path) -> None:
    (tmp_path / "bundles" / "one").rename(tmp_path / "bundles" / "broken")
    with pytest.raises(ChildProcessError, match=r"^broken: `python -m .*` failed with exit code 1"):
        run_demo(Path("bundles"), Path("out"))
