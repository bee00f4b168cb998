"""Which radiographs belong together because they may be of one patient, or are the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

import numpy as np

from ..image_hash import BITS, connected_groups, near_pairs
from .mura_files import MuraImage

# Seen in the 371 different images of the published sets, as the smaller of the distances to an image and to its
# mirror image. Of 186 images saved anew, 95 in a hundred are no farther from themselves than: half the size 12 bits,
# JPEG of quality 50 and 20 18 and 20, gamma 0.6 and 1.6 22 and 26, brighter by 30 % 22 (turned by one degree or cut by
# 2 %: 30 and 33, where the hash fails). Of the 68635 pairs, four are within 26 bits: views of one operation, and
# fluoroscopies in the same round field. The next, at 27, are arms of two patients.
NEAR_BITS = 26

# The published sets number the images of MURA's abnormal humeri (and some forearms) in the order of its folders, so
# neighbours are often views of one study: 97 to 102 are of one operation, 188 to 191 of one arm. An image that shows
# no implant is missing between two of one patient in places: 422 and 424 show the same fracture.
_COUNTED = re.compile(r"(\w*positive)_(\d+)")
_NEIGHBOURS_WITHIN = 2


@dataclass(frozen=True)
class Content:
    """What an image shows, in short.

    Attributes:
        digest: SHA-256 of its size and pixels.
        bits: its `difference_hash`, packed.
        mirrored_bits: that of the image with left and right exchanged.
    """

    digest: str
    bits: bytes
    mirrored_bits: bytes


def name_groups(images: Sequence[MuraImage], contents: Sequence[Content]) -> list[str]:
    """Name the group of each image, so that no two groups share a patient or a picture.

    Images belong together if they are of one patient or have the same pixels; where the folders do not name the
    patients of both, also if one nearly is the other or its mirror image, or if they are neighbours among the images of
    the published sets.

    Args:
        images: where they are.
        contents: what each of them shows.

    Returns:
        the name of a patient of the group, or the path of its first image without suffix.
    """
    patients = _chain(image.patient for image in images)
    copies = _chain(content.digest for content in contents)
    links = [*patients, *copies, *_near(images, contents), *_neighbours(images)]
    groups = connected_groups(len(images), np.array(links, dtype=np.intp).reshape(-1, 2)).tolist()
    names: dict[int, str] = {}
    order = sorted(range(len(images)), key=lambda index: (images[index].patient is None, images[index].path))
    for index in order:
        path = PurePosixPath(images[index].path)
        names.setdefault(groups[index], images[index].patient or path.with_suffix("").as_posix())
    return [names[group] for group in groups]


def _chain(keys: Iterable[str | None]) -> list[tuple[int, int]]:
    """Link those that have the same key, each with the next."""
    having = defaultdict(list)
    for index, key in enumerate(keys):
        if key is not None:
            having[key].append(index)
    return [pair for indices in having.values() for pair in pairwise(indices)]


def _near(images: Sequence[MuraImage], contents: Sequence[Content]) -> list[list[int]]:
    """Pairs that nearly are the same, if not both are known by their patient."""
    nameless = np.array([image.patient is None for image in images], dtype=bool)
    if not nameless.any():
        return []
    rows = [[content.bits for content in contents], [content.mirrored_bits for content in contents]]
    hashes, mirrored = (np.unpackbits(np.frombuffer(b"".join(row), np.uint8)).reshape(-1, BITS) > 0 for row in rows)
    pairs = near_pairs(hashes, mirrored, NEAR_BITS)
    return pairs[nameless[pairs].any(axis=1)].tolist()


def _neighbours(images: Sequence[MuraImage]) -> list[tuple[int, int]]:
    series = defaultdict(list)
    for index, image in enumerate(images):
        path = PurePosixPath(image.path)
        counted = _COUNTED.fullmatch(path.stem)
        if counted and image.patient is None:
            # Sets count alike, but their train and test folders apart.
            series[path.parent.name, counted[1]].append((int(counted[2]), index))
    ordered = (pair for numbers in series.values() for pair in pairwise(sorted(numbers)))
    return [(first, second) for (low, first), (high, second) in ordered if high - low <= _NEIGHBOURS_WITHIN]
