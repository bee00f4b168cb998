"""New values for elements that may not stay as they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from pydicom.uid import UID_dictionary

from .dates import shift_date, shift_datetime
from .hunting import MARKER, Hunter
from .keys import Key
from .profile import TEXT_VRS, Action
from .stream import known_vr
from .text import compared, decode, encode

_PATIENT_NAME = 0x00100010
_DUMMIES = {
    b"AS": b"000Y", b"DA": b"19000101", b"TM": b"000000", b"DT": b"19000101000000", b"IS": b"0 ", b"DS": b"0 ",
    b"AT": bytes(4), b"FL": bytes(4), b"SL": bytes(4), b"UL": bytes(4), b"FD": bytes(8), b"SV": bytes(8),
    b"UV": bytes(8), b"OD": bytes(8), b"OV": bytes(8), b"OF": bytes(4), b"OL": bytes(4), b"UR": b"urn:removed ",
}  # fmt: skip
# As many zeros as there were numbers, for other elements may count them.
_NUMBERS = frozenset((b"FL", b"FD", b"SL", b"UL", b"SS", b"US", b"SV", b"UV"))
# PS3.5 6.2, in characters of each value.
_LONGEST = {b"AE": 16, b"CS": 16, b"SH": 16, b"LO": 64, b"PN": 64, b"ST": 1024, b"LT": 10240}
_ONE_VALUE = frozenset((b"LT", b"ST", b"UT", b"UR"))
_CACHED, _SHORT = 20000, 256
# PS3.5 6.2, also with the colons of ACR-NEMA, and ranges.
_TIME = r"(?:[01]\d|2[0-3])(?::?[0-5]\d(?::?[0-6]\d(?:\.\d{1,6})?)?)? *"
_TIMES = re.compile(rf"(?:{_TIME}|-|\\)*")


@dataclass(frozen=True)
class Subject:
    """Whose file it is.

    Attributes:
        patient: issuer and ID, as `patient_key` puts them together.
        hunter: finds the identifiers of the study.
    """

    patient: str
    hunter: Hunter


def patient_key(patient_id: str, issuer: str, name: str, study: str) -> str:
    """What one patient is: issuer and ID; without an ID the name; without a name the study is one of its own."""
    if compared(patient_id):
        return f"{compared(issuer)}|{compared(patient_id)}"
    return f"name|{compared(name)}" if compared(name) else f"study|{study}"


class Replacer:
    """Finds new values, consistently for one key, patient and study."""

    def __init__(self, key: Key, subject: Subject) -> None:
        self._key = key
        self._hunter = subject.hunter
        self._days = key.days(subject.patient)
        self._code = key.code("patient", subject.patient, 12)
        self._texts: dict[tuple[bytes, bytes, tuple[str, ...], bool], bytes] = {}
        self._by_action: dict[Action, Callable[[int, bytes, bytes, tuple[str, ...]], bytes | None]] = {
            Action.REMOVE: lambda *_: None,
            Action.EMPTY: lambda *_: b"",
            Action.DUMMY: self._dummy,
            Action.PSEUDONYM: self._pseudonym,
            Action.PATIENT: self._patient,
            Action.UID: self._uids,
            Action.SHIFT: self._shifted,
            Action.HUNT: lambda _, vr, raw, names: self._text(vr, raw, names, clean=False),
            Action.CLEAN: lambda _, vr, raw, names: self._text(vr, raw, names, clean=True),
            Action.BINARY: self._binary,
        }

    def new_value(self, action: Action, element: tuple[int, bytes], raw: bytes, names: tuple[str, ...]) -> bytes | None:
        """The value to write, of even length; the same bytes where nothing is to change.

        Args:
            action: what is to be done with it.
            element: its tag and VR.
            raw: value as it lies in the file.
            names: encodings of its character set.

        Returns:
            None if the element is to go.
        """
        tag, vr = element
        return self._by_action[action](tag, vr, raw, names)

    def _dummy(self, tag: int, vr: bytes, raw: bytes, names: tuple[str, ...]) -> bytes:
        vr = known_vr(tag) if vr == b"UN" else vr
        if vr == b"PN":
            return b"\\".join(self._person(part, names) for part in raw.split(b"\\"))
        if vr == b"UI":
            return self._uids(tag, vr, raw, names)
        if vr in TEXT_VRS and vr not in _DUMMIES:
            return _even(MARKER)
        return bytes(len(raw)) if vr in _NUMBERS else _DUMMIES.get(vr, b"\0\0")

    def _person(self, raw: bytes, names: tuple[str, ...]) -> bytes:
        name = compared(decode(raw, names, b"PN") or raw.decode("latin-1"))
        return _even(f"Person^{self._key.code('person', name, 9)}") if name else b""

    def _pseudonym(self, tag: int, vr: bytes, raw: bytes, names: tuple[str, ...]) -> bytes:
        value = compared(decode(raw, names, vr) or raw.decode("latin-1"))
        return _even(self._key.code(f"{tag:08x}", value, 12)) if value else b""

    def _patient(self, tag: int, vr: bytes, raw: bytes, names: tuple[str, ...]) -> bytes:  # noqa: ARG002 as the others
        return _even(f"Patient^{self._code}" if tag == _PATIENT_NAME else self._code)

    def _uids(self, tag: int, vr: bytes, raw: bytes, names: tuple[str, ...]) -> bytes:  # noqa: ARG002 as the others
        text = raw.decode("latin-1").strip("\0 ")
        new = "\\".join(self._uid(value.strip("\0 ")) for value in text.split("\\"))
        return raw if new == text else _even(new, b"\0")

    def _uid(self, value: str) -> str:
        return value if not value or value in UID_dictionary else self._key.uid(value)

    def _shifted(self, tag: int, vr: bytes, raw: bytes, names: tuple[str, ...]) -> bytes:  # noqa: ARG002 as the others
        vr = known_vr(tag) if vr == b"UN" else vr
        if vr == b"TM":
            return raw if _is_time(raw) else b""
        return _shifted_value(vr, raw, self._days)

    def _binary(self, tag: int, vr: bytes, raw: bytes, names: tuple[str, ...]) -> bytes | None:  # noqa: ARG002 as the others
        place = (vr, raw, (), False)
        if place in self._texts:
            return raw
        if self._hunter.finds_in_bytes(raw):
            return None
        if len(raw) < _SHORT and len(self._texts) < _CACHED:
            self._texts[place] = raw
        return raw

    def _text(self, vr: bytes, raw: bytes, names: tuple[str, ...], *, clean: bool) -> bytes:
        place = (vr, raw, names, clean)
        new = self._texts.get(place)
        if new is None:
            new = self._new_text(vr, raw, names, clean=clean)
            if len(self._texts) < _CACHED:
                self._texts[place] = new
        return new

    def _new_text(self, vr: bytes, raw: bytes, names: tuple[str, ...], *, clean: bool) -> bytes:
        text = decode(raw, names, vr)
        if text is None:
            return _even(MARKER)
        if vr in (b"IS", b"DS"):
            return b"0 " if any(part.strip("\0 ") in self._hunter.numbers for part in text.split("\\")) else raw
        if vr == b"CS":
            parts = text.split("\\")
            return _even("\\".join(MARKER if self._hunter.finds_word(part) else part for part in parts))
        new = self._hunter.cleaned(text) if clean else self._hunter.replaced(text)
        if new == text:
            return _even(MARKER) if self._hides(raw, text) else raw
        written = encode(_fitting(vr, new), names)
        return _even(MARKER) if written is None else written

    def _hides(self, raw: bytes, text: str) -> bool:
        """Whether an identifier stands there in another character set than the data set says."""
        if raw.isascii():
            return False
        others = (raw.decode(name, "ignore") for name in ("utf-8", "latin-1", "gb18030", "shift_jis", "euc_kr"))
        return any(other != text and self._hunter.finds(other) for other in others)


@lru_cache(maxsize=65536)
def _shifted_value(vr: bytes, raw: bytes, days: int) -> bytes:
    """Dates of a value, moved back; empty if there is one that cannot be read."""
    shift = shift_datetime if vr == b"DT" else shift_date
    values = [value.strip("\0 ") for value in raw.decode("latin-1").split("\\")]
    moved = [shift(value, days) if value else "" for value in values]
    if None in moved:
        return b""
    new = "\\".join(value or "" for value in moved)
    return _even(new)


def _is_time(raw: bytes) -> bool:
    return _TIMES.fullmatch(raw.decode("latin-1").strip("\0 ")) is not None


def _fitting(vr: bytes, text: str) -> str:
    """The text with every value as short as its VR wants it, and in capitals where it wants that."""
    if vr == b"CS":
        text = text.upper()
    longest = _LONGEST.get(vr)
    if longest is None or len(text) <= longest:
        return text
    values = [text] if vr in _ONE_VALUE else text.split("\\")
    return "\\".join(value[:longest] for value in values)


def _even(text: str, pad: bytes = b" ") -> bytes:
    raw = text.encode("ascii")
    return raw + pad * (len(raw) & 1)
