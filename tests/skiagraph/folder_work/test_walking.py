from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest

from skiagraph.folder_work import walk_files


def _touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


def test_all_files_come_in_the_order_of_names_within_each_folder(tmp_path: Path) -> None:
    names = ["b/2", "b/1", "a", "c", "b/.hidden", ".git/config", "b/deep/er/x"]
    expected = [".git/config", "a", "b/.hidden", "b/1", "b/2", "b/deep/er/x", "c"]
    for name in names:
        _touch(tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert [path.relative_to(tmp_path).as_posix() for path in walk_files(tmp_path)] == expected


def test_no_link_is_followed(tmp_path: Path) -> None:
    secret = _touch(tmp_path / "outside" / "secret")
    inside = _touch(tmp_path / "root" / "real")
    (tmp_path / "root" / "file").symlink_to(secret)
    (tmp_path / "root" / "folder").symlink_to(secret.parent)
    (tmp_path / "root" / "circle").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "broken").symlink_to("nothing")
    os.mkfifo(tmp_path / "root" / "pipe")
    assert list(walk_files(tmp_path / "root")) == [inside]
    (tmp_path / "entrance").symlink_to(tmp_path / "root")
    assert list(walk_files(tmp_path / "entrance")) == [tmp_path / "entrance" / "real"]


def test_it_looks_no_further_than_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in range(50):
        _touch(tmp_path / f"{folder:02}" / "x")
    scanned = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: scanned.append(path) or real(path))
    assert len(list(islice(walk_files(tmp_path), 3))) == 3
    assert len(scanned) == 4


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        list(walk_files(tmp_path / "missing"))
