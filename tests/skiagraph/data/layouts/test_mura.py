from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skiagraph.data.layouts import mura
from skiagraph.data.layouts.mura import read_mura
from skiagraph.data.layouts.mura_files import MuraRequest
from skiagraph.folder_work import Report, work_through
from tests.skiagraph.data.layouts.published_mura import (
    FRACTURE,
    HEIGHT,
    IMPLANT,
    WIDTH,
    Box,
    coco,
    texture,
    voc,
    write_both_sets,
    write_image,
    write_labelled,
)

STUDY = "train/XR_HUMERUS/patient00011/study1_positive"


def read(root: Path, **wanted: Any) -> tuple[dict[str, dict[str, Any]], dict[str, tuple[str, bool]]]:
    items, findings = read_mura(root, MuraRequest(**wanted), jobs=1)
    return {item["image"]: item for item in items}, {f.file: (f.message, f.left_out) for f in findings}


def test_the_tree_of_mura_gives_items_with_patient_and_record(tmp_path: Path) -> None:
    root = write_labelled(tmp_path, {f"{STUDY}/image1.png": [IMPLANT, FRACTURE], f"{STUDY}/image2.png": []})
    write_labelled(
        root, {"valid/XR_HAND/patient11185/study2_negative/image1.png": [("implant", 0, 0.5, WIDTH, HEIGHT)]}
    )
    items, findings = read(root)
    assert findings == {}
    assert list(items.values()) == [
        {
            "image": f"{STUDY}/image1.png",
            "boxes": [[5, 6, 30, 40], [10, 12, 20, 28]],
            "classes": ["implant", "fracture"],
            "labelled": ["implant", "fracture"],
            "group": "patient00011",
            "record": "train/XR_HUMERUS",
        },
        {
            "image": f"{STUDY}/image2.png",
            "boxes": [],
            "classes": [],
            "labelled": ["implant", "fracture"],
            "group": "patient00011",
            "record": "train/XR_HUMERUS",
        },
        {
            "image": "valid/XR_HAND/patient11185/study2_negative/image1.png",
            "boxes": [[0, 0.5, WIDTH, HEIGHT]],
            "classes": ["implant"],
            "labelled": ["implant", "fracture"],
            "group": "patient11185",
            "record": "valid/XR_HAND",
        },
    ]


FAULTY: dict[str, tuple[str, str]] = {
    "out.png": (voc([IMPLANT, ("implant", 0, 0, 49, 9)]), "box out of the image: implant (0, 0, 49, 9)"),
    "reversed.png": (voc([("fracture", 9, 0, 4, 9)]), "empty or reversed box: fracture (9, 0, 4, 9)"),
    "empty.png": (voc([("fracture", 9, 0, 9, 9)]), "empty or reversed box: fracture (9, 0, 9, 9)"),
    "named.png": (voc([IMPLANT, ("implnat", 1, 1, 2, 2)]), "unknown class: implnat"),
    "turned.png": (
        voc([IMPLANT], (HEIGHT, WIDTH)),
        "drawn in an image of another size: 64 x 48, but it has 48 x 64 pixels",
    ),
    "damaged.png": (
        "<annotation>",
        "damaged label: not an XML file that can be read: no element found",
    ),
}


def test_what_is_wrong_with_a_label_is_told_and_leaves_its_image_out(tmp_path: Path) -> None:
    root = write_labelled(tmp_path / "Größe 1", {"good/1.png": [IMPLANT]})
    for name, (text, _) in FAULTY.items():
        write_image(root, f"faulty/{name}")
        (root / "faulty" / name).with_suffix(".xml").write_text(text)
    write_labelled(root, {"cut off.png": [IMPLANT]})
    (root / "cut off.png").write_bytes((root / "cut off.png").read_bytes()[:200])
    (root / "alone.xml").write_text(voc([IMPLANT]))
    write_image(root, "bare.png")
    items, findings = read(root)
    assert list(items) == ["good/1.png"]
    cut_off, _ = findings.pop("cut off.png")
    # Neither the folder nor the file once more: the same images elsewhere give the same list.
    assert cut_off.startswith("the image cannot be decoded")
    assert findings.pop("alone.xml") == ("a label without its image", True)
    assert findings.pop("bare.png") == ("no label", True)
    assert set(findings) == {f"faulty/{name}" for name in FAULTY}
    for name, (_, message) in FAULTY.items():
        assert findings[f"faulty/{name}"][0].startswith(message)
        assert findings[f"faulty/{name}"][1]
    assert not any(str(root) in message for message, _ in findings.values())


