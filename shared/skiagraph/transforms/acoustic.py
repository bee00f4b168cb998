"""Augmentation that an ultrasound machine could have made: its settings, the tissue above, its speckle.

All work on log-compressed images between 0 and 1, where a gain is a sum: an amplitude that is halved lowers every grey
by the same amount. Black stays black: beyond the probe's rectangle or fan there is nothing to amplify. None changes
where things are, so labels need no counterpart.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from torch import Tensor
from torch.nn import functional


class _RandAcousticd(RandomizableTransform, MapTransform):
    """Shared frame: with probability `prob`, the same change for all keys, clipped to 0..1."""

    def __init__(self, keys: KeysCollection, prob: float, allow_missing_keys: bool) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Change an item's images."""
        out = dict(data)
        self.randomize(None)
        keys = list(self.key_iterator(out))
        if self._do_transform and keys:
            change = self._draw(tuple(out[keys[0]].shape[-2:]))
            for key in keys:
                out[key] = torch.where(out[key] > 0, self._apply(out[key], change).clip(0, 1), out[key])
        return out

    @abstractmethod
    def _draw(self, shape: tuple[int, int]) -> Any:
        """Draw a change for images of (rows, columns)."""

    def _apply(self, image: Tensor, change: Any) -> Tensor:
        return image + change


class RandGaind(_RandAcousticd):
    """Change gain and dynamic range: ``image * contrast + gain``.

    Args:
        keys: images between 0 and 1.
        prob: how often.
        gain: largest change of the grey level, up or down.
        contrast: range of the factor.
        allow_missing_keys: do not complain about a missing key.
    """

    def __init__(
        self,
        keys: KeysCollection,
        prob: float = 0.5,
        gain: float = 0.15,
        contrast: tuple[float, float] = (0.7, 1.4),
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, prob, allow_missing_keys)
        self.gain = gain
        self.contrast = contrast

    def _draw(self, shape: tuple[int, int]) -> tuple[float, float]:  # noqa: ARG002 (the same for every pixel)
        return self.R.uniform(*self.contrast), self.R.uniform(-self.gain, self.gain)

    def _apply(self, image: Tensor, change: tuple[float, float]) -> Tensor:
        contrast, gain = change
        return image * contrast + gain


class RandDepthAttenuationd(_RandAcousticd):
    """Let the echo fade (or be amplified) with depth, and differ between scan lines.

    Args:
        keys: images between 0 and 1, depth along the rows.
        prob: how often.
        attenuation: largest change of the grey level between the first and the last row, up or down.
        lateral: standard deviation of the change from scan line to scan line.
        allow_missing_keys: do not complain about a missing key.
    """

    def __init__(
        self,
        keys: KeysCollection,
        prob: float = 0.5,
        attenuation: float = 0.3,
        lateral: float = 0.04,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, prob, allow_missing_keys)
        self.attenuation = attenuation
        self.lateral = lateral

    def _draw(self, shape: tuple[int, int]) -> Tensor:
        rows, columns = shape
        depth = np.linspace(0, 1, rows)[:, None]
        knots = self.R.normal(0, self.lateral, size=8)
        across = np.interp(np.linspace(0, 7, columns), np.arange(8), knots)
        change = self.R.uniform(-self.attenuation, self.attenuation) * depth + across * depth**0.5
        return torch.as_tensor(change, dtype=torch.float32)


class RandSpeckled(_RandAcousticd):
    """Add speckle: Rayleigh noise that multiplies the amplitude, correlated over a few pixels.

    Args:
        keys: images between 0 and 1.
        prob: how often.
        strength: largest standard deviation of the grey level.
        allow_missing_keys: do not complain about a missing key.
    """

    def __init__(
        self, keys: KeysCollection, prob: float = 0.5, strength: float = 0.06, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, prob, allow_missing_keys)
        self.strength = strength

    def _draw(self, shape: tuple[int, int]) -> Tensor:
        field = torch.as_tensor(self.R.standard_normal((2, 1, *shape)), dtype=torch.float32)
        axial, lateral = self.R.randint(0, 2), self.R.randint(0, 3)
        size = (2 * axial + 1, 2 * lateral + 1)
        field = functional.avg_pool2d(field, size, stride=1, padding=(axial, lateral), count_include_pad=False)
        grain = torch.log(torch.hypot(field[0, 0], field[1, 0]) + 1e-3)
        return (grain - grain.mean()) / grain.std() * self.R.uniform(0, self.strength)
