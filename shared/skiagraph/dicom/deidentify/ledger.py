"""What was done to each element of an output: kept beside the outputs, never in them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ...folder_work import whole_file
from .keys import Key
from .rewriting import Change


@dataclass(frozen=True)
class Record:
    """What an output was made of, so that it need not be made again.

    Attributes:
        input_name: keyed hash of the input's path below its folder.
        input_size: in bytes.
        input_changed_ns: time of its last change.
        settings: digest of options, key, tables and program.
        identifiers: digest of what was hunted.
        output_size: in bytes.
    """

    input_name: str
    input_size: int
    input_changed_ns: int
    settings: str
    identifiers: str
    output_size: int


def write_ledger(path: Path, record: Record, changes: Sequence[Change], key: Key) -> None:
    """Write the ledger of one output: a line of JSON with its record, then one for each element that was changed.

    A line has the element's path, what was done, by which rule, and a keyed hash of the value before; no originals.
    """
    lines = [json.dumps(asdict(record))]
    lines += [
        json.dumps({"element": element, "action": action.value, "rule": reason, "before": key.hash(raw)})
        for element, action, reason, raw in changes
    ]
    with whole_file(path) as temporary:
        temporary.write_bytes(gzip.compress("\n".join([*lines, ""]).encode(), compresslevel=1, mtime=0))


def read_record(path: Path) -> Record | None:
    """The record of an output, or None if it has none that can be read."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return Record(**json.loads(file.readline()))
    except (OSError, ValueError, TypeError, EOFError, zlib.error):
        return None
