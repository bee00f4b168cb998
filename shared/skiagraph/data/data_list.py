"""Data lists: which images are for training, validation and test, in the JSON form of MONAI."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from ..folder_work import write_json

Item = dict[str, Any]

PARTS = ("training", "validation", "test")
_PATH_KEYS = ("image", "label")


def read_data_list(
    path: str | os.PathLike[str], dataset_dir: str | os.PathLike[str], part: str, *, must_exist: bool = True
) -> list[Item]:
    """The items of one part of a data list, ready for a MONAI dataset.

    Args:
        path: the JSON file. An item is `{"image": ..., "label": ..., ...}` or the path of an image alone;
            paths are relative to `dataset_dir`.
        dataset_dir: folder that holds the images.
        part: "training", "validation" or "test".
        must_exist: whether every image and label has to be there. Training and evaluation need it; inference
            goes on without the images that are missing.

    Returns:
        One dictionary an item: `image` and `label` absolute, `name` (its own, or see `name_items`), every other key
        as it stands.

    Raises:
        FileNotFoundError: the list, the folder or one of the files is missing.
        ValueError: the file is not a data list, lacks the part or any image in it, holds a path that leaves
            `dataset_dir` or an entry of a wrong kind, or an image or a name stands in it twice.
    """
    items = list_items(path, dataset_dir, part)
    root = absolute_path(dataset_dir)
    if must_exist:
        _check_files(items, f"{path}: {part}", root)
    return name_items(items, root)


def list_items(path: str | os.PathLike[str], dataset_dir: str | os.PathLike[str], part: str) -> list[Item]:
    """The items of one part of a data list with absolute paths, whether their files are there or not.

    As `read_data_list`, but only those that have a `name` of their own have one.
    """
    root = absolute_path(dataset_dir)
    entries = _read_part(Path(path), part)
    if not root.is_dir():
        raise FileNotFoundError(f"{dataset_dir}: no such folder; give the folder of the images as dataset_dir")
    if not entries:
        raise ValueError(f"{path}: its part '{part}' is empty; give a data list that has images there")
    return [_checked_item(entry, root, f"{path}: {part}[{i}]") for i, entry in enumerate(entries)]


def absolute_path(path: str | os.PathLike[str]) -> Path:
    """The path from the root, for a folder or file that a user named.

    Raises:
        ValueError: it is a number, as MONAI's runner understands ``--dataset_dir 7``.
    """
    if isinstance(path, int | float):
        raise ValueError(f"a folder that is named by a number has to be given as ./{path}, or it is taken for a number")
    return Path(os.path.abspath(path))


def write_data_list(
    path: str | os.PathLike[str],
    parts: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    name: str,
    description: str,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write a data list; the same arguments give the same bytes.

    Args:
        path: the JSON file to write.
        parts: items of "training", "validation" and "test" (a missing part is written empty), in the order in
            which they shall stand; their `image` and `label` are relative to the dataset's folder.
        name: a short name of the list.
        description: what the images are and by which rule they were split.
        facts: further entries, such as source and licence.

    Raises:
        ValueError: an unknown part, a path that is absolute or leaves the dataset's folder, or a fact that
            has the name of another entry.
    """
    facts = dict(facts or {})
    if unknown := set(parts) - set(PARTS):
        raise ValueError(f"{path}: unknown part {sorted(unknown)}; a data list has {', '.join(PARTS)}")
    if taken := set(facts) & {"name", "description", *PARTS}:
        raise ValueError(f"{path}: {sorted(taken)} cannot be among the facts of a data list")
    content: dict[str, Any] = {"name": name, "description": description, **facts}
    for part in PARTS:
        content[part] = [_with_posix_paths(item, f"{path}: {part}") for item in parts.get(part, ())]
    write_json(path, content)


