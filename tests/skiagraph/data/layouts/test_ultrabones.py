from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skiagraph.data import check_disjoint
from skiagraph.data.layouts import ultrabones
from skiagraph.data.layouts.findings import Finding
from skiagraph.data.layouts.ultrabones import read_ultrabones, split_ultrabones
from skiagraph.folder_work import Report, work_through


def write_png(path: Path, size: tuple[int, int], grey: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, grey).save(path)


def write_frame(record: Path, timestamp: int, size: tuple[int, int] = (7, 5), grey: int = 255) -> None:
    write_png(record / f"UltrasoundImages/{timestamp}.png", size, 90)
    write_png(record / f"Labels/{timestamp}_label.png", size, grey)


def write_tracking(record: Path, *rows: str, columns: str = "timestamp,space_factor,x") -> None:
    record.mkdir(parents=True, exist_ok=True)
    (record / "tracking.csv").write_text("\n".join((columns, *rows)) + "\n", encoding="utf-8-sig")


def read(root: Path) -> tuple[list[str], dict[str, tuple[str, bool]]]:
    items, findings = read_ultrabones(root, jobs=1)
    return [item["image"] for item in items], {f.file: (f.message, f.left_out) for f in findings}


def test_items_carry_specimen_record_and_spacing(tmp_path: Path) -> None:
    root = tmp_path / "Knochen für Ü"
    for record in ("12/links ü", "specimen02_F231218/ultrasound_records/fibula/record01"):
        write_frame(root / record, 1001, (1, 1))
        write_tracking(root / record, "1001,0.054,3.5")
    items, findings = read_ultrabones(root, jobs=1)
    assert findings == []
    assert [(item["group"], item["record"]) for item in items] == [
        ("2", "ultrasound_records/fibula/record01"),
        ("12", "links ü"),
    ]
    assert items[1] == {
        "image": "12/links ü/UltrasoundImages/1001.png",
        "label": "12/links ü/Labels/1001_label.png",
        "group": "12",
        "record": "links ü",
        "spacing_mm": [0.054, 0.054],
    }


