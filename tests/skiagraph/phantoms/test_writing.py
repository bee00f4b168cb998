"""What the writing of all phantoms has in common, tried on files of text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from skiagraph.phantoms import writing
from skiagraph.phantoms.writing import PhantomSet, write_phantoms


def _write(job: Path) -> None:
    if job.stem == "bad":
        raise ValueError(f"{job.name}: cannot be drawn")
    job.write_text("an image")


def _write_labels(jobs: Sequence[Path]) -> None:
    names = sorted(path.name for path in jobs[0].parent.glob("*.txt"))
    (jobs[0].parent / "labels.csv").write_text(",".join(names))


def _read(out: Path, **_: Any) -> tuple[list[dict[str, Any]], list[str]]:
    names = (out / "labels.csv").read_text().split(",")
    return [{"image": name, "group": name[0]} for name in names], []


SET: PhantomSet[Path] = PhantomSet(
    name="texts",
    description="Texts of {groups} patients, seed {seed}.",
    drawn_by=["noise"],
    kind="seed or version",
    write=_write,
    is_written=Path.is_file,
    write_labels=_write_labels,
    read=_read,
    split=lambda items: {"training": items[1:], "test": items[:1]},
)


def _run(out: Path, *names: str, **settings: int) -> tuple[int, int, int]:
    todo = (out / f"{name}.txt" for name in names)
    report = write_phantoms(out, SET, todo, {"seed": 3, **settings}, jobs=1)
    return report.done, report.skipped, report.failed


def test_images_labels_and_list_are_written(tmp_path: Path) -> None:
    assert _run(tmp_path, "a1", "a2", "b1") == (3, 0, 0)
    content = json.loads((tmp_path / "data_list.json").read_text())
    assert (content["name"], content["description"]) == ("texts", "Texts of 2 patients, seed 3.")
    assert [item["image"] for item in content["training"]] == ["a2.txt", "b1.txt"]
    assert [item["image"] for item in content["test"]] == ["a1.txt"]
    record = json.loads((tmp_path / "phantoms.json").read_text())
    assert record == {"seed": 3, "drawing_sha256": content["drawing_sha256"]}


def test_what_is_there_is_left_and_listed(tmp_path: Path) -> None:
    _run(tmp_path, "a1", "b1")
    (tmp_path / "a1.txt").write_text("touched")
    assert _run(tmp_path, "a1", "c1") == (1, 1, 0)
    assert (tmp_path / "a1.txt").read_text() == "touched"
    assert "of 3 patients" in (tmp_path / "data_list.json").read_text()


def test_some_that_fail_do_not_stop_the_others(tmp_path: Path) -> None:
    assert _run(tmp_path, "bad", "a1") == (1, 0, 1)
    assert (tmp_path / "data_list.json").is_file()


def test_nothing_written_is_nothing_listed(tmp_path: Path) -> None:
    assert _run(tmp_path, "bad") == (0, 0, 1)
    assert not (tmp_path / "data_list.json").exists()
    assert not (tmp_path / "labels.csv").exists()


def test_other_settings_and_other_versions_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(tmp_path, "a1")
    with pytest.raises(ValueError, match="another seed or version"):
        _run(tmp_path, "a2", seed=4)
    monkeypatch.setattr(writing, "drawing_sha256", lambda _: "other code")
    with pytest.raises(ValueError, match="another seed or version"):
        _run(tmp_path, "a2")
    assert not (tmp_path / "a2.txt").exists()


def test_images_are_not_looked_at_before_the_settings(tmp_path: Path) -> None:
    """Numbers of images are drawn from the seed, which may be none."""

    def todo() -> Any:
        yield pytest.fail("looked at")

    with pytest.raises(ValueError, match="a seed is 0 or more"):
        write_phantoms(tmp_path, SET, todo(), {"seed": -1}, jobs=1)
