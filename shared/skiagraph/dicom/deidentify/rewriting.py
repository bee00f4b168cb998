"""A data set written anew: what must go is replaced, all else copied as it lies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .pieces import Piece, Pieces, joined
from .profile import FREE_TEXT_VRS, TEXT_VRS, Action, Profile, Rule, safe_private
from .stream import (
    IMPLICIT,
    ITEM_END,
    SHORT_VRS,
    UNDEFINED,
    BrokenStreamError,
    Cursor,
    check_depth,
    known_vr,
    name_of,
)
from .text import encodings_of
from .values import Replacer

# Path, action, rule and raw value of an element that was changed.
Change = tuple[str, Action, str, bytes]
Header = tuple[int, bytes, int]

_CHARACTER_SET, _GRAPHIC_DATA = 0x00080005, 0x00700022
_LOOKED_AT = (_CHARACTER_SET, _GRAPHIC_DATA)
_BEHIND_ALL = 1 << 32


@dataclass(slots=True)
class Level:
    """Where a data set is.

    Attributes:
        path: of the item it is, with a dot at its end; empty for the data set of the file.
        encodings: Python's names for the character set in use.
        depth: number of sequences around it.
        scrubbed: all of its texts are to be replaced.
    """

    path: str = ""
    encodings: tuple[str, ...] = ("iso8859",)
    depth: int = 0
    scrubbed: bool = False

    def read_character_set(self, cursor: Cursor, header: Header) -> None:
        """Use the character set that an element names, if it is the one that does."""
        if header[0] == _CHARACTER_SET and header[2] != UNDEFINED:
            raw = cursor.data[cursor.position : cursor.value_end(header[2])]
            self.encodings = encodings_of(raw)

    def inside(self, tag: int, item: int, *, scrubbed: bool = False) -> Level:
        """The level of an item of a sequence.

        Raises:
            BrokenStreamError: it is too deep.
        """
        check_depth(self.depth + 1)
        path = f"{self.path}{name_of(tag)}[{item}]."
        return Level(path, self.encodings, self.depth + 1, self.scrubbed or scrubbed)


class Rewriter:
    """Writes data sets anew.

    Args:
        profile: which rule an element has.
        replacer: finds new values.
        changed: is called with each change.
    """

    def __init__(self, profile: Profile, replacer: Replacer, changed: Callable[[Change], None]) -> None:
        self._profile, self._replacer, self._changed = profile, replacer, changed

    def rewrite(self, cursor: Cursor, added: Sequence[tuple[int, bytes]]) -> list[Piece]:
        """The data set from the cursor to its end.

        Args:
            cursor: at the first element.
            added: tags and elements to put in, in ascending order, in place of those that are there.

        Raises:
            BrokenStreamError: the bytes are no data set.
        """
        start, end = cursor.position, cursor.end
        pieces, _ = self._dataset(cursor, end, Level(), added)
        return [(start, end)] if pieces is None else pieces

    def _dataset(
        self, cursor: Cursor, end: int | None, level: Level, added: Sequence[tuple[int, bytes]] = ()
    ) -> tuple[list[Piece] | None, int]:
        """Pieces of a data set, None if it may stay as it is; and where it ends, before its delimiter."""
        begin, last, keep, find = cursor.position, -1, Action.KEEP, self._profile.rule
        pieces = Pieces(begin)
        waiting = [*added, (_BEHIND_ALL, b"")][::-1]
        creators: dict[int, str] = {}
        while end is None or cursor.position < end:
            start = cursor.position
            header = tag, vr, length = cursor.header()
            if tag == ITEM_END and end is None:
                return pieces.finish(begin, start), start
            if tag <= last:
                raise BrokenStreamError(f"{name_of(tag)} stands behind {name_of(last)}: out of order")
            last = tag
            while tag > waiting[-1][0]:
                pieces.put(start, waiting.pop()[1], start)
            if tag == waiting[-1][0]:
                cursor.skip(vr, length)
                pieces.put(start, waiting.pop()[1], cursor.position)
                continue
            rule = find(tag, vr)
            if rule.action is keep and length != UNDEFINED and tag not in _LOOKED_AT:
                cursor.position = cursor.value_end(length, end)
                continue
            new = self._element(cursor, level, header, rule, creators)
            if new is not None:
                pieces.put(start, new, cursor.position)
        for _, element in waiting[:0:-1]:
            pieces.put(cursor.position, element, cursor.position)
        return pieces.finish(begin, cursor.position), cursor.position

    def _element(
        self, cursor: Cursor, level: Level, header: Header, rule: Rule, creators: dict[int, str]
    ) -> bytes | None:
        """The element to put in the place of one, empty if it goes, None if it stays; moves behind the old one."""
        tag, vr, length = header
        level.read_character_set(cursor, header)
        if rule.action is Action.PRIVATE:
            rule, vr = self._private_rule(cursor, header, creators)
        if level.scrubbed:
            rule = _scrubbed(rule, header)
        if rule.action is Action.REMOVE:
            return self._removed(cursor, level, header, rule)
        if rule.action is Action.KEEP:
            cursor.skip(vr, length)
            return None
        if vr == b"SQ" or known_vr(tag) == b"SQ" or length == UNDEFINED:
            return self._sequence(cursor, level, header, rule)
        end = cursor.value_end(length)
        raw = cursor.data[cursor.position : end]
        cursor.position = end
        new = self._replacer.new_value(rule.action, (tag, vr), raw, level.encodings) if raw else raw
        if new == raw:
            return None
        self._changed((level.path + name_of(tag), rule.action, rule.reason, raw))
        written = header[1] if header[1] in SHORT_VRS else known_vr(tag) if known_vr(tag) != b"UN" else header[1]
        return b"" if new is None else cursor.encoding.element(tag, written, new)

    def _removed(self, cursor: Cursor, level: Level, header: Header, rule: Rule) -> bytes:
        start = cursor.position
        cursor.skip(header[1], header[2])
        raw = cursor.data[start : cursor.position]
        self._changed((level.path + name_of(header[0]), rule.action, rule.reason, raw))
        return b""

    def _sequence(self, cursor: Cursor, level: Level, header: Header, rule: Rule) -> bytes | None:
        tag, vr, length = header
        start = cursor.position
        if rule.action is Action.EMPTY:
            cursor.skip(vr, length)
            if length:
                raw = cursor.data[start : cursor.position]
                self._changed((level.path + name_of(tag), rule.action, rule.reason, raw))
            return cursor.encoding.element(tag, b"SQ", b"") if length else None
        try:
            return self._items(cursor, level, header, scrubbed=rule.action is Action.SCRUB)
        except BrokenStreamError:
            # UN may hold anything; what is no sequence of items in it cannot be looked through.
            if vr != b"UN" or length == UNDEFINED:
                raise
            cursor.position = start
            return self._removed(cursor, level, header, Rule(Action.REMOVE, "beyond the table: UN that cannot be read"))

    def _items(self, cursor: Cursor, level: Level, header: Header, *, scrubbed: bool) -> bytes | None:
        tag, vr, length = header
        reader = cursor.within(IMPLICIT) if vr == b"UN" else cursor
        contents: list[bytes] = []
        changed = False
        for number, end in enumerate(reader.items(length)):
            start = reader.position
            pieces, stop = self._dataset(reader, end, level.inside(tag, number, scrubbed=scrubbed))
            changed = changed or pieces is not None
            contents.append(joined(cursor, [(start, stop)] if pieces is None else pieces))
        cursor.position = reader.position
        if not changed:
            return None
        value = b"".join(map(reader.encoding.item, contents))
        return cursor.encoding.element(tag, vr, value)

    def _private_rule(self, cursor: Cursor, header: Header, creators: dict[int, str]) -> tuple[Rule, bytes]:
        """Rule and VR of a private element: safe ones (PS3.15 E.3.10) stay with their creator if that is asked for."""
        tag, vr, length = header
        group, element = tag >> 16, tag & 0xFFFF
        if not self._profile.options.retain_safe_private:
            return Rule(Action.REMOVE, "E.1-1 private"), vr
        if 0x10 <= element <= 0xFF and length != UNDEFINED:
            raw = cursor.data[cursor.position : cursor.value_end(length)]
            creators[group << 8 | element] = creator = raw.decode("latin-1").strip("\0 ")
            action = Action.KEEP if safe_private(creator, group) else Action.REMOVE
            return Rule(action, "E.3.10 creator of a private block"), vr
        safe = safe_private(creators.get(group << 8 | element >> 8, ""), group).get(element & 0xFF)
        if safe is None:
            return Rule(Action.REMOVE, "E.1-1 private, and not in Table E.3.10-1"), vr
        return Rule(_safe_action(safe if vr == b"UN" else vr), "E.3.10 safe private"), safe if vr == b"UN" else vr


def _scrubbed(rule: Rule, header: Header) -> Rule:
    """The rule within a sequence that is to have a dummy content."""
    tag, vr, _ = header
    if rule.action in (Action.HUNT, Action.CLEAN) and vr != b"CS":
        return replace(rule, action=Action.DUMMY, reason="E.1-1 D of the sequence")
    if tag == _GRAPHIC_DATA:
        return replace(rule, action=Action.DUMMY, reason="E.1-1 D of the sequence")
    return rule


def _safe_action(vr: bytes) -> Action:
    if vr in (b"OB", b"OW", b"UN"):
        return Action.BINARY
    if vr == b"SQ":
        return Action.RECURSE
    if vr == b"UI":
        return Action.UID
    if vr in FREE_TEXT_VRS:
        return Action.CLEAN
    return Action.HUNT if vr in TEXT_VRS or vr in (b"IS", b"DS") else Action.KEEP
