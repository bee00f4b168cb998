"""Paths that are not to be told, found in other texts however they are spelled there."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath

__all__ = ["pattern_of", "spellings"]

_NO_SEPARATOR_OR_QUOTE = r"[^/\\'\"]"


def spellings(path: str) -> set[PurePath]:
    """A path as it is given, absolute, and relative to the working directory if it lies below it.

    None of an expression of a config, and none of a root or of a folder that is only named `.` or `..`.
    """
    if not path or path.startswith(("$", "@", "%")):
        return set()
    absolute = PurePath(os.path.abspath(path))
    found = {PurePath(path), PurePath(os.path.normpath(path)), absolute}
    if absolute.is_relative_to(Path.cwd()):
        found.add(absolute.relative_to(Path.cwd()))
    return {spelling for spelling in found if set(spelling.parts) - {spelling.anchor, ".."}}


def pattern_of(path: PurePath) -> re.Pattern[str]:
    """What finds a path in a text, with slashes or backslashes, single or doubled.

    A single name is found only where it is a whole component of a path or a whole text in quotes: it may be a common
    word. Several in a row are also found where the last one goes on, for results may lie in `Meier_results` beside
    `Meier`.
    """
    words = r"[/\\]+".join(re.escape(part) for part in path.parts if part != path.anchor)
    if path.is_absolute():
        return re.compile(re.escape(path.anchor) + words)
    end = f"(?!{_NO_SEPARATOR_OR_QUOTE})" if len(path.parts) == 1 else ""
    return re.compile(f"(?<!{_NO_SEPARATOR_OR_QUOTE}){words}{end}")
