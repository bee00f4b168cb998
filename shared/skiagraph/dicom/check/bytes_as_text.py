"""Text in bytes of which nobody says how they are encoded."""

from __future__ import annotations

import re
from collections.abc import Iterator

# All that the character sets of DICOM (PS3.3 C.12.1.1.2) stand for, and what programs write without saying so.
ENCODINGS = (
    "utf-8",
    "latin-1",
    "gb18030",
    "shift_jis",
    "euc_kr",
    "euc_jp",
    "iso2022_jp_2",
    "iso2022_kr",
    *(f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 11, 15)),
    "cp1251",
    "big5",
)
# ESC begins the codes of ISO 2022.
_RUN = re.compile(rb"[\t\n\r\x1b\x20-\x7e\x80-\xff]{3,}")
_WIDE_RUNS = (
    (re.compile(rb"(?:[\x20-\x7e\xa0-\xff]\0){3,}"), "utf-16-le"),
    (re.compile(rb"(?:\0[\x20-\x7e\xa0-\xff]){3,}"), "utf-16-be"),
)
_LARGEST = 1 << 20


def texts_in_bytes(raw: bytes) -> Iterator[str]:
    """Every run of letters, in every encoding in which it can be read."""
    for match in _RUN.finditer(raw[:_LARGEST]):
        run = match[0]
        if run.isascii():
            yield run.decode("ascii")
            # The codes of ISO 2022 are ASCII too.
            if b"\x1b" not in run:
                continue
        yield from _readings(run)
    for pattern, encoding in _WIDE_RUNS:
        yield from (match[0].decode(encoding) for match in pattern.finditer(raw[:_LARGEST]))


def whole_text(raw: bytes) -> str:
    """Bytes that are nothing but text in ASCII or UTF-8, padding apart; empty if they are not."""
    stripped = raw.strip(b"\0 ")
    if not _RUN.fullmatch(stripped):
        return ""
    try:
        return stripped.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _readings(run: bytes) -> Iterator[str]:
    seen: set[str] = set()
    for encoding in ENCODINGS:
        try:
            text = run.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text not in seen:
            seen.add(text)
            yield text
