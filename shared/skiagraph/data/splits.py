"""Splits of a data set: by group (patient, specimen, trial), or by position where there is only one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .data_list import PARTS, Item


def split_by_group(
    items: Sequence[Mapping[str, Any]], test_groups: Collection[str], validation_groups: Collection[str]
) -> dict[str, list[Item]]:
    """Deal items out by their `group`: the named ones to test and validation, all others to training.

    Returns:
        The items of "training", "validation" and "test", each in the order given.

    Raises:
        ValueError: a group is named for both, or an item has no group.
    """
    if both := set(test_groups) & set(validation_groups):
        raise ValueError(f"group {', '.join(sorted(both))} is asked for in test and in validation; name it once")
    parts: dict[str, list[Item]] = {part: [] for part in PARTS}
    for item in items:
        group = _group(item)
        part = "test" if group in test_groups else "validation" if group in validation_groups else "training"
        parts[part].append(dict(item))
    return parts


def share_out_groups(items: Sequence[Mapping[str, Any]], shares: Mapping[str, float]) -> dict[str, set[str]]:
    """Choose groups for parts until each has its share of the items, by the hash of a group's name.

    So the choice needs no seed, and one group more or less changes little in it.

    Args:
        items: images, each with its `group`.
        shares: by the part's name, the share of all items that it shall have, at least.

    Returns:
        the names of the groups of each part; all other groups are in none.
    """
    sizes = Counter(_group(item) for item in items)
    order = sorted(sizes, key=lambda group: sha256(group.encode()).hexdigest())
    chosen: dict[str, set[str]] = {part: set() for part in shares}
    for part, share in shares.items():
        taken = 0
        while order and taken < share * len(items):
            group = order.pop(0)
            chosen[part].add(group)
            taken += sizes[group]
    return chosen


def check_disjoint(parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Refuse a split in which a group stands in two parts.

    Raises:
        ValueError: names the first such group and its parts.
    """
    part_of: dict[str, str] = {}
    for part, items in parts.items():
        for item in items:
            group = _group(item)
            if part_of.setdefault(group, part) != part:
                raise ValueError(f"group {group} stands in {part_of[group]} and in {part}; a group belongs to one part")


def split_by_position(
    items: Sequence[Mapping[str, Any]],
    *,
    test: tuple[float, float] = (0.4, 0.6),
    validation: tuple[float, float] = (0.9, 1.0),
    guard_mm: float = 10.0,
) -> dict[str, list[Item]]:
    """Hold out stretches of one object, where a split by time would show the same anatomy in two parts.

    Args:
        items: images with `position_mm`, where along the object each was taken.
        test: the stretch that is tested, as quantiles of the position.
        validation: the stretch that validates, likewise.
        guard_mm: training stays farther away than this from both stretches, and validation from test; what
            lies between is in no part. It has to exceed the length of the object that one image shows.

    Returns:
        The items of "training", "validation" and "test", each in the order given.

    Raises:
        ValueError: a position is not finite, or a part would be empty.
    """
    positions = np.array([item["position_mm"] for item in items], dtype=float)
    if not len(positions) or not np.isfinite(positions).all():
        raise ValueError("a split by position needs images, each with a finite position_mm")
    to_test, to_validation = (_distance(positions, np.quantile(positions, stretch)) for stretch in (test, validation))
    chosen = {
        "training": (to_test > guard_mm) & (to_validation > guard_mm),
        "validation": (to_validation == 0) & (to_test > guard_mm),
        "test": to_test == 0,
    }
    parts = {part: [dict(item) for item, here in zip(items, chosen[part], strict=True) if here] for part in PARTS}
    if empty := [part for part in PARTS if not parts[part]]:
        length = np.ptp(positions)
        raise ValueError(
            f"no image is left for {', '.join(empty)}: {len(items)} images over {length:.1f} mm are too few"
        )
    return parts


def _distance(positions: NDArray[np.float64], stretch: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = stretch
    return np.asarray(np.maximum(np.maximum(low - positions, positions - high), 0))


def _group(item: Mapping[str, Any]) -> str:
    if item.get("group") is None:
        raise ValueError(
            f"{item.get('image', item)}: has no group; give every item the patient or specimen that it shows"
        )
    return str(item["group"])
