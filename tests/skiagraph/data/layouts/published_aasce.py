"""Small datasets in the published layout of AASCE."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from tests.skiagraph.drawn_spines import IMAGE_SIZE, rectangle_spine

SCALE = 0.25
WIDTH, HEIGHT = (round(size * SCALE) for size in IMAGE_SIZE)


def small_spine() -> NDArray[np.float64]:
    """A good label of the images here."""
    return rectangle_spine(np.linspace(-20, 15, 17), SCALE)


def begins_with_second() -> NDArray[np.float64]:
    """The label of `small_spine` as some are published: the topmost vertebra is the last."""
    return np.roll(small_spine(), -4, axis=0)


def write_images(root: Path, part: str, names: Iterable[str]) -> None:
    folder = root / "data" / part
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
    for name in names:
        Image.fromarray(noise).save(folder / name)


def write_tables(root: Path, part: str, labels: Mapping[str, NDArray[np.float64]]) -> None:
    """The labels of all images of a part in ``filenames.csv`` and ``landmarks.csv``."""
    folder = root / "labels" / part
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "filenames.csv").write_text("".join(f"{name}\n" for name in labels))
    rows = [[*points[:, 0] / WIDTH, *points[:, 1] / HEIGHT] for points in labels.values()]
    np.savetxt(folder / "landmarks.csv", rows, delimiter=",", fmt="%.9f")


def write_matlab_files(root: Path, part: str, labels: Mapping[str, NDArray[np.float64]]) -> None:
    """A label beside the name of each image, in whole pixels."""
    folder = root / "labels" / part
    folder.mkdir(parents=True, exist_ok=True)
    for name, points in labels.items():
        savemat(folder / f"{name}.mat", {"p2": np.rint(points).astype(np.uint16)})


def write_index(root: Path, part: str, groups: Mapping[str, str], issues: Mapping[str, str] | None = None) -> None:
    """The patient of each image, and what is known to be wrong with its label."""
    rows = [f"{name},,{group},{(issues or {}).get(name, '')}\n" for name, group in groups.items()]
    (root / "labels" / part / "index.csv").write_text("filename,number,group,issues\n" + "".join(rows))
