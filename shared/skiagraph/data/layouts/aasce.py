"""The published folder layout of AASCE ("boostnet_labeldata"), read into the items of a data list.

`data/<part>/*.jpg`; `labels/<part>/filenames.csv` and `landmarks.csv`, row k of one for line k of the other, or
`labels/<part>/<image>.mat`; the parts are `training` and `test`. Wu et al., "Automatic landmark estimation for
adolescent idiopathic scoliosis assessment using BoostNet", MICCAI 2017; the challenge AASCE, MICCAI 2019.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...folder_work import work_through
from ...geometry.vertebrae import VERTEBRAE, order_faults
from ..corners import count_rows, read_corners
from ..data_list import Item
from ..readers import read_grey_levels
from ..splits import check_disjoint, share_out_groups, split_by_group
from ..text import read_text
from .findings import Finding

PARTS = ("training", "test")
DATA, LABELS = "data", "labels"
FILENAMES, LANDMARKS, INDEX = "filenames.csv", "landmarks.csv", "index.csv"

_SUFFIXES = (".jpg", ".jpeg", ".png")
# sunhl-1th-02-Jan-2017-162 A AP.jpg is an image of patient 162.
_PATIENT = re.compile(r"(\d+) [A-Z]+ AP$")
# Labels begin with their topmost vertebra, or, by mistake, end with it.
_FIRST = (0, len(VERTEBRAE) - 1)
_ROTATED = "last_vertebra_is_topmost"  # as index.csv calls it
_TEST_SHARE, _VALIDATION_SHARE = 0.23, 0.12


@dataclass(frozen=True)
class _Image:
    root: Path
    part: str
    name: str
    row: int | None
    group: str
    issues: str

    def __str__(self) -> str:
        return f"{DATA}/{self.part}/{self.name}"

    @property
    def label(self) -> str:
        return f"{LABELS}/{self.part}/{f'{self.name}.mat' if self.row is None else LANDMARKS}"

    def item(self, first: int) -> Item:
        place = {} if self.row is None else {"row": self.row}
        mended = {"first": first} if first else {}
        return {"image": str(self), "label": self.label, **place, **mended, "group": self.group, "record": self.part}


def read_aasce(root: str | Path, *, jobs: int = -1, cluster: str | None = None) -> tuple[list[Item], list[Finding]]:
    """Look through a dataset in the published layout, decode every image and check the order of its corners.

    Args:
        root: the folder that holds `data` and `labels`.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler that takes the place of the processes.

    Returns:
        The usable images, sorted by path: `image` and `label` relative to `root`, `row` of the label's table, `group`
        (the patient, from `labels/<part>/index.csv` if it names the image, else from the file's name), `record` (the
        published part); and `first`, the vertebra of the label that is the topmost one, where the label begins with
        another and is mended by that. And what was found, sorted by file: images left out because they have no label or
        cannot be read, or because the label is wrong or listed in `index.csv` as such; and notes on those mended.

    Raises:
        FileNotFoundError: `root` is missing, or there is no image in it.
        ValueError: a table is damaged.
    """
    images, findings = _find_images(Path(os.path.abspath(root)))
    report = work_through(_check_image, images, name=str, jobs=jobs, cluster=cluster, description="check")
    items = []
    for image, outcome in zip(images, report.outcomes, strict=True):
        if outcome.status != "done":
            # The dataset may lie elsewhere tomorrow, and the finding has the image's name already.
            message = outcome.message.replace(f"{image.root}/", "").removeprefix(f"{image}: ")
            findings.append(Finding(str(image), message))
            continue
        items.append(image.item(outcome.result))
        if outcome.result:
            note = f"its label begins with {VERTEBRAE[1]}, the last vertebra in it is the topmost; mended"
            findings.append(Finding(str(image), note, left_out=False))
    return sorted(items, key=lambda item: item["image"]), sorted(findings)


def split_aasce(items: Sequence[Item]) -> dict[str, list[Item]]:
    """Deal images out to training, validation and test by their group.

    Where the published test part is there, it is the test, and none of its groups trains; else 23 % of the images are
    tested. 12 % validate. Groups are dealt out in an order that depends on their names alone. Labels that had to be
    mended train; where other images of their group are measured on, they are in no part.
    """
    mended = [item for item in items if "first" in item]
    sound = [item for item in items if "first" not in item]
    published = {str(item["group"]) for item in items if item["record"] == "test"}
    shares = {"test": 0.0 if published else _TEST_SHARE, "validation": _VALIDATION_SHARE}
    dealt = share_out_groups([item for item in sound if item["group"] not in published], shares)
    test = published | dealt["test"]
    usable = [*sound, *(item for item in mended if item["group"] not in test | dealt["validation"])]
    parts = split_by_group(sorted(usable, key=lambda item: item["image"]), test, dealt["validation"])
    if published:
        parts["test"] = [item for item in parts["test"] if item["record"] == "test"]
    check_disjoint(parts)
    return parts


def _find_images(root: Path) -> tuple[list[_Image], list[Finding]]:
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; give the folder that holds {DATA} and {LABELS}")
    images: list[_Image] = []
    findings: list[Finding] = []
    for part in PARTS:
        if (root / DATA / part).is_dir():
            found, notes = _read_part(root, part)
            images += found
            findings += notes
    if not images:
        raise FileNotFoundError(f"{root}: no labelled {DATA}/<{'|'.join(PARTS)}>/*.jpg in this folder")
    return images, findings


def _read_part(root: Path, part: str) -> tuple[list[_Image], list[Finding]]:
    folder, labels = root / DATA / part, root / LABELS / part
    present = sorted(file.name for file in folder.iterdir() if file.suffix.lower() in _SUFFIXES)
    rows = _read_rows(labels)
    index = _read_index(labels)
    images, findings = [], []
    for name in present:
        row = rows.get(name)
        if row is None and not (labels / f"{name}.mat").is_file():
            findings.append(Finding(f"{DATA}/{part}/{name}", f"no label in {LABELS}/{part}"))
            continue
        known = (index or {}).get(name, {})
        images.append(_Image(root, part, name, row, known.get("group") or _patient(name), known.get("issues") or ""))
    labelled = rows.keys() | {file.stem for file in labels.glob("*.mat")}
    missing = sorted(labelled - set(present))
    findings += [Finding(f"{DATA}/{part}/{name}", "a label without its image") for name in missing]
    return images, findings + _find_unknown_patients(part, images, index)


def _find_unknown_patients(part: str, images: Sequence[_Image], index: Mapping[str, Any] | None) -> list[Finding]:
    if index is None:
        note = "not there, so the number in a file's name is taken for the patient; some have several"
        return [Finding(f"{LABELS}/{part}/{INDEX}", note, left_out=False)]
    note = f"not in {LABELS}/{part}/{INDEX}; its patient is taken to be "
    unknown = [image for image in images if not (index.get(image.name) or {}).get("group")]
    return [Finding(str(image), f"{note}{image.group}", left_out=False) for image in unknown]


def _read_rows(labels: Path) -> dict[str, int]:
    """Row of the landmarks by the image's name, empty without the tables."""
    if not (labels / LANDMARKS).is_file():
        return {}
    if not (labels / FILENAMES).is_file():
        raise FileNotFoundError(f"{labels / FILENAMES}: no such file; it says which image a row of {LANDMARKS} is of")
    names = [line.strip() for line in read_text(labels / FILENAMES).splitlines() if line.strip()]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"{labels / FILENAMES}: names {twice[0]} more than once; which label is it of?")
    if (count := count_rows(labels / LANDMARKS)) != len(names):
        raise ValueError(f"{labels / LANDMARKS}: has {count} rows, but {FILENAMES} names {len(names)} images")
    return {name: row for row, name in enumerate(names)}


