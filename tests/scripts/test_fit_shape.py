from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.fit_shape import fit_shape
from skiagraph.data.point_shapes import read_shape
from skiagraph.phantoms import write_spine_phantoms


def test_shape_of_phantoms_is_symmetric_and_between_them(tmp_path: Path) -> None:
    write_spine_phantoms(tmp_path / "spine", seed=0, patients=10, images=1, height_px=320, jobs=1)
    told = fit_shape(str(tmp_path / "spine/data_list.json"), str(tmp_path / "spine"), str(tmp_path / "shape.json"), 5)
    content = json.loads((tmp_path / "shape.json").read_text())
    trained = len(json.loads((tmp_path / "spine/data_list.json").read_text())["training"])
    assert content["spines"] == trained
    assert f"{trained} spines" in told
    shape = read_shape(tmp_path / "shape.json", 68)
    assert shape.modes.shape == (5, 68, 2)
    mean = shape.mean.numpy()
    # Each spine counts mirrored, too: left and right are alike about the middle of 256 columns.
    np.testing.assert_allclose(mean[0::2, 0] + mean[1::2, 0], 255, atol=0.1)
    assert (np.diff(mean[0::4, 1]) > 0).all()
    assert 0 < mean[:, 1].min() < mean[:, 1].max() < 511


def test_a_list_without_images_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such"):
        fit_shape(str(tmp_path / "none.json"), str(tmp_path), str(tmp_path / "shape.json"))
