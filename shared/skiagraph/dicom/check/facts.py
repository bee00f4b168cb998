"""What is kept of a file to find its counterpart, whatever it is called and whatever was taken out of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from ...folder_work import describe_error, whole_file
from .names import whole_names
from .profile import row_of
from .reading import DicomFile, Leaf, open_dicom
from .secrets import Secret, is_own_uid, secrets_of, uids_of
from .text import common_words, normalise

DICOMDIR_CLASS = "1.2.840.10008.1.3.10"
_SKETCH = 256
_LONGEST_BYTES = 4096
# A de-identifier or a coder writes these anew.
_REWRITTEN = frozenset(
    (
        *(0x00080005, 0x00120062, 0x00120063, 0x00120064, 0x00280004, 0x00280006, 0x00280301, 0x00280303),
        *(0x00282110, 0x00282112, 0x00282114, 0xFFFCFFFC, 0x00041200, 0x00041202),
    )
)
_OFFSETS = frozenset((0x00041400, 0x00041410, 0x00041420))
_TELLS_NOTHING = frozenset(("SQ", "UI", "DA", "DT", "TM", "PN"))
_NUMBERS = frozenset(("DS", "IS", "FL", "FD", "SL", "SS", "UL", "US", "SV", "UV"))
# What an image is in its series and in space.
_OUTLINE = (0x00080016, 0x00080060, 0x00200011, 0x00200012, 0x00200013, 0x00200032, 0x00201041)
_SIZE = (0x00280008, 0x00280010, 0x00280011, 0x00540081)


@dataclass(frozen=True)
class Facts:
    """A file as its counterpart is sought by.

    Attributes:
        path: relative to its folder.
        kind: ``"dicom"``, ``"other"`` (no DICOM), or ``"unreadable"``.
        note: why it cannot be read.
        sop_class: SOP class UID.
        sop: SOP instance UID.
        study: study instance UID.
        series: series instance UID.
        patient: patient ID, with its issuer.
        group: files of one patient have the same; empty if it is no DICOM.
        pixel: digest of the encoded pixels; empty without.
        content: digest of all that the profile leaves as it is.
        outline: digest of what the image is in its series and in space.
        sketch: the smallest hashes of single values that the profile leaves as they are: what two files have in
            common of them is what they have in common of their values (Broder 1997).
        values: how many values the sketch stands for.
        digest: of the whole file, where it is no DICOM.
    """

    path: str
    kind: Literal["dicom", "other", "unreadable"]
    note: str = ""
    sop_class: str = ""
    sop: str = ""
    study: str = ""
    series: str = ""
    patient: str = ""
    group: str = ""
    pixel: str = ""
    content: str = ""
    outline: str = ""
    sketch: tuple[int, ...] = field(default=())
    values: int = 0
    digest: str = ""


@dataclass(frozen=True)
class FactsTask:
    """Files of one folder, and where their facts are written.

    Attributes:
        root: the folder.
        paths: files, relative to it.
        out: a file of JSON lines.
        original: whether this is the folder before de-identification, whose values are to be looked for.
    """

    root: Path
    paths: tuple[str, ...]
    out: Path
    original: bool

    @property
    def first(self) -> str:
        """Name of the first file."""
        return self.paths[0]


def walk(root: Path) -> Iterator[str]:
    """All files below a folder, relative to it, in order; links to folders are not followed.

    Raises:
        ValueError: a file's name is no text.
    """
    for folder, names, files in os.walk(root):
        names.sort()
        for name in sorted(files):
            path = Path(folder, name).relative_to(root).as_posix()
            if not path.isprintable() and "\udc80" <= max(path) <= "\udcff":
                raise ValueError(
                    f"{path.encode('utf-8', 'backslashreplace').decode()}: is not named in UTF-8; rename it"
                )
            yield path


def write_facts(task: FactsTask) -> None:
    """Write a line of JSON for each file: its facts, and for an original its values and UIDs."""
    with whole_file(task.out) as temporary, temporary.open("w", encoding="utf-8") as lines:
        for path in task.paths:
            json.dump(_record(task.root / path, path, original=task.original), lines)
            lines.write("\n")


def short_hash(text: str) -> int:
    """A hash of 63 bits, which is what a whole number of SQLite holds."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") >> 1


