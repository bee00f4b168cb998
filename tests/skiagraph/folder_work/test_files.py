from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from skiagraph.folder_work import whole_file, write_image, write_json
from skiagraph.folder_work.files import _remove_leftovers


def part_of(process: int, host: str | None = None) -> str:
    machine = sha256((host or socket.gethostname()).encode()).hexdigest()[:8]
    return f".skiagraph-{machine}-{process}-0123abcd.part"


def test_file_appears_as_a_whole_in_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "mask.png"
    with whole_file(path) as temporary:
        temporary.write_bytes(b"first half, ")
        assert not path.exists()
        assert temporary.parent == path.parent
        with temporary.open("ab") as file:
            file.write(b"second half")
    assert path.read_bytes() == b"first half, second half"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "mask.png"
    path.write_text("old")

    def write() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("ne")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_search_of_the_folder_does_not_find_the_temporary_file(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.png") as temporary:
        temporary.touch()
        assert list(tmp_path.glob("*.png")) == []


def test_two_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with whole_file(path) as one:
        one.write_text("one")
        with whole_file(path) as two:
            two.write_text("two, longer")
        assert path.read_text() == "two, longer"
    assert path.read_text() == "one"


def test_writing_nothing_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"mask\.png: nothing was written"), whole_file(tmp_path / "mask.png"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_named_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "mask.png").mkdir()
    with pytest.raises(IsADirectoryError, match=r"mask\.png is a folder"), whole_file(tmp_path / "mask.png"):
        pytest.fail("the block was entered")


def test_permissions_and_longest_name_are_those_of_a_plain_file(tmp_path: Path) -> None:
    plain, path = tmp_path / "plain", tmp_path / ("n" * 255)
    plain.touch()
    with whole_file(path) as temporary:
        temporary.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_what_killed_writers_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    abandoned = tmp_path / part_of(ended.pid)
    old = tmp_path / part_of(1, host="some other machine")
    kept = [tmp_path / part_of(os.getpid()), tmp_path / part_of(ended.pid, host="other"), tmp_path / "download.part"]
    an_hour_ago = time.time() - 3600
    for path in (abandoned, old, *kept):
        path.touch()
        os.utime(path, (an_hour_ago, an_hour_ago))
    os.utime(old, (0, 0))
    _remove_leftovers.cache_clear()
    with whole_file(tmp_path / "new") as temporary:
        temporary.touch()
    assert set(tmp_path.iterdir()) == {*kept, tmp_path / "new"}


def test_a_writer_in_another_container_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    # Nobody here has this process number, as if the writer were in a container of its own.
    elsewhere = tmp_path / part_of(ended.pid)
    elsewhere.write_text("half of a file")
    _remove_leftovers.cache_clear()
    with whole_file(tmp_path / "new") as temporary:
        temporary.touch()
    assert elsewhere.read_text() == "half of a file"


def test_json_is_read_back_in_its_order(tmp_path: Path) -> None:
    content = {"z": 1, "a": [1.5, "Größe", None, True], "m": {"y": {}, "b": []}}
    write_json(tmp_path / "out" / "a.json", content)
    text = (tmp_path / "out" / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == content
    assert list(json.loads(text)) == ["z", "a", "m"]
    assert text.startswith('{\n    "z": 1,')
    assert text.endswith("}\n")
    assert "Größe" in text


def test_json_of_arrays_paths_and_what_is_not_a_number(tmp_path: Path) -> None:
    content = {
        "array": np.array([[1.0, np.nan]], np.float32),
        "tensor": torch.tensor([1, 2]),
        "scalars": (np.float64(0.5), np.int64(3), np.bool_(True), np.float32(np.inf), float("-inf")),
        "path": Path("a/b.png"),
    }
    write_json(tmp_path / "a.json", content)
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "array": [[1.0, None]],
        "tensor": [1, 2],
        "scalars": [0.5, 3, True, None, None],
        "path": "a/b.png",
    }


def test_json_keeps_a_list_of_numbers_on_one_line(tmp_path: Path) -> None:
    content = {"points": [[1, 2.5], [3, 4]], "odd": ["a, [b]", "[\n 1\n]"], "none": [], "deep": [{"x": [1, 2]}]}
    write_json(tmp_path / "a.json", content)
    lines = (tmp_path / "a.json").read_text().splitlines()
    assert json.loads("\n".join(lines)) == content
    assert [line.strip() for line in lines if line.strip().startswith("[")] == ["[1, 2.5],", "[3, 4]"]
    assert '            "x": [1, 2]' in lines


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("old")
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert (tmp_path / "a.json").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3)])
def test_images_are_exact_as_png_and_close_as_jpeg(shape: tuple[int, ...], tmp_path: Path) -> None:
    pixels = np.full(shape, 200, np.uint8)
    pixels[4:] = 40
    for name, tolerance in (("a.png", 0), ("b.jpg", 12)):
        write_image(tmp_path / "out" / name, pixels)
        with Image.open(tmp_path / "out" / name) as image:
            assert image.format == ("PNG" if name.endswith("png") else "JPEG")
            assert np.asarray(image).astype(int) == pytest.approx(pixels.astype(int), abs=tolerance)


def test_an_image_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.png or \.jpg"):
        write_image(tmp_path / "a.gif", np.zeros((2, 2), np.uint8))
    assert not list(tmp_path.iterdir())
