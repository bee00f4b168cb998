"""Phantoms on disk: layout, labels, resumption."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from skiagraph.phantoms import UltrasoundFrame, draw_frame, draw_scanner, write_ultrasound_phantoms
from skiagraph.phantoms.ultrabones import draw_label

SPACING_MM = 0.4


def _write(out: Path, specimens: int = 2, frames: int = 2, seed: int = 0) -> None:
    report = write_ultrasound_phantoms(
        out, seed=seed, specimens=specimens, frames=frames, spacing_mm=SPACING_MM, jobs=1
    )
    assert report.exit_code == 0


def _frames(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*.png"))}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantoms")
    _write(out)
    return out


def test_layout_is_the_published_one(written: Path) -> None:
    assert sorted(_frames(written)) == [
        f"{specimen}/record_1/{folder}/{timestamp}{ending}.png"
        for specimen in (1, 2)
        for folder, ending in (("Labels", "_label"), ("UltrasoundImages", ""))
        for timestamp in (100000, 100050)
    ]
    table = pd.read_csv(written / "1/record_1/tracking.csv")
    assert list(table) == ["timestamp", "space_factor", "x", "y", "z", "euler_x", "euler_y", "euler_z"]
    assert table["timestamp"].tolist() == [100000, 100050]
    assert table["space_factor"].tolist() == [SPACING_MM] * 2


def test_the_data_list_names_every_frame_once_and_splits_by_specimen(written: Path) -> None:
    content = json.loads((written / "data_list.json").read_text())
    parts = {part: content[part] for part in ("training", "validation", "test")}
    items = [item for part in parts.values() for item in part]
    images = [item["image"] for item in items]
    assert sorted(images) == sorted(name for name in _frames(written) if "UltrasoundImages" in name)
    assert all((written / item["label"]).is_file() for item in items)
    assert all(item["spacing_mm"] == [SPACING_MM] * 2 for item in items)
    groups = [{item["group"] for item in part} for part in parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 2


def test_the_same_seed_gives_the_same_files_and_another_does_not(written: Path, tmp_path: Path) -> None:
    _write(tmp_path / "again")
    assert _frames(tmp_path / "again") == _frames(written)
    _write(tmp_path / "other", specimens=1, frames=1, seed=1)
    other = _frames(tmp_path / "other")
    assert all(content != _frames(written)[name] for name, content in other.items() if "Images" in name)


def test_a_larger_set_contains_the_smaller(written: Path, tmp_path: Path) -> None:
    _write(tmp_path, specimens=3, frames=2)
    large = _frames(tmp_path)
    assert len(large) == 12
    assert {name: large[name] for name in _frames(written)} == _frames(written)


def test_an_interrupted_run_goes_on(written: Path, tmp_path: Path) -> None:
    _write(tmp_path)
    (tmp_path / "1/record_1/UltrasoundImages/100050.png").unlink()
    (tmp_path / "2/record_1/Labels/100000_label.png").unlink()
    kept = tmp_path / "1/record_1/UltrasoundImages/100000.png"
    before = kept.stat().st_mtime_ns
    report = write_ultrasound_phantoms(tmp_path, specimens=2, frames=2, spacing_mm=SPACING_MM, jobs=1)
    assert (report.done, report.skipped) == (2, 2)
    assert kept.stat().st_mtime_ns == before
    assert _frames(tmp_path) == _frames(written)


def test_a_smaller_run_keeps_the_tracking_of_what_is_there(tmp_path: Path) -> None:
    _write(tmp_path, specimens=1, frames=2)
    _write(tmp_path, specimens=1, frames=1)
    assert len(pd.read_csv(tmp_path / "1/record_1/tracking.csv")) == 2


@pytest.mark.parametrize("other", [{"seed": 5}, {"spacing_mm": 0.3}])
def test_frames_of_another_kind_are_not_mixed(written: Path, other: dict[str, float]) -> None:
    before = _frames(written)
    with pytest.raises(ValueError, match="another seed, pixel size or version") as caught:
        write_ultrasound_phantoms(written, **{"seed": 0, "spacing_mm": SPACING_MM, "jobs": 1, **other})
    assert "\n" not in str(caught.value)
    assert _frames(written) == before


def test_frames_of_other_code_are_not_mixed(tmp_path: Path) -> None:
    _write(tmp_path, specimens=1, frames=1)
    record = json.loads((tmp_path / "phantoms.json").read_text())
    assert record["drawing_sha256"] == json.loads((tmp_path / "data_list.json").read_text())["drawing_sha256"]
    (tmp_path / "phantoms.json").write_text(json.dumps({**record, "drawing_sha256": "0" * 64}))
    with pytest.raises(ValueError, match="version"):
        _write(tmp_path, specimens=1, frames=1)


@pytest.mark.parametrize("wrong", [{"specimens": 0}, {"frames": 0}, {"spacing_mm": -1.0}, {"spacing_mm": 54.0}])
def test_what_cannot_be_drawn_is_told_before_anything_is_written(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        write_ultrasound_phantoms(tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_frames_that_cannot_be_written_are_reported(tmp_path: Path) -> None:
    (tmp_path / "1").write_text("a file where the specimen's folder belongs")
    report = write_ultrasound_phantoms(tmp_path, specimens=1, frames=2, spacing_mm=SPACING_MM, jobs=1)
    assert (report.done, report.failed) == (0, 2)
    assert not (tmp_path / "data_list.json").exists()


def _label_rows(label: NDArray[np.uint8]) -> NDArray[np.float64]:
    rows = np.arange(label.shape[0])[:, None]
    return (rows * (label > 0)).sum(axis=0) / np.maximum((label > 0).sum(axis=0), 1)


@pytest.mark.parametrize("spacing_mm", [0.054, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("slope", [0.0, 0.7, -1.5])
def test_labels_are_centred_on_the_line(spacing_mm: float, slope: float) -> None:
    x = np.arange(5.0, 55)
    offsets = []
    for start in np.linspace(90, 91, 9):
        line = np.column_stack([x, start + slope * (x - 5)])
        frame = UltrasoundFrame(np.zeros((200, 60), np.uint8), [line], (spacing_mm, spacing_mm))
        offsets.append((_label_rows(draw_label(frame))[10:50] - line[5:45, 1]).mean())
    assert np.mean(offsets) == pytest.approx(0, abs=0.06)
    assert np.abs(offsets).max() <= 0.51


def test_labels_are_a_fifth_of_a_millimetre_wide_and_unbroken() -> None:
    x = np.arange(0.0, 100)
    for spacing_mm, width in ((0.05, 4), (0.2, 1), (0.4, 1)):
        frame = UltrasoundFrame(np.zeros((50, 100), np.uint8), [np.column_stack([x, 20 + 0.1 * x])], (spacing_mm,) * 2)
        label = draw_label(frame)
        assert set(np.unique(label)) == {0, 255}
        assert (label > 0).sum(axis=0).mean() == pytest.approx(width, rel=0.12)
        assert (label > 0).any(axis=0).all()


def test_written_labels_belong_to_the_lines_of_their_frame(written: Path) -> None:
    compared = 0
    for specimen in (1, 2):
        scanner = draw_scanner(np.random.default_rng([0, specimen]), SPACING_MM)
        for index, timestamp in enumerate((100000, 100050)):
            frame = draw_frame(np.random.default_rng([0, specimen, index + 1]), scanner)
            label = np.asarray(Image.open(written / f"{specimen}/record_1/Labels/{timestamp}_label.png"))
            assert (label > 0).any() == bool(frame.surfaces_px)
            pixels = np.argwhere(label > 0)[:, ::-1]
            if len(pixels):
                points = np.concatenate(frame.surfaces_px)
                distances = np.linalg.norm(pixels[:, None] - points[None], axis=-1)
                assert distances.min(axis=0).max() < 1.2
                compared += len(points)
    assert compared > 50
