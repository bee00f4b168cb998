"""Frames of DICOM files for MONAI's LoadImage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import ImageReader
from monai.utils import ensure_tuple
from monai.utils.enums import MetaKeys
from numpy.typing import NDArray

from ..dicom import DicomFrames, grey_frame, is_dicom


@dataclass(frozen=True)
class _Loaded:
    pixels: NDArray[np.float32]
    spacing_mm: tuple[float, float] | None


class DicomFrameReader(ImageReader):
    """A frame or a whole cine as grey levels, for ``LoadImage(reader=DicomFrameReader)`` and ``LoadImaged``.

    MONAI's own readers stack slices to volumes and apply neither window nor MONOCHROME1; this one gives what
    `skiagraph.dicom.to_grey` says. Of a file that it refuses, LoadImage asks MONAI's readers, after all.

    The result is (rows, columns), or (rows, columns, frames) for a cine, float32, 0 to 255; several files of one
    shape are stacked as channels. The affine maps (row, column, frame) to millimetres, with the centre of the first
    pixel at the origin and one step for each frame; where a file does not tell the size of its pixels in the body, it
    is in pixels, and ``spacing_mm`` of the meta data (nan, nan).

    Args:
        frame: the frame, counted from 0; None for all of them.
    """

    def __init__(self, frame: int | None = 0) -> None:
        super().__init__()
        self.frame = frame

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Whether all files begin like DICOM, however they are called."""
        return all(Path(name).is_file() and is_dicom(Path(name)) for name in ensure_tuple(filename))

    def read(self, data: Sequence[PathLike] | PathLike, **_: Any) -> list[_Loaded]:
        """Decode the files.

        Raises:
            OSError: there is no such file, or it cannot be read.
            ValueError: a file holds no frames, has no such frame, or cannot be decoded.
        """
        return [self._load(Path(name)) for name in ensure_tuple(data)]

    def get_data(self, img: Sequence[_Loaded]) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Array and meta data of what `read` gave.

        Raises:
            ValueError: the files differ in shape or in the size of their pixels.
        """
        first = img[0]
        if any(other.pixels.shape != first.pixels.shape or other.spacing_mm != first.spacing_mm for other in img):
            raise ValueError(
                "files that are read as channels of one image differ in shape or in the size of their pixels"
            )
        affine = np.diag([*(first.spacing_mm or (1.0, 1.0)), 1.0, 1.0])
        meta = {
            MetaKeys.AFFINE: affine,
            MetaKeys.ORIGINAL_AFFINE: affine.copy(),
            MetaKeys.SPATIAL_SHAPE: np.array(first.pixels.shape),
            MetaKeys.ORIGINAL_CHANNEL_DIM: 0 if len(img) > 1 else "no_channel",
            # A pair in any case, because data loaders cannot collate None.
            "spacing_mm": first.spacing_mm or (math.nan, math.nan),
        }
        pixels = first.pixels if len(img) == 1 else np.stack([loaded.pixels for loaded in img])
        return pixels, {str(key): value for key, value in meta.items()}

    def _load(self, path: Path) -> _Loaded:
        with DicomFrames(path) as frames:
            if self.frame is not None:
                frame = grey_frame(frames, self.frame)
                return _Loaded(frame.pixels, frame.spacing_mm)
            shape = (frames.description.rows, frames.description.columns, len(frames))
            pixels = np.empty(shape, dtype=np.float32)
            spacings = set()
            for index in range(len(frames)):
                frame = grey_frame(frames, index)
                pixels[..., index] = frame.pixels
                spacings.add(frame.spacing_mm)
            return _Loaded(pixels, spacings.pop() if len(spacings) == 1 else None)
