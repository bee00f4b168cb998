"""Boxes in the JSON of COCO: one file for all images.

Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014; the format is described at cocodataset.org. A box is
[xmin, ymin, width, height] there, and its edges mean what they do here.
"""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..folder_work import write_json
from .box_annotation import BoxAnnotation

_TRUTH_KEYS = ("images", "annotations", "categories")


@dataclass(frozen=True, eq=False)
class CocoTruth:
    """Boxes that somebody drew in many images.

    Attributes:
        images: annotations by the image's `file_name`, in the order of the file.
        image_ids: the number of each image by its `file_name`.
        category_ids: the number of each class by its name: the classes whose boxes were drawn.
    """

    images: dict[str, BoxAnnotation]
    image_ids: dict[str, int]
    category_ids: dict[str, int]


@dataclass(frozen=True, eq=False)
class FoundBoxes:
    """The boxes that a detector found in an image.

    Attributes:
        boxes: (N, 4), xmin, ymin, xmax, ymax in pixels, as in `BoxAnnotation`.
        classes: the class of each box.
        scores: (N,), how sure the detector is of each box.
    """

    boxes: NDArray[np.float64]
    classes: tuple[str, ...]
    scores: NDArray[np.float64]


def is_coco(path: str | os.PathLike[str]) -> bool:
    """Whether a JSON file is ground truth in the form of COCO, right or wrong, and not something else."""
    try:
        return _has_truth(_read_json(Path(path)))
    except ValueError:
        return False


def read_coco(path: str | os.PathLike[str]) -> CocoTruth:
    """Read ground truth. What is flagged as a crowd is difficult here: neither stands for one thing to be found.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no ground truth in the form of COCO, or something in it refers to what is not there.
    """
    content = _read_json(Path(path))
    if not _has_truth(content):
        raise ValueError(f"{path}: not ground truth in the form of COCO, which has lists {', '.join(_TRUTH_KEYS)}")
    images = [_fields(entry, {"id": int, "file_name": str}, f"{path}: images") for entry in content["images"]]
    categories = [_fields(entry, {"id": int, "name": str}, f"{path}: categories") for entry in content["categories"]]
    name_of = _by_id(images, "file_name", f"{path}: images")
    class_of = _by_id(categories, "name", f"{path}: categories")
    drawn = defaultdict(list)
    for entry in content["annotations"]:
        where = f"{path}: annotation {entry.get('id') if isinstance(entry, dict) else entry}"
        box = _fields(entry, {"image_id": int, "category_id": int}, where)
        if box["image_id"] not in name_of or box["category_id"] not in class_of:
            raise ValueError(f"{where} names an image or a category that the file does not have")
        drawn[box["image_id"]].append((_corners(box, where), class_of[box["category_id"]], bool(box.get("iscrowd"))))
    return CocoTruth(
        images={image["file_name"]: _annotation(drawn[image["id"]], image) for image in images},
        image_ids={name: number for number, name in name_of.items()},
        category_ids={name: number for number, name in class_of.items()},
    )


def write_coco(path: str | os.PathLike[str], images: Mapping[str, BoxAnnotation], classes: Sequence[str]) -> CocoTruth:
    """Write ground truth, images and categories numbered from 1; what is difficult is flagged as a crowd.

    Args:
        path: the file to write.
        images: the boxes, with the size of the image, by its `file_name`.
        classes: names of all classes, in the order in which they are numbered.

    Returns:
        what was written, with its numbers.

    Raises:
        ValueError: the size of an image is not known, or a box is of no class of these.
    """
    truth = CocoTruth(
        images=dict(images),
        image_ids={name: number for number, name in enumerate(images, start=1)},
        category_ids={name: number for number, name in enumerate(classes, start=1)},
    )
    listed: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    for file_name, annotation in images.items():
        if annotation.size is None:
            raise ValueError(f"{path}: COCO wants the size of {file_name}, which is not known")
        size = dict(zip(("width", "height"), annotation.size, strict=True))
        listed.append({"id": truth.image_ids[file_name], "file_name": file_name, **size})
        for entry, difficult in zip(_entries(path, truth, file_name, annotation), annotation.difficult, strict=True):
            area = entry["bbox"][2] * entry["bbox"][3]
            boxes.append({"id": len(boxes) + 1, **entry, "area": area, "segmentation": [], "iscrowd": int(difficult)})
    categories = [{"id": number, "name": name} for name, number in truth.category_ids.items()]
    write_json(path, {"images": listed, "annotations": boxes, "categories": categories})
    return truth


