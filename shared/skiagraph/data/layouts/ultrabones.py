"""The published folder layout of UltraBones100k, read into the items of a data list.

`<specimen>/.../<record>/UltrasoundImages/<timestamp>.png`, beside it `Labels/<timestamp>_label.png` and
`tracking.csv`. The name of a specimen's folder is its number: `2`, `specimen02` or `specimen02_F231218`. Wu
et al., "UltraBones100k", Computers in Biology and Medicine 194 (2025), arXiv 2502.03783.
"""

from __future__ import annotations

import math
import os
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...folder_work import work_through
from ..data_list import Item
from ..readers import read_grey_levels
from ..splits import check_disjoint, split_by_group
from ..walk import walk_files
from .findings import Finding
from .tracking import read_tracking

IMAGES, LABELS, LABEL_ENDING, TRACKING = "UltrasoundImages", "Labels", "_label", "tracking.csv"

_SPECIMEN = re.compile(r"(?:specimen_?)?0*([1-9]\d*)(?:_.*)?", re.IGNORECASE)
_PUBLISHED_SPECIMENS = 14
_TEST_SPECIMENS = (2, 7, 8)
_VALIDATION_SPECIMENS = (6, 12)
_DONORS = ((1, 4), (5, 7), (8, 9), (11, 13))


@dataclass(frozen=True)
class _Frame:
    root: Path
    image: Path
    specimen: int
    spacing_mm: float | None

    def __str__(self) -> str:
        return self.image.relative_to(self.root).as_posix()

    @property
    def label(self) -> Path:
        return self.image.parent.parent / LABELS / f"{self.image.stem}{LABEL_ENDING}.png"

    def item(self) -> Item:
        record = self.image.parent.parent.relative_to(self.root)
        return {
            "image": str(self),
            "label": self.label.relative_to(self.root).as_posix(),
            "group": str(self.specimen),
            "record": Path(*record.parts[1:]).as_posix(),
            "spacing_mm": None if self.spacing_mm is None else [self.spacing_mm, self.spacing_mm],
        }


def read_ultrabones(
    root: str | Path, *, jobs: int = -1, cluster: str | None = None
) -> tuple[list[Item], list[Finding]]:
    """Look through a dataset in the published layout and decode every image and label of it.

    Args:
        root: the folder that holds the specimens.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler that takes the place of the processes.

    Returns:
        The usable frames, sorted by specimen and path: `image` and `label` relative to `root`, `group`
        (number of the specimen), `record`, and `spacing_mm` (row, column), None where `tracking.csv` does not
        tell it. And what was found, sorted by file: frames left out (no label, unreadable, sizes differ), and
        notes on others.

    Raises:
        FileNotFoundError: `root` is missing, or there is no frame in it.
    """
    # Absolute, because a worker of a cluster runs in a folder of its own.
    frames, findings = _find_frames(Path(os.path.abspath(root)))
    report = work_through(_check_frame, frames, name=str, jobs=jobs, cluster=cluster, description="check")
    items = []
    for frame, outcome in zip(frames, report.outcomes, strict=True):
        if outcome.status == "done":
            items.append(frame.item())
        if note := outcome.message or outcome.result:
            findings.append(Finding(str(frame), note, left_out=outcome.status != "done"))
    return items, sorted(findings)


def split_ultrabones(
    items: Sequence[Item], by: Literal["specimen", "donor"] = "specimen", leave_out: int | None = None
) -> dict[str, list[Item]]:
    """Deal frames out to training, validation and test by their specimen.

    The published test specimens are 2, 7 and 8. Validation is taken from the published training part: 6 and
    12, whose donors have no other leg in the set. Numbers above the published 14 train, but every tenth (20,
    30, ...) validates.

    Args:
        items: frames with `group`, the number of their specimen.
        by: "specimen" is the published split, in which 5 and 9 train although other legs of their donors are
            tested; "donor" tests them too.
        leave_out: test on this specimen instead (with `by="donor"` on all legs of its donor), for the
            published cross-validation. Validation stays 6 and 12; if one of them is tested, it is the other.

    Raises:
        ValueError: `by` is another word, or there is no frame of the specimen to leave out.
    """
    if by not in ("specimen", "donor"):
        raise ValueError(f"{by}: no such split; choose specimen or donor")
    numbers = {int(item["group"]) for item in items}
    if leave_out is not None and leave_out not in numbers:
        raise ValueError(f"specimen {leave_out} cannot be left out; there are {', '.join(map(str, sorted(numbers)))}")
    test = set(_TEST_SPECIMENS) if leave_out is None else {leave_out}
    if by == "donor":
        test |= {leg for legs in _DONORS if test & set(legs) for leg in legs}
    tenths = {number for number in numbers if number > _PUBLISHED_SPECIMENS and number % 10 == 0}
    validation = {*_VALIDATION_SPECIMENS, *tenths} - test
    parts = split_by_group(items, {str(number) for number in test}, {str(number) for number in validation})
    check_disjoint(parts)
    return parts


