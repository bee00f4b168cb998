"""One object of a folder, de-identified: the second pass."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Literal

from ...folder_work import describe_error, whole_file
from .declaring import declarations, file_start
from .hunting import hunter_of
from .keys import Key
from .ledger import Record, read_record, write_ledger
from .options import Options
from .pieces import Piece, joined
from .pixels import cleaned_file
from .profile import Action, Profile
from .rewriting import Change, Rewriter
from .settings import Settings
from .source import Source, open_source, parse_source
from .stream import BrokenStreamError
from .values import Replacer, Subject
from .variants import Identifier

# Fits the cache of a core.
_BLOCK = 1 << 18
# All classes of PS3.3 A.35 begin so, and no others have a Content Sequence.
_STRUCTURED_REPORTS = "1.2.840.10008.5.1.4.1.1.88."


@dataclass(frozen=True)
class Candidate:
    """A file, what its header says, and where its output goes.

    Attributes:
        path: of the file.
        size: in bytes, in the first pass.
        changed_ns: time of its last change, in the first pass.
        end: where its data set ends.
        sop_class: UID of its kind of object.
        uid: its SOP Instance UID.
        patient: issuer and ID of its patient.
        identifiers: of its study and of its patient, to be hunted.
        output: path of the output below the folder of outputs.
    """

    path: str
    size: int
    changed_ns: int
    end: int
    sop_class: str
    uid: str
    patient: str
    identifiers: frozenset[Identifier]
    output: str


# Files with one SOP Instance UID: one, or more where there are duplicates.
Instance = tuple[Candidate, ...]


@dataclass(frozen=True)
class Done:
    """What became of a file.

    Attributes:
        path: of the input.
        status: as in a report; "duplicate" where the same content was written from another file.
        message: why it failed, or what it is a duplicate of.
    """

    path: str
    status: Literal["done", "skipped", "failed", "duplicate"]
    message: str = ""


def deidentify_instance(instance: Instance, settings: Settings) -> list[Done]:
    """Write the de-identified object from the first of its files from which that succeeds.

    Other files with the same SOP Instance UID are duplicates if they are the same byte for byte, and fail otherwise:
    which of the two the object is, nobody can tell.
    """
    outcomes: list[Done] = []
    written: Candidate | None = None
    for candidate in instance:
        try:
            if written is None:
                status: Literal["done", "skipped"] = "skipped" if _is_done(candidate, settings) else "done"
                if status == "done":
                    _forget(candidate, settings)
                    _deidentify(candidate, settings)
                outcomes.append(Done(candidate.path, status))
                written = candidate
            elif _same_content(written, candidate):
                outcomes.append(Done(candidate.path, "duplicate", f"the same as {written.path}, written once"))
            else:
                message = f"another content than {written.path} under the same SOP Instance UID"
                outcomes.append(Done(candidate.path, "failed", message))
        except Exception as error:  # noqa: BLE001 the outcome tells it, and the next candidate has its turn
            outcomes.append(Done(candidate.path, "failed", describe_error(error)))
    return outcomes


def _forget(candidate: Candidate, settings: Settings) -> None:
    """Remove what other settings or another input made: if it fails now, it must not look as if it were done."""
    if not settings.dry_run:
        (settings.out / candidate.output).unlink(missing_ok=True)


def _same_content(one: Candidate, other: Candidate) -> bool:
    return one.size == other.size and _sha256(one.path) == _sha256(other.path)


def _sha256(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _ledger_path(candidate: Candidate, settings: Settings) -> Path:
    return settings.ledger / f"{Path(candidate.output).with_suffix('')}.jsonl.gz"


def _record(candidate: Candidate, settings: Settings, output_size: int) -> Record:
    relative = os.path.relpath(candidate.path, settings.root).encode("utf-8", "surrogateescape")
    hunted = repr(sorted(candidate.identifiers)).encode()
    return Record(
        settings.key.hash(relative), candidate.size, candidate.changed_ns, settings.digest,
        settings.key.hash(hunted + candidate.patient.encode()), output_size,
    )  # fmt: skip


def _is_done(candidate: Candidate, settings: Settings) -> bool:
    if settings.dry_run:
        return False
    try:
        size = (settings.out / candidate.output).stat().st_size
    except OSError:
        return False
    found = read_record(_ledger_path(candidate, settings))
    return found == _record(candidate, settings, size)


@lru_cache(maxsize=4)
def profile_of(options: Options) -> Profile:
    """The profile for options, made once in a process."""
    return Profile(options)


@lru_cache(maxsize=16)
def _replacer(key: Key, patient: str, identifiers: frozenset[Identifier], keep_uids: bool) -> Replacer:
    return Replacer(key, Subject(patient, hunter_of(identifiers, None if keep_uids else key.uid)))


def _deidentify(candidate: Candidate, settings: Settings) -> None:
    changes: list[Change] = []
    with open_source(candidate.path) as source:
        stat = os.fstat(source.file) if source.file is not None else os.stat(candidate.path)
        if (stat.st_size, stat.st_mtime_ns) != (candidate.size, candidate.changed_ns):
            raise ValueError("it was changed while the folder was read; run this again")
        cleaned, is_clean = _clean_pixels(candidate, settings, changes)
        source, end = (source, candidate.end) if cleaned is None else (cleaned, len(cleaned.data))
        pieces = _rewrite(candidate, settings, (source, end, is_clean), changes)
        size = 0 if settings.dry_run else _write(candidate, settings, source, pieces)
    write_ledger(_ledger_path(candidate, settings), _record(candidate, settings, size), changes, settings.key)


def _clean_pixels(candidate: Candidate, settings: Settings, changes: list[Change]) -> tuple[Source | None, bool]:
    if settings.cleaner is None:
        return None, False
    values = sorted({value for _, value in candidate.identifiers})
    data, findings, is_clean = cleaned_file(Path(candidate.path), settings.cleaner, values)
    for finding in findings:
        place = f"pixels, frames {finding.frames}, box {finding.box}"
        changes.append((place, Action.CLEAN, f"E.3.1 {finding.rule}: {finding.action}", b""))
    return None if data is None else parse_source(data), is_clean


def _rewrite(
    candidate: Candidate, settings: Settings, read: tuple[Source, int, bool], changes: list[Change]
) -> list[Piece]:
    options = settings.options
    source, end, is_clean = read
    replacer = _replacer(settings.key, candidate.patient, candidate.identifiers, options.retain_uids)
    cursor = source.cursor()
    cursor.end = end
    structured = candidate.sop_class.startswith(_STRUCTURED_REPORTS)
    added = declarations(options, source.encoding, pixels_cleaned=is_clean, structured=structured)
    try:
        return Rewriter(profile_of(options), replacer, changes.append).rewrite(cursor, added)
    except BrokenStreamError:
        raise
    except (ArithmeticError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"its header cannot be rewritten: {describe_error(error)}") from error


def _write(candidate: Candidate, settings: Settings, source: Source, pieces: Iterable[Piece]) -> int:
    uid = candidate.uid if settings.options.retain_uids else settings.key.uid(candidate.uid)
    with whole_file(settings.out / candidate.output) as temporary, temporary.open("wb", buffering=1 << 16) as file:
        file.write(file_start(candidate.sop_class, uid, source.transfer_syntax))
        for piece in [_deflated(source, pieces)] if source.deflated else pieces:
            _copy(source, piece, file)
        return file.tell()


def _copy(source: Source, piece: Piece, file: BinaryIO) -> None:
    """Write a piece; a large one goes through one small block, so that a cine is never in memory."""
    if isinstance(piece, bytes):
        file.write(piece)
        return
    start, end = piece
    if source.file is None or end - start < _BLOCK or not hasattr(os, "preadv"):
        file.writelines(source.data[at : min(at + _BLOCK, end)] for at in range(start, end, _BLOCK))
        return
    block = memoryview(bytearray(_BLOCK))
    while start < end:
        count = os.preadv(source.file, [block[: min(_BLOCK, end - start)]], start)
        if not count:
            raise OSError("the file ended while it was copied")
        file.write(block[:count])
        start += count


def _deflated(source: Source, pieces: Iterable[Piece]) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    raw = deflater.compress(joined(source.cursor(), list(pieces))) + deflater.flush()
    return raw + bytes(len(raw) & 1)
