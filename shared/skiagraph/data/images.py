"""The images that inference runs on: a folder, one file, or a part of a data list."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError

from .data_list import Item, name_items, read_data_list
from .walk import walk_files

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".dcm", ".dicom")
_DICOM_SUFFIXES = (".dcm", ".dicom")
_RESULT_ENDINGS = ("_label", "_mask", "_overlay")


def find_images(
    path: str | os.PathLike[str],
    data_list: str | os.PathLike[str] | None = None,
    part: str = "test",
    suffixes: Sequence[str] = IMAGE_SUFFIXES,
) -> list[Item]:
    """What inference runs on.

    Args:
        path: a folder, searched to its depth without hidden files and without results (`*_label`, `*_mask`,
            `*_overlay`); or one file; or, with `data_list`, the folder that its paths are relative to.
        data_list: a data list; its images need not all be there (see `read_data_list`).
        part: the part of the data list.
        suffixes: which files count as images, in lower case. Where ".dcm" is among them, so do DICOM files
            that are named without a suffix or by their UID.

    Returns:
        One dictionary an image: `image` (absolute path), `name` (see `name_items`) and whatever the data list
        adds. A multi-frame DICOM file gives one for each frame, with its number `frame` counted from 0.
        Sorted by path; a data list keeps its own order.

    Raises:
        FileNotFoundError: `path` is missing.
        ValueError: there is no image at `path`.
    """
    root = Path(os.path.abspath(path))
    if data_list is not None:
        listed = read_data_list(data_list, root, part, must_exist=False)
        return name_items([frame for item in listed for frame in _frames(item)], root)
    if not root.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; give an image or a folder of images")
    if root.is_dir():
        found = (file for file in walk_files(root) if not file.stem.endswith(_RESULT_ENDINGS))
        files = sorted((file for file in found if _is_image(file, suffixes)), key=lambda file: file.parts)
    else:
        files, root = ([root] if _is_image(root, suffixes) else []), root.parent
    items = [frame for file in files for frame in _frames({"image": str(file)})]
    if not items:
        raise ValueError(f"{path}: no image here; expected {', '.join(suffixes)}")
    return name_items(items, root)


def _is_image(file: Path, suffixes: Sequence[str]) -> bool:
    suffix = file.suffix.lower()
    if suffix in suffixes:
        return True
    if ".dcm" not in suffixes or not (suffix == "" or suffix[1:].isdigit()) or not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _frames(item: Item) -> list[Item]:
    """The item itself; one for each frame of a multi-frame DICOM file; none for DICOM without pixels."""
    suffix = Path(item["image"]).suffix.lower()
    if item.get("frame") is not None or (suffix in IMAGE_SUFFIXES and suffix not in _DICOM_SUFFIXES):
        return [item]
    count = _count_frames(item["image"])
    return [item] * count if count < 2 else [{**item, "frame": frame} for frame in range(count)]


def _count_frames(file: str) -> int:
    try:
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=["Rows", "NumberOfFrames"])
        return int(header.get("NumberOfFrames") or 1) if "Rows" in header else 0
    except (OSError, InvalidDicomError, ValueError):
        return 1  # left for the reader of the image, who reports it by its name and goes on with the others
