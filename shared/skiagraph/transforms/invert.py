"""Radiographs whose bones are dark."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from monai.transforms.utils import generate_spatial_bounding_box


class RandInvertd(RandomizableTransform, MapTransform):
    """Turn dark into bright, as fluoroscopy and films have it.

    Black rows and columns at the edges stay black, as padding is in inference, whatever the picture inside it.

    Args:
        keys: images (C, rows, columns), 0 to 1; so is the output.
        prob: probability that an item is inverted.
        allow_missing_keys: do not complain about a missing key.
    """

    def __init__(self, keys: KeysCollection, prob: float = 0.1, allow_missing_keys: bool = False) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Invert the images of an item, or not."""
        self.randomize(None)
        out = dict(data)
        for key in self.key_iterator(out):
            if self._do_transform:
                low, high = generate_spatial_bounding_box(out[key])
                inside = (slice(None), *(slice(start, stop) for start, stop in zip(low, high, strict=True)))
                inverted = out[key].clone()
                inverted[inside] = 1 - inverted[inside]
                out[key] = inverted
        return out
