"""One frame from any file that the bundles read."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..dicom import is_dicom, read_dicom_frame


@dataclass(frozen=True)
class GreyFrame:
    """A grey image.

    Attributes:
        pixels: (rows, columns) float32, 0 (black) to 255 (white).
        spacing_mm: (row, column) size of a pixel, None where the file does not tell. The resolution that PNG, JPEG
            and TIFF files state is that of a print, not of the body, and is not used.
    """

    pixels: NDArray[np.float32]
    spacing_mm: tuple[float, float] | None = None


def read_frame(path: str | Path, index: int = 0) -> GreyFrame:
    """Read PNG, JPEG, BMP, TIFF (grey, palette, RGB, with alpha, 1, 8 or 16 bit) or a frame of a DICOM file as grey.

    Args:
        path: the file.
        index: frame of a multi-frame DICOM file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no image, or cut off.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    if is_dicom(path):
        frame = read_dicom_frame(path, index)
        return GreyFrame(frame.pixels, frame.spacing_mm)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return GreyFrame(_to_grey(image))
    except UnidentifiedImageError as error:
        raise ValueError(f"{path}: not an image that can be read (PNG, JPEG, BMP, TIFF or DICOM)") from error
    except Exception as error:  # damaged files raise nearly anything, TypeError among it
        raise ValueError(f"{path}: the image cannot be decoded: {error}") from error


def _to_grey(image: Image.Image) -> NDArray[np.float32]:
    if image.mode.startswith("I"):
        # 16-bit files; the whole range is kept, so that the grey of one image means the same in the next.
        return np.asarray(np.clip(np.asarray(image, dtype=np.float32) / 257, 0, 255), dtype=np.float32)
    if image.mode == "F":
        raise ValueError("floating-point pixels have no agreed range; convert the file to 8 or 16 bit")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        shown = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", shown.size, (0, 0, 0, 255)), shown)
    return np.asarray(image.convert("L"), dtype=np.float32)
