"""Which label belongs to which image, where boxes are in Pascal VOC files beside the images or apart, or in COCO files.

A label apart belongs to the image at the same place, or else to the image of that name, if only one has it.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..box_annotation import BoxAnnotation
from ..boxes_coco import is_coco, read_coco
from ..walk import walk_files
from .findings import Finding


@dataclass(frozen=True, eq=False)
class CocoLabel:
    """The boxes of an image in a COCO file.

    Attributes:
        annotation: the boxes.
        classes: the file's categories: what was looked for in its images.
    """

    annotation: BoxAnnotation
    classes: tuple[str, ...]


Label = Path | CocoLabel


def match_labels(
    root: Path, images: Sequence[str], beside: Iterable[Path], apart: Path | None
) -> tuple[dict[str, Label], list[Finding]]:
    """Find the label of each image.

    Args:
        root: the folder that the images' paths are relative to.
        images: their paths in POSIX form.
        beside: files below the root; those that end in .xml are labels.
        apart: a folder of labels (.xml, and .json for COCO), which go before those beside the images, or one COCO file.

    Returns:
        labels by the path of the image: a Pascal VOC file, or boxes from a COCO file; and labels without their image.

    Raises:
        FileNotFoundError: there is nothing apart.
        ValueError: a COCO file is damaged.
    """
    names = _Names(images)
    labels: dict[str, Label] = {}
    findings = []
    for name, found, label in [*_labels_apart(names, root, apart), *_labels_beside(names, root, beside, apart)]:
        if label is None:
            findings.append(Finding(name, "not ground truth in the form of COCO, passed over", left_out=False))
            continue
        for image in found:
            labels.setdefault(image, label)
        if not found:
            findings.append(Finding(name, "a label without its image"))
    return labels, findings


_Match = tuple[str, list[str], Label | None]


class _Names:
    """Images by their place without suffix, and by their name with and without."""

    def __init__(self, images: Sequence[str]) -> None:
        self.images = set(images)
        self._places, self._names = defaultdict(list), defaultdict(list)
        for image in map(PurePosixPath, images):
            self._places[image.with_suffix("")].append(str(image))
            self._names[image.stem].append(str(image))
            self._names[image.name].append(str(image))

    def at(self, place: PurePosixPath) -> list[str]:
        """Images of this place; more than one if their suffixes differ."""
        return self._places.get(place, [])

    def called(self, name: str) -> list[str]:
        """The image of this name, if only one has it."""
        found = self._names.get(name, [])
        return found if len(found) == 1 else []


def _labels_apart(names: _Names, root: Path, apart: Path | None) -> Iterator[_Match]:
    if apart is None:
        return
    if not apart.exists():
        raise FileNotFoundError(f"{apart}: no such file or folder; it should hold the labels")
    if apart.is_file():
        yield from _labels_of_coco(names, apart, apart.name)
        return
    # Where the folder is belongs to this machine, unless it is among the data.
    above = root if apart.is_relative_to(root) else apart.parent
    for file in walk_files(apart):
        shown = file.relative_to(above).as_posix()
        if file.suffix.lower() == ".xml":
            place = PurePosixPath(file.relative_to(apart).with_suffix("").as_posix())
            yield shown, names.at(place) or names.called(place.name), file
        elif file.suffix.lower() == ".json":
            yield from _labels_of_coco(names, file, shown) if is_coco(file) else [(shown, [], None)]


def _labels_of_coco(names: _Names, file: Path, shown: str) -> Iterator[_Match]:
    truth = read_coco(file)
    for file_name, annotation in truth.images.items():
        path = PurePosixPath(os.path.normpath(file_name.replace("\\", "/")))
        found = [str(path)] if str(path) in names.images else names.called(path.name)
        yield f"{shown}: {file_name}", found, CocoLabel(annotation, tuple(truth.category_ids))


def _labels_beside(names: _Names, root: Path, files: Iterable[Path], apart: Path | None) -> Iterator[_Match]:
    for file in files:
        if file.suffix.lower() == ".xml" and apart not in file.parents:
            shown = PurePosixPath(file.relative_to(root).as_posix())
            yield str(shown), names.at(shown.with_suffix("")), file
