"""Which images a folder in the layout of MURA holds, and which of them were asked for.

MURA's own tree is `train|valid/XR_<PART>/patient*/study*_{positive,negative}/*.png`; any other folders are as good.
Rajpurkar et al., "MURA: Large Dataset for Abnormality Detection in Musculoskeletal Radiographs", MIDL 2018, arXiv
1712.06957.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Literal

from ..walk import walk_files
from .box_labels import Label, match_labels
from .findings import Finding

CLASSES = ("implant", "fracture")
ANNOTATIONS = "annotations"
# The published sets (github.com/himamovic1/mura-object-detection), known by the names of their folders.
IMPLANTS, FRACTURES = "implants_multiple", "implants_fractures"

_SUFFIXES = (".png", ".jpg", ".jpeg")
_PART = re.compile(r"XR_([A-Z]+)", re.IGNORECASE)
_PATIENT = re.compile(r"patient_?\d+", re.IGNORECASE)


@dataclass(frozen=True)
class MuraRequest:
    """What is wanted of a folder.

    Attributes:
        classes: the classes whose boxes are wanted.
        passed_over: classes that may be there, but whose boxes are not wanted. Any other class is taken for a mistake.
        parts: parts of the body as MURA's folders name them, such as HUMERUS; none means all.
        number: how many images of each record (see `MuraImage.record`) at most, the first ones by their path.
        only_positives: only images with "positive" in their path: in MURA, of studies that were found abnormal.
        unlabelled: what becomes of images without a label: refuse leaves them out; normal keeps those of studies that
            are called negative, without boxes; keep keeps them all, without boxes.
        annotations: folder of labels, or a COCO file; else the folder `annotations` in the root, if it is there.
            Labels beside the images are read in any case.
    """

    classes: tuple[str, ...] = CLASSES
    passed_over: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    number: int | None = None
    only_positives: bool = False
    unlabelled: Literal["refuse", "normal", "keep"] = "refuse"
    annotations: str | os.PathLike[str] | None = None

    def keeps(self, image: MuraImage) -> bool:
        """Whether the image stays even without a label."""
        return self.unlabelled == "keep" or (self.unlabelled == "normal" and image.is_normal)


@dataclass(frozen=True)
class MuraImage:
    """An image, by its path below the root in POSIX form, and its label, if it has one."""

    root: Path
    path: str
    label: Label | None

    def __str__(self) -> str:
        return self.path

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that it is in, from that of the root on."""
        return self.root.name, *PurePosixPath(self.path).parent.parts

    @property
    def record(self) -> str:
        """The folders that do not belong to a patient, such as train/XR_HUMERUS."""
        folders = PurePosixPath(self.path).parent.parts
        return PurePosixPath(*takewhile(lambda folder: not _PATIENT.fullmatch(folder), folders)).as_posix()

    @property
    def patient(self) -> str | None:
        """The name of the patient's folder."""
        return next((folder for folder in PurePosixPath(self.path).parent.parts if _PATIENT.fullmatch(folder)), None)

    @property
    def body_part(self) -> str | None:
        """The part of the body, as MURA's folder names it, in capitals."""
        matches = map(_PART.fullmatch, PurePosixPath(self.path).parent.parts)
        return next((match[1].upper() for match in matches if match), None)

    @property
    def is_normal(self) -> bool:
        """Whether its study was found normal, as MURA tells by the name of the folder."""
        return PurePosixPath(self.path).parent.name.lower().endswith("_negative")


def find_images(root: Path, request: MuraRequest) -> tuple[list[MuraImage], list[Finding]]:
    """Look through a folder without opening its images.

    Returns:
        the images that were asked for, sorted by path; and labels without their image.

    Raises:
        FileNotFoundError: the folder is missing, or the labels where they were said to be, or every image asked for.
        ValueError: a COCO file is damaged, or the number is below 1.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; give the folder that holds the images")
    if request.number is not None and request.number < 1:
        raise ValueError(f"number is {request.number}: say how many images are wanted, or leave it out for all")
    files = list(walk_files(root))
    paths = sorted(file.relative_to(root).as_posix() for file in files if file.suffix.lower() in _SUFFIXES)
    labels, findings = match_labels(root, paths, files, _labels_apart(root, request))
    images = [MuraImage(root, path, labels.get(path)) for path in paths]
    chosen = _choose(images, request)
    if not chosen:
        there = sorted({image.body_part for image in images if image.body_part})
        parts = f", parts of the body: {', '.join(there)}" if there else ""
        raise FileNotFoundError(f"{root}: no image here is what was asked for; there are {len(images)} images{parts}")
    return chosen, findings


def _labels_apart(root: Path, request: MuraRequest) -> Path | None:
    if request.annotations is not None:
        return Path(os.path.abspath(request.annotations))
    return root / ANNOTATIONS if (root / ANNOTATIONS).is_dir() else None


def _choose(images: Iterable[MuraImage], request: MuraRequest) -> list[MuraImage]:
    """As the script does that drew the published sets from MURA, but the number holds and patients keep their names.

    That is scripts/mura_dataset_extract.py of theirs.
    """
    parts = {part.upper().removeprefix("XR_") for part in request.parts}
    taken: Counter[str] = Counter()
    chosen = []
    for image in images:
        if (parts and image.body_part not in parts) or (request.only_positives and "positive" not in image.path):
            continue
        taken[image.record] += 1
        if request.number is None or taken[image.record] <= request.number:
            chosen.append(image)
    return chosen
