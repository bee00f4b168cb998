"""The target of a network that finds thin lines: the distance to the line, then the band around it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from scipy.ndimage import distance_transform_edt

# Farther than any pixel of an image that a network sees.
_NO_LINE_PX = 1e4


class LineDistanced(MapTransform):
    """Turn a label (1, rows, columns; 0 is background) into the distance to its line, in pixels, and what is known.

    The distance survives interpolation, which a line one pixel wide does not: resize and augment it with bilinear
    interpolation, then call `BandTargetd`.

    Args:
        keys: the labels; output (2, rows, columns) float32: distance, and 1 where the label can be trusted.
        size: (rows, columns) to which the image will be resized: all pixels are meant in that grid. By default it
            stays as it is.
        partial_key: item that tells that only some of the bones are labelled. Then the label is known along the scan
            lines (columns) that meet it: sound does not pass bone, so nothing else can show above or below.
        margin_px: columns beside a partial label that are known as well: 3 mm in an image 50 mm wide, where septa and
            tendons end at the labelled bone, and farther than the next bone ever comes.
        allow_missing_keys: do not complain about a missing key.
    """

    def __init__(
        self,
        keys: KeysCollection,
        size: Sequence[int] | None = None,
        partial_key: str = "partial",
        margin_px: float = 15,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.size = size
        self.partial_key = partial_key
        self.margin_px = margin_px

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Put distance and trust in place of an item's labels."""
        out = dict(data)
        for key in self.key_iterator(out):
            line = np.asarray(out[key][0]) > 0
            pixel = np.divide(self.size or line.shape, line.shape)
            distance, known = np.full(line.shape, _NO_LINE_PX), np.ones(line.shape)
            if line.any():
                distance = distance_transform_edt(~line, sampling=pixel)
            if data.get(self.partial_key):
                met = np.flatnonzero(line.any(axis=0))
                away = np.abs(np.arange(line.shape[1])[:, None] - met).min(axis=1, initial=_NO_LINE_PX)
                known[:, away * pixel[1] > self.margin_px] = 0
            target = torch.from_numpy(np.stack([distance, known]).astype(np.float32))
            out[key] = MetaTensor(target, meta=out[key].meta) if isinstance(out[key], MetaTensor) else target
        return out


class BandTargetd(MapTransform):
    """Turn distance and known (2, rows, columns) into band, skeleton, known (3, rows, columns), as `BandLoss` wants.

    Args:
        keys: outputs of `LineDistanced`.
        band_px: half width of the band; 3 at 256 x 256 as in UltraBones100k (Wu et al., arXiv 2502.03783).
        skeleton_px: half width of the skeleton; 1 there.
        allow_missing_keys: do not complain about a missing key.
    """

    def __init__(
        self, keys: KeysCollection, band_px: float = 3.0, skeleton_px: float = 1.0, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.band_px = band_px
        self.skeleton_px = skeleton_px

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Put the target in place of an item's distances."""
        out = dict(data)
        for key in self.key_iterator(out):
            distance, known = out[key]
            out[key] = torch.stack([distance <= self.band_px, distance <= self.skeleton_px, known > 0.5]).float()
        return out
