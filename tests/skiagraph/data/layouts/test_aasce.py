from __future__ import annotations

import contextlib
import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import scripts.prepare
from skiagraph.data import check_disjoint
from skiagraph.data.corners import read_corners
from skiagraph.data.layouts import aasce
from skiagraph.data.layouts.aasce import read_aasce, split_aasce
from skiagraph.data.layouts.findings import Finding
from skiagraph.folder_work import Report, work_through
from tests.skiagraph.data.layouts.published_aasce import (
    HEIGHT,
    WIDTH,
    begins_with_second,
    small_spine,
    write_images,
    write_index,
    write_matlab_files,
    write_tables,
)

DATA = os.environ.get("SKIAGRAPH_DATA")
PROJECT = Path(__file__).parents[4]

GOOD = "sunhl-1th-02-Jan-2017-162 A AP.jpg"


def with_vertebra(number: int, corners: NDArray[np.float64]) -> NDArray[np.float64]:
    points = small_spine()
    points[4 * number : 4 * number + 4] = corners
    return points


def vertebra(number: int) -> NDArray[np.float64]:
    return small_spine()[4 * number : 4 * number + 4]


# What is wrong with the label of each image, and what is said about it.
FAULTY = {
    "upside down.jpg": (with_vertebra(15, vertebra(15)[[2, 3, 0, 1]]), "L4 top and bottom are swapped"),
    "mirrored.jpg": (with_vertebra(16, vertebra(16)[[1, 0, 3, 2]]), "L5 left and right are swapped"),
    "edge.jpg": (with_vertebra(0, vertebra(0)[[2, 1, 0, 3]]), "T1 top and bottom of the left edge are swapped"),
    "twice.jpg": (
        with_vertebra(16, vertebra(15) + 1),
        "L4 is in the same place as L5; L5 is in the same place as L4",
    ),
    "outside.jpg": (
        np.concatenate([small_spine()[:-1], [[30.0, HEIGHT * 1.02]]]),
        "1 of its corners lie outside the image",
    ),
    "listed.jpg": (small_spine(), "listed in index.csv as wrong: seen by eye"),
    "turned and listed.jpg": (begins_with_second(), "listed in index.csv as wrong: seen by eye, blurred"),
}


