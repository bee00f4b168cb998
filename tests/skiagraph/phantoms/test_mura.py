"""Limb phantoms on disk: layout, labels, resumption."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from skiagraph.phantoms import draw_limb, write_limb_phantoms
from skiagraph.phantoms.limb_plan import draw_patient
from skiagraph.phantoms.mura import _image_count

SIZE_PX = 160
PATIENTS = 12


def _write(out: Path, patients: int = PATIENTS, images: int | None = 1, seed: int = 0) -> None:
    report = write_limb_phantoms(out, seed=seed, patients=patients, images=images, size_px=SIZE_PX, jobs=1)
    assert report.exit_code == 0


def _files(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def _images(out: Path) -> dict[str, bytes]:
    return {name: content for name, content in sorted(_files(out).items()) if name.endswith(".png")}


def _list(out: Path) -> dict[str, list[dict[str, Any]]]:
    content = json.loads((out / "data_list.json").read_text())
    return {part: content[part] for part in ("training", "validation", "test")}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phantoms")
    _write(out)
    return out


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "copy"))


def test_layout_is_that_of_mura(written: Path) -> None:
    expected = []
    for patient in range(1, PATIENTS + 1):
        person = draw_patient(0, patient)
        part = "FOREARM" if person.forearm else "HUMERUS"
        found = "negative" if person.kind == "none" else "positive"
        expected.append(f"train/XR_{part}/patient{patient:05d}/study1_{found}/image1")
    assert list(_images(written)) == sorted(f"{name}.png" for name in expected)
    others = {*_files(written)} - {*_images(written)}
    assert others == {*(f"{name}.xml" for name in expected), "data_list.json", "phantoms.json"}
    assert sum("negative" in name for name in expected) == PATIENTS / 3


def test_images_and_boxes_are_those_that_were_drawn(written: Path) -> None:
    boxes = 0
    for name in _images(written):
        truth = draw_limb(0, int(name.split("patient")[1][:5]), 0, SIZE_PX)
        image = Image.open(written / name)
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), truth.pixels)
        root = ElementTree.parse((written / name).with_suffix(".xml")).getroot()
        objects = root.findall("object")
        assert tuple(element.findtext("name") for element in objects) == truth.classes
        for element, box in zip(objects, truth.boxes, strict=True):
            corners = [element.findtext(f"bndbox/{corner}") for corner in ("xmin", "ymin", "xmax", "ymax")]
            assert corners == [f"{value:g}" for value in box]
        assert [root.findtext(f"size/{side}") for side in ("width", "height")] == [f"{size}" for size in image.size]
        boxes += len(objects)
    assert boxes >= 8


def test_the_data_list_holds_every_image_and_its_boxes(written: Path) -> None:
    parts = _list(written)
    items = [item for part in parts.values() for item in part]
    assert sorted(item["image"] for item in items) == list(_images(written))
    for item in items:
        truth = draw_limb(0, int(item["group"].removeprefix("patient")), 0, SIZE_PX)
        assert np.array_equal(np.reshape(item["boxes"], (-1, 4)), truth.boxes)
        assert tuple(item["classes"]) == truth.classes
        assert item["labelled"] == ["implant", "fracture"]
        assert item["record"] == item["image"].split("/patient")[0]


def test_patients_are_in_one_part_and_every_part_has_both_classes(written: Path) -> None:
    parts = _list(written)
    groups = [{item["group"] for item in part} for part in parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == PATIENTS
    for part in parts.values():
        assert {name for item in part for name in item["classes"]} == {"implant", "fracture"}


def test_by_default_a_patient_has_one_to_three_images(tmp_path: Path) -> None:
    counts = [_image_count(0, patient) for patient in range(1, 61)]
    assert set(counts) == {1, 2, 3}
    _write(tmp_path, patients=2, images=None)
    assert len(_images(tmp_path)) == sum(counts[:2])


def test_the_same_seed_gives_the_same_files_and_another_does_not(written: Path, tmp_path: Path) -> None:
    _write(tmp_path / "again", patients=2)
    again = _images(tmp_path / "again")
    assert len(again) == 2
    assert again == {name: _images(written)[name] for name in again}
    _write(tmp_path / "other", patients=1, seed=1)
    assert not set(_images(tmp_path / "other").values()) & set(again.values())


def test_a_larger_run_contains_the_smaller_and_a_smaller_keeps_it(copy: Path, written: Path) -> None:
    for image in (path for path in copy.rglob("image1.png") if "patient00003" in path.parts):
        image.unlink()
    _write(copy, patients=2)
    assert len(_images(copy)) == PATIENTS - 1
    _write(copy)
    assert _files(copy) == _files(written)
    _write(copy, patients=1)
    assert _files(copy) == _files(written)


def test_an_interrupted_run_goes_on(copy: Path, written: Path) -> None:
    *_, lost, kept = sorted(copy.rglob("*.png"))
    lost.unlink()
    min(copy.rglob("*.xml")).unlink()
    (copy / "data_list.json").unlink()
    before = kept.stat().st_mtime_ns
    report = write_limb_phantoms(copy, patients=PATIENTS, images=1, size_px=SIZE_PX, jobs=1)
    assert (report.done, report.skipped) == (2, PATIENTS - 2)
    assert kept.stat().st_mtime_ns == before
    assert _files(copy) == _files(written)


@pytest.mark.parametrize("other", [{"seed": 5}, {"size_px": 200}])
def test_images_of_another_kind_are_not_mixed(written: Path, other: dict[str, Any]) -> None:
    before = _files(written)
    with pytest.raises(ValueError, match="another seed, size or version") as caught:
        write_limb_phantoms(written, **{"seed": 0, "size_px": SIZE_PX, "jobs": 1, **other})
    assert "\n" not in str(caught.value)
    assert _files(written) == before


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"patients": 0}, "give"), ({"images": 0}, "give"), ({"size_px": 10}, "give"), ({"seed": -1}, "a seed is 0")],
)
def test_what_cannot_be_drawn_is_told_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        write_limb_phantoms(tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_images_that_cannot_be_written_are_reported(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("a file where the folder of the images belongs")
    report = write_limb_phantoms(tmp_path, patients=1, images=1, size_px=SIZE_PX, jobs=1)
    assert (report.done, report.failed) == (0, 1)
    assert not (tmp_path / "data_list.json").exists()
