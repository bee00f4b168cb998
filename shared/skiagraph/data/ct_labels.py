"""Label images of bone for a tracked ultrasound sweep, cut from the surface of its CT."""

from __future__ import annotations

import csv
import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from PIL import Image

from ..folder_work import Report, whole_file, work_through, write_json
from ..geometry import MAX_INCIDENCE_DEG, join_segments, resample_line, section_segments
from ..report import draw_lines
from .ct_alignment import CORRECTION_NAMES, FrameAlignment, align_frame, align_sweep, echo_offset_mm
from .layouts.sweep import IMAGE_TO_MARKER, Sweep, SweepFrame, read_surfaces, read_sweep

Floats = NDArray[np.float64]
logger = logging.getLogger(__name__)

REFINEMENTS = ("none", "sweep", "frame")
LINE_WIDTH_PX = 3.5
"""Thin, but wide enough to survive a resize to a third."""
SAMPLING_PX = 0.25
MAX_ALIGNED_FRAMES = 64
"""Frames that a sweep's correction is fitted to, spread evenly: six numbers need no more."""
BEFORE_COLOUR, AFTER_COLOUR = (255, 70, 70), (90, 255, 90)
MISSES = "the image plane misses the bone; its label is empty"


@dataclass(frozen=True)
class LabelSettings:
    """How a sweep is labelled.

    Attributes:
        refine: ``"none"`` trusts the tracking; ``"sweep"`` fits one correction for the whole sweep; ``"frame"``
            fits one for each frame that stays near to the sweep's. None exceeds 1 mm and 1 degree.
        whole: label the whole outline, also what lies in the bone's shadow, not only what faces the probe.
        max_incidence_deg: what faces the probe is labelled up to this angle between the beam and its normal.
        image_to_marker: probe calibration, (x, y, z) in mm and extrinsic xyz Euler angles in degrees.

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
    ``overlays/<name>.png`` (red: as tracked, green: the label), ``frames/<name>.json`` and, of these, the
    table ``alignment.csv``. A frame whose plane misses the bone has an empty label, and a warning says so.

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
    settings, out = settings or LabelSettings(), Path(out_dir)
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


def draw_band(lines: Sequence[Floats], shape: tuple[int, int], width_px: float = LINE_WIDTH_PX) -> NDArray[np.uint8]:
    """Lines drawn as a band of even width.

    Args:
        lines: each (N, 2), points (x, y) in pixels, pixel centres at whole numbers.
        shape: (rows, columns) of the image.
        width_px: pixels up to half of it away from a line are set.

    Returns:
        uint8 image, 255 on the band and 0 elsewhere.
    """
    image = np.zeros(shape, dtype=np.uint8)
    reach = int(np.ceil(width_px / 2)) + 1
    steps = np.arange(-reach, reach + 1)
    offsets = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    for line in lines:
        points = resample_line(line, SAMPLING_PX)
        pixels = np.rint(points).astype(int)[:, None] + offsets
        near = np.linalg.norm(pixels - points[:, None], axis=-1) <= width_px / 2
        inside = np.all((pixels >= 0) & (pixels < shape[::-1]), axis=-1)
        x, y = pixels[near & inside].T
        image[y, x] = 255
    return image


def _label_frame(
    frame: SweepFrame, *, surfaces: tuple[Path, ...], out: Path, settings: LabelSettings, correction: Floats
) -> dict[str, Any]:
    image = frame.read_image()
    aligned = _prepare(surfaces, frame, image, settings)
    if settings.refine == "frame":
        correction = align_frame(aligned, correction)
    before, facing = (aligned.lines(c, settings.max_incidence_deg) for c in (np.zeros(6), correction))
    lines = _outlines(surfaces, aligned, correction) if settings.whole else facing
    label = draw_band(lines, aligned.plane.shape)
    _write_image(_label_path(out, frame), label)
    overlay = draw_lines(draw_lines(image, before, BEFORE_COLOUR), lines, AFTER_COLOUR)
    _write_image(out / "overlays" / f"{frame.name}.png", overlay)
    record = {
        "frame": frame.name,
        **dict(zip(CORRECTION_NAMES, np.round(correction, 4).tolist(), strict=True)),
        "length_mm": _length_mm(lines, aligned.plane.shape, aligned.plane.spacing_mm),
        "score_before": aligned.mean_score(np.zeros(6)),
        "score_after": aligned.mean_score(correction),
        "echo_offset_before_mm": echo_offset_mm(image, before, frame.spacing_mm),
        "echo_offset_after_mm": echo_offset_mm(image, facing, frame.spacing_mm),
        "note": "" if label.any() else MISSES,
    }
    write_json(_record_path(out, frame), record)
    return record


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
        found = json.loads(path.read_text())
        correction = found.pop("sweep_correction")
        if found != wanted:
            raise ValueError(f"{path}: made for another sweep or with other settings; choose another folder.")
        return np.array(correction)
    fitted = np.zeros(6)
    if settings.refine != "none":
        every = sweep.frames[:: -(-len(sweep.frames) // MAX_ALIGNED_FRAMES)]
        fitted = align_sweep(list(_prepare_readable(sweep.surfaces, every, settings)))
    write_json(path, {**wanted, "sweep_correction": fitted.tolist()})
    return fitted


def _prepare_readable(
    surfaces: tuple[Path, ...], frames: Sequence[SweepFrame], settings: LabelSettings
) -> Iterator[FrameAlignment]:
    for frame in frames:
        with suppress(ValueError):  # the labelling of this frame will say what is wrong with its image
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


def _write_image(path: Path, pixels: NDArray[np.uint8]) -> None:
    with whole_file(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")


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