@pytest.mark.parametrize(
    ("unlabelled", "kept"),
    [
        ("refuse", set()),
        ("normal", {"patient2/study1_negative/1.png"}),
        ("keep", {"patient2/study1_negative/1.png", "1.png"}),
    ],
)
def test_images_without_a_label_stay_if_that_is_wanted(tmp_path: Path, unlabelled: str, kept: set[str]) -> None:
    root = write_labelled(tmp_path, {"patient1/study1_positive/1.png": [IMPLANT]})
    for path in ("patient2/study1_negative/1.png", "1.png"):
        write_image(root, path)
    items, findings = read(root, unlabelled=unlabelled)
    assert set(items) == {"patient1/study1_positive/1.png", *kept}
    for path in ("patient2/study1_negative/1.png", "1.png"):
        note = ("no label, kept as an image without boxes", False) if path in kept else ("no label", True)
        assert findings[path] == note
    assert all(items[path]["boxes"] == [] and len(items[path]["labelled"]) == 2 for path in kept)


def test_another_class_is_one_more_name_and_boxes_can_be_passed_over(tmp_path: Path) -> None:
    cast: Box = ("cast", 1, 2, 3, 4)
    root = write_labelled(tmp_path, {"1.png": [IMPLANT, cast]})
    items, _ = read(root, classes=("cast", "implant"))
    assert items["1.png"]["classes"] == ["implant", "cast"]
    assert items["1.png"]["labelled"] == ["cast", "implant"]
    items, findings = read(root, classes=("implant",), passed_over=("cast",))
    assert (items["1.png"]["boxes"], items["1.png"]["labelled"]) == ([[5, 6, 30, 40]], ["implant"])
    assert findings == {"1.png": ("boxes of classes that are passed over: 1", False)}


def of(part: str, patient: int, study: str, image: int) -> str:
    return f"{part}/patient{patient:05d}/study1_{study}/image{image}.png"


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ({"parts": ("HUMERUS",)}, lambda path: "XR_HUMERUS" in path),
        ({"parts": ("xr_hand", "forearm")}, lambda path: "XR_HUMERUS" not in path),
        ({"only_positives": True}, lambda path: "positive" in path),
        ({"number": 2}, lambda path: "patient00001" in path),
        ({"number": 3, "only_positives": True, "parts": ("HUMERUS",)}, lambda p: "HUMERUS" in p and "positive" in p),
    ],
)
def test_subsets_are_chosen_by_part_number_and_finding(
    tmp_path: Path, wanted: dict[str, Any], chosen: Callable[[str], bool]
) -> None:
    """Patient 1 has two images, of an abnormal study, and patient 2 one, of a normal study; in each of four folders."""
    folders = ["train/XR_HUMERUS", "train/XR_HAND", "valid/XR_HUMERUS", "valid/XR_FOREARM"]
    studies = [(1, "positive", 1), (1, "positive", 2), (2, "negative", 1)]
    paths = [of(folder, *study) for folder in folders for study in studies]
    root = write_labelled(tmp_path, dict.fromkeys(paths, (IMPLANT,)))
    items, findings = read(root, **wanted)
    assert set(items) == set(filter(chosen, paths))
    assert findings == {}  # of a label whose image was not asked for nothing is said


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent: no such folder"):
        read(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match=r"there are 0 images$"):
        read(tmp_path)
    root = write_labelled(tmp_path, {f"{STUDY}/image1.png": [IMPLANT]})
    with pytest.raises(FileNotFoundError, match=r"there are 1 images, parts of the body: HUMERUS$"):
        read(root, parts=("HAND",))
    with pytest.raises(FileNotFoundError, match="labels: no such file or folder"):
        read(root, annotations=tmp_path / "labels")
    (root / "annotations").mkdir()
    assert list(read(root)[0]) == [f"{STUDY}/image1.png"]
    with pytest.raises(ValueError, match="number is 0"):
        read(root, number=0)


