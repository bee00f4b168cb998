"""Files that are there as a whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# A list that holds no lists, as `json.dumps` breaks it up; strings have no line breaks in JSON.
_FLAT_LIST = re.compile(r"\[\n\s+([^\[\]{}]+?)\n\s*\]")
# zlib's usual 6 takes three times as long and saves little. Thin coloured lines want all of their colour (4:4:4).
_IMAGE_FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG", "compress_level": 1},
    ".jpg": {"format": "JPEG", "quality": 90, "subsampling": 0},
}

# The writer's machine and process stand in the name: so it can be told whether it still lives.
_TEMPORARY = re.compile(r"\.skiagraph-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.part")
_ABANDONED_AFTER_S = 24 * 3600
# A writer that seems to have ended may live: containers can share a host name and not see each other's processes
# (`docker run --network host`). But no writer pauses for so long within one file.
_LEFT_ALONE_S = 10 * 60


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file so that nobody ever sees it half-written, whatever stops the writer.

    Yields a temporary path in the file's folder (which is made if it is missing). When the block ends well, what is
    there replaces ``path`` in one step; when it raises (``KeyboardInterrupt`` too), it is removed and ``path`` stays
    what it was. A process that is killed outright can leave a hidden ``.part`` file, which the next process to write
    into the folder removes: ten minutes after its last change if it runs on the same machine, else after a day.

    The temporary name does not end like ``path``, so that no search of the folder takes it for a result: tell a
    writer that goes by the ending which format to write.

    Args:
        path: the file to write; one that exists is replaced.

    Raises:
        IsADirectoryError: ``path`` is a folder.
        FileNotFoundError: the block has written nothing.

    Example::

        with whole_file("out/mask.png") as temporary:
            image.save(temporary, format="PNG")
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; a file of this name is to be written, so move the folder away.")
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path.parent.absolute())
    temporary = path.with_name(f".skiagraph-{_machine()}-{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        yield temporary
        if not temporary.exists():
            raise FileNotFoundError(f"{path}: nothing was written to the temporary path that was to become this file.")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write JSON (UTF-8, indent 4, a list of numbers or words on one line, the order kept) as a whole file.

    Arrays, tensors and their scalars become lists and numbers, paths become text. NaN and infinity, which JSON does
    not have, become null: the value is not known.

    Args:
        path: the file to write, in a folder that is made if it is missing.
        content: dictionaries, lists, tuples, text, numbers, None, and what is named above.

    Raises:
        TypeError: ``content`` holds something else.
    """
    text = json.dumps(_as_json(content), indent=4, ensure_ascii=False, allow_nan=False)
    text = _FLAT_LIST.sub(lambda flat: "[" + re.sub(r"\n\s+", " ", flat[1]) + "]", text)
    with whole_file(path) as temporary:
        temporary.write_text(f"{text}\n", encoding="utf-8", newline="\n")


def write_image(path: str | os.PathLike[str], pixels: NDArray[np.uint8]) -> None:
    """Write an image as a whole file: PNG, or JPEG for what is only looked at (a tenth of the time and size).

    Args:
        path: the file to write, .png or .jpg, in a folder that is made if it is missing.
        pixels: (rows, columns) grey or (rows, columns, 3) RGB.

    Raises:
        ValueError: the name ends otherwise.
    """
    settings = _IMAGE_FORMATS.get(Path(path).suffix)
    if settings is None:
        raise ValueError(f"{path}: images are written as {' or '.join(_IMAGE_FORMATS)}")
    with whole_file(path) as temporary:
        Image.fromarray(pixels).save(temporary, **settings)


def _as_json(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: _as_json(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return os.fspath(value) if isinstance(value, os.PathLike) else value


@lru_cache(maxsize=1024)
def _remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left in a folder: once a process, for a folder may hold many files."""
    for entry in os.scandir(folder):
        match = _TEMPORARY.fullmatch(entry.name)
        # Another process may be cleaning up as well.
        with suppress(FileNotFoundError):
            if match and _is_abandoned(entry.stat().st_mtime, machine=match[1], process=int(match[2])):
                os.unlink(entry.path)


def _is_abandoned(modified: float, machine: str, process: int) -> bool:
    age_s = time.time() - modified
    if age_s > _ABANDONED_AFTER_S:
        return True
    # Elsewhere than on POSIX, os.kill would end the process instead of asking for it.
    if age_s < _LEFT_ALONE_S or machine != _machine() or os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@lru_cache(maxsize=1)
def _machine() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
