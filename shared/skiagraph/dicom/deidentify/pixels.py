"""Where a cleaner of pixels is put in: the Clean Pixel Data Option (PS3.15 E.3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Protocol

from pydicom import dcmread
from pydicom.dataset import FileDataset


class Finding(Protocol):
    """Something that a cleaner found in pixels, without saying what it reads."""

    @property
    def frames(self) -> tuple[int, ...]:
        """Where it was found, counted from 0."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """First row and column, and last row and column, the last ones not included."""

    @property
    def rule(self) -> str:
        """What found it."""

    @property
    def action(self) -> str:
        """What was done."""


class PixelCleaner(Protocol):
    """Removes text from pixels. It is pickled for every file."""

    def clean(self, dataset: FileDataset, path: Path, identifiers: Iterable[str]) -> Sequence[Finding]:
        """Clean the pixels of a data set where they are, in every frame, and set its transfer syntax accordingly.

        Args:
            dataset: as it was read, with pixels.
            path: of its file.
            identifiers: names, numbers and dates of its study and its patient as they stand in headers.

        Returns:
            What was found; empty if the data set is unchanged but for Burned In Annotation (0028,0301), which is NO
            if no text is left.

        Raises:
            ValueError: the pixels cannot be decoded, or not be written without loss: the file is refused.
        """
        ...


def cleaned_file(
    path: Path, cleaner: PixelCleaner, identifiers: Iterable[str]
) -> tuple[bytes | None, Sequence[Finding], bool]:
    """The file with clean pixels, in memory only as its header still identifies; None if they are clean already.

    Returns:
        The file or None, what was found, and whether the cleaner says that no text is left (Burned In Annotation).

    Raises:
        ValueError: the pixels cannot be cleaned.
    """
    try:
        dataset = dcmread(path, force=True)
        findings = cleaner.clean(dataset, path, identifiers)
        said = dataset.get("BurnedInAnnotation")
        if said == "YES":
            raise ValueError("it says that text is in them, and they are of a kind that is not looked through")
        is_clean = said == "NO"
        if not findings:
            return None, findings, is_clean
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
    except Exception as error:  # decoders and damaged files raise nearly anything
        raise ValueError(f"its pixels cannot be cleaned: {error}") from error
    return buffer.getvalue(), findings, is_clean