@pytest.mark.parametrize("named", [None, "annotations", "elsewhere"])
def test_labels_may_lie_apart_at_the_same_place_or_by_a_name_that_one_image_has(
    tmp_path: Path, named: str | None
) -> None:
    root = tmp_path / "root"
    for path in (f"{STUDY}/image1.png", "a/image1.png", "a/one.png", "b/two.png"):
        write_image(root, path)
    apart = tmp_path / "elsewhere" if named == "elsewhere" else root / "annotations"
    for place, box in ((f"{STUDY}/image1", IMPLANT), ("one", FRACTURE), ("image1", IMPLANT), ("c/two", IMPLANT)):
        (apart / place).parent.mkdir(parents=True, exist_ok=True)
        (apart / f"{place}.xml").write_text(voc([box]))
    (root / "a/one.xml").write_text(voc([IMPLANT]))  # what lies apart goes before it
    items, findings = read(root, annotations=None if named is None else apart)
    assert {path: item["classes"] for path, item in items.items()} == {
        f"{STUDY}/image1.png": ["implant"],
        "a/one.png": ["fracture"],
        "b/two.png": ["implant"],
    }
    assert findings.pop("a/image1.png") == ("no label", True)
    [(orphan, (message, _))] = findings.items()  # two images have this name
    assert orphan == f"{apart.name}/image1.xml"
    assert message == "a label without its image"


@pytest.mark.parametrize("apart", ["annotations", "truth.json", "truth.txt"])
def test_labels_may_be_one_coco_file(tmp_path: Path, apart: str) -> None:
    root = tmp_path / "root"
    for path in (f"{STUDY}/image1.png", "a/one.png", "a/two.png", "a/three.png"):
        write_image(root, path)
    boxes_of: dict[str, list[Box]] = {
        f"{STUDY}/image1.png": [FRACTURE, FRACTURE],
        "elsewhere\\one.png": [("fracture", 0, 0, 49, 9)],
        "two.png": [],
        "../../gone.png": [FRACTURE],
    }
    file = root / "annotations" / "any name.json" if apart == "annotations" else tmp_path / apart
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(coco(boxes_of, ["bone", "fracture"]))
    items, findings = read(root, annotations=file.parent if apart == "annotations" else file)
    assert {path: (item["boxes"], item["labelled"]) for path, item in items.items()} == {
        f"{STUDY}/image1.png": ([[10, 12, 20, 28]] * 2, ["fracture"]),  # nobody has looked for implants
        "a/two.png": ([], ["fracture"]),
    }
    assert findings.pop("a/one.png")[0].startswith("box out of the image")
    assert findings.pop("a/three.png") == ("no label", True)
    [(orphan, (message, _))] = findings.items()
    assert orphan == f"{'annotations/any name.json' if apart == 'annotations' else apart}: ../../gone.png"
    assert message == "a label without its image"


def test_of_both_published_sets_an_image_is_taken_once_with_what_is_known_of_it(tmp_path: Path) -> None:
    root = write_both_sets(tmp_path, implants=[1, 5], fractures=[20], more=[30])
    items, findings = read(root)
    assert {path: (item["boxes"], item["labelled"]) for path, item in items.items()} == {
        "implants_multiple/train/positive_1.png": ([[5, 6, 30, 40]], ["implant"]),
        "implants_multiple/train/positive_5.png": ([[5, 6, 30, 40]], ["implant"]),
        "implants_fractures/train/positive_20.png": ([[10, 12, 20, 28]], ["implant", "fracture"]),
        "implants_fractures/train/positive_30.png": ([[5, 6, 30, 40]], ["implant"]),
    }
    copies = {f"implants_fractures/train/positive_{n}.png": f"implants_multiple/train/positive_{n}.png" for n in (1, 5)}
    assert findings == {
        copy: (f"a copy: {kept} has the same pixels and is kept", False) for copy, kept in copies.items()
    }
    alone, _ = read(root / "implants_multiple")
    assert [item["labelled"] for item in alone.values()] == [["implant"]] * 2


