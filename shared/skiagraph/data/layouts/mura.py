"""Radiographs with boxes, in the layout of MURA or in any folders, read into the items of a data list."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...folder_work import work_through
from ..box_annotation import BoxAnnotation, box_problems
from ..boxes_voc import read_voc
from ..data_list import Item
from ..image_hash import difference_hash
from ..readers import read_grey_levels
from .box_labels import CocoLabel
from .findings import Finding
from .mura_files import FRACTURES, IMPLANTS, MuraImage, MuraRequest, find_images
from .mura_groups import Content, name_groups

NO_LABEL = "no label"


@dataclass(frozen=True)
class _Looked:
    """What was seen in an image.

    Attributes:
        boxes: those that are wanted, and their `classes`.
        labelled: the classes whose boxes are complete.
        drawn: whether it has a label at all.
        note: what the user should know.
        content: what the image shows.
    """

    boxes: list[list[float]]
    classes: list[str]
    labelled: list[str]
    drawn: bool
    note: str
    content: Content


def read_mura(
    root: str | Path, request: MuraRequest | None = None, *, jobs: int = -1, cluster: str | None = None
) -> tuple[list[Item], list[Finding]]:
    """Look through a folder of radiographs with boxes, decode every image and check every box.

    Args:
        root: the folder that holds the images, at any depth.
        request: which of them are wanted, and where their labels are.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler that takes the place of the processes.

    Returns:
        The usable images, sorted by path: `image`, relative to `root`; `boxes` (xmin, ymin, xmax, ymax, the edges in
        pixels) and the `classes` of each; `labelled`, the classes whose boxes are complete here, for of others nothing
        is known, nor of a class that has no box in any image; `group` (see `name_groups`); `record`, the folders that
        it is in, without those of its patient.
        And what was found, sorted by file: images left out, since they have no label, or a wrong one, or cannot be
        read; labels without an image; and notes on images without a label that are kept, and on copies.

    Raises:
        FileNotFoundError: `root` is missing, or there is no image in it that was asked for.
        ValueError: a COCO file is damaged.
    """
    request = request or MuraRequest()
    # Absolute, because a worker of a cluster runs in a folder of its own.
    images, findings = find_images(Path(os.path.abspath(root)), request)
    look = partial(_look_at, request=request)
    report = work_through(look, images, name=str, jobs=jobs, cluster=cluster, description="check")
    seen: dict[MuraImage, _Looked] = {}
    for image, outcome in zip(images, report.outcomes, strict=True):
        if outcome.status == "done":
            seen[image] = outcome.result
        # The images may lie elsewhere tomorrow, and the finding has the image's name already.
        if note := outcome.message.replace(f"{image.root}/", "").removeprefix(f"{image}: ") or outcome.result.note:
            findings.append(Finding(str(image), note, left_out=outcome.status != "done"))
    groups = name_groups(list(seen), [looked.content for looked in seen.values()])
    copies = _find_copies(seen)
    findings += copies.values()
    drawn = {name for looked in seen.values() for name in looked.classes}
    items = [
        {
            "image": str(image),
            "boxes": looked.boxes,
            "classes": looked.classes,
            # For a class without a single box in any label it seems that nobody looked.
            "labelled": [name for name in looked.labelled if name in drawn or not looked.drawn],
            "group": group,
            "record": image.record,
        }
        for (image, looked), group in zip(seen.items(), groups, strict=True)
        if image not in copies
    ]
    return items, sorted(findings)


def _look_at(image: MuraImage, request: MuraRequest) -> _Looked:
    """Decode an image and check its boxes.

    Raises:
        ValueError: the image cannot be used; the message says why (see `Finding.kind`).
    """
    annotation = _read_label(image)
    if annotation is None and not request.keeps(image):
        raise ValueError(NO_LABEL)
    pixels = read_grey_levels(image.root / image.path)
    content = _content(pixels)
    if annotation is None:
        note = f"{NO_LABEL}, kept as an image without boxes"
        return _Looked([], [], list(request.classes), drawn=False, note=note, content=content)
    size = (pixels.shape[1], pixels.shape[0])
    if problems := box_problems(annotation, size, {*request.classes, *request.passed_over}):
        raise ValueError("; ".join(problems))
    labelled = _labelled(image, annotation, request)
    if not labelled:
        raise ValueError(f"not labelled for any class asked for: {', '.join(request.classes)}")
    known = [index for index, name in enumerate(annotation.classes) if name in request.classes]
    wanted = [index for index in known if not annotation.difficult[index]]
    others, difficult = len(annotation.classes) - len(known), len(known) - len(wanted)
    notes = [f"boxes of classes that are passed over: {others}"] * (others > 0)
    notes += [f"boxes that are difficult, and neither objects nor background: {difficult}"] * (difficult > 0)
    boxes = annotation.boxes.clip(0, [*size, *size])
    return _Looked(
        boxes=[[_plain(value) for value in boxes[index].tolist()] for index in wanted],
        classes=[annotation.classes[index] for index in wanted],
        labelled=labelled,
        drawn=True,
        note="; ".join(notes),
        content=content,
    )


def _read_label(image: MuraImage) -> BoxAnnotation | None:
    if isinstance(image.label, CocoLabel):
        return image.label.annotation
    if image.label is None:
        return None
    try:
        return read_voc(image.label)
    except ValueError as error:
        raise ValueError(f"damaged label: {str(error).removeprefix(f'{image.label}: ')}") from error


def _content(pixels: NDArray[np.uint8]) -> Content:
    return Content(
        digest=sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest(),
        bits=np.packbits(difference_hash(pixels)).tobytes(),
        mirrored_bits=np.packbits(difference_hash(np.ascontiguousarray(pixels[:, ::-1]))).tobytes(),
    )


def _plain(value: float) -> float:
    """Whole pixels as such; else what a person can draw."""
    return int(value) if value.is_integer() else round(value, 2)


def _find_copies(seen: Mapping[MuraImage, _Looked]) -> dict[MuraImage, Finding]:
    """Images with the pixels of another that is kept in their place, with a note on each."""
    alike: dict[str, list[MuraImage]] = defaultdict(list)
    for image, looked in seen.items():
        alike[looked.content.digest].append(image)
    notes: dict[MuraImage, Finding] = {}
    for images in alike.values():
        kept, *copies = sorted(images, key=_preference)
        note = f"a copy: {kept} has the same pixels and is kept"
        notes |= {copy: Finding(str(copy), note, left_out=False) for copy in copies}
    return notes


def _preference(image: MuraImage) -> tuple[bool, bool, str]:
    return image.label is None, IMPLANTS not in image.folders, image.path


def _labelled(image: MuraImage, annotation: BoxAnnotation, request: MuraRequest) -> list[str]:
    """The classes whose boxes are complete in an image.

    They are all that were asked for, or in a COCO file those among its categories; without those that have a difficult
    box here, which is left out. Only in the published sets it is otherwise: one has no boxes but of implants, and the
    other has fractures only where no implant is.
    """
    known: Sequence[str] = request.classes
    if isinstance(image.label, CocoLabel):
        known = image.label.classes
    elif IMPLANTS in image.folders or (FRACTURES in image.folders and "implant" in annotation.classes):
        known = ("implant",)
    difficult = {name for name, hard in zip(annotation.classes, annotation.difficult, strict=True) if hard}
    return [name for name in request.classes if name in known and name not in difficult]
