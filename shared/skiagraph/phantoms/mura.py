"""Limb phantoms in the layout of MURA, with Pascal VOC annotations beside the images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..data.box_annotation import BoxAnnotation
from ..data.boxes_voc import write_voc
from ..data.data_list import absolute_path
from ..data.layouts.mura import read_mura
from ..data.layouts.mura_split import split_mura
from ..folder_work import Report, write_image
from .limb import draw_limb
from .limb_plan import NONE, draw_patient
from .writing import PhantomSet, write_phantoms

_DRAWN_BY = [
    "attenuation",
    "detector",
    "field",
    "fracture",
    "hardware",
    "implant_plan",
    "implants",
    "limb",
    "limb_body",
    "limb_plan",
    "limb_shape",
    "limb_view",
    "markers",
    "mura",
    "noise",
    "plates",
    "profile_body",
    "stems",
]
_MOST_IMAGES = 3
_SMALLEST_PX, _LARGEST_PX = 128, 2000


@dataclass(frozen=True)
class _Job:
    folder: Path
    seed: int
    patient: int
    image: int
    size_px: int | None

    @cached_property
    def path(self) -> Path:
        person = draw_patient(self.seed, self.patient)
        part = "XR_FOREARM" if person.forearm else "XR_HUMERUS"
        study = "study1_negative" if person.kind == NONE else "study1_positive"
        return self.folder / "train" / part / f"patient{self.patient:05d}" / study / f"image{self.image + 1}.png"

    def __str__(self) -> str:
        return f"patient {self.patient}, image {self.image + 1}"


def write_limb_phantoms(
    out: str | Path,
    *,
    seed: int = 0,
    patients: int = 40,
    images: int | None = None,
    size_px: int | None = None,
    jobs: int = -1,
    cluster: str | None = None,
) -> Report:
    """Write `train/XR_<PART>/patient*/study1_{positive,negative}/image*.{png,xml}`, and `data_list.json`.

    Every image depends on (seed, patient, image) alone, so a larger set contains the smaller one, and an interrupted
    run goes on where it stopped. `phantoms.json` keeps what all of them depend on, the code that drew them included.

    Args:
        out: the folder to write.
        seed: of all that is random.
        patients: number of patients; of every twelve four have nothing, five implants, two fractures, and one both.
        images: images of each patient, all of the same arm; by default each has one to three.
        size_px: longer side of the images, 512 by default.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler that takes the place of the processes.

    Raises:
        ValueError: an argument is out of range, or the folder holds phantoms of another seed, size or version.
    """
    _check(patients, images, size_px)
    folder = absolute_path(out)
    todo = (
        _Job(folder, seed, patient, image, size_px)
        for patient in range(1, patients + 1)
        for image in range(images or _image_count(seed, patient))
    )
    return write_phantoms(folder, _LIMBS, todo, {"seed": seed, "size_px": size_px}, jobs=jobs, cluster=cluster)


def _check(patients: int, images: int | None, size_px: int | None) -> None:
    if patients < 1:
        raise ValueError(f"there is nothing to draw with {patients} patients; give 1 or more")
    if images is not None and images < 1:
        raise ValueError(f"a patient cannot have {images} images; give 1 or more")
    if size_px is not None and not _SMALLEST_PX <= size_px <= _LARGEST_PX:
        raise ValueError(f"a size of {size_px} px is not one of radiographs; give {_SMALLEST_PX} to {_LARGEST_PX}")


def _image_count(seed: int, patient: int) -> int:
    # Numbers of images begin with 1 where seeds are made of them, so this is a seed of its own.
    return int(np.random.default_rng([seed, patient, 0]).integers(1, _MOST_IMAGES, endpoint=True))


def _write_image(job: _Job) -> None:
    limb = draw_limb(job.seed, job.patient, job.image, job.size_px)
    rows, columns = limb.pixels.shape
    # The image comes last: where it stands, its label stands. One without boxes has a label that says so.
    write_voc(job.path.with_suffix(".xml"), BoxAnnotation(limb.boxes, limb.classes, (columns, rows)), job.path)
    write_image(job.path, limb.pixels)


def _is_written(job: _Job) -> bool:
    return job.path.is_file() and job.path.with_suffix(".xml").is_file()


_LIMBS: PhantomSet[_Job] = PhantomSet(
    name="limb phantoms",
    description="Synthetic radiographs of the arms of {groups} patients, seed {seed}.",
    drawn_by=_DRAWN_BY,
    kind="seed, size or version",
    write=_write_image,
    is_written=_is_written,
    read=read_mura,
    split=split_mura,
)
