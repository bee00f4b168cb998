"""Everything that is looked for in one file of the output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from ...folder_work import describe_error, whole_file
from .findings import LEAK, Finding
from .output import Original, Output, declared_options
from .pairs import Pair, missing_files, pairs_of
from .pixels import Looked, pixels_changed, text_in_pixels
from .reading import open_dicom
from .rows import burned_in_claims, bytes_around, method_not_declared, rows_not_honoured
from .search import Hunter
from .store import ORIGINAL, OUTPUT, Store
from .values import values_in_any_file, values_left

_MOST_GROUPS = 64
_LOOKS = (values_left, rows_not_honoured, method_not_declared, bytes_around, burned_in_claims, pixels_changed)


@dataclass(frozen=True)
class FileTask:
    """Files of the output to be checked.

    Attributes:
        original: folder before de-identification.
        output: folder after it.
        database: of the `Store`.
        files: id and name of files of the output.
        out: a file of JSON lines to write.
        pixels: in which frames to look for text.
    """

    original: Path
    output: Path
    database: Path
    files: tuple[tuple[int, str], ...]
    out: Path
    pixels: Looked

    @property
    def first(self) -> str:
        """Name of the first file."""
        return self.files[0][1]


def check_outputs(task: FileTask) -> None:
    """Write what is found in some files, a line of JSON for each file."""
    store = Store(task.database)
    with whole_file(task.out) as temporary, temporary.open("w", encoding="utf-8") as lines:
        for number, name in task.files:
            try:
                findings, pairs = _check(task, store, number)
            except Exception as error:  # noqa: BLE001 what cannot be looked at is not clean
                note = f"could not be looked at: {describe_error(error)}"
                findings, pairs = [Finding(LEAK, "unreadable", name, "", "", note=note)], []
            json.dump({"findings": [asdict(finding) for finding in findings], "pairs": pairs}, lines)
            lines.write("\n")
    store.close()


def _check(task: FileTask, store: Store, number: int) -> tuple[list[Finding], list[Pair]]:
    [(name, kind, note, digest)] = store.rows("SELECT path, kind, note, digest FROM file WHERE id = ?", number)
    if kind != "dicom":
        findings = [Finding(LEAK, *rest) for rest in _other_file(task, store, name, digest)]
        if kind == "unreadable":
            findings.append(Finding(LEAK, "unreadable", name, "", "", note=note))
        return findings, []
    output, groups = _output(task, store, number)
    findings = [finding for look in _LOOKS for finding in look(output)]
    findings += missing_files(output)
    findings += text_in_pixels(output, task.pixels)
    return findings, list(pairs_of(output, groups[0])) if len(groups) == 1 else []


def _other_file(task: FileTask, store: Store, name: str, digest: str) -> Iterator[tuple[str, str, str, str, str, str]]:
    query = "SELECT path FROM file WHERE side = ? AND digest = ? AND digest != '' LIMIT 1"
    for (origin,) in store.rows(query, ORIGINAL, digest):
        yield "copy", name, "", "", origin, "the same bytes as in the original"
    for kind, where, what, origin in values_in_any_file(store, task.output, name):
        yield kind, name, where, what, origin, "in a file that is no DICOM"


def _output(task: FileTask, store: Store, number: int) -> tuple[Output, tuple[str, ...]]:
    query = "SELECT i.path, i.grp, i.pixel FROM match JOIN file i ON i.id = original WHERE output = ? ORDER BY i.id"
    originals = list(store.rows(query, number))
    groups = tuple(sorted({group for _, group, _ in originals} or _without_output(store)))
    candidates = []
    for name, _, pixel in originals:
        if (file := open_dicom(task.original / name)) is not None:
            candidates.append(Original(name, file, pixel))
    [(name, pixel)] = store.rows("SELECT path, pixel FROM file WHERE id = ? AND side = ?", number, OUTPUT)
    file = open_dicom(task.output / name)
    if file is None:
        raise ValueError(f"{task.output / name}: has changed while it was checked; run this again")
    hunter, sources = _hunter(task.database, groups, declared_options(file))
    return Output(task.output, name, file, pixel, tuple(candidates), hunter, sources, store), groups


def _without_output(store: Store) -> set[str]:
    """Patients of originals that nothing is known to be made of: an output that matches nothing may be theirs."""
    query = "SELECT DISTINCT grp FROM file WHERE side = ? AND id NOT IN (SELECT original FROM match) LIMIT ?"
    return {group for (group,) in store.rows(query, ORIGINAL, _MOST_GROUPS)}


@lru_cache(maxsize=8)
def _hunter(
    database: Path, groups: tuple[str, ...], options: frozenset[int]
) -> tuple[Hunter, dict[tuple[str, str, str], str]]:
    store = Store(database)
    rows = store.secrets(groups)
    store.close()
    sources: dict[tuple[str, str, str], str] = {(s.kind, s.text, s.path): file for s, file in rows}
    return Hunter((secret for secret, _ in rows), options), sources
