"""Radiographs with boxes, dealt out to training, validation and test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ..data_list import Item
from ..splits import check_disjoint, share_out_groups, split_by_group
from .mura_files import FRACTURES, IMPLANTS

_TEST_FOLDERS = {"valid", "test"}
_SHARES = {"test": 0.22, "validation": 0.12}


def split_mura(items: Sequence[Item]) -> dict[str, list[Item]]:
    """Deal images out to training, validation and test by their group.

    Where there are folders `valid` or `test`, they are the test, and none of their groups trains; else 22 % of the
    images of each class are tested, at least. 12 % validate. Groups are dealt out in an order that depends on their
    names alone, those with the rarest class first.

    Of both published sets together, images with implants that only the set of fractures has do no more than train,
    because their boxes were drawn in another round than those that are measured on; where other images of their group
    are measured on, they are in no part.
    """
    both = _has_both_sets(items)
    lesser = [item for item in items if both and _is_lesser(item)]
    measured = [item for item in items if not (both and _is_lesser(item))]
    published = {item["group"] for item in items if _is_test(item)}
    shares = {**_SHARES, "test": 0.0} if published else _SHARES
    dealt = _share_out([item for item in measured if item["group"] not in published], shares)
    test = published | dealt["test"]
    usable = [*measured, *(item for item in lesser if item["group"] not in test | dealt["validation"])]
    parts = split_by_group(sorted(usable, key=lambda item: item["image"]), test, dealt["validation"])
    if published:
        parts["test"] = [item for item in parts["test"] if _is_test(item)]
    check_disjoint(parts)
    return parts


def _share_out(items: Sequence[Item], shares: Mapping[str, float]) -> dict[str, set[str]]:
    """Choose groups for parts until each has its share of the images of every class, and of those without boxes.

    An image counts for the rarest of its classes. A group whose rarest class was dealt with stays where it is.
    """
    counts = Counter(name for item in items for name in set(item["classes"]))
    rarest = [min(item["classes"], key=lambda name: (counts[name], name), default="") for item in items]
    chosen: dict[str, set[str]] = {part: set() for part in shares}
    settled: set[str] = set()
    for kind in sorted(set(rarest), key=lambda name: (not name, counts[name], name)):
        alike = [item for item, name in zip(items, rarest, strict=True) if name == kind]
        free = [item for item in alike if item["group"] not in settled]
        there = {part: sum(item["group"] in chosen[part] for item in alike) for part in shares}
        wanted = {part: max(share * len(alike) - there[part], 0) / max(len(free), 1) for part, share in shares.items()}
        for part, groups in share_out_groups(free, wanted).items():
            chosen[part] |= groups
        settled |= {item["group"] for item in alike}
    return chosen


def _folders(item: Mapping[str, Any]) -> tuple[str, ...]:
    return PurePosixPath(item["record"]).parts


def _is_test(item: Mapping[str, Any]) -> bool:
    return not _TEST_FOLDERS.isdisjoint(_folders(item))


def _has_both_sets(items: Sequence[Mapping[str, Any]]) -> bool:
    return {IMPLANTS, FRACTURES} <= {folder for item in items for folder in _folders(item)}


def _is_lesser(item: Mapping[str, Any]) -> bool:
    return FRACTURES in _folders(item) and "implant" in item["classes"]