def _find_frames(root: Path) -> tuple[list[_Frame], list[Finding]]:
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; give the folder that holds the specimens")
    records: dict[Path, set[Path]] = defaultdict(set)
    for file in walk_files(root):
        if file.parent.name in (IMAGES, LABELS) and file.suffix.lower() == ".png":
            records[file.parent.parent].add(file)
    frames: list[_Frame] = []
    findings: list[Finding] = []
    for folder, files in records.items():
        found, notes = _read_record(root, folder, files)
        frames += found
        findings += notes
    if not frames:
        raise FileNotFoundError(f"{root}: no <specimen>/<record>/{IMAGES}/<timestamp>.png in this folder")
    return sorted(frames, key=lambda frame: (frame.specimen, frame.image.parts)), findings


def _read_record(root: Path, folder: Path, files: set[Path]) -> tuple[list[_Frame], list[Finding]]:
    relative = folder.relative_to(root)
    specimen = _SPECIMEN.fullmatch(relative.parts[0]) if relative.parts else None
    if specimen is None:
        return [], [Finding(relative.as_posix(), "not in the folder of a specimen, such as 3 or specimen03")]
    spacings, problem = _read_spacings(folder / TRACKING)
    findings = [Finding((relative / TRACKING).as_posix(), problem, left_out=False)] if problem else []
    images = [file for file in files if file.parent.name == IMAGES]
    frames = [_Frame(root, image, int(specimen[1]), spacings.get(image.stem)) for image in images]
    unknown = [] if problem else [frame for frame in frames if frame.spacing_mm is None]
    message = f"no space_factor in {TRACKING}, so its spacing is unknown"
    findings += [Finding(str(frame), message, left_out=False) for frame in unknown]
    alone = files - set(images) - {frame.label for frame in frames}
    findings += [Finding(label.relative_to(root).as_posix(), "a label without its image") for label in alone]
    return frames, findings


def _read_spacings(tracking: Path) -> tuple[dict[str, float], str]:
    """Pixel size in mm by timestamp, and what is wrong with the whole table, if anything."""
    try:
        rows = [row for _, row in read_tracking(tracking, ("timestamp", "space_factor"))]
    except (FileNotFoundError, ValueError) as error:
        problem = str(error).removeprefix(f"{tracking}: ")
        return {}, f"the spacing of its frames is unknown: {problem}"
    spacings = ((row["timestamp"].strip(), _positive(row["space_factor"])) for row in rows)
    return {timestamp: spacing for timestamp, spacing in spacings if spacing is not None}, ""


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None


def _check_frame(frame: _Frame) -> str:
    """Decode a frame and its label.

    Returns:
        a note on the label, empty if there is nothing to say.

    Raises:
        ValueError: the frame cannot be used; the message says why.
    """
    if not frame.label.is_file():
        raise ValueError(f"its label {LABELS}/{frame.label.name} is missing")
    image, label = read_grey_levels(frame.image), read_grey_levels(frame.label)
    if image.shape != label.shape:
        raise ValueError(f"{_size(image)} pixels, but its label has {_size(label)}")
    odd = sorted(set(np.unique(label).tolist()) - {0, 255})
    return f"its label has values beside 0 and 255, such as {', '.join(map(str, odd[:3]))}" if odd else ""


def _size(image: NDArray[np.uint8]) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
