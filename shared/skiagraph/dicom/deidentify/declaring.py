"""What a de-identified file says of itself: (0012,0062) to (0012,0064), (0028,0303), and its file meta information."""

from __future__ import annotations

from .options import Options
from .stream import Encoding

# Fixed, of this program: 2.25 and a UUID as a number.
IMPLEMENTATION_CLASS_UID = "2.25.223408105413250811404117962364212907571"
IMPLEMENTATION_VERSION = "SKIAGRAPH_DEID1"
_METHOD = "Skiagraph: PS3.15 Annex E"


def declarations(
    options: Options, encoding: Encoding, *, pixels_cleaned: bool, structured: bool
) -> list[tuple[int, bytes]]:
    """Elements that tell how a data set was de-identified (PS3.15 E.1.1 step 6, E.3.6), in ascending order.

    Args:
        options: those that were used.
        encoding: how the data set writes its elements.
        pixels_cleaned: no text is left in the pixels.
        structured: it is a structured report.
    """
    codes = options.codes(structured=structured)
    modified = "MODIFIED" if options.modified_dates else "REMOVED"
    values = [
        (0x00120062, b"CS", "YES"),
        (0x00120063, b"LO", "\\".join([_METHOD, *(meaning[:64] for _, meaning in codes)])),
        (0x00280301, b"CS", "NO" if pixels_cleaned else ""),
        (0x00280303, b"CS", modified),
    ]
    found = [(tag, encoding.element(tag, vr, _even(text))) for tag, vr, text in values if text]
    items = b"".join(encoding.item(_code_item(encoding, *code)) for code in codes)
    return sorted([*found, (0x00120064, encoding.element(0x00120064, b"SQ", items))])


def _code_item(encoding: Encoding, value: str, meaning: str) -> bytes:
    parts = ((0x00080100, b"SH", value), (0x00080102, b"SH", "DCM"), (0x00080104, b"LO", meaning))
    return b"".join(encoding.element(tag, vr, _even(text)) for tag, vr, text in parts)


def file_start(sop_class: str, instance: str, transfer_syntax: str) -> bytes:
    """Preamble of zeros, and file meta information of this program (PS3.10 7.1, PS3.15 E.1.1 step 7)."""
    encoding = Encoding()
    uids = (
        (0x00020002, sop_class),
        (0x00020003, instance),
        (0x00020010, transfer_syntax),
        (0x00020012, IMPLEMENTATION_CLASS_UID),
    )
    body = encoding.element(0x00020001, b"OB", b"\0\1")
    body += b"".join(encoding.element(tag, b"UI", _even(uid, b"\0")) for tag, uid in uids)
    body += encoding.element(0x00020013, b"SH", _even(IMPLEMENTATION_VERSION))
    length = encoding.element(0x00020000, b"UL", len(body).to_bytes(4, "little"))
    return bytes(128) + b"DICM" + length + body


def _even(text: str, pad: bytes = b" ") -> bytes:
    raw = text.encode("ascii")
    return raw + pad * (len(raw) & 1)
