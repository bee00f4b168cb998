"""Spine phantoms on disk: layout, labels, resumption."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from skiagraph.data.corners import read_corners
from skiagraph.phantoms import draw_spine, write_spine_phantoms
from skiagraph.phantoms.aasce import _image_count

HEIGHT_PX = 256


def _write(out: Path, patients: int = 3, images: int | None = 2, seed: int = 0) -> None:
    report = write_spine_phantoms(out, seed=seed, patients=patients, images=images, height_px=HEIGHT_PX, jobs=1)
    assert report.exit_code == 0


def _images(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*.jpg"))}


def _files(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def _table(out: Path, name: str) -> list[list[str]]:
    with (out / "labels/training" / name).open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantoms")
    _write(out)
    return out


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "copy"))


def test_layout_is_the_published_one(written: Path) -> None:
    names = [f"phantom-00{patient} {letter} AP.jpg" for patient in (1, 2, 3) for letter in "AB"]
    assert sorted(_images(written)) == [f"data/training/{name}" for name in names]
    assert _table(written, "filenames.csv") == [[name] for name in names]
    assert [len(row) for row in _table(written, "landmarks.csv")] == [136] * 6
    assert [len(row) for row in _table(written, "angles.csv")] == [3] * 6
    index = _table(written, "index.csv")
    assert index[0] == ["filename", "number", "group", "issues"]
    assert index[1:] == [[name, name[8:11], name[8:11], ""] for name in names]


def test_landmarks_are_the_corners_as_shares_of_the_size(written: Path) -> None:
    for row, (name,) in enumerate(_table(written, "filenames.csv")[:3]):
        truth = draw_spine(0, int(name[8:11]), "AB".index(name[12]), HEIGHT_PX)
        image = Image.open(written / "data/training" / name)
        assert (image.mode, image.size) == ("L", truth.pixels.shape[::-1])
        shares = np.array(_table(written, "landmarks.csv")[row], dtype=float)
        by_hand = np.column_stack([shares[:68] * image.width, shares[68:] * image.height])
        assert by_hand == pytest.approx(truth.points_px, abs=0.01)
        read = read_corners(written / "labels/training/landmarks.csv", image.size, row)
        assert read == pytest.approx(truth.points_px, abs=0.01)
        assert np.abs(np.asarray(image, float) - truth.pixels).mean() < 3


def test_the_first_angle_is_the_published_one(written: Path) -> None:
    """The largest less the smallest tilt of the lines between the middles of the sides, in pixels."""
    for name, landmarks, angles in zip(
        *(_table(written, f"{table}.csv") for table in ("filenames", "landmarks", "angles")), strict=True
    ):
        width, height = Image.open(written / "data/training" / name[0]).size
        points = np.array(landmarks, float).reshape(2, 17, 2, 2) * np.array([width, height])[:, None, None, None]
        x, y = np.diff(points.mean(axis=2), axis=2)[..., 0]
        assert float(angles[0]) == pytest.approx(np.ptp(np.degrees(np.arctan2(y, x))), abs=0.01)
        assert all(0 <= float(angle) <= float(angles[0]) for angle in angles[1:])


def test_the_data_list_names_every_image_once_and_splits_by_patient(written: Path) -> None:
    content = json.loads((written / "data_list.json").read_text())
    parts = {part: content[part] for part in ("training", "validation", "test")}
    items = [item for part in parts.values() for item in part]
    assert sorted(item["image"] for item in items) == sorted(_images(written))
    names = [row[0] for row in _table(written, "filenames.csv")]
    assert all(names[item["row"]] == Path(item["image"]).name for item in items)
    groups = [{item["group"] for item in part} for part in parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 3


def test_by_default_a_patient_has_one_to_three_images(tmp_path: Path) -> None:
    counts = [_image_count(0, patient) for patient in range(1, 61)]
    assert set(counts) == {1, 2, 3}
    assert np.mean(counts) == pytest.approx(2, abs=0.35)
    _write(tmp_path, patients=2, images=None)
    groups = [row[2] for row in _table(tmp_path, "index.csv")[1:]]
    assert [groups.count("001"), groups.count("002")] == counts[:2]


def test_the_same_seed_gives_the_same_files_and_another_does_not(written: Path, tmp_path: Path) -> None:
    _write(tmp_path / "again", patients=1)
    again = _images(tmp_path / "again")
    assert len(again) == 2
    assert again == {name: _images(written)[name] for name in again}
    assert _table(tmp_path / "again", "landmarks.csv") == _table(written, "landmarks.csv")[:2]
    _write(tmp_path / "other", patients=1, images=1, seed=1)
    (name, content), *_ = _images(tmp_path / "other").items()
    assert content != _images(written)[name]


def test_a_smaller_run_keeps_what_is_there(copy: Path, written: Path) -> None:
    _write(copy, patients=1, images=1)
    assert _files(copy) == _files(written)


def test_a_larger_run_contains_the_smaller(copy: Path, written: Path) -> None:
    for image in copy.rglob("phantom-003*"):
        image.unlink()
    _write(copy, patients=2)
    assert [row[0][8:13] for row in _table(copy, "filenames.csv")] == ["001 A", "001 B", "002 A", "002 B"]
    _write(copy)
    assert _files(copy) == _files(written)


def test_an_interrupted_run_goes_on(copy: Path, written: Path) -> None:
    (copy / "data/training/phantom-002 B AP.jpg").unlink()
    (copy / "labels/training/landmarks.csv").unlink()
    (copy / "data_list.json").unlink()
    kept = copy / "data/training/phantom-001 A AP.jpg"
    before = kept.stat().st_mtime_ns
    report = write_spine_phantoms(copy, patients=3, images=2, height_px=HEIGHT_PX, jobs=1)
    assert (report.done, report.skipped) == (1, 5)
    assert kept.stat().st_mtime_ns == before
    assert _files(copy) == _files(written)


@pytest.mark.parametrize("other", [{"seed": 5}, {"height_px": 300}])
def test_images_of_another_kind_are_not_mixed(written: Path, other: dict[str, Any]) -> None:
    before = _images(written)
    with pytest.raises(ValueError, match="another seed, height or version") as caught:
        write_spine_phantoms(written, **{"seed": 0, "height_px": HEIGHT_PX, "jobs": 1, **other})
    assert "\n" not in str(caught.value)
    assert _images(written) == before


@pytest.mark.parametrize("wrong", [{"patients": 0}, {"images": 0}, {"images": 27}, {"height_px": 10}])
def test_what_cannot_be_drawn_is_told_before_anything_is_written(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give"):
        write_spine_phantoms(tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_images_that_cannot_be_written_are_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder of the images belongs")
    report = write_spine_phantoms(tmp_path, patients=1, images=1, height_px=HEIGHT_PX, jobs=1)
    assert (report.done, report.failed) == (0, 1)
    assert not (tmp_path / "data_list.json").exists()
