"""Boxes in the XML of Pascal VOC, as LabelImg and its kin write it: one file an image.

The corners that LabelImg writes are edges in whole pixels, counted from the left and the top of the image; the 1 that
it puts in place of a 0 stays as it is. Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", IJCV 88
(2010).
"""

from __future__ import annotations

import io
import math
import os
from pathlib import Path, PurePath
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np

from ..folder_work import whole_file
from .box_annotation import BoxAnnotation

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_YES = ("1", "true", "yes")


def read_voc(path: str | os.PathLike[str]) -> BoxAnnotation:
    """Read the boxes of an image as they stand in the file; `box_problems` tells whether they can be right.

    A box needs its name and four corners; all else may be missing, and what is not known is passed over.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no annotation or no XML, or declares a document type (whose entities can be made to fill the
            memory), or a box in it lacks its name or a corner.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    root = _parse(path)
    if root.tag != "annotation":
        raise ValueError(f"{path}: not a Pascal VOC annotation, which begins with <annotation>, but <{root.tag}>")
    objects = {f"{path}: object {number}": element for number, element in enumerate(root.findall("object"), start=1)}
    return BoxAnnotation(
        boxes=np.array([_corners(*entry) for entry in objects.items()], dtype=float).reshape(-1, 4),
        classes=tuple(_name(*entry) for entry in objects.items()),
        size=_size(root),
        truncated=tuple(_text(element, "truncated").lower() in _YES for element in objects.values()),
        difficult=tuple(_text(element, "difficult").lower() in _YES for element in objects.values()),
    )


def write_voc(path: str | os.PathLike[str], annotation: BoxAnnotation, image: str | os.PathLike[str]) -> None:
    """Write the boxes of an image so that LabelImg opens them; corners are rounded to whole pixels.

    Args:
        path: the file to write, in the folder of the image or in one of such files, with the image's name and the
            ending .xml.
        annotation: the boxes, and the size of the image.
        image: the image's file; its name and that of its folder are written, and not where the folder is.

    Raises:
        ValueError: the size is not known.
    """
    if annotation.size is None:
        raise ValueError(f"{path}: Pascal VOC wants the size of the image, which is not known")
    width, height = annotation.size
    name = PurePath(image).name
    content = {
        "folder": PurePath(image).parent.name,
        "filename": name,
        "path": name,
        "source": {"database": "Unknown"},
        "size": {"width": width, "height": height, "depth": 1},
        "segmented": 0,
    }
    root = ElementTree.Element("annotation")
    _add(root, content)
    for index, box_class in enumerate(annotation.classes):
        corners = dict(zip(_CORNERS, np.rint(annotation.boxes[index]).astype(int).tolist(), strict=True))
        flags = {"truncated": int(annotation.truncated[index]), "difficult": int(annotation.difficult[index])}
        _add(root, {"object": {"name": box_class, "pose": "Unspecified", **flags, "bndbox": corners}})
    ElementTree.indent(root, "\t")
    with whole_file(path) as temporary:
        temporary.write_text(ElementTree.tostring(root, encoding="unicode") + "\n", encoding="utf-8", newline="\n")


def _add(parent: ElementTree.Element, content: dict[str, Any]) -> None:
    for tag, value in content.items():
        element = ElementTree.SubElement(parent, tag)
        if isinstance(value, dict):
            _add(element, value)
        else:
            element.text = str(value)


def _parse(path: Path) -> ElementTree.Element:
    text = path.read_bytes()
    guard = expat.ParserCreate()
    guard.StartDoctypeDeclHandler = _refuse_document_type
    try:
        guard.ParseFile(io.BytesIO(text))
        return ElementTree.fromstring(text)  # noqa: S314 (what makes it dangerous did not pass the guard)
    except (expat.ExpatError, ElementTree.ParseError, LookupError) as error:
        raise ValueError(f"{path}: not an XML file that can be read: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _refuse_document_type(*_: object) -> None:
    raise ValueError("declares a document type, which no annotation needs; remove its <!DOCTYPE ...>")


def _text(element: ElementTree.Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _name(where: str, element: ElementTree.Element) -> str:
    name = _text(element, "name")
    if not name:
        raise ValueError(f"{where} has no name")
    return name


def _corners(where: str, element: ElementTree.Element) -> list[float]:
    values = {corner: _number(_text(element, f"bndbox/{corner}")) for corner in _CORNERS}
    if missing := [corner for corner, value in values.items() if value is None]:
        raise ValueError(f"{where}: its box has no {' and no '.join(missing)} that is a number")
    return [value for value in values.values() if value is not None]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    """Width and height, None where they are missing or 0, as some programs write what they do not know."""
    width, height = (_number(_text(root, f"size/{side}")) for side in ("width", "height"))
    return (int(width), int(height)) if width and height else None
