"""Going through a folder of any size."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def walk_files(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Every file below a folder, hidden ones too, one after the other, in the order of names within each folder.

    No link below the folder is followed, to a file or a folder: what it points to inside is met where it lies, and
    what lies outside does not belong to the folder. Pipes and devices are left out as well. Only the names of the
    folders that lead to the file at hand are kept, never those of the whole tree.

    Raises:
        OSError: the folder, or one below it, is missing or cannot be read.
    """
    levels = [_entries(folder)]
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
        elif entry.is_dir(follow_symlinks=False):
            levels.append(_entries(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _entries(folder: str | os.PathLike[str]) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return iter(sorted(entries, key=lambda entry: entry.name))
