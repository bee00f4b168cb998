"""Ultrasound phantoms in the published layout of UltraBones100k."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from ..data.data_list import write_data_list
from ..data.layouts.ultrabones import read_ultrabones, split_ultrabones
from ..folder_work import Report, whole_file, work_through, write_json
from ..geometry.surface_line import resample_line
from .scanner import draw_scanner
from .ultrasound import UltrasoundFrame, draw_frame

# As wide as the lines of the published labels.
_LABEL_WIDTH_MM = 0.2
_FIRST_TIMESTAMP_MS = 100_000
_FRAME_INTERVAL_MS = 50


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
    run goes on where it stopped. `phantoms.json` keeps what all of them depend on.

    Args:
        out: the folder to write.
        seed: of all that is random.
        specimens: number of specimens; each has its own machine settings and build.
        frames: frames of each specimen.
        spacing_mm: pixel size of all specimens; by default each has its own, about 0.054 mm as published.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler that takes the place of the processes.

    Raises:
        ValueError: the folder holds phantoms of another seed or pixel size.
    """
    out = Path(out)
    _claim(out, {"seed": seed, "spacing_mm": spacing_mm})
    todo = [_Job(out, seed, s, f, spacing_mm) for s in range(1, specimens + 1) for f in range(frames)]
    report = work_through(
        _write_frame, todo, done=_is_written, name=str, jobs=jobs, cluster=cluster, description="phantoms"
    )
    for specimen in range(1, specimens + 1):
        _write_tracking(_Job(out, seed, specimen, 0, spacing_mm))
    items, _ = read_ultrabones(out, jobs=jobs)
    write_data_list(
        out / "data_list.json",
        split_ultrabones(items),
        name="ultrasound phantoms",
        description=f"Synthetic B-mode frames, seed {seed}, {specimens} specimens of {frames} frames.",
    )
    return report


def _claim(out: Path, settings: dict[str, Any]) -> None:
    """Frames that are there are not drawn again, so they must be of the same kind."""
    record = out / "phantoms.json"
    if record.is_file() and json.loads(record.read_bytes()) != settings:
        raise ValueError(
            f"{out}: holds phantoms of another seed or pixel size (see {record.name}); give another folder"
        )
    write_json(record, settings)


def draw_label(frame: UltrasoundFrame) -> NDArray[np.uint8]:
    """The bone surfaces as lines of 255 on 0, 0.2 mm wide as in the published labels and at least a pixel.

    All pixels whose centre is that near to the line are set: Pillow, which rounds points down, would shift it.
    """
    rows, columns = frame.image.shape
    label = np.zeros((rows, columns), dtype=np.uint8)
    # Half a pixel and a little: without it the line would break where it runs between two rows.
    half_width = max(0.51, _LABEL_WIDTH_MM / frame.spacing_mm[0] / 2)
    reach = np.arange(-np.ceil(half_width), np.ceil(half_width) + 1)
    around = np.stack(np.meshgrid(reach, reach), axis=-1).reshape(1, -1, 2)
    for points in frame.surfaces_px:
        along = resample_line(points, step=0.2)[:, None]
        pixels = np.round(along) + around
        x, y = pixels[np.linalg.norm(pixels - along, axis=-1) <= half_width].astype(int).T
        inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
        label[y[inside], x[inside]] = 255
    return label


def _write_frame(job: _Job) -> None:
    settings = draw_scanner(np.random.default_rng([job.seed, job.specimen]), job.spacing_mm)
    frame = draw_frame(np.random.default_rng([job.seed, job.specimen, job.frame + 1]), settings)
    # The image comes last: where it stands, its label stands.
    for path, pixels in ((job.label, draw_label(frame)), (job.image, frame.image)):
        with whole_file(path) as temporary:
            Image.fromarray(pixels).save(temporary, format="PNG")


def _is_written(job: _Job) -> bool:
    return job.image.is_file() and job.label.is_file()


def _write_tracking(job: _Job) -> None:
    """A probe that goes along the bone in a straight line; the pixel size is what readers need."""
    settings = draw_scanner(np.random.default_rng([job.seed, job.specimen]), job.spacing_mm)
    timestamps = np.array(sorted(int(image.stem) for image in job.image.parent.glob("*.png")), dtype=int)
    table = pd.DataFrame({"timestamp": timestamps, "space_factor": settings.spacing_mm, "x": 0.0, "y": 0.0})
    table["z"] = 2.0 * (timestamps - _FIRST_TIMESTAMP_MS) / _FRAME_INTERVAL_MS
    table = table.assign(euler_x=0.0, euler_y=0.0, euler_z=0.0)
    with whole_file(job.record / "tracking.csv") as temporary:
        table.to_csv(temporary, index=False)
