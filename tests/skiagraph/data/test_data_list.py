from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch.distributed
from hypothesis import given, settings
from hypothesis import strategies as st

from skiagraph.data import data_list_sha256, name_items, read_data_list, shard, write_data_list


def make_list(folder: Path, content: Any) -> Path:
    path = folder / "list.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def make_files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_paths_become_absolute_and_other_keys_are_kept(tmp_path: Path) -> None:
    data = make_files(tmp_path / "Daten für Übung", "a b/1.png", "a b/1_label.png")
    item = {
        "image": "a b/1.png",
        "label": "a b/1_label.png",
        "group": "3",
        "spacing_mm": [0.1, 0.2],
        "partial": True,
    }
    path = make_list(tmp_path, {"training": [item]})
    assert read_data_list(path, data, "training") == [
        {
            **item,
            "image": str(data / "a b/1.png"),
            "label": str(data / "a b/1_label.png"),
            "name": "a b/1",
        }
    ]


def test_dataset_dir_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_files(tmp_path, "data/1.png")
    monkeypatch.chdir(tmp_path)
    items = read_data_list(make_list(tmp_path, {"test": ["1.png"]}), "data", "test")
    assert items == [{"image": str(tmp_path / "data/1.png"), "name": "1"}]


@pytest.mark.parametrize("key", ["image", "label"])
@pytest.mark.parametrize("bad", ["../secret.png", "a/../../secret.png", "/etc/passwd", "", ".", ".."])
def test_path_that_leaves_the_dataset_is_refused(tmp_path: Path, key: str, bad: str) -> None:
    data = make_files(tmp_path / "data", "1.png")
    make_files(tmp_path, "secret.png")
    path = make_list(tmp_path, {"test": [{"image": "1.png", key: bad}]})
    with pytest.raises(ValueError, match=r"list\.json: test\[0\]: .* not a file below dataset_dir"):
        read_data_list(path, data, "test")
    with pytest.raises(ValueError, match="not a file below dataset_dir"):
        write_data_list(path, {"test": [{"image": "1.png", key: bad}]}, name="", description="")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a JSON file"),
        ("\x00\xff", "not a JSON file"),
        ([], "has no list 'test'; it has no part"),
        ({"training": [], "validation": []}, "has no list 'test'; it has training, validation"),
        ({"test": {}}, "has no list 'test'"),
        ({"test": [{"label": "1.png"}]}, r"test\[0\]: names no image"),
        ({"test": [7]}, r"test\[0\]: names no image"),
        ({"test": [{"image": "1.png"}, {"image": "./1.png"}]}, "1.png: this image is listed twice"),
        ({"test": [{"image": "1.png", "frame": "2"}]}, r"test\[0\]: frame must be a whole number.* got '2'"),
        ({"test": [{"image": "1.png", "frame": 2.0}]}, r"test\[0\]: frame must be a whole number.* got 2\.0"),
        ({"test": [{"image": "1.png", "frame": -1}]}, r"test\[0\]: frame must be a whole number.* got -1"),
        ({"test": [{"image": "1.png", "frame": True}]}, r"test\[0\]: frame must be a whole number.* got True"),
        ({"test": [{"image": "1.png", "name": 7}]}, r"test\[0\]: name must be a text"),
        ({"test": [{"image": "1.png", "name": "../x"}]}, r"test\[0\]: name must be a text"),
        ({"test": [{"image": "1.png", "name": "/x"}]}, r"test\[0\]: name must be a text"),
        ({"test": [{"image": "1.png", "name": ""}]}, r"test\[0\]: name must be a text"),
        ({"test": []}, "its part 'test' is empty"),
    ],
)
def test_what_is_no_data_list_is_refused_in_one_line(tmp_path: Path, content: Any, message: str) -> None:
    data = make_files(tmp_path / "data", "1.png")
    with pytest.raises(ValueError, match=message) as caught:
        read_data_list(make_list(tmp_path, content), data, "test")
    assert "\n" not in str(caught.value)


def test_missing_files_are_told_unless_they_may_be_missing(tmp_path: Path) -> None:
    data = make_files(tmp_path / "data", "1.png")
    path = make_list(tmp_path, {"test": [{"image": "1.png", "label": "1_label.png"}, {"image": "2.png"}]})
    with pytest.raises(FileNotFoundError, match=r"2 of 3 files are missing below .*1_label\.png; check dataset_dir"):
        read_data_list(path, data, "test")
    assert [item["name"] for item in read_data_list(path, data, "test", must_exist=False)] == ["1", "2"]
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read_data_list(path, tmp_path / "absent", "test")
    with pytest.raises(FileNotFoundError, match="no such data list"):
        read_data_list(tmp_path / "absent.json", data, "test")


