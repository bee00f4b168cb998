"""Values of the original that stand in a file of the output."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from .bytes_as_text import texts_in_bytes
from .facts import LONGEST_PHRASE, short_hash
from .findings import Finding
from .output import Output
from .profile import KEEP_UIDS, row_of
from .reading import TEXT_VRS, Leaf
from .search import Hit
from .secrets import is_own_uid, names_a_class
from .store import Store
from .text import UID_IN_TEXT, date_of, normalise

_NOT_TEXT = frozenset(("UI", "TM", "AS", "DA", "DT"))
_NUMBERS = frozenset(("IS", "DS"))
_BYTES = frozenset(("UN", "OB"))
_PIECE, _OVERLAP = 1 << 22, 1 << 10


def values_left(output: Output) -> Iterator[Finding]:
    """Everything of the original that a file says: in elements, in its name, and anywhere in its bytes."""
    found: list[Finding] = []
    seen: set[str] = set()
    for leaf in output.file.leaves:
        found += _in_leaf(output, leaf, seen)
    found += _in_name(output)
    found += uids_left(output)
    found += _of_others(output)
    yield from found
    seen.update(finding.what for finding in found)
    if not output.candidates:
        # Nobody knows whose file it is, so everybody is looked for.
        said = values_in_any_file(output.store, output.root, output.name)
        yield from (output.leak(kind, where, what, origin) for kind, where, what, origin in said)
    for finding in _in_bytes(output):
        if finding.what not in seen:
            seen.add(finding.what)
            yield finding


def values_in_any_file(store: Store, root: Path, name: str) -> Iterator[tuple[str, str, str, str]]:
    """(kind, where, value, origin) of values in a file that is no DICOM: names and numbers of all patients, UIDs.

    Its bytes are read as text; a value that lies across two pieces of four megabytes is missed.
    """
    yield from (("name" if kind == "uid" else kind, "file name", what, origin) for kind, what, origin in
                _known_in_texts(store, [name.replace("/", " ")]))  # fmt: skip
    for piece, _ in _pieces(root / name):
        yield from ((kind, "content", what, origin) for kind, what, origin in
                    _known_in_texts(store, list(texts_in_bytes(piece))))  # fmt: skip


def uids_left(output: Output) -> Iterator[Finding]:
    """UIDs of the original in elements, texts and the file's name."""
    places = [
        (uid, leaf.path)
        for leaf in output.file.leaves
        if not names_a_class(leaf.tag) and not _uid_retained(output, leaf)
        for uid in _uids_in(leaf)
    ]
    places += [(uid, "file name") for uid in UID_IN_TEXT.findall(PurePosixPath(output.name).with_suffix("").as_posix())]
    known = output.store.known("uid", "uid", {uid for uid, _ in places})
    for uid, path in places:
        if uid in known:
            yield output.leak("uid", path, uid, f"{known[uid][2]} {known[uid][1]}")


def _uid_retained(output: Output, leaf: Leaf) -> bool:
    row = row_of(leaf.tag)
    return KEEP_UIDS in output.options or (row is not None and "K" in row.action_under(output.options))


def _uids_in(leaf: Leaf) -> Iterator[str]:
    texts = list(leaf.texts)
    if leaf.vr == "UI":
        yield from (uid for text in texts if is_own_uid(uid := text.strip(" \0")))
    elif leaf.vr in TEXT_VRS or leaf.vr in _BYTES:
        texts += [leaf.raw.decode("latin-1")] if leaf.raw else []
        yield from (uid for text in texts for uid in UID_IN_TEXT.findall(text) if is_own_uid(uid))


