"""The images that inference runs on: a folder, one file, or a part of a data list."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..dicom import is_dicom
from .data_list import Item, absolute_path, list_items, name_items
from .readers import count_frames
from .walk import walk_files

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".dcm", ".dicom")
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
        adds. A multi-frame DICOM or TIFF file gives one for each frame, with its number `frame` counted from 0.
        Sorted by path; a data list keeps its own order.

    Raises:
        FileNotFoundError: `path` is missing.
        ValueError: there is no image at `path`.
    """
    root = absolute_path(path)
    if data_list is not None:
        listed = list_items(data_list, root, part)
        return name_items([frame for item in listed for frame in _frames(item)], root)
    if not root.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; give an image or a folder of images")
    if root.is_dir():
        found = sorted((file for file in walk_files(root) if _is_image(file, suffixes)), key=lambda file: file.parts)
        files = [file for file in found if not file.stem.endswith(_RESULT_ENDINGS)]
    else:
        found = files = [root] if _is_image(root, suffixes) else []
        root = root.parent
    items = [frame for file in files for frame in _frames({"image": str(file)})]
    if not items:
        raise ValueError(f"{path}: no image here; {_expected(suffixes, left_out=len(found) - len(files))}")
    return name_items(items, root)


def _expected(suffixes: Sequence[str], left_out: int) -> str:
    if not left_out:
        return f"expected {', '.join(suffixes)}"
    endings = ", ".join(_RESULT_ENDINGS)
    return f"{left_out} were left out as results, for their names end in {endings}; rename those that are images"


def _is_image(file: Path, suffixes: Sequence[str]) -> bool:
    suffix = file.suffix.lower()
    if suffix in suffixes:
        return True
    return ".dcm" in suffixes and (suffix == "" or suffix[1:].isdigit()) and file.is_file() and is_dicom(file)


def _frames(item: Item) -> list[Item]:
    """The item itself; one for each frame of a multi-frame file; none for DICOM that is no image."""
    count = 1 if item.get("frame") is not None else count_frames(item["image"])
    if count < 2:
        return [item] * count
    name = item.get("name")
    return [{**item, "frame": n, "name": None if name is None else f"{name}_{n:04d}"} for n in range(count)]
