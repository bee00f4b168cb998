"""Spine phantoms in the published layout of AASCE ("boostnet_labeldata")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import ascii_uppercase

import numpy as np
from PIL import Image

from ..data.data_list import absolute_path
from ..data.layouts.aasce import read_aasce, split_aasce
from ..folder_work import Report, whole_file
from ..geometry.cobb import cobb_angles
from .spine import SpinePlace, draw_spine, place_spine
from .writing import PhantomSet, write_phantoms

_DRAWN_BY = ["aasce", "attenuation", "detector", "noise", "spine", "spine_shape", "thorax", "trunk", "vertebra_xray"]
_PART = "training"
_NAME = re.compile(r"phantom-(\d+) ([A-Z]) AP\.jpg")
_MOST_IMAGES = 3
_LOWEST_PX, _HIGHEST_PX = 256, 4000
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class _Job:
    folder: Path
    seed: int
    patient: int
    image: int
    height_px: int | None

    @property
    def number(self) -> str:
        return f"{self.patient:03d}"

    @property
    def name(self) -> str:
        return f"phantom-{self.number} {ascii_uppercase[self.image]} AP.jpg"

    @property
    def path(self) -> Path:
        return self.folder / "data" / _PART / self.name

    @cached_property
    def place(self) -> SpinePlace:
        return place_spine(self.seed, self.patient, self.image, self.height_px)

    def __str__(self) -> str:
        return f"patient {self.patient}, image {ascii_uppercase[self.image]}"


def write_spine_phantoms(
    out: str | Path,
    *,
    seed: int = 0,
    patients: int = 40,
    images: int | None = None,
    height_px: int | None = None,
    jobs: int = -1,
    cluster: str | None = None,
) -> Report:
    """Write `data/training/*.jpg`, the tables of `labels/training`, and `data_list.json`.

    Every image depends on (seed, patient, image) alone, so a larger set contains the smaller one, and an interrupted
    run goes on where it stopped. `phantoms.json` keeps what all of them depend on, the code that drew them included.

    Args:
        out: the folder to write.
        seed: of all that is random.
        patients: number of patients; each has a curve and a build of its own.
        images: images of each patient, 26 at most; by default each has one to three.
        height_px: rows of all images; by default each has its own, 980 to 1600.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler that takes the place of the processes.

    Raises:
        ValueError: an argument is out of range, or the folder holds phantoms of another seed, height or version.
    """
    _check(patients, images, height_px)
    folder = absolute_path(out)
    todo = (
        _Job(folder, seed, patient, image, height_px)
        for patient in range(1, patients + 1)
        for image in range(images or _image_count(seed, patient))
    )
    return write_phantoms(folder, _SPINES, todo, {"seed": seed, "height_px": height_px}, jobs=jobs, cluster=cluster)


def _check(patients: int, images: int | None, height_px: int | None) -> None:
    if patients < 1:
        raise ValueError(f"there is nothing to draw with {patients} patients; give 1 or more")
    if images is not None and not 1 <= images <= len(ascii_uppercase):
        raise ValueError(f"a patient cannot have {images} images; give 1 to {len(ascii_uppercase)}")
    if height_px is not None and not _LOWEST_PX <= height_px <= _HIGHEST_PX:
        raise ValueError(f"a height of {height_px} px is not one of radiographs; give {_LOWEST_PX} to {_HIGHEST_PX}")


def _image_count(seed: int, patient: int) -> int:
    # Numbers of images begin with 1 where seeds are made of them, so this is a seed of its own.
    return int(np.random.default_rng([seed, patient, 0]).integers(1, _MOST_IMAGES, endpoint=True))


def _write_image(job: _Job) -> None:
    pixels = draw_spine(job.seed, job.patient, job.image, job.height_px).pixels
    with whole_file(job.path) as temporary:
        Image.fromarray(pixels).save(temporary, format="JPEG", quality=_JPEG_QUALITY)


def _is_written(job: _Job) -> bool:
    return job.path.is_file()


def _present(job: _Job) -> list[_Job]:
    """All images that are there, of earlier and larger runs as well, sorted by name."""
    names = sorted(path.name for path in job.path.parent.iterdir())
    found = [match for name in names if (match := _NAME.fullmatch(name))]
    return [
        _Job(job.folder, job.seed, int(number), ascii_uppercase.index(letter), job.height_px)
        for number, letter in (match.groups() for match in found)
    ]


def _write_labels(todo: Sequence[_Job]) -> None:
    """The tables of the published layout, row k of each for the same image."""
    labels = todo[0].folder / "labels" / _PART
    jobs = _present(todo[0])
    _write_lines(labels / "filenames.csv", (job.name for job in jobs))
    _write_lines(labels / "landmarks.csv", (_landmarks(job.place) for job in jobs))
    _write_lines(labels / "angles.csv", (_angles(job.place) for job in jobs))
    rows = (f"{job.name},{job.number},{job.number}," for job in jobs)
    _write_lines(labels / "index.csv", ["filename,number,group,issues", *rows])


def _landmarks(place: SpinePlace) -> str:
    """All x as shares of the width, then all y as shares of the height."""
    rows, columns = place.shape
    return ",".join(f"{share:.8f}" for share in (place.points_px / [columns, rows]).T.ravel())


def _angles(place: SpinePlace) -> str:
    angles = cobb_angles(place.points_px)
    return ",".join(f"{curve.angle_deg:.4f}" for curve in (angles.largest, angles.upper, angles.lower))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with whole_file(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), newline="\n")


_SPINES: PhantomSet[_Job] = PhantomSet(
    name="spine phantoms",
    description="Synthetic radiographs of {groups} patients, seed {seed}.",
    drawn_by=_DRAWN_BY,
    kind="seed, height or version",
    write=_write_image,
    is_written=_is_written,
    write_labels=_write_labels,
    read=read_aasce,
    split=split_aasce,
)