def read_coco_results(path: str | os.PathLike[str], truth: CocoTruth) -> dict[str, FoundBoxes]:
    """Read what a detector found in the images of `truth`, by their `file_name`; in some it may be nothing.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no list of results, or they are of images or categories that the truth does not have.
    """
    content = _read_json(Path(path))
    if not isinstance(content, list):
        raise ValueError(f"{path}: not results in the form of COCO, which are a list")
    name_of = {number: name for name, number in truth.image_ids.items()}
    class_of = {number: name for name, number in truth.category_ids.items()}
    found: dict[str, list[tuple[list[float], str, float]]] = {name: [] for name in truth.images}
    for number, entry in enumerate(content):
        where = f"{path}: result {number}"
        box = _fields(entry, {"image_id": int, "category_id": int, "score": (int, float)}, where)
        if box["image_id"] not in name_of or box["category_id"] not in class_of:
            raise ValueError(f"{where} names an image or a category that the ground truth does not have")
        corners, score = _corners(box, where), float(box["score"])
        found[name_of[box["image_id"]]].append((corners, class_of[box["category_id"]], score))
    return {name: _found(rows) for name, rows in found.items()}


def write_coco_results(path: str | os.PathLike[str], found: Mapping[str, FoundBoxes], truth: CocoTruth) -> None:
    """Write what a detector found, numbered as in the ground truth, which `write_coco` and `read_coco` return.

    Raises:
        ValueError: an image or a class is not in the truth.
    """
    results = []
    for file_name, boxes in found.items():
        if file_name not in truth.image_ids:
            raise ValueError(f"{path}: {file_name} is not among the images of the ground truth")
        for entry, score in zip(_entries(path, truth, file_name, boxes), boxes.scores.tolist(), strict=True):
            results.append({**entry, "score": score})
    write_json(path, results)


def _has_truth(content: Any) -> bool:
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in _TRUTH_KEYS)


def _entries(
    path: str | os.PathLike[str], truth: CocoTruth, file_name: str, found: BoxAnnotation | FoundBoxes
) -> list[dict[str, Any]]:
    if unknown := sorted(set(found.classes) - set(truth.category_ids)):
        raise ValueError(f"{path}: {file_name} has boxes of unknown classes: {', '.join(unknown)}")
    sides = np.concatenate([found.boxes[:, :2], found.boxes[:, 2:] - found.boxes[:, :2]], axis=1).tolist()
    numbers = [truth.category_ids[name] for name in found.classes]
    image = truth.image_ids[file_name]
    return [{"image_id": image, "category_id": n, "bbox": box} for n, box in zip(numbers, sides, strict=True)]


def _annotation(drawn: Sequence[tuple[list[float], str, bool]], image: Mapping[str, Any]) -> BoxAnnotation:
    return BoxAnnotation(
        boxes=np.array([corners for corners, _, _ in drawn], dtype=float).reshape(-1, 4),
        classes=tuple(name for _, name, _ in drawn),
        size=_size(image),
        difficult=tuple(crowd for _, _, crowd in drawn),
    )


def _size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    width, height = image.get("width"), image.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) and width and height else None


def _found(rows: Sequence[tuple[list[float], str, float]]) -> FoundBoxes:
    return FoundBoxes(
        boxes=np.array([corners for corners, _, _ in rows], dtype=float).reshape(-1, 4),
        classes=tuple(name for _, name, _ in rows),
        scores=np.array([score for _, _, score in rows], dtype=float),
    )


def _read_json(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file: {error}") from error


def _fields(entry: Any, kinds: Mapping[str, type | tuple[type, ...]], where: str) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: {entry!r} has no fields")
    if wrong := [key for key, kind in kinds.items() if not isinstance(entry.get(key), kind)]:
        raise ValueError(f"{where}: its {wrong[0]} is missing or of a wrong kind, {entry.get(wrong[0])!r}")
    return entry


def _by_id(entries: Sequence[Mapping[str, Any]], key: str, where: str) -> dict[int, str]:
    named = {entry["id"]: entry[key] for entry in entries}
    if len(named) < len(entries) or len(set(named.values())) < len(entries):
        raise ValueError(f"{where}: an id or a {key} stands there twice")
    return named


def _corners(entry: Mapping[str, Any], where: str) -> list[float]:
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        raise ValueError(f"{where}: its bbox is no [x, y, width, height], but {box!r}")
    x, y, width, height = box
    return [x, y, x + width, y + height]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
