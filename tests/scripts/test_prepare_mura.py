from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from scripts.prepare import mura
from skiagraph.data import check_disjoint, read_data_list
from skiagraph.data.boxes_voc import read_voc
from skiagraph.geometry.box_sizes import mean_best_iou
from tests.skiagraph.data.layouts.published_mura import (
    FRACTURE,
    HEIGHT,
    IMPLANT,
    WIDTH,
    write_both_sets,
    write_image,
    write_labelled,
)

DATA = os.environ.get("SKIAGRAPH_DATA")
PROJECT = Path(__file__).parents[2]


@pytest.fixture
def radiographs(tmp_path: Path) -> Path:
    """Of each of 30 patients an image with an implant, and of every third one with a fracture; one label is wrong."""
    study = "train/XR_HUMERUS/patient{:05d}/study1_positive/image{}.png"
    images = {study.format(patient, 1): [IMPLANT] for patient in range(30)}
    images |= {study.format(patient, 2): [FRACTURE, IMPLANT] for patient in range(0, 30, 3)}
    images[study.format(4, 2)] = [("implant", 0, 0, WIDTH + 1, HEIGHT)]
    root = write_labelled(tmp_path / "Röntgen 1", images)
    for number in range(7):
        write_image(root, f"train/XR_HAND/patient{number:05d}/study1_negative/image1.png")
    return root


def test_boxes_pass_through_the_list_and_what_is_left_out_is_named_and_counted(
    radiographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mura(str(radiographs), str(tmp_path / "list.json"), jobs=1)
    told = capsys.readouterr().out
    faulty = "train/XR_HUMERUS/patient00004/study1_positive/image2.png"
    assert f"{faulty}: box out of the image: implant (0, 0, 49, 64); left out\n" in told
    assert "1 x box out of the image\n" in told
    assert told.count(": no label; left out\n") == 5  # of 7
    assert "7 x no label\n" in told
    assert "test: boxes: 3 fracture, 10 implant; images without: 0\n" in told
    fitted = re.search(r"anchor_shapes for .* at image_size 384: (\[\[.*\]\]);\n.* mean IoU is (0\.\d\d)\n", told)
    assert fitted is not None
    # Boxes of 25 x 34 and 10 x 16 of 48 x 64 pixels, and turned by a quarter of a circle.
    boxes = [side for box in ((25, 34), (10, 16)) for side in (box, box[::-1])]
    anchors = [np.multiply(shape[::-1], scale) / 6 for shape in json.loads(fitted[1]) for scale in (1, 2, 4)]
    assert mean_best_iou(boxes, anchors) > 0.8
    assert float(fitted[2]) > 0.8
    content = json.loads((tmp_path / "list.json").read_bytes())
    assert content["classes"] == ["implant", "fracture"]
    assert len(content["left_out"]) == 8
    assert content["left_out"][faulty] == "box out of the image: implant (0, 0, 49, 64)"
    assert content["in_no_part"] == []
    parts = {
        part: read_data_list(tmp_path / "list.json", radiographs, part) for part in ("training", "validation", "test")
    }
    check_disjoint(parts)
    items = {item["name"]: item for part in parts.values() for item in part}
    assert len(items) == 40
    name = "train/XR_HUMERUS/patient00003/study1_positive/image2"
    assert items[name] == {
        "image": str(radiographs / f"{name}.png"),
        "boxes": [[10, 12, 20, 28], [5, 6, 30, 40]],
        "classes": ["fracture", "implant"],
        "labelled": ["implant", "fracture"],
        "group": "patient00003",
        "record": "train/XR_HUMERUS",
        "name": name,
    }


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scripts.prepare", "mura", *arguments, "--jobs", "1"],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT / "shared")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_wanted_can_be_said_in_words(radiographs: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "list.json")
    wanted = ["--parts", "HUMERUS,hand", "--unlabelled", "normal", "--number", "12", "--classes", "implant"]
    done = run_command(str(radiographs), out, *wanted, "--passed_over", "fracture")
    assert (done.returncode, done.stderr) == (0, "")
    content = json.loads(Path(out).read_bytes())
    items = [item for part in ("training", "validation", "test") for item in content[part]]
    assert Counter(item["record"] for item in items) == {"train/XR_HAND": 7, "train/XR_HUMERUS": 11}
    assert {name for item in items for name in item["classes"]} == {"implant"}
    assert all(item["labelled"] == ["implant"] for item in items)
    assert "no label, kept as an image without boxes" in done.stdout


def test_strict_writes_the_list_and_fails_and_wrong_words_are_told(radiographs: Path, tmp_path: Path) -> None:
    done = run_command(str(radiographs), str(tmp_path / "list.json"), "--strict")
    assert done.returncode == 1
    assert done.stderr.endswith("8 left out, see the lines above; mend them or omit --strict\n")
    assert (tmp_path / "list.json").is_file()
    done = run_command(str(radiographs), str(tmp_path / "list.json"), "--unlabelled", "ignore")
    assert done.returncode == 2
    assert "--unlabelled takes one of refuse, normal, keep" in done.stderr


def test_nothing_usable_is_an_error(tmp_path: Path) -> None:
    write_image(tmp_path, "1.png")
    with pytest.raises(ValueError, match="no usable image"):
        mura(str(tmp_path), str(tmp_path / "list.json"), jobs=1)
    assert not (tmp_path / "list.json").exists()


def test_copies_are_no_loss_to_be_strict_about(tmp_path: Path) -> None:
    root = write_both_sets(tmp_path / "sets", range(1, 60, 6), range(3, 60, 6))
    mura(str(root), str(tmp_path / "list.json"), strict=True, jobs=1)
    content = json.loads((tmp_path / "list.json").read_bytes())
    sizes = {part: len(content[part]) for part in ("training", "validation", "test")}
    assert sum(sizes.values()) == 20


@pytest.mark.skipif(DATA is None, reason="SKIAGRAPH_DATA names no folder: not run on real images")
def test_the_committed_list_is_that_of_the_published_sets(tmp_path: Path) -> None:
    root, out = tmp_path / "mura", tmp_path / "mura.json"
    subprocess.run(["bash", str(Path(str(DATA), "mura", "lay_out.sh")), str(root)], check=True)
    mura(str(root), str(out), strict=True)
    assert out.read_bytes() == (PROJECT / "data_lists/mura.json").read_bytes()
    parts = {part: read_data_list(out, root, part) for part in ("training", "validation", "test")}
    check_disjoint(parts)
    shown = {
        part: Counter((Path(item["record"]).parts[0], *sorted(set(item["classes"]))) for item in items)
        for part, items in parts.items()
    }
    both, fractures = ("implants_multiple", "implant"), ("implants_fractures", "fracture")
    assert sum(count[both] for count in shown.values()) == 300
    assert sum(count[fractures] for count in shown.values()) == 51
    assert shown["test"][both] >= 60
    assert min(shown[part][fractures] for part in parts) >= 6
    assert set(shown["test"]) == set(shown["validation"]) == {both, fractures}
    assert len(json.loads(out.read_bytes())["in_no_part"]) + shown["training"]["implants_fractures", "implant"] == 20
    for item in (item for items in parts.values() for item in items):
        annotation = read_voc(Path(item["image"]).with_suffix(".xml"))
        assert item["boxes"] == annotation.boxes.tolist()
        assert item["classes"] == list(annotation.classes)
        assert item["labelled"] == (["implant", "fracture"] if "fracture" in item["classes"] else ["implant"])
