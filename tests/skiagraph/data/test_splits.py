from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skiagraph.data import check_disjoint, split_by_group, split_by_position
from skiagraph.data.splits import share_out_groups

GROUPS = st.sampled_from("abcdef")


@settings(deadline=None)
@given(groups=st.lists(GROUPS), test=st.sets(GROUPS), validation=st.sets(GROUPS))
def test_groups_are_disjoint_and_nothing_is_lost(groups: list[str], test: set[str], validation: set[str]) -> None:
    items = [{"image": str(number), "group": group} for number, group in enumerate(groups)]
    parts = split_by_group(items, test, validation - test)
    check_disjoint(parts)
    assert sorted((i for part in parts.values() for i in part), key=lambda i: int(i["image"])) == items
    assert {item["group"] for item in parts["test"]} == test & set(groups)
    assert {item["group"] for item in parts["validation"]} == (validation - test) & set(groups)


def test_group_in_two_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="group 4 stands in training and in test"):
        check_disjoint({"training": [{"group": "4"}, {"group": "5"}], "test": [{"group": "4"}]})
    with pytest.raises(ValueError, match="group a is asked for in test and in validation"):
        split_by_group([], {"a"}, {"a", "b"})


def test_item_without_group_is_refused() -> None:
    with pytest.raises(ValueError, match=r"1\.png: has no group"):
        split_by_group([{"image": "1.png"}], set(), set())


def items_of(groups: Sequence[str]) -> list[dict[str, str]]:
    return [{"image": str(number), "group": group} for number, group in enumerate(groups)]


@settings(deadline=None, max_examples=50)
@given(
    sizes=st.dictionaries(st.text("0123456789", min_size=1), st.integers(1, 5), max_size=20),
    test=st.sampled_from([0.0, 0.1, 0.25]),
    validation=st.sampled_from([0.0, 0.2, 0.5]),
    seed=st.integers(0, 100),
)
def test_groups_are_shared_out_as_asked_in_whatever_order(
    sizes: dict[str, int], test: float, validation: float, seed: int
) -> None:
    groups = [group for group, size in sizes.items() for _ in range(size)]
    shares = {"test": test, "validation": validation}
    chosen = share_out_groups(items_of(groups), shares)
    shuffled = np.random.default_rng(seed).permutation(groups).tolist()
    assert share_out_groups(items_of(shuffled), shares) == chosen
    assert chosen.keys() == shares.keys()
    assert chosen["test"] | chosen["validation"] <= set(sizes)
    assert not chosen["test"] & chosen["validation"]
    for part, share in shares.items():
        taken = sum(sizes[group] for group in chosen[part])
        assert taken >= share * len(groups) or sum(map(len, chosen.values())) == len(sizes)
        # The last group that was taken was needed.
        assert not taken or taken - max(sizes[group] for group in chosen[part]) < share * len(groups)


def test_all_groups_or_none_are_shared_out() -> None:
    assert share_out_groups(items_of("aabc"), {"test": 1.0, "validation": 0.5}) == {
        "test": {"a", "b", "c"},
        "validation": set(),
    }
    assert share_out_groups([], {"test": 0.5}) == {"test": set()}


def test_who_is_chosen_hangs_on_names_alone_and_not_on_how_they_sort() -> None:
    """A group that nobody chose can go, and of many groups those chosen are no run of neighbours."""
    groups = [f"{number:03d}" for number in range(100)]
    chosen = share_out_groups(items_of(groups), {"test": 0.2})["test"]
    assert len(chosen) == 20
    numbers = sorted(map(int, chosen))
    assert max(b - a for a, b in itertools.pairwise(numbers)) < 30
    assert numbers[0] < 20
    assert numbers[-1] > 80
    others = sorted(set(groups) - chosen)
    assert share_out_groups(items_of([*chosen, *others[:-4]]), {"test": 0.2})["test"] == chosen


def test_an_item_without_group_is_not_shared_out() -> None:
    with pytest.raises(ValueError, match=r"1\.png: has no group"):
        share_out_groups([{"image": "1.png", "group": None}], {"test": 0.5})


def gap(first: list[float], second: list[float]) -> float:
    return float(np.abs(np.subtract.outer(first, second)).min())


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-500, 500, width=32), min_size=40, max_size=100, unique=True))
def test_stretches_lie_apart(positions: list[float]) -> None:
    items = [{"image": str(number), "position_mm": position} for number, position in enumerate(positions)]
    try:
        parts = split_by_position(items)
    except ValueError:
        return  # too short a stretch: nothing is left beside the guard
    at = {part: [item["position_mm"] for item in here] for part, here in parts.items()}
    images = [item["image"] for here in parts.values() for item in here]
    assert len(images) == len(set(images))
    assert gap(at["training"], at["test"]) > 10
    assert gap(at["training"], at["validation"]) > 10
    assert gap(at["validation"], at["test"]) > 10
    assert not any(min(at["test"]) < position < max(at["test"]) for position in at["training"] + at["validation"])
    assert abs(len(at["test"]) - len(items) / 5) <= 1


def test_stretches_of_an_even_sweep() -> None:
    parts = split_by_position([{"position_mm": float(z)} for z in range(1001)])
    at = {part: [int(item["position_mm"]) for item in here] for part, here in parts.items()}
    assert at["test"] == list(range(400, 601))
    assert at["validation"] == list(range(900, 1001))
    assert at["training"] == [*range(390), *range(611, 890)]


@pytest.mark.parametrize("positions", [[], [1.0], [0.0, float("nan")], [0.0, 1.0, 2.0, 3.0, 4.0]])
def test_too_few_positions_are_refused(positions: list[float]) -> None:
    with pytest.raises(ValueError, match=r"finite|too few"):
        split_by_position([{"position_mm": position} for position in positions])


def test_validation_beside_test_keeps_away_from_it() -> None:
    items = [{"position_mm": float(z)} for z in range(1001)]
    parts = split_by_position(items, test=(0.4, 0.6), validation=(0.6, 1.0))
    assert [int(item["position_mm"]) for item in parts["validation"]] == list(range(611, 1001))
