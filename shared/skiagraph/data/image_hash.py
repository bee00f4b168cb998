"""Which images are copies of each other, told by what they show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

SIDE = 16
BITS = SIDE * SIDE

_ROWS_AT_ONCE = 512  # of a matrix with a column for every image


def difference_hash(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The difference hash of a grey image: where it grows brighter from left to right, once it is shrunk to 17 x 16.

    Resizing, compression, and changes of contrast alter few of its bits; about half of them differ between images that
    have nothing in common. Krawetz, "Kind of Like That", The Hacker Factor Blog (2013).

    Args:
        pixels: (rows, columns).

    Returns:
        (256,).
    """
    small = np.asarray(Image.fromarray(pixels).resize((SIDE + 1, SIDE), Image.Resampling.LANCZOS))
    return np.asarray(small[:, 1:] > small[:, :-1]).ravel()


def near_pairs(hashes: NDArray[np.bool_], mirrored: NDArray[np.bool_], within_bits: int) -> NDArray[np.intp]:
    """Pairs of images whose hashes differ by few bits, as they are or with one of the two mirrored.

    Args:
        hashes: (N, 256), the `difference_hash` of each image.
        mirrored: (N, 256), that of each image with left and right exchanged.
        within_bits: the most bits that may differ.

    Returns:
        (P, 2), numbers of the images, the smaller one first; each pair once, in order.
    """
    signs, others = (np.where(bits, 1, -1).astype(np.float32) for bits in (hashes, mirrored))
    found = [np.empty((0, 2), dtype=np.intp)]
    for start in range(0, len(signs), _ROWS_AT_ONCE):
        block = signs[start : start + _ROWS_AT_ONCE]
        # The product counts the bits that agree less those that differ.
        agreement = np.maximum(block @ signs.T, block @ others.T)
        first, second = np.nonzero(agreement >= BITS - 2 * within_bits)
        pairs = np.stack([first + start, second], axis=1)
        found.append(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def connected_groups(count: int, pairs: NDArray[np.intp]) -> NDArray[np.intp]:
    """Put what is linked, directly or through others, into one group.

    Args:
        count: how many there are.
        pairs: (P, 2), numbers of those that are linked.

    Returns:
        (count,), the number of the group of each.
    """
    links = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.intp)