def data_list_sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of the list's bytes in hexadecimal: it goes with every figure measured on the list."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def name_items(items: Sequence[Mapping[str, Any]], root: str | os.PathLike[str]) -> list[Item]:
    """Give every item a `name` that no other has: what its results are called.

    One that an item has already stays. Else it is the image's path below `root` without suffix, in POSIX form, with
    `_0007` added for frame 7 of a multi-frame file. Where two would be the same, both keep their suffix.

    Raises:
        ValueError: the same image (or frame of it) or the same name stands in `items` twice.
    """
    relative = [PurePath(os.path.relpath(item["image"], root)) for item in items]
    frames = ["" if item.get("frame") is None else f"_{item['frame']:04d}" for item in items]
    short = [_without_suffix(path).as_posix() + frame for path, frame in zip(relative, frames, strict=True)]
    long = [path.as_posix() + frame for path, frame in zip(relative, frames, strict=True)]
    if len(set(long)) < len(long):
        twice, _ = Counter(long).most_common(1)[0]
        raise ValueError(f"{twice}: this image is listed twice; remove one of the two")
    own = [item.get("name") for item in items]
    counts, taken = Counter(short), {*long, *own}
    made = [s if counts[s] == 1 and (s == n or s not in taken) else n for s, n in zip(short, long, strict=True)]
    names = [given or name for given, name in zip(own, made, strict=True)]
    if len(set(names)) < len(names):
        twice, _ = Counter(names).most_common(1)[0]
        raise ValueError(f"{twice}: two images have this name; give each item its own `name`, or none a name")
    return [{**item, "name": name} for item, name in zip(items, names, strict=True)]


def shard(items: Sequence[Item]) -> list[Item]:
    """The share of this process when several work on one list: every item is in exactly one share.

    As `monai.data.partition_dataset` deals them out. Without `torch.distributed` the share is the whole list.

    Raises:
        ValueError: there are fewer items than processes. An engine without items would take no part when metrics are
            gathered, and the others would wait for it.
    """
    import torch.distributed  # here, so that commands and worker processes that need no torch start fast

    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return list(items)
    processes = torch.distributed.get_world_size()
    if len(items) < processes:
        raise ValueError(f"{len(items)} images cannot be shared out among {processes} processes; start fewer")
    return list(items[torch.distributed.get_rank() :: processes])


def _read_part(path: Path, part: str) -> list[Any]:
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such data list; give the path of its JSON file, or write one with scripts.prepare"
        )
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file ({error}); a data list is written by scripts.prepare") from error
    entries = content.get(part) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        parts = [key for key in PARTS if isinstance(content, dict) and key in content]
        raise ValueError(f"{path}: has no list '{part}'; it has {', '.join(parts) or 'no part of a data list'}")
    return entries


def _checked_item(entry: object, root: Path, where: str) -> Item:
    item = {"image": entry} if isinstance(entry, str) else entry
    if not isinstance(item, dict) or not isinstance(item.get("image"), str):
        raise ValueError(f"{where}: names no image; an item is {{'image': path below dataset_dir, ...}}")
    paths = {key: str(root / _below_root(item[key], where)) for key in _PATH_KEYS if isinstance(item.get(key), str)}
    frame = item.get("frame")
    if frame is not None and (type(frame) is not int or frame < 0):
        raise ValueError(f"{where}: frame must be a whole number, counted from 0, got {frame!r}")
    name = {} if item.get("name") is None else {"name": _plain_name(item["name"], where)}
    return {**item, **paths, **name}


def _plain_name(name: object, where: str) -> str:
    path = PurePath(name) if isinstance(name, str) else PurePath()
    if not path.name or path.anchor or ".." in path.parts:
        raise ValueError(f"{where}: name must be a text such as 'leg 1/left', for results are called so, got {name!r}")
    return path.as_posix()


def _with_posix_paths(item: Mapping[str, Any], where: str) -> Item:
    paths = {
        key: _below_root(item[key], where).as_posix() for key in _PATH_KEYS if isinstance(item.get(key), str | PurePath)
    }
    return {**item, **paths}


def _without_suffix(path: PurePath) -> PurePath:
    """DICOM files are often named by their UID: what follows its last dot is no suffix."""
    return path if path.suffix[1:].isdigit() else path.with_suffix("")


def _below_root(path: str | PurePath, where: str) -> PurePath:
    """The path without detours. Links inside the folder are its owner's choice and are followed."""
    plain = PurePath(os.path.normpath(path))
    if plain.anchor or plain.parts[:1] == ("..",) or not plain.name:
        raise ValueError(f"{where}: '{path}' is not a file below dataset_dir; write it relative to that folder")
    return plain


def _check_files(items: Iterable[Item], where: str, root: Path) -> None:
    files = [item[key] for item in items for key in _PATH_KEYS if isinstance(item.get(key), str)]
    if missing := [file for file in files if not os.path.isfile(file)]:
        raise FileNotFoundError(
            f"{where}: {len(missing)} of {len(files)} files are missing below {root}, "
            f"the first is {missing[0]}; check dataset_dir"
        )