def test_links_inside_the_dataset_are_followed(tmp_path: Path) -> None:
    make_files(tmp_path / "elsewhere", "1.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/images").symlink_to(tmp_path / "elsewhere")
    items = read_data_list(make_list(tmp_path, {"test": ["images/1.png"]}), tmp_path / "data", "test")
    assert items[0]["image"] == str(tmp_path / "data/images/1.png")


def test_names_keep_their_suffix_where_they_would_be_the_same() -> None:
    items = [{"image": f"/data/{name}"} for name in ("a.png", "a.jpg", "sub/a.png", "b.png", "1.2.840.7")]
    assert [item["name"] for item in name_items(items, "/data")] == [
        "a.png",
        "a.jpg",
        "sub/a",
        "b",
        "1.2.840.7",
    ]


def test_name_of_a_frame_ends_with_its_number() -> None:
    items = [{"image": "/data/cine.dcm", "frame": frame} for frame in (0, 7)]
    assert [item["name"] for item in name_items(items, "/data")] == ["cine_0000", "cine_0007"]


def test_a_name_of_its_own_stays(tmp_path: Path) -> None:
    data = make_files(tmp_path / "data", "1.png", "2.png", "2.jpg")
    items = [{"image": "1.png", "name": "leg 1//left"}, {"image": "2.png"}, {"image": "2.jpg", "name": "2"}]
    named = read_data_list(make_list(tmp_path, {"test": items}), data, "test")
    assert [item["name"] for item in named] == ["leg 1/left", "2.png", "2"]
    items[1]["name"] = "leg 1/left"
    with pytest.raises(ValueError, match="leg 1/left: two images have this name"):
        read_data_list(make_list(tmp_path, {"test": items}), data, "test")


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "a.b", "a.b.png", "a.png", "a.jpg", "s/a.png", "a.png.bmp"]), unique=True))
def test_names_are_never_the_same(names: list[str]) -> None:
    items = name_items([{"image": f"/data/{name}"} for name in names], "/data")
    assert len({item["name"] for item in items}) == len(names)


def test_written_list_is_read_back_and_the_same_every_time(tmp_path: Path) -> None:
    make_files(tmp_path, "ü/2.png", "ü/1.png")
    parts = {"training": [{"image": "ü/2.png", "group": "1"}, {"image": Path("ü/1.png"), "group": "1"}]}
    for name in ("first.json", "second.json"):
        write_data_list(tmp_path / name, parts, name="n", description="d", facts={"licence": "CC BY 4.0"})
    content = (tmp_path / "first.json").read_bytes()
    assert content == (tmp_path / "second.json").read_bytes()
    assert list(json.loads(content)) == ["name", "description", "licence", "training", "validation", "test"]
    assert content.startswith(b'{\n    "name": "n"')
    assert [i["name"] for i in read_data_list(tmp_path / "first.json", tmp_path, "training")] == [
        "ü/2",
        "ü/1",
    ]
    assert data_list_sha256(tmp_path / "first.json") == hashlib.sha256(content).hexdigest()


def test_failed_write_leaves_the_old_list(tmp_path: Path) -> None:
    path = make_list(tmp_path, "old")
    for arguments in (
        {"parts": {"train": []}},
        {"parts": {}, "facts": {"test": 1}},
    ):
        with pytest.raises(ValueError, match=r"unknown part|among the facts"):
            write_data_list(path, **arguments, name="", description="")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_shard_without_processes_is_the_whole_list() -> None:
    assert shard([{"image": "1"}, {"image": "2"}]) == [{"image": "1"}, {"image": "2"}]


@settings(deadline=None)
@given(count=st.integers(4, 12), world=st.integers(1, 4))
def test_every_item_is_in_one_shard(count: int, world: int) -> None:
    items = [{"image": str(number)} for number in range(count)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.distributed, "is_initialized", lambda: True)
        patch.setattr(torch.distributed, "get_world_size", lambda: world)
        shards = []
        for rank in range(world):
            patch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
            shards.append(shard(items))
    dealt = [int(item["image"]) for share in shards for item in share]
    assert sorted(dealt) == list(range(count))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_fewer_items_than_processes_are_refused_instead_of_leaving_one_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    with pytest.raises(ValueError, match="1 images cannot be shared out among 2 processes"):
        shard([{"image": "1"}])


def test_an_empty_part_is_told(tmp_path: Path) -> None:
    path = make_list(tmp_path, {"training": [], "test": []})
    with pytest.raises(ValueError, match=r"list\.json: its part 'test' is empty"):
        read_data_list(path, tmp_path, "test")
