"""Label images of bone for a tracked ultrasound sweep, cut from the surface of its CT."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from ..folder_work import Report, whole_file, work_through, write_image, write_json
from ..geometry import MAX_INCIDENCE_DEG, ImagePlane, draw_band, join_segments, section_segments
from ..report import draw_lines
from .ct_alignment import CORRECTION_NAMES, FrameAlignment, align_frame, align_sweep, echo_offset_mm
from .layouts.sweep import IMAGE_TO_MARKER, Sweep, SweepFrame, read_surfaces, read_sweep

Floats = NDArray[np.float64]
logger = logging.getLogger(__name__)

REFINEMENTS = ("none", "sweep", "frame")
LINE_WIDTH_PX = 3.5
"""Thin, but wide enough to survive a resize to a third."""
MAX_ALIGNED_FRAMES = 64
"""Frames that a sweep's correction is fitted to, spread evenly: six numbers need no more."""
BEFORE_COLOUR, AFTER_COLOUR = (255, 70, 70), (90, 255, 90)
MISSES = "the image plane misses the bone; its label is empty"
TURNED_AWAY = "the bone in the image does not face the probe; its label is empty"


@dataclass(frozen=True)
class LabelSettings:
    """How a sweep is labelled.

    Attributes:
        refine: ``"none"`` trusts the tracking; ``"sweep"`` fits one correction for the whole sweep; ``"frame"``
            fits one for each frame that stays near to the sweep's. None exceeds 1 mm and 1 degree.
        whole: label the whole outline, also what lies in the bone's shadow, not only what faces the probe.
        max_incidence_deg: what faces the probe is labelled up to this angle between the beam and its normal.
        image_to_marker: probe calibration, (x, y, z) in mm and extrinsic xyz Euler angles in degrees.

    The calibration is kept as a tuple of floats.

    Raises:
        ValueError: ``refine`` is none of the three, the angle is not between 0 and 90, or the calibration is
            not six finite numbers.
    """

    refine: str = "none"
    whole: bool = False
    max_incidence_deg: float = MAX_INCIDENCE_DEG
    image_to_marker: Sequence[float] = IMAGE_TO_MARKER

    def __post_init__(self) -> None:
        if self.refine not in REFINEMENTS:
            raise ValueError(f"refine must be one of {', '.join(REFINEMENTS)}, got '{self.refine}'.")
        if not 0 < self.max_incidence_deg < 90:
            raise ValueError(f"max_incidence_deg must be between 0 and 90, got {self.max_incidence_deg}.")
        try:
            numbers = np.asarray(self.image_to_marker, dtype=float)
        except (TypeError, ValueError):
            numbers = np.empty(0)
        if numbers.shape != (6,) or not np.isfinite(numbers).all():
            raise ValueError(
                "image_to_marker must be six numbers (x,y,z in mm, then three angles in degrees), "
                f"got {self.image_to_marker}."
            )
        object.__setattr__(self, "image_to_marker", tuple(numbers.tolist()))


def label_sweep(
    sweep_dir: str | Path,
    out_dir: str | Path,
    settings: LabelSettings | None = None,
    *,
    jobs: int = -1,
    cluster: str | None = None,
) -> Report:
    """Label every frame of a tracked sweep with the CT surface, resuming where an earlier run ended.

    Writes ``Labels/<name>_label.png`` (255 on a line about 3.5 pixels wide, on the image's grid),
    ``overlays/<name>.jpg`` (red: as tracked, green: the label), ``frames/<name>.json`` and, of these, the
    table ``alignment.csv``. A frame whose plane misses the bone, or shows only bone that does not face the probe, has
    an empty label, and a warning says so.

    Args:
        sweep_dir: folder that :func:`read_sweep` reads.
        out_dir: folder to write to.
        settings: how to label.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler.

    Raises:
        FileNotFoundError, ValueError: the sweep cannot be read, or ``out_dir`` holds labels of another sweep
            or of other settings.
    """
    # Absolute, because a worker of a cluster runs in a folder of its own.
    settings, out = settings or LabelSettings(), Path(os.path.abspath(out_dir))
    sweep = read_sweep(sweep_dir)
    _surface(sweep.surfaces)  # a bad surface is one error here, not one for each frame
    correction = _sweep_correction(sweep, out, settings)
    report = work_through(
        partial(_label_frame, surfaces=sweep.surfaces, out=out, settings=settings, correction=correction),
        sweep.frames,
        done=lambda frame: _record_path(out, frame).is_file() and _label_path(out, frame).is_file(),
        name=lambda frame: frame.name,
        jobs=jobs,
        cluster=cluster,
        description="label",
    )
    _write_table(sweep, out)
    return report


