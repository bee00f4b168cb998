"""What a data set becomes: new bytes, and places in the source that are copied."""

from __future__ import annotations

from .stream import Cursor

# Bytes, or from where to where the source's bytes are to be copied.
Piece = bytes | tuple[int, int]


class Pieces:
    """A data set in the making.

    Args:
        start: where it begins in the source.
    """

    def __init__(self, start: int) -> None:
        self._pieces: list[Piece] = []
        self._copied_from = start

    def put(self, start: int, new: bytes, end: int) -> None:
        """Put bytes in the place of those of the source from start to end."""
        if start > self._copied_from:
            self._pieces.append((self._copied_from, start))
        if new:
            self._pieces.append(new)
        self._copied_from = end

    def finish(self, start: int, end: int) -> list[Piece] | None:
        """All pieces, or None if everything from start to end is as it was."""
        if not self._pieces and self._copied_from == start:
            return None
        if end > self._copied_from:
            self._pieces.append((self._copied_from, end))
        return self._pieces


def joined(cursor: Cursor, pieces: list[Piece]) -> bytes:
    """Pieces of a source as bytes."""
    data = cursor.data
    return b"".join(piece if isinstance(piece, bytes) else data[piece[0] : piece[1]] for piece in pieces)