def _read_index(labels: Path) -> dict[str, dict[str, str]] | None:
    """Group and known issues by the image's name, None without the table."""
    if not (labels / INDEX).is_file():
        return None
    reader = csv.DictReader(io.StringIO(read_text(labels / INDEX)))
    if not {"filename", "group"} <= set(reader.fieldnames or ()):
        raise ValueError(f"{labels / INDEX}: has no columns filename and group")
    return {row["filename"]: row for row in reader}


def _patient(name: str) -> str:
    stem = Path(name).stem
    number = _PATIENT.search(stem)
    return number[1] if number else stem


def _check_image(image: _Image) -> int:
    """Decode an image and look at its label.

    Returns:
        which vertebra of the label is the topmost one: 0, or the last.

    Raises:
        ValueError: the image cannot be used; the message says why.
    """
    height, width = read_grey_levels(image.root / str(image)).shape
    problems = {first: _problem(_corners(image, (width, height), first), (width, height)) for first in _FIRST}
    usable = [first for first, problem in problems.items() if not problem]
    if not usable:
        raise ValueError(problems[0])
    first = usable[0]
    listed = [issue for issue in image.issues.split("|") if issue and not (first and issue == _ROTATED)]
    if listed:
        raise ValueError(f"listed in {INDEX} as wrong: {', '.join(listed)}")
    return first


def _corners(image: _Image, size: tuple[int, int], first: int) -> NDArray[np.float64]:
    return read_corners(image.root / image.label, size, image.row, first)


def _problem(corners: NDArray[np.float64], size: tuple[int, int]) -> str:
    """What is wrong with a label, empty if nothing is."""
    outside = int(((corners < -0.5) | (corners > np.array(size) - 0.5)).any(axis=1).sum())
    if outside:
        return f"{outside} of its corners lie outside the image"
    return "; ".join(f"{name} {fault}" for name, fault in order_faults(corners).items())
