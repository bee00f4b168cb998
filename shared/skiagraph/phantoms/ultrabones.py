"""Ultrasound phantoms in the published layout of UltraBones100k."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.data_list import absolute_path
from ..data.layouts.ultrabones import read_ultrabones, split_ultrabones
from ..folder_work import Report, whole_file, write_image
from ..geometry import draw_band
from .scanner import draw_scanner
from .ultrasound import UltrasoundFrame, draw_frame
from .writing import PhantomSet, write_phantoms

_DRAWN_BY = ("anatomy", "bone_shape", "noise", "scanner", "tissue", "ultrabones", "ultrasound")
# As wide as the lines of the published labels.
_LABEL_WIDTH_MM = 0.2
_FIRST_TIMESTAMP_MS = 100_000
_FRAME_INTERVAL_MS = 50
_FINEST_MM, _COARSEST_MM = 0.01, 1.0


@dataclass(frozen=True)
class _Job:
    folder: Path
    seed: int
    specimen: int
    frame: int
    spacing_mm: float | None

    @property
    def timestamp(self) -> int:
        return _FIRST_TIMESTAMP_MS + self.frame * _FRAME_INTERVAL_MS

    @property
    def record(self) -> Path:
        return self.folder / str(self.specimen) / "record_1"

    @property
    def image(self) -> Path:
        return self.record / "UltrasoundImages" / f"{self.timestamp}.png"

    @property
    def label(self) -> Path:
        return self.record / "Labels" / f"{self.timestamp}_label.png"

    def __str__(self) -> str:
        return f"specimen {self.specimen}, frame {self.frame}"


def write_ultrasound_phantoms(
    out: str | Path,
    *,
    seed: int = 0,
    specimens: int = 14,
    frames: int = 8,
    spacing_mm: float | None = None,
    jobs: int = -1,
    cluster: str | None = None,
) -> Report:
    """Write frames `<specimen>/record_1/UltrasoundImages/<t>.png` with `Labels/<t>_label.png`, and `data_list.json`.

    Every frame depends on (seed, specimen, frame) alone, so a larger set contains the smaller one, and an interrupted
    run goes on where it stopped. `phantoms.json` keeps what all of them depend on, the code that drew them included.

    Args:
        out: the folder to write.
        seed: of all that is random.
        specimens: number of specimens; each has its own machine settings and build.
        frames: frames of each specimen.
        spacing_mm: pixel size of all specimens; by default each has its own, about 0.054 mm as published.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler that takes the place of the processes.

    Raises:
        ValueError: an argument is out of range, or the folder holds phantoms of another seed, pixel size or version.
    """
    if specimens < 1 or frames < 1:
        raise ValueError(f"there is nothing to draw with {specimens} specimens of {frames} frames; give 1 or more")
    if spacing_mm is not None and not _FINEST_MM <= spacing_mm <= _COARSEST_MM:
        raise ValueError(f"a pixel of {spacing_mm} mm is not one of ultrasound; give {_FINEST_MM} to {_COARSEST_MM}")
    folder = absolute_path(out)
    todo = (_Job(folder, seed, s, f, spacing_mm) for s in range(1, specimens + 1) for f in range(frames))
    return write_phantoms(folder, _BONES, todo, {"seed": seed, "spacing_mm": spacing_mm}, jobs=jobs, cluster=cluster)


def draw_label(frame: UltrasoundFrame) -> NDArray[np.uint8]:
    """The bone surfaces as lines of 255 on 0, 0.2 mm wide as in the published labels and at least a pixel."""
    rows, columns = frame.image.shape
    # A pixel and a little: without it the line would break where it runs between two rows.
    return draw_band(frame.surfaces_px, (rows, columns), max(1.02, _LABEL_WIDTH_MM / frame.spacing_mm[0]))


def _write_frame(job: _Job) -> None:
    settings = draw_scanner(np.random.default_rng([job.seed, job.specimen]), job.spacing_mm)
    frame = draw_frame(np.random.default_rng([job.seed, job.specimen, job.frame + 1]), settings)
    # The image comes last: where it stands, its label stands.
    write_image(job.label, draw_label(frame))
    write_image(job.image, frame.image)


def _is_written(job: _Job) -> bool:
    return job.image.is_file() and job.label.is_file()


def _write_labels(todo: Sequence[_Job]) -> None:
    for job in {job.specimen: job for job in todo}.values():
        _write_tracking(job)


def _write_tracking(job: _Job) -> None:
    """A probe that goes along the bone in a straight line; the pixel size is what readers need."""
    settings = draw_scanner(np.random.default_rng([job.seed, job.specimen]), job.spacing_mm)
    timestamps = np.array(sorted(int(image.stem) for image in job.image.parent.glob("*.png")), dtype=int)
    table = pd.DataFrame({"timestamp": timestamps, "space_factor": settings.spacing_mm, "x": 0.0, "y": 0.0})
    table["z"] = 2.0 * (timestamps - _FIRST_TIMESTAMP_MS) / _FRAME_INTERVAL_MS
    table = table.assign(euler_x=0.0, euler_y=0.0, euler_z=0.0)
    with whole_file(job.record / "tracking.csv") as temporary:
        table.to_csv(temporary, index=False)


_BONES: PhantomSet[_Job] = PhantomSet(
    name="ultrasound phantoms",
    description="Synthetic B-mode frames of {groups} specimens, seed {seed}.",
    drawn_by=_DRAWN_BY,
    kind="seed, pixel size or version",
    write=_write_frame,
    is_written=_is_written,
    write_labels=_write_labels,
    read=read_ultrabones,
    split=split_ultrabones,
)
