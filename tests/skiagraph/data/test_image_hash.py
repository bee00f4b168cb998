from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from skiagraph.data import image_hash
from skiagraph.data.image_hash import BITS, connected_groups, difference_hash, near_pairs

Pixels = NDArray[np.uint8]


def picture(seed: int, shape: tuple[int, int] = (300, 260)) -> Pixels:
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 12)
    return np.asarray(np.clip(128 + 50 * noise / noise.std(), 0, 255), dtype=np.uint8)


def test_bits_say_where_it_grows_brighter_to_the_right() -> None:
    ramp = np.tile(np.linspace(0, 255, 170), (160, 1)).astype(np.uint8)
    assert difference_hash(ramp).all()
    assert not difference_hash(np.ascontiguousarray(ramp[:, ::-1])).any()
    assert not difference_hash(np.ascontiguousarray(ramp.T)).any()
    halves = np.concatenate([ramp, ramp[:, ::-1]])
    np.testing.assert_array_equal(difference_hash(halves).reshape(16, 16).mean(axis=1), [1] * 8 + [0] * 8)


def as_jpeg(pixels: Pixels) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=40)
    return np.asarray(Image.open(buffer))


@pytest.mark.parametrize(
    "change",
    [
        as_jpeg,
        lambda pixels: np.asarray(Image.fromarray(pixels).resize((130, 150))),
        lambda pixels: np.asarray(pixels * 0.7 + 20).astype(np.uint8),
        lambda pixels: np.asarray(255 * (pixels / 255.0) ** 0.7).astype(np.uint8),
    ],
)
def test_a_copy_keeps_most_bits_and_another_image_half_of_them(change: Callable[[Pixels], Pixels]) -> None:
    for seed in range(3):
        bits = difference_hash(picture(seed))
        assert (difference_hash(change(picture(seed))) != bits).sum() <= 12
        assert 80 < (difference_hash(change(picture(seed + 10))) != bits).sum() < 176


HASHES = st.integers(0, 12).flatmap(
    lambda count: st.tuples(
        *[st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=count, max_size=count)] * 2
    )
)


@settings(deadline=None, max_examples=100)
@given(rows=HASHES, within=st.integers(0, 3), at_once=st.integers(1, 5))
def test_near_pairs_are_those_that_counting_finds(
    rows: tuple[list[list[bool]], list[list[bool]]], within: int, at_once: int
) -> None:
    """Three bits that differ, the others alike, so that many are near."""
    hashes, mirrored = (
        np.concatenate([np.array(bits, dtype=bool).reshape(-1, 3), np.zeros((len(bits), BITS - 3), bool)], axis=1)
        for bits in rows
    )
    expected = [
        [i, j]
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if min((hashes[i] != other).sum() for other in (hashes[j], mirrored[j])) <= within
        or (hashes[j] != mirrored[i]).sum() <= within
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_hash, "_ROWS_AT_ONCE", at_once)
        assert near_pairs(hashes, mirrored, within).tolist() == expected


def test_an_image_is_near_its_mirror_image() -> None:
    pictures = [picture(0), picture(1), np.ascontiguousarray(picture(0)[:, ::-1])]
    hashes = np.array([difference_hash(pixels) for pixels in pictures])
    mirrored = np.array([difference_hash(np.ascontiguousarray(pixels[:, ::-1])) for pixels in pictures])
    assert near_pairs(hashes, mirrored, 4).tolist() == [[0, 2]]


def test_groups_join_what_is_linked_through_others() -> None:
    groups = connected_groups(7, np.array([[0, 3], [3, 5], [1, 2]]))
    assert len(set(groups.tolist())) == 4
    assert groups[0] == groups[3] == groups[5]
    assert groups[1] == groups[2]
    assert connected_groups(0, np.empty((0, 2), dtype=np.intp)).tolist() == []
    assert sorted(connected_groups(2, np.empty((0, 2), dtype=np.intp)).tolist()) == [0, 1]
