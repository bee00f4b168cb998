"""Text of a data set in its character set (PS3.5 6.1), and text as it is compared."""

from __future__ import annotations

import re
import unicodedata
import warnings
from functools import lru_cache

from pydicom import config
from pydicom.charset import convert_encodings, decode_bytes, encode_string
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")
# Letters with a stroke and the like, which Unicode does not take apart.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "\u0131": "i"})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


@lru_cache(maxsize=256)
def encodings_of(character_set: bytes) -> tuple[str, ...]:
    """Python's names of the encodings in Specific Character Set; the default one for what is unknown."""
    names = [name.strip() for name in character_set.decode("ascii", "replace").strip("\0 ").split("\\")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return tuple(convert_encodings(names))
        except (LookupError, ValueError):
            return ("iso8859",)


def decode(raw: bytes, encodings: tuple[str, ...], vr: bytes) -> str | None:
    """Text of a value, or None if it is not written in the character set."""
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii")
    try:
        with config.strict_reading(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return decode_bytes(raw, encodings, PN_DELIMS if vr == b"PN" else TEXT_VR_DELIMS)
    except (UnicodeError, LookupError, ValueError):
        return None


def encode(text: str, encodings: tuple[str, ...]) -> bytes | None:
    """Bytes of a text of even length, or None if the character set does not have its letters."""
    if text.isascii():
        raw = text.encode("ascii")
    else:
        try:
            with config.disable_value_validation(), warnings.catch_warnings():
                warnings.simplefilter("error")
                raw = b"\\".join(encode_string(part, encodings) for part in text.split("\\"))
        except (UnicodeError, LookupError, ValueError, UserWarning):
            return None
    return raw + b" " * (len(raw) & 1)


def compared(text: str) -> str:
    """Text as it is compared: small letters without accents and digits, and one space for all between them."""
    if text.isascii():
        return _NOT_ALPHANUMERIC.sub(" ", text.lower()).strip()
    return _joined([_letters(character) for character in text])[0].strip()


def compared_with_places(text: str) -> tuple[str, list[int]]:
    """`compared` (but for spaces at its ends), and the index in ``text`` of each of its characters."""
    return _joined([_letters(character) for character in text])


def without_umlauts(text: str) -> str:
    """German umlauts as two letters, as they are written where they are missing."""
    return unicodedata.normalize("NFC", text).lower().translate(_UMLAUTS)


@lru_cache(maxsize=8192)
def _letters(character: str) -> str:
    apart = unicodedata.normalize("NFKD", character.casefold()).casefold().translate(_LETTERS)
    return "".join(part for part in apart if part.isalnum()) or ("" if unicodedata.combining(character) else " ")


def _joined(parts: list[str]) -> tuple[str, list[int]]:
    letters: list[str] = []
    places: list[int] = []
    for place, part in enumerate(parts):
        for letter in part:
            if letter == " " and letters and letters[-1] == " ":
                continue
            letters.append(letter)
            places.append(place)
    return "".join(letters), places


def is_ideographic(character: str) -> bool:
    """Whether a single one can be a whole name: Chinese, Japanese, Korean."""
    code = ord(character)
    return (
        0x3040 <= code <= 0x30FF
        or 0x3400 <= code <= 0x9FFF
        or 0xAC00 <= code <= 0xD7A3
        or 0xF900 <= code <= 0xFAFF
        or 0x1100 <= code <= 0x11FF
        or 0x20000 <= code <= 0x3FFFF
    )


def has_ideographs(text: str) -> bool:
    """Whether there is one in a text."""
    return not text.isascii() and any(map(is_ideographic, text))