def read(root: Path) -> tuple[dict[str, dict[str, Any]], dict[str, tuple[str, bool]]]:
    items, findings = read_aasce(root, jobs=1)
    return {Path(item["image"]).name: item for item in items}, {f.file: (f.message, f.left_out) for f in findings}


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """A good image, one whose label can be mended, and one of each kind that is of no use."""
    root = tmp_path / "Wirbelsäule 1"
    labels = {GOOD: small_spine(), "turned.jpg": begins_with_second()}
    labels |= {name: points for name, (points, _) in FAULTY.items()}
    labels |= {"no image.jpg": small_spine(), "cut off.jpg": small_spine()}
    write_tables(root, "training", labels)
    write_images(root, "training", {*labels, "no label.jpg"} - {"no image.jpg"})
    whole = (root / "data/training/cut off.jpg").read_bytes()
    (root / "data/training/cut off.jpg").write_bytes(whole[: len(whole) // 2])
    issues = {"turned.jpg": "last_vertebra_is_topmost", "listed.jpg": "seen by eye"}
    issues["turned and listed.jpg"] = "last_vertebra_is_topmost|seen by eye|blurred"
    write_index(root, "training", {name: f"patient of {name}" for name in labels}, issues)
    return root


def test_every_published_kind_of_fault_is_found(faulty: Path) -> None:
    items, findings = read(faulty)
    assert set(items) == {GOOD, "turned.jpg"}
    told = {f"data/training/{name}": (message, True) for name, (_, message) in FAULTY.items()}
    told["data/training/no image.jpg"] = ("a label without its image", True)
    told["data/training/no label.jpg"] = ("no label in labels/training", True)
    told["data/training/turned.jpg"] = (
        "its label begins with T2, the last vertebra in it is the topmost; mended",
        False,
    )
    cut_off, left_out = findings.pop("data/training/cut off.jpg")
    assert findings == told
    assert left_out
    # Neither the folder nor the file once more: the same data elsewhere give the same list.
    assert cut_off.startswith("the image cannot be decoded")
    assert str(faulty) not in cut_off


def test_items_say_where_the_label_is_and_how_to_read_it(faulty: Path) -> None:
    items, _ = read(faulty)
    assert items[GOOD] == {
        "image": f"data/training/{GOOD}",
        "label": "labels/training/landmarks.csv",
        "row": 0,
        "group": f"patient of {GOOD}",
        "record": "training",
    }
    mended = items["turned.jpg"]
    assert (mended["row"], mended["first"]) == (1, 16)
    points = read_corners(faulty / mended["label"], (WIDTH, HEIGHT), mended["row"], mended["first"])
    np.testing.assert_allclose(points, small_spine(), atol=1e-6)


def test_labels_in_matlab_files_are_read_as_well(tmp_path: Path) -> None:
    names = [GOOD, "sunhl-1th-20-Jul-2016-coronal6.jpg"]
    write_images(tmp_path, "test", [*names, "b.jpg"])
    labels = {names[0]: small_spine(), names[1]: begins_with_second(), "no image.jpg": small_spine()}
    write_matlab_files(tmp_path, "test", labels)
    items, findings = read(tmp_path)
    assert [items[name].get("row") for name in names] == [None, None]
    assert [items[name]["label"] for name in names] == [f"labels/test/{name}.mat" for name in names]
    assert [items[name].get("first") for name in names] == [None, 16]
    # Without a table of patients, they are known by the number in the file's name, or the whole name.
    assert [items[name]["group"] for name in names] == ["162", "sunhl-1th-20-Jul-2016-coronal6"]
    assert findings["data/test/b.jpg"] == ("no label in labels/test", True)
    assert findings["data/test/no image.jpg"] == ("a label without its image", True)
    message, left_out = findings["labels/test/index.csv"]
    assert message.startswith("not there")
    assert not left_out


def test_both_parts_are_read_in_order_and_other_files_are_passed_over(tmp_path: Path) -> None:
    for part, names in (("test", ["c.jpg", "a.PNG"]), ("training", ["d.jpeg", "b.jpg"]), ("more", ["e.jpg"])):
        write_images(tmp_path, part, names)
        write_tables(tmp_path, part, dict.fromkeys(names, small_spine()))
    (tmp_path / "data/training/Thumbs.db").write_bytes(b"")
    items, findings = read_aasce(tmp_path, jobs=1)
    assert [finding.file for finding in findings] == ["labels/test/index.csv", "labels/training/index.csv"]
    assert [item["image"] for item in items] == [
        "data/test/a.PNG",
        "data/test/c.jpg",
        "data/training/b.jpg",
        "data/training/d.jpeg",
    ]
    assert [(item["record"], item["row"]) for item in items] == [
        ("test", 1),
        ("test", 0),
        ("training", 1),
        ("training", 0),
    ]


def test_corners_may_lie_on_the_edge_of_the_image(tmp_path: Path) -> None:
    """A pixel reaches half its width beyond its centre."""
    points = small_spine()
    to_left, to_right = -0.5 - points[:, 0].min(), WIDTH - 0.5 - points[:, 0].max()
    steps = {"left.jpg": to_left + 0.01, "right.jpg": to_right - 0.01, "beyond.jpg": to_right + 0.01}
    steps["before.jpg"] = to_left - 0.01
    moved = {name: points + np.array([step, 0]) for name, step in steps.items()}
    write_images(tmp_path, "training", moved)
    write_tables(tmp_path, "training", moved)
    items, _ = read(tmp_path)
    assert set(items) == {"left.jpg", "right.jpg"}


def test_tables_that_do_not_fit_together_are_named(faulty: Path) -> None:
    labels = faulty / "labels/training"
    (labels / "index.csv").write_text("name,patient\na.jpg,3\n")
    with pytest.raises(ValueError, match=r"index\.csv: has no columns filename and group"):
        read_aasce(faulty, jobs=1)
    (labels / "filenames.csv").write_text("a.jpg\n")
    with pytest.raises(ValueError, match=r"landmarks\.csv: has 11 rows, but filenames\.csv names 1 images"):
        read_aasce(faulty, jobs=1)
    (labels / "filenames.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"filenames\.csv: no such file"):
        read_aasce(faulty, jobs=1)


def test_a_name_that_stands_twice_is_refused(faulty: Path) -> None:
    names = faulty / "labels/training/filenames.csv"
    names.write_text(names.read_text().replace("turned.jpg", GOOD))
    with pytest.raises(ValueError, match=rf"filenames\.csv: names {GOOD} more than once"):
        read_aasce(faulty, jobs=1)


@pytest.mark.parametrize("table", ["filenames.csv", "index.csv", "landmarks.csv"])
def test_tables_may_have_a_byte_order_mark_but_no_other_encoding(faulty: Path, table: str) -> None:
    file = faulty / "labels/training" / table
    before, content = read(faulty), file.read_bytes()
    file.write_bytes(b"\xef\xbb\xbf" + content)
    assert read(faulty) == before
    file.write_bytes("Wirbelsäule,".encode("latin-1") + content)
    with pytest.raises(ValueError, match=rf"{table}: unreadable .* in UTF-8"):
        read_aasce(faulty, jobs=1)


def test_an_image_that_the_table_of_patients_lacks_is_named(faulty: Path) -> None:
    write_index(faulty, "training", {"turned.jpg": "someone"}, {})
    _, findings = read(faulty)
    assert findings[f"data/training/{GOOD}"] == (
        "not in labels/training/index.csv; its patient is taken to be 162",
        False,
    )


def test_a_cell_that_is_no_number_spoils_its_own_image_alone(faulty: Path) -> None:
    table = faulty / "labels/training/landmarks.csv"
    first, rest = table.read_text().split("\n", 1)
    table.write_text("\n".join(["x" + first, rest]))
    items, findings = read(faulty)
    assert set(items) == {"turned.jpg"}
    assert findings[f"data/training/{GOOD}"] == (
        "labels/training/landmarks.csv: row 0: a coordinate is not a finite number",
        True,
    )


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no labelled data/<training\|test>"):
        read_aasce(tmp_path, jobs=1)
    with pytest.raises(FileNotFoundError, match="absent: no such folder"):
        read_aasce(tmp_path / "absent", jobs=1)


def test_a_relative_folder_is_read_by_workers_that_run_elsewhere(
    faulty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(faulty.parent)

    def elsewhere(*arguments: Any, **options: Any) -> Report:
        with contextlib.chdir(tmp_path / "elsewhere"):
            return work_through(*arguments, **options)

    monkeypatch.setattr(aasce, "work_through", elsewhere)
    items, _ = read_aasce(faulty.name, jobs=1)
    assert [Path(item["image"]).name for item in items] == [GOOD, "turned.jpg"]


def make_item(number: int, group: str, *, published: str = "training", mended: bool = False) -> dict[str, Any]:
    item = {"image": f"data/{published}/{number:03d}.jpg", "group": group, "record": published}
    return {**item, "first": 16} if mended else item


ITEMS = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["training"] * 4 + ["test"]), st.sampled_from([False] * 4 + [True])),
    max_size=40,
).map(
    lambda rows: [
        make_item(number, f"p{group}", published=published, mended=mended)
        for number, (group, published, mended) in enumerate(rows)
    ]
)


@settings(deadline=None, max_examples=50)
@given(items=ITEMS, seed=st.integers(0, 100))
def test_a_split_keeps_patients_together_and_measures_on_nothing_mended(items: list[Any], seed: int) -> None:
    parts = split_aasce(items)
    check_disjoint(parts)
    assert split_aasce([items[i] for i in np.random.default_rng(seed).permutation(len(items))]) == parts
    assert not any("first" in item for part in ("validation", "test") for item in parts[part])
    published = {item["group"] for item in items if item["record"] == "test"}
    sound = [item for item in items if "first" not in item]
    if published:
        assert parts["test"] == sorted((i for i in sound if i["record"] == "test"), key=lambda item: item["image"])
        assert not published & {item["group"] for part in ("training", "validation") for item in parts[part]}
    else:
        assert len(parts["test"]) >= 0.23 * len(sound)
    kept = [item["image"] for part in parts.values() for item in part]
    assert len(set(kept)) == len(kept)
    measured = {item["group"] for part in ("validation", "test") for item in parts[part]} | published
    dropped = [item for item in items if item["image"] not in kept]
    assert all(item["group"] in measured and ("first" in item or published) for item in dropped)


def test_a_patient_of_the_published_test_never_trains_even_by_a_mended_label() -> None:
    items = [
        make_item(0, "a", published="test", mended=True),
        make_item(1, "b", published="test"),
        make_item(2, "b"),
        make_item(3, "c", mended=True),
        *(make_item(number, f"p{number}") for number in range(4, 20)),
    ]
    parts = split_aasce(items)
    assert [item["group"] for item in parts["test"]] == ["b"]
    assert not {"a", "b"} & {item["group"] for part in ("training", "validation") for item in parts[part]}
    assert "c" in {item["group"] for item in parts["training"]}
    assert len(parts["validation"]) == 2  # 12 % of 16, at least


def test_without_a_published_test_the_shares_are_kept() -> None:
    parts = split_aasce([make_item(number, f"p{number // 2}") for number in range(200)])
    assert [len(parts[part]) for part in ("training", "validation", "test")] == [130, 24, 46]


@pytest.mark.skipif(DATA is None, reason="SKIAGRAPH_DATA names no folder: not run on real images")
def test_the_published_images_and_the_committed_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(str(DATA), "aasce")
    items, findings = read_aasce(root)
    with (root / "labels/training/index.csv").open(newline="") as file:
        known = {f"data/training/{row['filename']}" for row in csv.DictReader(file) if row["issues"]}
    assert len(known) == 27
    assert {finding.file for finding in findings} == known
    # All are found by looking at the label, none only because it is listed.
    assert not [finding for finding in findings if "listed" in finding.message]
    mended = {finding.file for finding in findings if not finding.left_out}
    assert mended == {item["image"] for item in items if "first" in item}

    def read_already(*_: Any, **__: Any) -> tuple[list[dict[str, Any]], list[Finding]]:
        return items, findings

    monkeypatch.setattr(scripts.prepare, "read_aasce", read_already)
    scripts.prepare.aasce(str(root), str(tmp_path / "aasce.json"))
    assert (tmp_path / "aasce.json").read_bytes() == (PROJECT / "data_lists/aasce.json").read_bytes()
