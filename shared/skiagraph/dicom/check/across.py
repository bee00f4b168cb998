"""What is only seen when all files are looked at together."""

from __future__ import annotations

from collections.abc import Iterator

from .findings import LEAK, NOTICE, Finding
from .store import ORIGINAL, OUTPUT, Store

_SEVERAL = """SELECT p.{key}, p.before, p.after, p.path, p.file FROM pair p JOIN (SELECT {key} AS k FROM pair
    WHERE kind = ? GROUP BY {key} HAVING count(*) > 1) ON p.{key} = k WHERE p.kind = ? ORDER BY p.{key}, p.file"""
# An instance of the original whose counterpart is sure, and what those who refer to it became.
_ELSEWHERE = """SELECT p.path, p.file, p.after, i.path FROM pair p
    JOIN file i ON i.side = 0 AND i.sop = p.before JOIN match m ON m.original = i.id JOIN file o ON o.id = m.output
    WHERE p.kind = 'uid' AND o.sop != p.after
    AND (SELECT count(*) FROM match WHERE original = i.id) = 1 AND (SELECT count(*) FROM match WHERE output = o.id) = 1
    AND (SELECT count(*) FROM file WHERE side = 0 AND sop = i.sop) = 1"""


def seen_across(store: Store) -> Iterator[Finding]:
    """UIDs, patients and dates that did not become one thing everywhere, references that lead elsewhere, lost files."""
    yield from _split_or_merged(store, "uid", "mapping", "UID")
    yield from _split_or_merged(store, "patient", "patient", "patient")
    yield from _shifts(store)
    for path, file, after, origin in store.rows(_ELSEWHERE):
        yield Finding(LEAK, "reference", file, path, after, origin, "does not lead to what became of this file")
    yield from _without_counterpart(store)


def _split_or_merged(store: Store, kind: str, told_as: str, noun: str) -> Iterator[Finding]:
    for key, note in (("before", f"one {noun} became several"), ("after", f"several {noun}s became one")):
        for _, before, after, path, file in store.rows(_SEVERAL.format(key=key), kind, kind):
            yield Finding(LEAK, told_as, file, path, after, before, note)


def _shifts(store: Store) -> Iterator[Finding]:
    for _, _, days, path, file in store.rows(_SEVERAL.format(key="before"), "shift", "shift"):
        yield Finding(LEAK, "shift", file, path, f"{days} days", note="other dates of this patient moved otherwise")
    for path, file in store.rows("SELECT path, file FROM pair WHERE kind = 'shift' AND after = '0'"):
        yield Finding(LEAK, "shift", file, path, "0 days", note="dates are said to be modified, and are not")


def _without_counterpart(store: Store) -> Iterator[Finding]:
    query = "SELECT path, kind, note FROM file WHERE side = ? AND id NOT IN (SELECT {} FROM match)"
    for path, kind, note in store.rows(query.format("original"), ORIGINAL):
        word = {"dicom": "", "other": "is no DICOM", "unreadable": note}[kind]
        yield Finding(NOTICE, "not in output", path, "", "", note=word)
    for path, kind, _ in store.rows(query.format("output"), OUTPUT):
        if kind == "dicom":
            yield Finding(
                NOTICE, "not in input", path, "", "", note="compared with no original; all else was looked at"
            )
