"""Going through a folder of somebody else's data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def walk_files(root: str | os.PathLike[str]) -> Iterator[Path]:
    """All files below a folder but the hidden ones and those in hidden folders.

    Links to folders are followed, after all else, so that files are named by where they are; a folder is gone through
    once, even if links lead in a circle.

    Raises:
        OSError: a folder cannot be read.
    """
    seen: set[str] = set()
    starts = [os.fspath(root)]
    for start in starts:  # grows by the links that are met
        if os.path.realpath(start) in seen:
            continue
        for folder, below, files in os.walk(start, onerror=_raise):
            seen.add(os.path.realpath(folder))
            paths = [os.path.join(folder, name) for name in sorted(below) if not name.startswith(".")]
            starts += [path for path in paths if os.path.islink(path)]
            real = (path for path in paths if not os.path.islink(path) and os.path.realpath(path) not in seen)
            below[:] = map(os.path.basename, real)
            yield from (Path(folder, name) for name in sorted(files) if not name.startswith("."))


def _raise(error: OSError) -> None:
    raise error
