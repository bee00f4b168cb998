from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from skiagraph.data.box_classes import check_box_classes


def written(folder: Path, *classes: str) -> Path:
    path = folder / "list.json"
    items = [
        {"image": f"{number}.png", "boxes": [[0, 0, 1, 1]], "classes": [name]} for number, name in enumerate(classes)
    ]
    path.write_text(json.dumps({"training": items, "validation": ["plain.png"], "test": [{"image": "none.png"}]}))
    return path


def test_a_list_of_none_of_the_classes_is_refused_with_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"of screw, plate, the detector finds implant; give --classes \"\['screw', 'plate'\]\""
    ):
        check_box_classes(written(tmp_path, "screw", "plate", "screw"), ("implant",))


def test_boxes_of_further_classes_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        check_box_classes(written(tmp_path, "screw", "plate", "screw"), ("plate", "nail"))
    assert [record.getMessage().split(": ")[-1] for record in caplog.records] == ["2 boxes of 'screw' are left out"]


@pytest.mark.parametrize("classes", [(), ("plate",)])
def test_known_classes_and_lists_without_boxes_pass(tmp_path: Path, classes: tuple[str, ...]) -> None:
    check_box_classes(written(tmp_path, *classes), ("plate", "nail"))


@pytest.mark.parametrize("content", [None, "no JSON", "[1]"])
def test_what_is_no_data_list_is_left_to_whoever_reads_its_parts(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "list.json").write_text(content)
    check_box_classes(tmp_path / "list.json", ("implant",))