def telling_hashes(secret: Secret) -> Iterator[int]:
    """Hashes of the normalised texts by which a value points to somebody wherever it stands, in any patient's file."""
    row = row_of(secret.tag) if secret.tag >= 0 else None
    if not secret.strong or secret.kind not in ("name", "number") or (row is not None and row.kept_by):
        return
    texts = whole_names(secret.text) if secret.kind == "name" else [normalise(secret.text).strip()]
    for text in texts:
        words = text.split()
        telling = not all(word in common_words() for word in words)
        if telling and (secret.kind == "name" or (len(text) >= 6 and len(words) <= LONGEST_PHRASE)):
            yield short_hash(text)


LONGEST_PHRASE = 4


def _record(path: Path, name: str, *, original: bool) -> dict[str, Any]:
    try:
        file = open_dicom(path)
        if file is None:
            return {"file": asdict(Facts(name, "other", digest=_digest_of_file(path)))}
        record: dict[str, Any] = {"file": asdict(_facts(file, name))}
        if original:
            secrets = secrets_of(file)
            record["secrets"] = [(s.kind, s.text, s.tag, s.path, s.strong) for s in secrets]
            record["telling"] = [(h, s.kind, s.text, s.path) for s in secrets for h in telling_hashes(s)]
            record["uids"] = list(dict(uids_of(file)).items())
    except Exception as error:  # noqa: BLE001 damaged files raise nearly anything inside pydicom
        return {"file": asdict(Facts(name, "unreadable", note=describe_error(error)))}
    return record


def _facts(file: DicomFile, name: str) -> Facts:
    features = sorted({short_hash(feature) for feature in _features(file)})
    sop_class = file.text(0x00080016) or file.text(0x00020002)
    return Facts(
        path=name,
        kind="dicom",
        sop_class=sop_class,
        sop=file.text(0x00080018) or ("" if sop_class == DICOMDIR_CLASS else file.text(0x00020003)),
        study=file.text(0x0020000D),
        series=file.text(0x0020000E),
        patient=f"{file.text(0x00100020)}|{file.text(0x00100021)}".strip("|"),
        group=_group(file, name),
        pixel=pixel_digest(file),
        content=_digest(str(features)),
        outline=_digest("|".join(_number(file.text(tag)) for tag in (*_OUTLINE, *_SIZE))),
        sketch=tuple(features[:_SKETCH]),
        values=len(features),
    )


def pixel_digest(file: DicomFile) -> str:
    """Digest of the encoded pixels; zeros at their end are padding and do not count. Empty without pixels."""
    if file.pixel_element is None:
        return ""
    digest, zeros = blake2b(digest_size=16), 0
    for piece in file.pixel_payload():
        bare = piece.rstrip(b"\0")
        if bare:
            digest.update(b"\0" * zeros + bare)
            zeros = 0
        zeros += len(piece) - len(bare)
    return digest.hexdigest()


def _features(file: DicomFile) -> Iterator[str]:
    for leaf in file.leaves:
        group = leaf.tag >> 16
        if leaf.private or group == 2 or not leaf.tag & 0xFFFF or leaf.tag in _REWRITTEN | _OFFSETS:
            continue
        if leaf.tag == 0x00080016 or (leaf.vr not in _TELLS_NOTHING and row_of(leaf.tag) is None):
            yield f"{leaf.path}={_value(leaf)}"


def _value(leaf: Leaf) -> str:
    if leaf.vr in _NUMBERS:
        return "\\".join(map(_number, leaf.texts))
    return leaf.text.strip(" \0") if leaf.texts else _digest(leaf.raw[:_LONGEST_BYTES].rstrip(b"\0").hex())


def _number(text: str) -> str:
    try:
        return f"{float(text):.9g}"
    except ValueError:
        return text.strip(" \0")


def _group(file: DicomFile, name: str) -> str:
    """Digest of the patient as far as a file knows it; a DICOMDIR stands for itself."""
    birth = f"{normalise(file.text(0x00100010))}|{file.text(0x00100030)}"
    for tell in (file.text(0x00100020), birth.strip(" |"), file.text(0x0020000D), file.text(0x00080018)):
        if tell and is_own_uid(tell):
            return _digest(tell)
    return _digest(f"file {name}")


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _digest_of_file(path: Path) -> str:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
