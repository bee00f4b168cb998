"""Files of statistical shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from ..folder_work import write_json
from ..geometry.point_shape import PointShape


def write_shape(path: str | PathLike[str], shape: PointShape, facts: Mapping[str, Any]) -> None:
    """Write a shape as JSON, to a thousandth of a pixel (modes to 6 digits), after facts about where it comes from."""
    content = {
        "size": list(shape.size),
        "mean": shape.mean.double().numpy().round(3).tolist(),
        "modes": shape.modes.double().numpy().round(6).tolist(),
        "variances": shape.variances.double().numpy().round(3).tolist(),
        "residual_px": round(shape.residual_px, 3),
    }
    write_json(Path(path), {**facts, **content})


def read_shape(path: str | PathLike[str], points: int) -> PointShape:
    """Read a shape that `write_shape` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no shape, or one of another number of points.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such shape; scripts.fit_shape makes one from a data list")
    try:
        content = json.loads(file.read_bytes())
        rows, columns = (int(side) for side in content["size"])
        mean, modes, variances = (torch.tensor(content[key]) for key in ("mean", "modes", "variances"))
        shape = PointShape((rows, columns), mean, modes, variances, float(content["residual_px"]))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{file}: is no shape that scripts.fit_shape has written ({error!r})") from error
    if mean.shape != (points, 2):
        raise ValueError(f"{file}: is the shape of {len(mean)} points, not of {points}")
    finite = all(bool(torch.isfinite(numbers).all()) for numbers in (mean, modes, variances))
    if modes.shape != (len(variances), points, 2) or not finite:
        raise ValueError(f"{file}: is damaged: its modes do not fit its points, or a number is not finite")
    return shape
