"""Rows of the profile, the declaration of what was done, and the bytes around the data set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from .facts import DICOMDIR_CLASS
from .findings import Finding
from .output import Output
from .profile import (
    BASIC,
    CLEAN_PIXELS,
    KEEP_FULL_DATES,
    KEEP_MODIFIED_DATES,
    KEEP_SAFE_PRIVATE,
    METHOD_MEANINGS,
    row_of,
)
from .reading import DicomFile, Leaf

# What de-identifiers put in, and what says nothing about anybody.
_DUMMY = re.compile(r"(0*(\.0*)?|O|000[DWMY]|0+|anon\w*|unknown|none|removed|dummy|unspecified)?", re.IGNORECASE)
_TOLD_ELSEWHERE = frozenset(["UI", "DA", "DT", "SQ"])
# Keys of a DICOMDIR's records that are of Type 2 must be there, and may be empty (PS3.3 F.5).
_RECORD = "(0004,1220)["
_CODE, _SCHEME, _MEANING = (0x00080100, 0x00080102, 0x00080104)


def rows_not_honoured(output: Output) -> Iterator[Finding]:
    """Attributes that Table E.1-1 removes, empties or replaces and that are still there."""
    for leaf in output.file.leaves:
        row = row_of(leaf.tag)
        action = row.action_under(output.options) if row else "K"
        if leaf.private and KEEP_SAFE_PRIVATE not in output.options:
            yield output.leak("private", leaf.path, leaf.text[:64])
        elif action in ("K", "C") or row is None or leaf.private:
            continue
        elif action == "X":
            if leaf.path.startswith(_RECORD) and not leaf.text.strip(" \0"):
                continue
            yield output.leak("profile", leaf.path, leaf.text[:64], note=f"{row.name}: X, and it is still there")
        elif leaf.vr == "SQ" and "U" not in action and (source := _unchanged_items(output, leaf)):
            yield output.leak("profile", leaf.path, "", source, f"{row.name}: {action}, and its items are unchanged")
        elif leaf.vr not in _TOLD_ELSEWHERE and (source := _unchanged(output, leaf)):
            yield output.leak("profile", leaf.path, leaf.text[:64], source, f"{row.name}: {action}, and unchanged")
    yield from _gone(output)


def _unchanged(output: Output, leaf: Leaf) -> str:
    """Where all originals that come into question have the same; empty if they have not."""
    if _DUMMY.fullmatch(leaf.text.strip(" \0")) and not leaf.raw:
        return ""
    others = [original.file.first.get(leaf.path) for original in output.candidates]
    same = [other is not None and (other.texts, other.raw) == (leaf.texts, leaf.raw) for other in others]
    return f"{output.candidates[0].name} {leaf.path}" if same and all(same) else ""


def _unchanged_items(output: Output, leaf: Leaf) -> str:
    """Where the original has the same items, UIDs and dates apart; empty if it has not."""
    after = _said_in(output.file, leaf)
    same = [_said_in(original.file, leaf) == after for original in output.candidates]
    return f"{output.candidates[0].name} {leaf.path}" if after and same and all(same) else ""


def _said_in(file: DicomFile, sequence: Leaf) -> dict[str, tuple[str, ...]]:
    inside = (leaf for leaf in file.leaves if leaf.path.startswith(f"{sequence.path}["))
    return {leaf.path: leaf.texts for leaf in inside if leaf.vr not in _TOLD_ELSEWHERE and any(leaf.texts)}


def _gone(output: Output) -> Iterator[Finding]:
    """Attributes that were to be replaced (D) or emptied (Z), not removed."""
    if output.original is None:
        return
    for leaf in output.original.file.leaves:
        row = row_of(leaf.tag)
        action = row.action_under(output.options) if row else ""
        parent = leaf.path.rpartition("/")[0].rpartition("[")[0]
        there = not parent or parent in output.file.first
        if action in ("D", "Z", "Z/D") and leaf.path not in output.file.first and there and "/" not in leaf.path:
            yield output.notice("profile", leaf.path, "", note=f"{row.name if row else ''}: {action}, and it is gone")


def method_not_declared(output: Output) -> Iterator[Finding]:
    """(0012,0062) to (0012,0064) and (0028,0303): PS3.15 E.1.1 and PS3.3 C.7.1.1, C.12.1."""
    file = output.file
    if file.text(0x00080016) == DICOMDIR_CLASS or file.text(0x00020002) == DICOMDIR_CLASS:
        return
    if file.text(0x00120062) != "YES":
        yield output.leak("method", "(0012,0062)", file.text(0x00120062), note="Patient Identity Removed is not YES")
    items = _method_items(output)
    if not items and not file.text(0x00120063):
        yield output.leak("method", "(0012,0063)", "", note="De-identification Method and its codes are missing")
    if not any(item.get(_CODE, "") == str(BASIC) for item in items.values()):
        yield output.leak("method", "(0012,0064)", "", note="the code of the basic profile, 113100, is missing")
    for path, item in items.items():
        code, meaning = item.get(_CODE, ""), item.get(_MEANING, "")
        known = METHOD_MEANINGS.get(int(code)) if code.isdigit() else None
        if item.get(_SCHEME, "") != "DCM" or known is None or _plain(meaning) != _plain(known):
            yield output.leak("method", path, f"{code} {meaning}", note="no code of CID 7050 with its meaning")
    yield from _temporal(output)


def _method_items(output: Output) -> dict[str, dict[int, str]]:
    items: dict[str, dict[int, str]] = {}
    for leaf in output.file.leaves:
        if leaf.path.startswith("(0012,0064)[") and leaf.tag in (_CODE, _SCHEME, _MEANING):
            items.setdefault(leaf.path.rpartition("/")[0], {})[leaf.tag] = leaf.text.strip(" \0")
    return items


def _plain(meaning: str) -> str:
    """A meaning in the older and in the newer spelling of CID 7050."""
    return re.sub(r"\W|application|option|level|with", "", meaning.lower())


def _temporal(output: Output) -> Iterator[Finding]:
    said = output.file.text(0x00280303)
    meant = "REMOVED"
    if KEEP_FULL_DATES in output.options:
        meant = "UNMODIFIED"
    elif KEEP_MODIFIED_DATES in output.options:
        meant = "MODIFIED"
    if said != meant and (said or meant != "REMOVED"):
        note = f"Longitudinal Temporal Information Modified should be {meant}"
        yield output.leak("method", "(0028,0303)", said, note=note)


def bytes_around(output: Output) -> Iterator[Finding]:
    """Preamble, padding, elements out of order, bytes behind the end, and file meta that contradicts the data set."""
    file = output.file
    preamble = getattr(file.dataset, "preamble", None) or b""
    if preamble.strip(b"\0"):
        yield output.leak("bytes", "preamble", repr(preamble.strip(b"\0")[:16]))
    padding = file.first.get("(FFFC,FFFC)")
    if padding is not None and (padding.raw.strip(b"\0") or padding.text.strip("\0")):
        yield output.leak("bytes", padding.path, repr(padding.raw[:16]), note="padding that is not zero")
    size = file.path.stat().st_size
    if file.end < size:
        yield output.leak("bytes", f"bytes from {file.end}", f"{size - file.end} bytes", note="behind the last element")
    tags = [int(tag) for tag in file.dataset.keys()]  # noqa: SIM118 iterating over a data set sorts it and reads it
    if any(second < first for first, second in pairwise(tags)):
        yield output.leak("bytes", "data set", "", note="elements are out of order: something follows the data set")
    instance, stored = file.text(0x00080018), file.text(0x00020003)
    if instance and stored and instance != stored:
        yield output.leak("meta", "(0002,0003)", stored, note="is not the data set's SOP Instance UID")


def burned_in_claims(output: Output) -> Iterator[Finding]:
    """Burned In Annotation: what the original has, the output must have removed."""
    before = {original.file.text(0x00280301) for original in output.candidates}
    after, cleaned = output.file.text(0x00280301), CLEAN_PIXELS in output.options
    if cleaned and after not in ("", "NO"):
        yield output.leak("burned in", "(0028,0301)", after, note="pixels are said to be cleaned, and text to be left")
    elif "YES" in (after, *before) and not cleaned:
        yield output.leak("burned in", "(0028,0301)", after, note="text is burned in, and pixels are not cleaned")
