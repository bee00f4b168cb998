"""Text of tables, however it was saved."""

from __future__ import annotations

from pathlib import Path


def read_text(path: Path) -> str:
    """All of a file in UTF-8, with or without the byte order mark that spreadsheets write.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, or is not in UTF-8.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: unreadable ({error}); save it again as CSV in UTF-8.") from error
