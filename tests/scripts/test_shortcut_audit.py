from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scripts.shortcut_audit import shortcut_audit
from skiagraph.data import write_data_list


def write_images(folder: Path) -> Path:
    """A fracture, and a bar of metal in a box."""
    fracture = np.linspace(20, 120, 120).astype(np.uint8)[:, None].repeat(100, axis=1)
    metal = np.full((90, 110), 60, np.uint8)
    metal[20:60, 48:56] = 250
    items = []
    for name, pixels, box, kind in (
        ("f", fracture, [10, 10, 30, 40], "fracture"),
        ("m", metal, [40, 20, 64, 60], "implant"),
    ):
        Image.fromarray(pixels).save(folder / f"{name}.png")
        labelled = ["implant"] if kind == "implant" else ["implant", "fracture"]
        items.append({"image": f"{name}.png", "boxes": [box], "classes": [kind], "labelled": labelled})
    write_data_list(
        folder / "list.json", {"training": items, "validation": items[1:], "test": items}, name="two", description=""
    )
    return folder / "list.json"


def test_images_of_fractures_are_there_with_and_without_an_implant(tmp_path: Path) -> None:
    shortcut_audit(str(write_images(tmp_path)), str(tmp_path), str(tmp_path / "out"))
    parts = json.loads((tmp_path / "out" / "data_list.json").read_text())
    (plain,), (pasted,) = parts["validation"], parts["test"]
    assert plain["classes"] == ["fracture"]
    assert pasted["classes"] == ["fracture", "implant"]
    assert pasted["boxes"][0] == plain["boxes"][0] == [10, 10, 30, 40]
    before, after = (np.asarray(Image.open(tmp_path / "out" / one["image"])).astype(int) for one in (plain, pasted))
    assert np.abs(before - np.asarray(Image.open(tmp_path / "f.png"))).max() <= 1
    left, top, right, bottom = map(int, pasted["boxes"][1])
    assert (right - left, bottom - top) == (24, 40)
    rows, columns = np.nonzero(before != after)
    assert (top <= rows.min(), rows.max() < bottom, left <= columns.min(), columns.max() < right) == (True,) * 4
    brighter = after - before
    assert brighter[top + 10 : bottom - 10, left + 9 : left + 15].min() > 80
    common = max(min(right, 30) - max(left, 10), 0) * max(min(bottom, 40) - max(top, 10), 0)
    assert common <= 0.1 * 20 * 30


def test_without_a_fracture_there_is_nothing_to_audit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="part validation has 0 images of fractures, 1 of implants"):
        shortcut_audit(str(write_images(tmp_path)), str(tmp_path), str(tmp_path / "out"), part="validation")
