"""The classes that a data list has boxes of."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .data_list import PARTS


def check_box_classes(path: str | os.PathLike[str], classes: Sequence[str]) -> None:
    """See to it that a data list has boxes of the classes that a detector is to find.

    Boxes of other classes are counted in a warning, for the detector takes them for background.

    Args:
        path: the data list.
        classes: what the detector finds.

    Raises:
        ValueError: the list has boxes, and none of the classes.
    """
    there = Counter(name for item in _listed(Path(path)) for name in item.get("classes", ()))
    others = [name for name in there if name not in classes]
    if others and len(others) == len(there):
        raise ValueError(
            f"{path}: its boxes are of {', '.join(others)}, the detector finds {', '.join(classes)}; "
            f'give --classes "{others}"'
        )
    for name in others:
        logging.getLogger(__name__).warning("%s: %d boxes of '%s' are left out", path, there[name], name)


def _listed(path: Path) -> Iterator[dict[str, Any]]:
    """Entries of all parts; none of a file that is no data list, which whoever reads its parts says."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return
    for part in PARTS if isinstance(content, dict) else ():
        yield from (item for item in content.get(part, ()) if isinstance(item, dict))
