"""One frame from any file that the bundles read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..dicom import count_frames as count_dicom_frames
from ..dicom import is_dicom, read_dicom_frame

_SINGLE_FRAME_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")


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

    Sixteen bits are read as 0 (black) to 65535 (white) whatever the image holds, so that a grey means the same in every
    image; one of 12 bits in such a file is therefore dark: stretch it beforehand. 32 bits (TIFF) are read
    likewise, and what exceeds the range is black or white. Transparent pixels are black.

    Args:
        path: the file.
        index: frame of a DICOM file or page of a TIFF file, counted from 0. A picture that stands alone is read
            whatever the index, as is the label of one frame of a cine.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no image, or cut off, or has no such frame, or more pixels than Pillow takes for
            harmless (`Image.MAX_IMAGE_PIXELS`).
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    if is_dicom(path):
        frame = read_dicom_frame(path, index)
        return GreyFrame(frame.pixels, frame.spacing_mm)
    try:
        with Image.open(path) as image:
            if index and getattr(image, "n_frames", 1) > 1:
                image.seek(index)
            _check_size(image)
            return GreyFrame(_to_grey(image))
    except UnidentifiedImageError as error:
        raise ValueError(f"{path}: not an image that can be read (PNG, JPEG, BMP, TIFF or DICOM)") from error
    except Exception as error:  # damaged files raise nearly anything, TypeError among it
        raise ValueError(f"{path}: the image cannot be decoded: {error}") from error


def read_grey_levels(path: str | Path) -> NDArray[np.uint8]:
    """The grey of `read_frame` in whole numbers, (rows, columns), 0 to 255.

    Raises:
        FileNotFoundError, ValueError: as `read_frame`.
    """
    return np.rint(read_frame(path).pixels).astype(np.uint8)


def count_frames(path: str | Path) -> int:
    """Number of frames of a DICOM file (0 for a report and the like) or pages of a TIFF file, else 1.

    A file that cannot be read counts as one, for `read_frame` to say what is wrong with it.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".tif", ".tiff"):
        return 1 if suffix in _SINGLE_FRAME_SUFFIXES else count_dicom_frames(path)
    try:
        with Image.open(path) as image:
            return int(getattr(image, "n_frames", 1))
    except Exception:  # noqa: BLE001 damaged files raise nearly anything
        return 1


def _check_size(image: Image.Image) -> None:
    """Pillow only warns, up to twice its limit; and how warnings are handled is the same for all threads."""
    width, height = image.size
    if Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS:
        raise ValueError(f"{width} x {height} pixels are more than {Image.MAX_IMAGE_PIXELS}")


def _to_grey(image: Image.Image) -> NDArray[np.float32]:
    if image.mode.startswith("I"):
        return np.asarray(np.clip(np.asarray(image, dtype=np.float32) / 257, 0, 255), dtype=np.float32)
    if image.mode == "F":
        raise ValueError("floating-point pixels have no agreed range; convert the file to 8 or 16 bit")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        shown = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", shown.size, (0, 0, 0, 255)), shown)
    return np.asarray(image.convert("L"), dtype=np.float32)
