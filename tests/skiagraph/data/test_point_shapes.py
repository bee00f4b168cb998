"""Files of statistical shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from skiagraph.data.point_shapes import read_shape, write_shape
from skiagraph.geometry.point_shape import PointShape

POINTS, MODES = 20, 3


@pytest.fixture
def shape() -> PointShape:
    generator = torch.Generator().manual_seed(0)
    mean, modes, variances = (
        torch.rand(size, generator=generator) * 100 for size in ((POINTS, 2), (MODES, POINTS, 2), (MODES,))
    )
    return PointShape((300, 200), mean, modes / 100, variances, 1.25)


@pytest.fixture
def file(shape: PointShape, tmp_path: Path) -> Path:
    write_shape(tmp_path / "shape.json", shape, {"spines": 7})
    return tmp_path / "shape.json"


def test_a_file_gives_the_shape_back_and_keeps_the_facts(shape: PointShape, file: Path) -> None:
    read = read_shape(file, POINTS)
    assert read.size == shape.size
    torch.testing.assert_close(read.mean, shape.mean, atol=1e-3, rtol=0)
    torch.testing.assert_close(read.modes, shape.modes, atol=1e-5, rtol=0)
    torch.testing.assert_close(read.variances, shape.variances, atol=1e-3, rtol=0)
    assert read.residual_px == shape.residual_px
    assert json.loads(file.read_bytes())["spines"] == 7


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"size": 1, "mean": 1, "modes": [], "variances": []}'])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "shape.json").write_text(content)
    with pytest.raises(ValueError, match=r"shape\.json: is no shape"):
        read_shape(tmp_path / "shape.json", POINTS)
    with pytest.raises(FileNotFoundError, match="no such shape"):
        read_shape(tmp_path / "none.json", POINTS)


def test_another_number_of_points_is_refused(file: Path) -> None:
    with pytest.raises(ValueError, match="shape of 20 points, not of 68"):
        read_shape(file, 68)


@pytest.mark.parametrize(("key", "value"), [("variances", [1.0, 2.0]), ("mean", [[float("nan"), 0.0]] * POINTS)])
def test_a_damaged_file_is_refused(file: Path, key: str, value: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_bytes()), key: value}))
    with pytest.raises(ValueError, match="is damaged"):
        read_shape(file, POINTS)