def _label_frame(
    frame: SweepFrame, *, surfaces: tuple[Path, ...], out: Path, settings: LabelSettings, correction: Floats
) -> dict[str, Any]:
    image = frame.read_image()
    aligned = _prepare(surfaces, frame, image, settings)
    if settings.refine == "frame":
        correction = align_frame(aligned, correction)
    before, facing = (aligned.lines(c, settings.max_incidence_deg) for c in (np.zeros(6), correction))
    lines = _outlines(surfaces, aligned, correction) if settings.whole else facing
    label = draw_band(lines, aligned.plane.shape, LINE_WIDTH_PX)
    write_image(_label_path(out, frame), label)
    overlay = draw_lines(draw_lines(image, before, BEFORE_COLOUR), lines, AFTER_COLOUR)
    write_image(out / "overlays" / f"{frame.name}.jpg", overlay)
    record = {
        "frame": frame.name,
        **dict(zip(CORRECTION_NAMES, np.round(correction, 4).tolist(), strict=True)),
        "length_mm": _length_mm(lines, aligned.plane.shape, aligned.plane.spacing_mm),
        "score_before": aligned.mean_score(np.zeros(6)),
        "score_after": aligned.mean_score(correction),
        "echo_offset_before_mm": echo_offset_mm(image, before, frame.spacing_mm),
        "echo_offset_after_mm": echo_offset_mm(image, facing, frame.spacing_mm),
        "note": "" if label.any() else _why_empty(_outlines(surfaces, aligned, correction), aligned.plane),
    }
    write_json(_record_path(out, frame), record)
    return record


def _why_empty(outlines: Sequence[Floats], plane: ImagePlane) -> str:
    return TURNED_AWAY if _length_mm(outlines, plane.shape, plane.spacing_mm) > 0 else MISSES


def _prepare(
    surfaces: tuple[Path, ...], frame: SweepFrame, image: NDArray[np.uint8], settings: LabelSettings
) -> FrameAlignment:
    rows, columns = image.shape
    plane = frame.plane(settings.image_to_marker, (rows, columns))
    return FrameAlignment.prepare(_surface(surfaces), plane, image)


@lru_cache(maxsize=1)
def _surface(paths: tuple[Path, ...]) -> trimesh.Trimesh:
    """The CT surface, read once in each process rather than sent with each frame."""
    return read_surfaces(paths)


def _outlines(surfaces: tuple[Path, ...], aligned: FrameAlignment, correction: Floats) -> list[Floats]:
    return join_segments(section_segments(_surface(surfaces), aligned.plane.with_world_moved(correction)))


def _length_mm(lines: Sequence[Floats], shape: tuple[int, int], spacing_mm: tuple[float, float]) -> float:
    """Length of the pieces of lines that lie inside the image."""
    length = 0.0
    for line in lines:
        middles = (line[1:] + line[:-1]) / 2
        inside = np.all((middles >= 0) & (middles <= np.array(shape[::-1]) - 1), axis=1)
        length += np.linalg.norm(np.diff(line, axis=0)[inside] * spacing_mm[::-1], axis=1).sum()
    return round(float(length), 3)


def _sweep_correction(sweep: Sweep, out: Path, settings: LabelSettings) -> Floats:
    """The sweep's correction, fitted once: kept in ``settings.json``, with what it was fitted for."""
    path = out / "settings.json"
    wanted = {**json.loads(json.dumps(asdict(settings))), "input_sha256": _digest(sweep)}
    if path.is_file():
        found, correction = _read_settings(path)
        if found != wanted:
            raise ValueError(f"{path}: made for another sweep or with other settings; choose another folder.")
        return correction
    fitted = np.zeros(6)
    if settings.refine != "none":
        every = sweep.frames[:: -(-len(sweep.frames) // MAX_ALIGNED_FRAMES)]
        fitted = align_sweep(list(_prepare_readable(sweep.surfaces, every, settings)))
    write_json(path, {**wanted, "sweep_correction": fitted.tolist()})
    return fitted


def _read_settings(path: Path) -> tuple[dict[str, Any], Floats]:
    try:
        found = json.loads(path.read_bytes())
        return found, np.array(found.pop("sweep_correction"), dtype=float).reshape(6)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: damaged, or not of the labelling of a sweep; choose another folder.") from error


def _prepare_readable(
    surfaces: tuple[Path, ...], frames: Sequence[SweepFrame], settings: LabelSettings
) -> Iterator[FrameAlignment]:
    for frame in frames:
        with suppress(OSError, ValueError):  # the labelling of this frame will say what is wrong with its image
            yield _prepare(surfaces, frame, frame.read_image(), settings)


def _digest(sweep: Sweep) -> str:
    digest = hashlib.sha256()
    for path in (sweep.root / "tracking.csv", *sweep.surfaces):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _record_path(out: Path, frame: SweepFrame) -> Path:
    return out / "frames" / f"{frame.name}.json"


def _label_path(out: Path, frame: SweepFrame) -> Path:
    return out / "Labels" / f"{frame.name}_label.png"


def _write_table(sweep: Sweep, out: Path) -> None:
    """Gather the records of all labelled frames, also of earlier runs, in the order of the sweep."""
    paths = [path for path in (_record_path(out, frame) for frame in sweep.frames) if path.is_file()]
    records = [json.loads(path.read_text()) for path in paths]
    for record in records:
        if record["note"]:
            logger.warning("frame %s: %s", record["frame"], record["note"])
    if not records:
        return
    with whole_file(out / "alignment.csv") as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(records[0]))
        writer.writeheader()
        writer.writerows(records)
