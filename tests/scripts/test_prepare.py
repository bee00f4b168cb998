from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import trimesh
from PIL import Image

from scripts.prepare import aasce, sweep, ultrabones
from skiagraph.data import read_data_list
from tests.skiagraph.data.layouts.published_aasce import (
    begins_with_second,
    small_spine,
    write_images,
    write_index,
    write_tables,
)

PROJECT = Path(__file__).parents[2]


def write_png(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (6, 4)).save(path)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Specimens 1, 2, 5 and 6; one of the two frames of specimen 1 lacks its label."""
    root = tmp_path / "Größe 1"
    for specimen in (1, 2, 5, 6):
        write_png(root / f"{specimen}/r/UltrasoundImages/10.png")
        write_png(root / f"{specimen}/r/Labels/10_label.png")
        (root / f"{specimen}/r/tracking.csv").write_text("timestamp,space_factor\n10,0.05\n11,0.05\n")
    write_png(root / "1/r/UltrasoundImages/11.png")
    return root


def test_ultrabones_writes_what_is_good_and_names_what_is_not(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ultrabones(str(dataset), str(tmp_path / "list.json"), jobs=1)
    told = capsys.readouterr().out
    assert "1/r/UltrasoundImages/11.png: its label Labels/11_label.png is missing; left out" in told
    assert "2 training, 1 validation, 1 test" in told
    assert [item["name"] for item in read_data_list(tmp_path / "list.json", dataset, "training")] == [
        "1/r/UltrasoundImages/10",
        "5/r/UltrasoundImages/10",
    ]
    content = json.loads((tmp_path / "list.json").read_bytes())
    assert content["specimens"] == {"training": ["1", "5"], "validation": ["6"], "test": ["2"]}


def test_strict_writes_the_list_and_fails(dataset: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "shared")}
    command = [sys.executable, "-m", "scripts.prepare", "ultrabones", str(dataset), "--jobs", "1", "--strict"]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "list.json")],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "1 left out" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "list.json").is_file()


def test_nothing_usable_is_an_error(dataset: Path, tmp_path: Path) -> None:
    for label in dataset.glob("*/r/Labels/*"):
        label.unlink()
    with pytest.raises(ValueError, match="no usable image"):
        ultrabones(str(dataset), str(tmp_path / "list.json"), jobs=1)
    assert not (tmp_path / "list.json").exists()


def test_unknown_split_is_told_before_the_files_are_opened(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leg: no such split"):
        ultrabones(str(tmp_path / "absent"), str(tmp_path / "list.json"), by="leg")  # type: ignore[arg-type]


@pytest.mark.parametrize(("by", "leave_out", "tested"), [("donor", None, ["2", "5"]), ("specimen", 1, ["1"])])
def test_donor_and_left_out_specimen(
    dataset: Path, tmp_path: Path, by: Literal["specimen", "donor"], leave_out: int | None, tested: list[str]
) -> None:
    ultrabones(str(dataset), str(tmp_path / "list.json"), by, leave_out, jobs=1)
    assert json.loads((tmp_path / "list.json").read_bytes())["specimens"]["test"] == tested


@pytest.fixture
def spines(tmp_path: Path) -> Path:
    """Twenty patients with two images each; of patient 3 one label begins with T2 and one is upside down."""
    root = tmp_path / "Wirbelsäulen"
    names = [f"{patient:02d} {letter} AP.jpg" for patient in range(20) for letter in "AB"]
    labels = dict.fromkeys(names, small_spine())
    labels |= {"03 A AP.jpg": begins_with_second(), "03 B AP.jpg": small_spine()[::-1]}
    write_images(root, "training", names)
    write_tables(root, "training", labels)
    write_index(root, "training", {name: f"patient {name[:2]}" for name in names})
    return root


def test_aasce_splits_by_patient_and_names_what_is_left_out(
    spines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aasce(str(spines), str(tmp_path / "list.json"), jobs=1)
    told = capsys.readouterr()
    assert "03 A AP.jpg: its label begins with T2, the last vertebra in it is the topmost; mended\n" in told.out
    assert "03 B AP.jpg: T1 left and right are swapped" in told.out
    assert told.err == ""
    content = json.loads((tmp_path / "list.json").read_bytes())
    assert content["name"] == "AASCE by patient"
    assert list(content["left_out"]) == ["data/training/03 B AP.jpg"]
    parts = {part: read_data_list(tmp_path / "list.json", spines, part) for part in ("training", "validation", "test")}
    # 23 and 12 % of the 38 sound images, in whole patients; and the mended one.
    assert {part: len(items) for part, items in parts.items()} == {"training": 23, "validation": 6, "test": 10}
    assert "23 training, 6 validation, 10 test" in told.out
    patients = [{item["group"] for item in items} for items in parts.values()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 20
    assert [item["first"] for item in parts["training"] if item["group"] == "patient 03"] == [16]


def test_aasce_names_a_mended_image_that_cannot_train(
    spines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aasce(str(spines), str(tmp_path / "before.json"), jobs=1)
    assert json.loads((tmp_path / "before.json").read_bytes())["in_no_part"] == []
    tested = read_data_list(tmp_path / "before.json", spines, "test")[-1]
    names = (spines / "labels/training/filenames.csv").read_text().splitlines()
    labels = {name: small_spine() for name in names}
    write_tables(spines, "training", labels | {Path(tested["image"]).name: begins_with_second()})
    capsys.readouterr()
    aasce(str(spines), str(tmp_path / "after.json"), jobs=1)
    image = Path(tested["image"]).relative_to(spines).as_posix()
    assert json.loads((tmp_path / "after.json").read_bytes())["in_no_part"] == [image]
    assert f"{image}: in no part, for other images of its patient are measured on\n" in capsys.readouterr().out


def test_aasce_writes_the_same_list_wherever_the_data_are(spines: Path, tmp_path: Path) -> None:
    (spines / "data/training/07 A AP.jpg").write_bytes(b"")
    aasce(str(spines), str(tmp_path / "here.json"), jobs=1)
    aasce(str(spines.rename(tmp_path / "elsewhere")), str(tmp_path / "there.json"), jobs=1)
    assert (tmp_path / "here.json").read_bytes() == (tmp_path / "there.json").read_bytes()


def test_aasce_is_strict_only_where_an_image_is_left_out(spines: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Wirbelsäulen: 1 left out"):
        aasce(str(spines), str(tmp_path / "list.json"), strict=True, jobs=1)
    assert (tmp_path / "list.json").is_file()
    write_tables(spines, "training", {"03 A AP.jpg": begins_with_second()})
    for image in (spines / "data/training").glob("*.jpg"):
        if image.name != "03 A AP.jpg":
            image.unlink()
    aasce(str(spines), str(tmp_path / "list.json"), strict=True, jobs=1)
    assert [item["first"] for item in json.loads((tmp_path / "list.json").read_bytes())["training"]] == [16]


def test_aasce_with_no_usable_image_is_an_error(spines: Path, tmp_path: Path) -> None:
    for image in (spines / "data/training").glob("*.jpg"):
        image.write_bytes(b"")
    with pytest.raises(ValueError, match="no usable image"):
        aasce(str(spines), str(tmp_path / "list.json"), jobs=1)
    assert not (tmp_path / "list.json").exists()


def test_sweep_holds_out_a_stretch_of_the_bone(tmp_path: Path) -> None:
    """The probe goes along 100 mm and back; both ways over one place belong to one part."""
    positions = np.concatenate([np.linspace(0, 100, 60), np.linspace(100, 0, 60)])
    rows = [f"{t},0.05,0,0,{z},0,0,0" for t, z in enumerate(positions)]
    for t in range(len(rows)):
        write_png(tmp_path / f"sweep/UltrasoundImages/{t}.png")
    columns = "timestamp,space_factor,x,y,z,euler_x,euler_y,euler_z"
    (tmp_path / "sweep/tracking.csv").write_text("\n".join((columns, *rows)))
    (tmp_path / "sweep/CT_models").mkdir()
    trimesh.creation.box().export(tmp_path / "sweep/CT_models/Tibia.stl")
    sweep(str(tmp_path / "sweep"), str(tmp_path / "list.json"), bone="tibia")
    content = json.loads((tmp_path / "list.json").read_bytes())
    z = {p: [positions[int(Path(i["image"]).stem)] for i in content[p]] for p in ("training", "validation", "test")}
    assert (min(z["test"]) >= 40, max(z["test"]) <= 60, min(z["validation"]) >= 90) == (True, True, True)
    assert all(value < 30 or 70 < value < 80 for value in z["training"])
    assert len(z["test"]) == 24
    item = content["test"][0]
    assert item["label"] == f"Labels/{Path(item['image']).stem}_label.png"
    assert (item["partial"], item["group"], item["spacing_mm"]) == (True, "tibia", [0.05, 0.05])


def test_parts_that_got_nothing_are_named(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for specimen in (2, 6):
        (dataset / str(specimen)).rename(tmp_path / str(specimen))
    ultrabones(str(dataset), str(tmp_path / "list.json"), jobs=1)
    assert "list.json: nothing for validation and test" in capsys.readouterr().err
