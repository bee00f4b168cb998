"""What the header of a file says of whose it is: read in the first pass, of every file of a study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .profile import TAKES_AWAY, TEXT_VRS, Action, Profile
from .rewriting import Header, Level
from .source import Source
from .stream import IMPLICIT, ITEM_END, PIXEL_DATA, UNDEFINED, BrokenStreamError, Cursor, known_vr, name_of
from .text import decode
from .values import patient_key
from .variants import Identifier, Kind

# Enough for any study; a file that has more is not one of patients.
_MOST = 4096
_LONGEST_VALUE = 2048
_OVERLAY_BIT = 0x60000102
_FACTS = {
    0x00080016: "sop_class", 0x00080018: "instance", 0x0020000D: "study", 0x0020000E: "series", 0x00100010: "name",
    0x00100020: "patient_id", 0x00100021: "issuer", 0x00280301: "burned_in",
}  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What the first pass finds in a file.

    Attributes:
        sop_class: UID of the kind of object.
        instance: UID of the object.
        study: UID of its study.
        series: UID of its series.
        patient: issuer and ID, as `patient_key` puts them together.
        burned_in: Burned In Annotation, or none.
        end: where the data set ends; what lies behind is no element of it.
        identifiers: what is to be hunted in the study.
        texts: values of the patient, for a table of re-identification: ID, issuer, name.
        hidden_overlay: an overlay lies in bits of the pixels that the image does not use (retired in 2004).
    """

    sop_class: str
    instance: str
    study: str
    series: str
    patient: str
    burned_in: str
    end: int
    identifiers: frozenset[Identifier]
    texts: tuple[str, str, str] = ("", "", "")
    hidden_overlay: bool = False


class Collector:
    """Reads the headers of files.

    Args:
        profile: its rules say what identifies: what they take away.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._kinds: dict[tuple[int, bytes], Kind | None] = {}
        self._add: Callable[[Identifier], None]

    def collect(self, source: Source) -> Facts:
        """Go through the whole header, items of sequences too.

        Raises:
            BrokenStreamError: it cannot be read.
        """
        found: set[Identifier] = set()
        facts: dict[str, str] = {}
        self._add = found.add
        end = self._dataset_of_file(source.cursor(), facts)
        if len(found) > _MOST:
            raise BrokenStreamError(f"it holds {len(found)} identifiers, more than {_MOST}")
        known = [facts.get(name, "") for name in ("patient_id", "issuer", "name", "study")]
        return Facts(
            sop_class=facts.get("sop_class", source.sop_class),
            instance=facts.get("instance", ""),
            study=facts.get("study", ""),
            series=facts.get("series", ""),
            patient=patient_key(*known),
            burned_in=facts.get("burned_in", ""),
            end=end,
            identifiers=frozenset(found),
            texts=(known[0], known[1], known[2]),
            hidden_overlay="overlay" in facts,
        )

    def _dataset_of_file(self, cursor: Cursor, facts: dict[str, str]) -> int:
        """Where the data set ends: at the end of the bytes, or before what cannot be an element of it."""
        level, last = Level(), -1
        while cursor.position < cursor.end:
            start = cursor.position
            try:
                header = cursor.header()
                if header[0] <= last:
                    raise BrokenStreamError(f"{name_of(header[0])} stands behind {name_of(last)}: out of order")
                self._fact(cursor, level, header, facts)
                self._element(cursor, level, header)
            except BrokenStreamError:
                if last >= min(PIXEL_DATA) or not any(cursor.data[start : start + (1 << 20)]):
                    return start
                raise
            last = header[0]
        return cursor.end

    def _fact(self, cursor: Cursor, level: Level, header: Header, facts: dict[str, str]) -> None:
        if header[0] & 0xFFE1FFFF == _OVERLAY_BIT and header[2] == 2:
            if cursor.data[cursor.position : cursor.position + 2] != b"\0\0":
                facts["overlay"] = "hidden"
            return
        name = _FACTS.get(header[0])
        if name is not None and header[2] < _LONGEST_VALUE:
            raw = cursor.data[cursor.position : cursor.value_end(header[2])]
            facts[name] = (decode(raw, level.encodings, header[1]) or raw.decode("latin-1")).strip("\0 ")

    def _element(self, cursor: Cursor, level: Level, header: Header) -> None:
        tag, vr, length = header
        level.read_character_set(cursor, header)
        if vr == b"SQ" or (vr == b"UN" and known_vr(tag) == b"SQ"):
            self._items(cursor, level, header)
            return
        try:
            kind = self._kinds[tag, vr]
        except KeyError:
            kind = self._kinds[tag, vr] = self._kind(tag, vr)
        if kind is None or length > _LONGEST_VALUE:
            cursor.skip(vr, length)
            return
        end = cursor.value_end(length)
        self._identifiers(cursor.data[cursor.position : end], kind, level.encodings, vr)
        cursor.position = end

    def _items(self, cursor: Cursor, level: Level, header: Header) -> None:
        tag, vr, length = header
        reader = cursor.within(IMPLICIT) if vr == b"UN" else cursor
        start = cursor.position
        try:
            for number, end in enumerate(reader.items(length)):
                self._dataset(reader, end, level.inside(tag, number))
        except BrokenStreamError:
            if vr != b"UN" or length == UNDEFINED:
                raise
            reader.position = start + length
        cursor.position = reader.position

    def _dataset(self, cursor: Cursor, end: int | None, level: Level) -> None:
        while end is None or cursor.position < end:
            header = cursor.header()
            if header[0] == ITEM_END and end is None:
                return
            self._element(cursor, level, header)

    def _kind(self, tag: int, vr: bytes) -> Kind | None:
        known = known_vr(tag)
        if b"PN" in (vr, known):
            return "name"
        rule = self._profile.rule(tag, vr)
        if rule.action not in TAKES_AWAY or rule.describes or rule.action is Action.PRIVATE or tag >> 16 < 8:
            return None
        if known in (b"DA", b"DT") or vr in (b"DA", b"DT"):
            return "date"
        is_text = known in TEXT_VRS and known not in (b"CS", b"AS")
        return "text" if is_text and vr not in (b"CS", b"AS") else None

    def _identifiers(self, raw: bytes, kind: Kind, encodings: tuple[str, ...], vr: bytes) -> None:
        readings = {decode(raw, encodings, vr)}
        if not raw.isascii():
            readings.add(decode(raw, ("utf-8",), vr))
            readings |= {decode(raw, ("iso8859",), vr)} if readings == {None} else set()
        for reading in readings - {None}:
            for value in (reading or "").split("\\") if kind != "text" else (reading or "",):
                stripped = value.strip("\0 ")
                if kind == "date":
                    stripped = stripped.replace(".", "")[:8]
                    stripped = stripped if stripped.isdigit() and len(stripped) == 8 else ""
                if stripped:
                    self._add((kind, stripped))
