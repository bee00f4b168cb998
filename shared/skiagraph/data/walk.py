"""Going through a folder of somebody else's data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def walk_files(root: str | os.PathLike[str]) -> Iterator[Path]:
    """All files below a folder but the hidden ones and those in hidden folders.

    Links are followed; a folder is gone through once, even if links lead in a circle.

    Raises:
        OSError: a folder cannot be read.
    """
    seen = {os.path.realpath(root)}
    for folder, below, files in os.walk(root, followlinks=True, onerror=_raise):
        # Folders before links, so that files are named by where they are.
        ordered = sorted((os.path.islink(os.path.join(folder, name)), name) for name in below)
        below.clear()
        for _, name in ordered:
            real = os.path.realpath(os.path.join(folder, name))
            if not name.startswith(".") and real not in seen:
                below.append(name)
                seen.add(real)
        yield from (Path(folder, name) for name in sorted(files) if not name.startswith("."))


def _raise(error: OSError) -> None:
    raise error
