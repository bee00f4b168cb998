from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skiagraph.data import check_disjoint
from skiagraph.data.layouts.mura_split import split_mura

SHARES = {"test": 0.22, "validation": 0.12}


def make_item(number: int, group: str, classes: Sequence[str] = ("implant",), record: str = "train") -> dict[str, Any]:
    return {"image": f"{record}/{number:03d}.png", "group": group, "classes": list(classes), "record": record}


def showing(items: Sequence[dict[str, Any]], name: str) -> int:
    """Images that show a class; or none of them."""
    return sum(name in item["classes"] if name else not item["classes"] for item in items)


KINDS = st.sampled_from([("implant",)] * 4 + [("fracture",), ("implant", "implant"), ()])
ITEMS = st.lists(st.tuples(st.integers(0, 25), KINDS), max_size=60).map(
    lambda rows: [make_item(number, f"g{group}", classes) for number, (group, classes) in enumerate(rows)]
)


@settings(deadline=None, max_examples=100)
@given(items=ITEMS, seed=st.integers(0, 100))
def test_every_image_is_in_one_part_and_every_group(items: list[dict[str, Any]], seed: int) -> None:
    parts = split_mura(items)
    check_disjoint(parts)
    dealt = [item["image"] for part in parts.values() for item in part]
    assert sorted(dealt) == [item["image"] for item in items]
    assert all(part == sorted(part, key=lambda item: item["image"]) for part in parts.values())
    shuffled = [items[index] for index in np.random.default_rng(seed).permutation(len(items))]
    assert split_mura(shuffled) == parts


@settings(deadline=None, max_examples=100)
@given(
    counts=st.fixed_dictionaries(
        {"fracture": st.integers(20, 60), "implant": st.integers(100, 300), "": st.integers(20, 90)}
    ),
    salt=st.integers(0, 1000),
)
def test_each_class_has_its_share_in_every_part_where_groups_are_small(counts: dict[str, int], salt: int) -> None:
    kinds = [name for name, count in counts.items() for _ in range(count)]
    items = [make_item(n, f"{salt} {n}", (kind,) if kind else ()) for n, kind in enumerate(kinds)]
    parts = split_mura(items)
    for name, count in counts.items():
        for part, share in SHARES.items():
            assert share * count <= showing(parts[part], name) <= share * count + 2


@pytest.mark.parametrize("salt", range(8))
def test_the_rarest_class_is_dealt_first_and_what_comes_with_it_counts(salt: int) -> None:
    """Of 60 groups, each of five images, half have a fracture beside one of their implants, and half only implants."""
    kinds = [("implant", "fracture") if k == 0 and g < 30 else ("implant",) for g in range(60) for k in range(5)]
    items = [make_item(number, f"{salt} {number // 5}", kind) for number, kind in enumerate(kinds)]
    parts = split_mura(items)
    for part, share in SHARES.items():
        assert showing(parts[part], "fracture") == int(np.ceil(share * 30))
        alone = showing(parts[part], "implant") - showing(parts[part], "fracture")
        assert share * 270 <= alone < share * 270 + 5


@pytest.mark.parametrize("folder", ["valid/XR_HUMERUS", "implants_multiple/test"])
def test_the_published_test_is_the_test_and_none_of_its_groups_trains(folder: str) -> None:
    items = [make_item(number, f"p{number}") for number in range(100)]
    tested = [make_item(number, f"p{number}", record=folder) for number in (3, 200, 201)]
    parts = split_mura([*items, *tested])
    assert parts["test"] == tested
    assert "p3" not in {item["group"] for part in ("training", "validation") for item in parts[part]}
    assert (len(parts["training"]), len(parts["validation"])) == (87, 12)


def both_sets() -> list[dict[str, Any]]:
    """Groups of three implants; a third of them also with an image of the other set, and some fractures."""
    implants = [make_item(n, f"g{n // 3}", record="implants_multiple/train") for n in range(120)]
    lesser = [make_item(n, f"g{n}", record="implants_fractures/train") for n in range(0, 40, 3)]
    fractures = [make_item(100 + n, f"f{n}", ("fracture",), "implants_fractures/train") for n in range(20)]
    return [*implants, *lesser, *fractures]


def test_implants_of_the_set_of_fractures_only_train_where_the_other_set_is_measured_on() -> None:
    items = both_sets()
    parts = split_mura(items)
    of_part = {part: Counter((i["record"].split("/")[0], *i["classes"]) for i in parts[part]) for part in parts}
    lesser = ("implants_fractures", "implant")
    assert [of_part[part][lesser] > 0 for part in ("training", "validation", "test")] == [True, False, False]
    assert of_part["test"]["implants_fractures", "fracture"] == 5
    assert 27 <= of_part["test"]["implants_multiple", "implant"] <= 29
    held_out = {item["group"] for part in ("validation", "test") for item in parts[part]}
    dealt = [item["image"] for part in parts.values() for item in part]
    in_no_part = [item for item in items if item["image"] not in dealt]
    assert in_no_part
    assert all(item["group"] in held_out and "implant" in item["classes"] for item in in_no_part)


def test_alone_the_set_of_fractures_is_measured_on_with_its_implants() -> None:
    items = [item for item in both_sets() if "implants_fractures" in item["record"]]
    parts = split_mura(items)
    assert sum(map(len, parts.values())) == len(items)
    assert showing(parts["test"], "implant") == 4
