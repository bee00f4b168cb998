"""Dates that move by whole days (PS3.15 E.3.6): order and intervals stay, times of day too."""

from __future__ import annotations

import re
from datetime import date, timedelta

_DATE = re.compile(r"(\d{4})\.?(?:(\d\d)\.?(?:(\d\d))?)?(.*)", re.DOTALL)


def shift_date(text: str, days_back: int) -> str | None:
    """Move a date (DA) or range of dates back; None if it is no date.

    A range (``20200101-20200201``, open ends too) is moved at both ends; dates of ACR-NEMA (2020.01.31) come back
    in today's form.
    """
    ends = [_moved(end.strip(" "), days_back, tail="") if end.strip(" ") else "" for end in text.split("-")]
    if len(ends) > 2 or None in ends or not any(ends):
        return None
    return "-".join(end or "" for end in ends)


def shift_datetime(text: str, days_back: int) -> str | None:
    """Move a date and time (DT), which may lack its last parts or name its offset from UTC; None if it is none.

    Where the day or the month is missing, the first one is moved, and the result has as many parts as there were:
    the order stays.
    """
    return _moved(text.strip(" "), days_back, tail=r"(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)?([+-]\d{4})?")


def _moved(text: str, days_back: int, tail: str) -> str | None:
    match = _DATE.fullmatch(text)
    if match is None or not re.fullmatch(tail, match[4]) or (not tail and match[3] is None):
        return None
    if match[4][:1].isdigit() and match[3] is None:
        return None
    try:
        moved = date(int(match[1]), int(match[2] or 1), int(match[3] or 1)) - timedelta(days=days_back)
    except (ValueError, OverflowError):
        return None
    digits = f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"
    return digits[: 8 if match[3] else 6 if match[2] else 4] + match[4]
