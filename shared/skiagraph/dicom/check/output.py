"""A file of the output beside the file of the original that it was made of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

from .findings import LEAK, NOTICE, Finding
from .profile import BASIC, KEEP_MODIFIED_DATES, row_of
from .reading import DicomFile, Leaf, open_dicom
from .search import Hit, Hunter
from .store import Store
from .text import date_of, normalise

_FILE_ID = 0x00041500
_ASKED = 8
_METHOD_CODE = re.compile(r"\(0012,0064\)\[\d+\]/\(0008,0100\)")


@dataclass(frozen=True)
class Original:
    """A file of the original.

    Attributes:
        name: path relative to its folder.
        file: the file itself.
        pixel: digest of its encoded pixels.
    """

    name: str
    file: DicomFile
    pixel: str


@dataclass(frozen=True)
class Output:
    """A file of the output and all that it is compared with.

    Attributes:
        root: folder of the output.
        name: path relative to it.
        file: the file itself.
        pixel: digest of its encoded pixels.
        candidates: the file that it was made of, or several that cannot be told apart.
        hunter: looks for the values of their patients.
        sources: file of the original by kind, text and path of a value.
        store: what is known of all other files.
    """

    root: Path
    name: str
    file: DicomFile
    pixel: str
    candidates: tuple[Original, ...]
    hunter: Hunter
    sources: dict[tuple[str, str, str], str]
    store: Store

    @property
    def original(self) -> Original | None:
        """The one file that it was made of, if that is sure."""
        return self.candidates[0] if len(self.candidates) == 1 else None

    @cached_property
    def options(self) -> frozenset[int]:
        """Codes that it declares in (0012,0064)."""
        return declared_options(self.file)

    @cached_property
    def shifted_days(self) -> frozenset[date]:
        """Days that it may name because they are days of the original moved by its own shift."""
        if KEEP_MODIFIED_DATES not in self.options:
            return frozenset()
        days = set()
        for original in self.candidates:
            shifts = Counter(shift for _, shift in shifts_between(original.file, self.file))
            if shifts and (shift := shifts.most_common(1)[0][0]):
                days |= {day + shift for day in self.hunter.days}
        return frozenset(days)

    def excuses(self, leaf: Leaf) -> bool:
        """Whether the profile leaves an element alone, and the original has the same there."""
        return row_of(leaf.tag) is None and (leaf.tag, normalise(leaf.text)) in self._kept

    @cached_property
    def _kept(self) -> set[tuple[int, str]]:
        leaves = (leaf for original in self.candidates for leaf in original.file.leaves)
        return {(leaf.tag, normalise(leaf.text)) for leaf in leaves if leaf.texts and row_of(leaf.tag) is None}

    def leak(self, kind: str, path: str, what: str, origin: str = "", note: str = "") -> Finding:
        """Something that makes the check fail."""
        return Finding(LEAK, kind, self.name, path, what, origin, note)

    def notice(self, kind: str, path: str, what: str, origin: str = "", note: str = "") -> Finding:
        """Something that a reader should know."""
        return Finding(NOTICE, kind, self.name, path, what, origin, note)

    def leak_of(self, hit: Hit, path: str, note: str = "") -> Finding:
        """A value that was found."""
        secret = hit.secret
        source = self.sources.get((secret.kind, secret.text, secret.path), "")
        return self.leak(secret.kind, path, secret.text, f"{source} {secret.path}".strip(), note)


def declared_options(file: DicomFile) -> frozenset[int]:
    """Codes in (0012,0064), the basic profile being meant in any case.

    A DICOMDIR has no place for them: there it is what all of the first files say that it names.
    """
    ids = [leaf.texts for leaf in file.leaves if leaf.tag == _FILE_ID][:_ASKED]
    said = [
        declared_options(named)
        for parts in ids
        if (path := file.path.parent.joinpath(*parts)).is_file() and (named := open_dicom(path)) is not None
    ]
    if said:
        return frozenset.intersection(*said)
    codes = (leaf.text.strip() for leaf in file.leaves if _METHOD_CODE.fullmatch(leaf.path))
    return frozenset({int(code) for code in codes if code.isdigit()} | {BASIC})


def same_places(before: DicomFile, after: DicomFile) -> Iterator[tuple[Leaf, Leaf]]:
    """Elements that both have, with as many values."""
    for leaf in after.leaves:
        other = before.first.get(leaf.path)
        if other is not None and other.vr == leaf.vr and len(other.texts) == len(leaf.texts):
            yield other, leaf


def shifts_between(before: DicomFile, after: DicomFile) -> Iterator[tuple[str, timedelta]]:
    """By how much each date of the profile was moved, and where it is."""
    for old, new in same_places(before, after):
        if new.vr in ("DA", "DT") and row_of(new.tag) is not None:
            for first, second in zip(map(date_of, old.texts), map(date_of, new.texts), strict=True):
                if first and second:
                    yield new.path, second - first
