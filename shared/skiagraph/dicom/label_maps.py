"""Label maps: 0 where there is nothing, k on the k-th segment."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_LABELS = 65535


def as_label_maps(masks: NDArray[Any]) -> NDArray[Any]:
    """Masks as (frames, rows, columns), uint8 or, with labels above 255, uint16; not copied where they are so already.

    Args:
        masks: (rows, columns) or (frames, rows, columns), bool or whole numbers from 0 to 65535.

    Raises:
        ValueError: they are not.
    """
    if masks.ndim not in (2, 3) or masks.size == 0:
        raise ValueError(f"masks are (rows, columns) or (frames, rows, columns), not of shape {masks.shape}")
    if masks.dtype.kind not in "bui":
        raise ValueError(f"masks are bool or whole numbers, one for each segment, not {masks.dtype}")
    low, high = int(masks.min()), int(masks.max())
    if low < 0 or high > _MOST_LABELS:
        raise ValueError(f"labels go from 0 (nothing) to {_MOST_LABELS}, not from {low} to {high}")
    small = masks.astype(np.uint8 if high < 256 else np.uint16, copy=False)
    return small if small.ndim == 3 else small[None]
