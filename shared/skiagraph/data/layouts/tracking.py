"""The table `tracking.csv` beside the images of a tracked sweep."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from ..text import read_text


def read_tracking(table: Path, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows with the numbers of their lines; a value that a short row lacks is empty.

    Args:
        table: the file, UTF-8 with or without a byte order mark.
        columns: those that must be there; others may be.

    Raises:
        FileNotFoundError: it is missing.
        ValueError: it is unreadable, or a column is missing.
    """
    if not table.exists():
        raise FileNotFoundError(f"{table}: missing; a tracked sweep needs one row for each image.")
    try:
        reader = csv.DictReader(io.StringIO(read_text(table)), restval="")
        rows = [(reader.line_num, row) for row in reader]
        found = reader.fieldnames or []
    except csv.Error as error:
        raise ValueError(f"{table}: unreadable ({error}); save it again as CSV in UTF-8.") from error
    if missing := [name for name in columns if name not in found]:
        raise ValueError(f"{table}: column {', '.join(missing)} missing; expected {', '.join(columns)}.")
    return rows