def test_of_the_published_sets_images_that_say_nothing_of_a_class_are_left_out(tmp_path: Path) -> None:
    root = write_both_sets(tmp_path, implants=[1], fractures=[20], more=[30])
    items, findings = read(root, classes=("fracture",), passed_over=("implant",))
    assert {path: item["labelled"] for path, item in items.items()} == {
        "implants_fractures/train/positive_20.png": ["fracture"]
    }
    assert findings["implants_fractures/train/positive_30.png"] == (
        "not labelled for any class asked for: fracture",
        True,
    )


def test_where_nobody_drew_a_class_it_is_not_known_to_be_absent(tmp_path: Path) -> None:
    root = write_labelled(tmp_path, {"1.png": [IMPLANT], "2.png": []})
    write_image(root, "3.png")
    items, _ = read(root, unlabelled="keep")
    labelled = {path: item["labelled"] for path, item in items.items()}
    assert labelled == {"1.png": ["implant"], "2.png": ["implant"], "3.png": ["implant", "fracture"]}


def test_what_is_difficult_is_neither_object_nor_background(tmp_path: Path) -> None:
    root = write_labelled(tmp_path, {"1.png": [FRACTURE], "2.png": [IMPLANT, FRACTURE]})
    label = root / "2.xml"
    label.write_text(label.read_text().replace("<difficult>0", "<difficult>1", 1))
    items, findings = read(root)
    assert (items["2.png"]["classes"], items["2.png"]["labelled"]) == (["fracture"], ["fracture"])
    assert findings["2.png"] == ("boxes that are difficult, and neither objects nor background: 1", False)


def test_other_json_files_among_the_labels_are_passed_over(tmp_path: Path) -> None:
    root = tmp_path / "images"
    write_image(root, "1.png")
    labels = tmp_path / "found"
    labels.mkdir()
    (labels / "coco.json").write_text(coco({"1.png": [IMPLANT]}, ["implant"]))
    (labels / "coco_results.json").write_text("[]")
    (labels / "1_boxes.json").write_text('{"boxes": []}')
    items, findings = read(root, annotations=labels)
    assert items["1.png"]["boxes"] == [[5, 6, 30, 40]]
    passed = ("not ground truth in the form of COCO, passed over", False)
    assert findings == {"found/coco_results.json": passed, "found/1_boxes.json": passed}


def test_of_copies_elsewhere_one_with_a_label_is_kept(tmp_path: Path) -> None:
    write_image(tmp_path, "a.png", texture("x"))
    write_labelled(tmp_path, {"b.png": [IMPLANT], "c.png": [IMPLANT]})
    for name in ("b.png", "c.png"):
        colour = np.repeat(texture("x")[..., None], 3, axis=-1)  # other bytes, the same picture
        write_image(tmp_path, name, colour)
    items, findings = read(tmp_path, unlabelled="keep")
    assert set(items) == {"b.png"}
    assert findings["c.png"] == ("a copy: b.png has the same pixels and is kept", False)


def test_a_relative_folder_is_read_by_workers_that_run_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_labelled(tmp_path / "root", {"1.png": [IMPLANT]})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)

    def elsewhere(*arguments: Any, **options: Any) -> Report:
        with contextlib.chdir(tmp_path / "elsewhere"):
            return work_through(*arguments, **options)

    monkeypatch.setattr(mura, "work_through", elsewhere)
    items, _ = read_mura("root", jobs=1)
    assert [item["image"] for item in items] == ["1.png"]