def _in_leaf(output: Output, leaf: Leaf, seen: set[str]) -> Iterator[Finding]:
    """Values in an element; all that were found are added to ``seen``, a value that is part of another not told."""
    if leaf.vr in ("DA", "DT"):
        for day in filter(None, map(date_of, leaf.texts)):
            if day not in output.shifted_days:
                yield from (
                    output.leak_of(hit, leaf.path)
                    for hit in output.hunter.on_day(day)
                    if hit.sure or not output.excuses(leaf)
                )
        return
    hits: list[Hit] = []
    if leaf.vr in TEXT_VRS - _NOT_TEXT:
        hits += list(output.hunter.in_text(leaf.text, but_dates=output.shifted_days))
    if leaf.raw and (leaf.vr in _BYTES or leaf.vr in TEXT_VRS - _NOT_TEXT):
        hits += list(output.hunter.in_bytes(leaf.raw))
    if leaf.vr in _NUMBERS:
        hits = [hit for hit in hits if hit.sure and hit.secret.kind in ("number", "phone")]
    left = [hit for hit in dict.fromkeys(hits) if hit.sure or not output.excuses(leaf)]
    seen.update(hit.secret.text for hit in left)
    # Of several values of a kind that say the same the longest is told.
    longest = {hit.secret.kind: hit for hit in sorted(left, key=_weight)}
    for hit in left:
        if hit is longest[hit.secret.kind] or not _says(longest[hit.secret.kind].secret.text, hit.secret.text):
            yield output.leak_of(hit, leaf.path)


def _says(text: str, other: str) -> bool:
    return normalise(other) in normalise(text) or other in text


def _weight(hit: Hit) -> tuple[bool, int]:
    return hit.sure, len(hit.secret.text)


def _in_name(output: Output) -> Iterator[Finding]:
    hits = output.hunter.in_text(output.name.replace("/", " | "), but_dates=output.shifted_days)
    yield from (output.leak_of(hit, "file name") for hit in dict.fromkeys(hits) if hit.sure)


def _of_others(output: Output) -> Iterator[Finding]:
    """Names and numbers of other patients than the file's own."""
    own = {secret.text for secret in output.hunter.secrets}
    places: dict[int, str] = {}
    for leaf in output.file.leaves:
        if leaf.vr in TEXT_VRS - _NOT_TEXT - _NUMBERS:
            places.update(dict.fromkeys(_phrases(leaf.text), leaf.path))
    for hashed, (_, kind, text, path, file) in output.store.known("telling", "hash", places).items():
        if text not in own:
            yield output.leak(kind, places[hashed], text, f"{file} {path}", "of another patient")


def _in_bytes(output: Output) -> Iterator[Finding]:
    """What stands outside elements that can be read, inside padding, between frames or behind the end."""
    for piece, offset in _pieces(output.file.path):
        where = f"bytes from {offset}"
        yield from (output.leak_of(hit, where) for hit in output.hunter.in_file(piece))
        if KEEP_UIDS not in output.options:
            uids = set(UID_IN_TEXT.findall(piece.decode("latin-1"))) - _class_uids(output)
            for uid, (_, path, file) in output.store.known("uid", "uid", filter(is_own_uid, uids)).items():
                yield output.leak("uid", where, uid, f"{file} {path}")


def _class_uids(output: Output) -> set[str]:
    classes = (leaf for leaf in output.file.leaves if leaf.vr == "UI" and names_a_class(leaf.tag))
    return {text.strip(" \0") for leaf in classes for text in leaf.texts}


def _pieces(path: Path) -> Iterator[tuple[bytes, int]]:
    """A file in pieces that overlap, each with its place."""
    with path.open("rb") as file:
        offset = 0
        while piece := file.read(_PIECE):
            yield piece, offset
            if len(piece) < _PIECE:
                return
            offset += _PIECE - _OVERLAP
            file.seek(offset)


def _known_in_texts(store: Store, texts: list[str]) -> Iterator[tuple[str, str, str]]:
    hashes = {hashed for text in texts for hashed in _phrases(text)}
    for _, kind, text, path, file in store.known("telling", "hash", hashes).values():
        yield kind, text, f"{file} {path}"
    uids = {uid for text in texts for uid in UID_IN_TEXT.findall(text) if is_own_uid(uid)}
    for uid, path, file in store.known("uid", "uid", uids).values():
        yield "uid", uid, f"{file} {path}"


def _phrases(text: str) -> Iterator[int]:
    words = normalise(text).split()
    for start in range(len(words)):
        for end in range(start + 1, min(start + LONGEST_PHRASE, len(words)) + 1):
            yield short_hash(" ".join(words[start:end]))
