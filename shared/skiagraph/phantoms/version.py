"""Which code drew the phantoms of a folder: images of another version are not mixed with its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..folder_work import write_json


def drawing_sha256(modules: Sequence[str]) -> str:
    """The version of the code that draws: other code draws other images from the same seed.

    Args:
        modules: names of all modules of this room that the images depend on.

    Returns:
        SHA-256 in hexadecimal.
    """
    sources = [Path(__file__).with_name(f"{module}.py") for module in modules]
    return sha256(b"".join(source.read_bytes().replace(b"\r\n", b"\n") for source in sources)).hexdigest()


def claim_folder(out: Path, settings: Mapping[str, Any], kind: str) -> None:
    """Write `phantoms.json`, or see that it is the same: images that are there are not drawn again.

    Args:
        out: the folder of the phantoms.
        settings: all that every image depends on, `seed` and the version of the code included.
        kind: these settings in words, for the message.

    Raises:
        ValueError: the folder holds phantoms of other settings, or the seed is none.
    """
    if settings["seed"] < 0:
        raise ValueError(f"a seed is 0 or more, not {settings['seed']}")
    record = out / "phantoms.json"
    if record.is_file() and json.loads(record.read_bytes()) != settings:
        raise ValueError(f"{out}: holds phantoms of another {kind} (see {record.name}); give another folder")
    write_json(record, settings)
