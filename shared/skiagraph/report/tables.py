"""Tables in plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def markdown_table(rows: Sequence[Mapping[str, Any]], digits: int = 3) -> str:
    """Rows as a Markdown table that also reads well as it stands: padded columns, numbers to the right.

    Args:
        rows: one mapping a row; the columns are their keys in order of appearance, and what a row lacks stays empty.
        digits: decimals of floating-point numbers.

    Returns:
        the table, each line ended; empty without rows.
    """
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in row))
    numeric = {name: all(isinstance(row.get(name, 0), (int, float)) for row in rows) for name in names}
    cells = [[_cell(row.get(name, ""), digits) for name in names] for row in rows]
    widths = [max(3, *map(len, column)) for column in zip(names, *cells, strict=True)]
    rule = ["-" * (width - 1) + (":" if numeric[name] else "-") for name, width in zip(names, widths, strict=True)]
    lines = [
        [c.rjust(w) if numeric[n] else c.ljust(w) for n, c, w in zip(names, line, widths, strict=True)]
        for line in [names, *cells]
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in [lines[0], rule, *lines[1:]])


def _cell(value: Any, digits: int) -> str:
    text = f"{value:.{digits}f}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
