"""Contrast that is the same everywhere in a radiograph."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform


class EqualizeLocallyd(MapTransform):
    """Contrast-limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994), by scikit-image.

    A radiograph of the trunk is dark over the lungs and bright over the abdomen, and no two exposures are alike; then
    vertebrae look alike in all of them.

    Args:
        keys: images (1, rows, columns), 0 to 1; so is the output.
        kernel_size: (rows, columns) of the region within which grey levels are evened out.
        clip_limit: 0 to 1, how much contrast may grow.
        allow_missing_keys: do not complain about a missing key.
    """

    def __init__(
        self,
        keys: KeysCollection,
        kernel_size: tuple[int, int] = (64, 64),
        clip_limit: float = 0.02,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.kernel_size = tuple(kernel_size)
        self.clip_limit = clip_limit

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Equalise the images of an item."""
        from skimage.exposure import equalize_adapthist  # here, because it takes long to import

        out = dict(data)
        for key in self.key_iterator(out):
            image: MetaTensor = data[key]
            grey = np.asarray(image.as_tensor()[0].cpu(), dtype=np.float64).clip(0, 1)
            # Of an image of one grey there is nothing to equalise, and scikit-image would divide by zero.
            if grey.min() < grey.max():
                grey = equalize_adapthist(grey, self.kernel_size, self.clip_limit)
            out[key] = MetaTensor(torch.from_numpy(grey[None]).to(image.dtype)).copy_meta_from(image)
        return out
