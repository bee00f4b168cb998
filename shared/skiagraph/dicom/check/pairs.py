"""What became of UIDs, patients, dates and files, to be compared across all files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from .findings import Finding
from .output import Output, same_places, shifts_between
from .profile import KEEP_MODIFIED_DATES
from .reading import Leaf
from .secrets import is_own_uid, names_a_class
from .store import OUTPUT

Pair = tuple[str, str, str, str, str]

_REFERENCED_FILE = 0x00041500


def pairs_of(output: Output, group: str) -> Iterator[Pair]:
    """(kind, before, after, element, file) of a file whose counterpart is sure.

    Args:
        output: the file.
        group: its patient in the original.
    """
    if output.original is None:
        return
    before = output.original.file
    for old, new in same_places(before, output.file):
        # File meta may contradict the data set in an original; in the output that is told as such.
        if new.vr == "UI" and new.tag >> 16 != 2 and not names_a_class(new.tag):
            for first, second in zip(old.texts, new.texts, strict=True):
                if is_own_uid(first) and is_own_uid(second):
                    yield "uid", first.strip(" \0"), second.strip(" \0"), new.path, output.name
    patients = before.text(0x00100020), output.file.text(0x00100020)
    if all(patients):
        yield "patient", f"{patients[0]}|{before.text(0x00100021)}", patients[1], "(0010,0020)", output.name
    if KEEP_MODIFIED_DATES in output.options:
        for path, shift in shifts_between(before, output.file):
            yield "shift", group, str(shift.days), path, output.name


def missing_files(output: Output) -> Iterator[Finding]:
    """Files that a DICOMDIR names and that are not there, or are other instances than it says."""
    folder = PurePosixPath(output.name).parent
    originals = {leaf.path for original in output.candidates for leaf in original.file.leaves}
    for leaf in output.file.leaves:
        if leaf.tag != _REFERENCED_FILE or not any(leaf.texts):
            continue
        name = (folder / "/".join(text.strip() for text in leaf.texts)).as_posix()
        found = list(output.store.rows("SELECT sop FROM file WHERE side = ? AND path = ?", OUTPUT, name))
        if not found and (output.root / name).is_file() is False and leaf.path in originals:
            yield output.leak("reference", leaf.path, name, note="the file that this record names is not there")
        elif found and (said := _instance_beside(output, leaf)) and said != found[0][0]:
            yield output.leak("reference", leaf.path, name, note="the file that this record names is another instance")


def _instance_beside(output: Output, leaf: Leaf) -> str:
    """Referenced SOP Instance UID in File of the same directory record."""
    beside = output.file.first.get(f"{leaf.path.rpartition('/')[0]}/(0004,1511)")
    return beside.text.strip(" \0") if beside else ""
