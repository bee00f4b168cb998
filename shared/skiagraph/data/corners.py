"""Vertebra corners from the label files of AASCE."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..geometry.vertebrae import POINT_NAMES, VERTEBRAE
from .text import read_text

Points = NDArray[np.float64]

_NUMBERS = 2 * len(POINT_NAMES)


def read_corners(path: str | Path, size: tuple[int, int], row: int | None = None, first: int = 0) -> Points:
    """The 68 corners of an image, from its own file or from the table of all images.

    Args:
        path: a MATLAB file whose `p2` holds (68, 2), (x, y) in pixels; or, with `row`, the table ``landmarks.csv``: no
            header, x of all points divided by the width of the image, then y of all divided by its height.
        size: (width, height) of the image in pixels.
        row: line of the table, counted from 0.
        first: which vertebra of the label is the topmost one. In some published labels it is the last.

    Returns:
        (68, 2), (x, y) in pixels, in the order of `POINT_NAMES`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or has no such row, or other than 68 points, or a number that is not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    points = _read_p2(path) if row is None else _read_row(path, row) * np.array(size, dtype=float)
    if not np.isfinite(points).all():
        where = f"{path}" if row is None else f"{path}: row {row}"
        raise ValueError(f"{where}: a coordinate is not a finite number")
    return np.roll(points.reshape(len(VERTEBRAE), -1, 2), -first, axis=0).reshape(-1, 2)


def count_rows(path: str | Path) -> int:
    """Number of images in the table ``landmarks.csv``.

    Raises:
        FileNotFoundError, ValueError: as `read_corners`.
    """
    return len(_read_table(Path(path), Path(path).stat().st_mtime_ns))


def _read_row(path: Path, row: int) -> Points:
    table = _read_table(path, path.stat().st_mtime_ns)
    if not 0 <= row < len(table):
        raise ValueError(f"{path}: has {len(table)} rows, so there is no row {row}")
    line = table[row]
    if len(line) != _NUMBERS:
        raise ValueError(f"{path}: row {row} has {len(line)} numbers instead of {_NUMBERS}")
    return np.array(line).reshape(2, -1).T


# Every image of a dataset asks for a row of the same table; its time tells when it is another one.
@lru_cache(maxsize=4)
def _read_table(path: Path, modified_ns: int) -> Sequence[Sequence[float]]:  # noqa: ARG001 (part of the cache's key)
    try:
        return [[_number(cell) for cell in line] for line in csv.reader(io.StringIO(read_text(path))) if line]
    except csv.Error as error:
        raise ValueError(f"{path}: not a table: {error}") from error


def _number(cell: str) -> float:
    """NaN where there is none: one bad cell spoils its own image, and no other."""
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _read_p2(path: Path) -> Points:
    from scipy.io import loadmat  # here, because only these files need it

    try:
        points = np.asarray(loadmat(path, variable_names=["p2"])["p2"], dtype=float)
    except KeyError as error:
        raise ValueError(f"{path}: has no variable p2") from error
    except Exception as error:  # damaged files raise nearly anything
        raise ValueError(f"{path}: not a MATLAB file that can be read: {error}") from error
    if points.shape != (len(POINT_NAMES), 2):
        raise ValueError(f"{path}: p2 is {points.shape} instead of {(len(POINT_NAMES), 2)}")
    return points
