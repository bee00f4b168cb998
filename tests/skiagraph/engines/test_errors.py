"""The last line of a failed run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from monai.data import CacheDataset, DataLoader, Dataset
from monai.transforms import Compose
from PIL import Image

from skiagraph.engines.errors import root_cause
from skiagraph.transforms import LoadFramed

CODE = """
from skiagraph.engines import explain_errors
explain_errors()
explain_errors()
try:
    raise FileNotFoundError("frame.png: no such file")
except FileNotFoundError as error:
    raise RuntimeError("Failed to evaluate ConfigExpression") from error
"""


def test_the_cause_stands_last_and_once(tmp_path: Path) -> None:
    script = tmp_path / "fails.py"
    script.write_text(CODE)
    failed = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    lines = failed.stderr.strip().splitlines()
    assert lines[-1] == "FileNotFoundError: frame.png: no such file"
    assert sum("Failed to evaluate" in line and line.startswith("RuntimeError") for line in lines) == 1


def cut_png(folder: Path) -> Path:
    path = folder / "cut.png"
    Image.effect_noise((60, 50), 60).save(path)
    path.write_bytes(path.read_bytes()[:-700])
    return path


def failure_of(call: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:
        call()
    return root_cause(caught.value)


@pytest.mark.parametrize("workers", [None, 0, 1])
def test_a_cut_image_is_named_however_it_is_loaded(tmp_path: Path, workers: int | None) -> None:
    """MONAI raises its own error from the reader's, the reader from the library's, and a worker sends only text."""
    items, load = [{"image": str(cut_png(tmp_path))}], Compose([LoadFramed("image")])
    if workers is None:
        told = failure_of(lambda: CacheDataset(items, load, progress=False, num_workers=2))
    else:
        told = failure_of(lambda: list(DataLoader(Dataset(items, load), num_workers=workers)))
    assert type(told) is ValueError
    assert str(told).startswith(f"{tmp_path / 'cut.png'}: the image cannot be decoded")
    assert "\n" not in str(told)


def test_without_a_users_mistake_the_deepest_cause_is_told() -> None:
    def fail() -> None:
        try:
            try:
                raise ZeroDivisionError("first")
            except ZeroDivisionError as error:
                raise KeyError("second") from error
        except KeyError as error:
            raise RuntimeError("third") from error

    assert isinstance(failure_of(fail), ZeroDivisionError)
