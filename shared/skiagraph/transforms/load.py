"""Loading of two-dimensional frames with their physical pixel size."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from ..data.readers import GreyFrame, read_frame

_SPACING = "spacing_mm"


class LoadFramed(MapTransform):
    """Read grey frames as (1, rows, columns) MetaTensors, float32, 0 to 255.

    The affine maps (row, column) indices to millimetres, with the centre of the first pixel at the origin, so that
    MONAI's spatial transforms carry the pixel size along. The size comes from the item's ``spacing_mm``, else from
    the file, else from the argument; where none tells, the affine is in pixels, and `spacing_mm` of the image None.

    Args:
        keys: items that hold a path. The item's ``frame`` names the frame of a multi-frame file.
        spacing: (row, column) size of a pixel in mm, or one number for both, for files that do not tell it.
        on_error: ``"raise"``, or ``"report"`` to hand on a black frame whose meta entry ``error`` says what is
            wrong, so that one bad file does not end the work on a folder.
        allow_missing_keys: do not complain about a missing key.
    """

    def __init__(
        self,
        keys: KeysCollection,
        spacing: Sequence[float] | float | None = None,
        on_error: str = "raise",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if on_error not in ("raise", "report"):
            raise ValueError(f'on_error must be "raise" or "report", got "{on_error}".')
        self.spacing_mm = None if spacing is None else _pair(spacing, "spacing")
        self.report_errors = on_error == "report"

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Load the images of an item."""
        loaded = dict(data)
        for key in self.key_iterator(loaded):
            loaded[key] = self._load(data[key], data)
        return loaded

    def _load(self, path: str, item: Mapping[Hashable, Any]) -> MetaTensor:
        name, error = str(item.get("name") or path), ""
        try:
            if _printable(name) != name:
                raise ValueError(
                    f"{_printable(name)}: this name is not UTF-8, so no result can be called so; rename it"
                )
            frame = read_frame(path, item.get("frame") or 0)
            spacing = frame.spacing_mm or self.spacing_mm
            if item.get(_SPACING) is not None:
                spacing = _pair(item[_SPACING], f"{path}: {_SPACING}")
        except (OSError, ValueError) as problem:
            if not self.report_errors:
                raise
            frame, spacing, error = GreyFrame(np.zeros((2, 2), dtype=np.float32)), None, _printable(str(problem))
        affine = torch.eye(4, dtype=torch.float64)
        if spacing:
            affine[0, 0], affine[1, 1] = spacing
        meta = {
            "filename_or_obj": str(path),
            "name": _printable(name),
            "spatial_shape": np.array(frame.pixels.shape),
            # A pair in any case, because data loaders cannot collate None.
            _SPACING: spacing or (math.nan, math.nan),
            "partial": bool(item.get("partial")),
            "error": error,
        }
        return MetaTensor(torch.from_numpy(np.array(frame.pixels))[None], affine=affine, meta=meta)


def spacing_mm(image: MetaTensor) -> tuple[float, float] | None:
    """(row, column) size of a pixel of the file that `LoadFramed` read, None where it is unknown."""
    row, column = (float(size) for size in image.meta[_SPACING])
    return None if math.isnan(row) else (row, column)


def _pair(spacing: Any, what: str) -> tuple[float, float]:
    try:
        sizes = np.asarray(spacing, dtype=float).ravel()
    except (TypeError, ValueError):
        sizes = np.empty(0)
    if len(sizes) not in (1, 2) or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise ValueError(f"{what} must be one or two positive numbers, in mm per pixel (row, column), got {spacing!r}")
    return float(sizes[0]), float(sizes[-1])


def _printable(text: str) -> str:
    """The text with what stands for bytes that are not UTF-8 written as numbers."""
    return text.encode(errors="backslashreplace").decode()
