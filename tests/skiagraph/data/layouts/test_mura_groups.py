from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skiagraph.data.layouts.mura import read_mura
from tests.skiagraph.data.layouts.published_mura import IMPLANT, texture, write_image, write_labelled


def groups(root: Path) -> set[frozenset[str]]:
    items, _ = read_mura(root, jobs=1)
    by_name: dict[str, set[str]] = {}
    for item in items:
        by_name.setdefault(item["group"], set()).add(item["image"])
    return {frozenset(images) for images in by_name.values()}


def one_each(*images: str) -> set[frozenset[str]]:
    return {frozenset([image]) for image in images}


def test_images_in_folders_of_a_patient_belong_together(tmp_path: Path) -> None:
    paths = [
        "XR_HAND/patient1/study1_positive/1.png",
        "XR_WRIST/patient1/1.png",
        "patient2/1.png",
        "mine/patient_03/1.png",
    ]
    write_labelled(tmp_path, dict.fromkeys(paths, (IMPLANT,)))
    assert groups(tmp_path) == {frozenset(paths[:2]), frozenset(paths[2:3]), frozenset(paths[3:])}


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("first", ["a.png", "patient1/a.png"])
def test_near_copies_belong_together_also_if_mirrored(tmp_path: Path, first: str, mirrored: bool) -> None:
    write_labelled(tmp_path, dict.fromkeys([first, "b.jpg", "c.png"], (IMPLANT,)))
    write_image(tmp_path, "b.jpg", (texture(first)[:, :: -1 if mirrored else 1] * 0.8).astype(np.uint8))
    assert groups(tmp_path) == {frozenset([first, "b.jpg"]), frozenset(["c.png"])}


def test_two_patients_may_have_images_that_are_much_alike(tmp_path: Path) -> None:
    """Views in the same round field are, and among tens of thousands of images they would tie all patients together."""
    write_labelled(tmp_path, dict.fromkeys(["patient1/1.png", "patient2/1.png", "c.png"], (IMPLANT,)))
    write_image(tmp_path, "patient2/1.png", (texture("patient1/1.png") * 0.8).astype(np.uint8))
    assert groups(tmp_path) == one_each("patient1/1.png", "patient2/1.png", "c.png")


def test_the_same_picture_of_two_patients_makes_them_one_group(tmp_path: Path) -> None:
    paths = [f"patient{patient}/{name}.png" for patient in (1, 2, 3) for name in "ab"]
    write_labelled(tmp_path, dict.fromkeys(paths, (IMPLANT,)))
    write_image(tmp_path, "patient2/b.png", texture("patient1/a.png"))
    items, findings = read_mura(tmp_path, jobs=1)
    assert {item["group"] for item in items if "patient3" not in item["image"]} == {"patient1"}
    assert {item["group"] for item in items if "patient3" in item["image"]} == {"patient3"}
    assert [finding.file for finding in findings] == ["patient2/b.png"]


def test_neighbours_in_the_published_sets_belong_together_across_a_gap_of_one(tmp_path: Path) -> None:
    linked = ["multiple/train/positive_8.png", "fractures/train/positive_9.png", "multiple/train/positive_11.png"]
    others = [
        "multiple/train/positive_14.png",  # two are missing between
        "multiple/train/fa_positive_9.png",
        "multiple/test/positive_9.png",
        "multiple/train/wrist_9.png",
        "multiple/train/wrist_10.png",
    ]
    write_labelled(tmp_path, dict.fromkeys([*linked, *others], (IMPLANT,)))
    assert groups(tmp_path) == {frozenset(linked), *one_each(*others)}


def test_a_group_is_named_by_its_patient_or_its_first_image(tmp_path: Path) -> None:
    write_labelled(tmp_path, dict.fromkeys(["b.png", "a.png", "patient7/z.png"], (IMPLANT,)))
    write_image(tmp_path, "b.png", texture("patient7/z.png"))
    items, _ = read_mura(tmp_path, jobs=1)
    assert {item["image"]: item["group"] for item in items} == {"a.png": "a", "b.png": "patient7"}
