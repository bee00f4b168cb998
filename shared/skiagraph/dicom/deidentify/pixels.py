"""Where a cleaner of pixels is put in: the Clean Pixel Data Option (PS3.15 E.3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Protocol

from pydicom import dcmread
from pydicom.dataset import FileDataset


@dataclass(frozen=True)
class Finding:
    """Something that was removed from pixels.

    Attributes:
        frame: its number, from 0.
        box_px: left, top, right, bottom.
        reason: the rule that found it, without the text itself.
    """

    frame: int
    box_px: tuple[int, int, int, int]
    reason: str


class PixelCleaner(Protocol):
    """Removes text from pixels. It is pickled for every file."""

    def clean(self, dataset: FileDataset, path: Path, identifiers: Iterable[str]) -> Sequence[Finding]:
        """Clean the pixels of a data set where they are, in every frame, and set its transfer syntax accordingly.

        Args:
            dataset: as it was read, with pixels.
            path: of its file.
            identifiers: names, numbers and dates of its study as they stand in headers.

        Returns:
            What was removed; empty if the data set is unchanged.

        Raises:
            ValueError: the pixels cannot be decoded, or not be written without loss: the file is refused.
        """
        ...


def cleaned_file(path: Path, cleaner: PixelCleaner, identifiers: Iterable[str]) -> tuple[bytes | None, list[Finding]]:
    """The file with clean pixels, in memory only as its header still identifies; None if they are clean already.

    Raises:
        ValueError: the pixels cannot be cleaned.
    """
    try:
        dataset = dcmread(path, force=True)
        findings = list(cleaner.clean(dataset, path, identifiers))
        if not findings:
            return None, findings
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
    except Exception as error:  # decoders and damaged files raise nearly anything
        raise ValueError(f"its pixels cannot be cleaned: {error}") from error
    return buffer.getvalue(), findings