def test_unusable_frames_are_named_and_left_out(tmp_path: Path) -> None:
    record = tmp_path / "3/record1"
    for timestamp in range(1, 7):
        write_frame(record, timestamp, (40, 30))
    write_tracking(record, *(f"{timestamp},0.05,0" for timestamp in range(1, 9)))
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (30, 40), np.uint8)).save(record / "UltrasoundImages/2.png")
    whole = (record / "UltrasoundImages/2.png").read_bytes()
    (record / "UltrasoundImages/2.png").write_bytes(whole[: len(whole) // 2])
    (record / "Labels/3_label.png").write_bytes(b"")
    write_png(record / "Labels/4_label.png", (30, 40))
    (record / "Labels/5_label.png").unlink()
    (record / "UltrasoundImages/6.png").unlink()
    (record / "UltrasoundImages/._1.png").write_bytes(b"left by a file manager")
    images, findings = read(tmp_path)
    assert images == ["3/record1/UltrasoundImages/1.png"]
    folder = "3/record1/UltrasoundImages/"
    assert list(findings) == ["3/record1/Labels/6_label.png", *(f"{folder}{t}.png" for t in (2, 3, 4, 5))]
    assert all(left_out for _, left_out in findings.values())
    assert "UltrasoundImages/2.png: the image cannot be decoded" in findings[f"{folder}2.png"][0]
    assert "Labels/3_label.png: not an image that can be read" in findings[f"{folder}3.png"][0]
    assert "40 x 30 pixels, but its label has 30 x 40" in findings[f"{folder}4.png"][0]
    assert "its label Labels/5_label.png is missing" in findings[f"{folder}5.png"][0]


def test_odd_label_values_are_noted(tmp_path: Path) -> None:
    write_frame(tmp_path / "3/r", 1, grey=17)
    write_frame(tmp_path / "3/r", 2, grey=0)
    write_tracking(tmp_path / "3/r", "1,0.05,0", "2,0.05,0")
    images, findings = read(tmp_path)
    assert len(images) == 2
    assert findings == {"3/r/UltrasoundImages/1.png": ("its label has values beside 0 and 255, such as 17", False)}


@pytest.mark.parametrize("row", ["2,0.05,0", "1,,0", "1,nan,0", "1,-0.05,0", "1,0,0", "1,inf,0", "1"])
def test_spacing_that_tracking_does_not_tell_is_unknown(tmp_path: Path, row: str) -> None:
    write_frame(tmp_path / "3/r", 1)
    write_tracking(tmp_path / "3/r", row)
    items, findings = read_ultrabones(tmp_path, jobs=1)
    assert [item["spacing_mm"] for item in items] == [None]
    assert findings == [
        Finding(
            "3/r/UltrasoundImages/1.png",
            "no space_factor in tracking.csv, so its spacing is unknown",
            left_out=False,
        )
    ]


@pytest.mark.parametrize("columns", [None, "time,space_factor", "timestamp,x"])
def test_tracking_without_what_is_needed_is_told_once(tmp_path: Path, columns: str | None) -> None:
    write_frame(tmp_path / "3/r", 1)
    write_frame(tmp_path / "3/r", 2)
    if columns is not None:
        write_tracking(tmp_path / "3/r", "1,0.05", columns=columns)
    items, findings = read_ultrabones(tmp_path, jobs=1)
    assert [item["spacing_mm"] for item in items] == [None, None]
    assert [(finding.file, finding.left_out) for finding in findings] == [("3/r/tracking.csv", False)]
    assert findings[0].message.startswith("the spacing of its frames is unknown: ")
    assert str(tmp_path) not in findings[0].message


def test_tracking_that_is_no_text_is_told(tmp_path: Path) -> None:
    write_frame(tmp_path / "3/r", 1)
    (tmp_path / "3/r/tracking.csv").write_bytes(b"timestamp,space_factor,M\xfcller\n1,0.05,3\n")
    items, findings = read_ultrabones(tmp_path, jobs=1)
    assert items[0]["spacing_mm"] is None
    assert "3/r/tracking.csv: the spacing of its frames is unknown: unreadable" in str(findings[0])


def test_a_sixteen_bit_label_is_black_and_white(tmp_path: Path) -> None:
    write_frame(tmp_path / "3/r", 1)
    write_tracking(tmp_path / "3/r", "1,0.05,0")
    label = tmp_path / "3/r/Labels/1_label.png"
    stored = np.zeros((5, 7), np.uint16)
    stored[2] = 128 * 257
    Image.fromarray(stored).save(label)
    assert read(tmp_path)[1]["3/r/UltrasoundImages/1.png"][0].endswith("beside 0 and 255, such as 128")


def test_a_relative_folder_is_read_by_workers_that_run_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_frame(tmp_path / "data/3/r", 1)
    write_tracking(tmp_path / "data/3/r", "1,0.05,0")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)

    def elsewhere(*arguments: Any, **options: Any) -> Report:
        with contextlib.chdir(tmp_path / "elsewhere"):
            return work_through(*arguments, **options)

    monkeypatch.setattr(ultrabones, "work_through", elsewhere)
    items, findings = read_ultrabones("data", jobs=1)
    assert ([item["image"] for item in items], findings) == (["3/r/UltrasoundImages/1.png"], [])


def test_folder_that_is_no_specimen_is_told(tmp_path: Path) -> None:
    write_frame(tmp_path / "3/r", 1)
    write_frame(tmp_path / "backup/r", 1)
    write_frame(tmp_path / "2024-01-01/r", 1)
    images, findings = read(tmp_path)
    assert images == ["3/r/UltrasoundImages/1.png"]
    assert findings["backup/r"] == ("not in the folder of a specimen, such as 3 or specimen03", True)
    assert "2024-01-01/r" in findings


def test_folder_without_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no <specimen>/<record>/UltrasoundImages"):
        read_ultrabones(tmp_path, jobs=1)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read_ultrabones(tmp_path / "absent", jobs=1)


def make_items(*specimens: int) -> list[dict[str, str]]:
    return [{"image": f"{s}/r/UltrasoundImages/{t}.png", "group": str(s)} for s in specimens for t in range(2)]


def specimens(parts: dict[str, list[dict[str, str]]]) -> dict[str, list[int]]:
    return {part: sorted({int(item["group"]) for item in items}) for part, items in parts.items()}


def test_published_split() -> None:
    assert specimens(split_ultrabones(make_items(*range(1, 31)))) == {
        "training": [1, 3, 4, 5, *range(9, 12), *range(13, 20), *range(21, 30)],
        "validation": [6, 12, 20, 30],
        "test": [2, 7, 8],
    }


def test_split_by_donor_keeps_legs_together() -> None:
    parts = specimens(split_ultrabones(make_items(*range(1, 15)), by="donor"))
    assert parts["test"] == [2, 5, 7, 8, 9]
    assert parts["validation"] == [6, 12]
    assert parts["training"] == [1, 3, 4, 10, 11, 13, 14]


def test_leave_one_out() -> None:
    items = make_items(*range(1, 15))
    assert specimens(split_ultrabones(items, leave_out=4))["test"] == [4]
    assert specimens(split_ultrabones(items, by="donor", leave_out=4))["test"] == [1, 4]
    parts = specimens(split_ultrabones(items, leave_out=6))
    assert (parts["test"], parts["validation"]) == ([6], [12])
    with pytest.raises(ValueError, match="specimen 15 cannot be left out; there are 1, 2"):
        split_ultrabones(items, leave_out=15)


def test_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="leg: no such split; choose specimen or donor"):
        split_ultrabones([], by="leg")  # type: ignore[arg-type]


@settings(deadline=None)
@given(
    numbers=st.sets(st.integers(1, 60), min_size=1),
    by=st.sampled_from(["specimen", "donor"]),
    leave_out=st.booleans(),
)
def test_no_specimen_is_in_two_parts_and_no_frame_is_lost(numbers: set[int], by: str, leave_out: bool) -> None:
    items = make_items(*sorted(numbers))
    parts = split_ultrabones(items, by, min(numbers) if leave_out else None)  # type: ignore[arg-type]
    check_disjoint(parts)
    assert sorted(item["image"] for part in parts.values() for item in part) == sorted(i["image"] for i in items)
