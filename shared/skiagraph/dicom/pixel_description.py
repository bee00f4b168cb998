"""What the header says of the pixels, checked before anything is decoded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import ceil
from typing import Any, BinaryIO, Literal

from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import FileDataset

_UNDEFINED_LENGTH = 0xFFFFFFFF
_MOST_BYTES = 1 << 30
_PIXELS = {0x0008: "FloatPixelData", 0x0009: "DoubleFloatPixelData", 0x0010: "PixelData"}
_FORMS = (b"OB", b"OD", b"OF", b"OW", b"UN")


@dataclass(frozen=True)
class PixelDescription:
    """How the pixels of a file are laid out (PS3.3 C.7.6.3).

    Attributes:
        syntax: transfer syntax.
        keyword: PixelData, FloatPixelData or DoubleFloatPixelData.
        representation: value representation of that element.
        offset: where its value begins in the file.
        length: its bytes that are in the file.
        encapsulated: whether it is in fragments.
        frames: their number.
        rows: of a frame.
        columns: of a frame.
        samples: of a pixel, 1 or 3.
        photometric: Photometric Interpretation.
        planar: Planar Configuration; 0 where there is but one sample.
        bits_allocated: of a sample.
        bits_stored: of a sample; those allocated where the pixels are floating-point numbers.
        high_bit: of a sample.
        signed: whether samples are below zero as well.
    """

    syntax: uid.UID
    keyword: str
    representation: str
    offset: int
    length: int
    encapsulated: bool
    frames: int
    rows: int
    columns: int
    samples: int
    photometric: str
    planar: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool

    @property
    def native_bits_per_frame(self) -> int:
        """Size of a frame that is not compressed; YBR_FULL_422 shares colours between two pixels (C.7.6.3.1.2)."""
        bits = self.rows * self.columns * self.samples * self.bits_allocated
        return bits * 2 // 3 if self.photometric == "YBR_FULL_422" else bits

    @property
    def stored_range(self) -> tuple[int, int]:
        """The lowest and the highest value that a sample can have."""
        high = 2 ** (self.bits_stored - self.signed) - 1
        return (-high - 1 if self.signed else 0), high

    def options(self, number_of_frames: int) -> dict[str, Any]:
        """The same in the words of pydicom's decoders."""
        return {
            "number_of_frames": number_of_frames,
            "rows": self.rows,
            "columns": self.columns,
            "samples_per_pixel": self.samples,
            "photometric_interpretation": self.photometric,
            "planar_configuration": self.planar,
            "bits_allocated": self.bits_allocated,
            "bits_stored": self.bits_stored,
            "pixel_representation": int(self.signed),
            "pixel_keyword": self.keyword,
            "pixel_vr": self.representation,
            # `without_unused_bits` knows High Bit as well.
            "correct_unused_bits": self._bits_follow_codestream,
        }

    def without_unused_bits(self, values: NDArray[Any]) -> NDArray[Any]:
        """The samples alone, where bits of something else may stand around them (PS3.5 8.1.1)."""
        if self._bits_follow_codestream or self.keyword != "PixelData" or self.bits_stored == self.bits_allocated:
            return values
        values = values << (self.bits_allocated - 1 - self.high_bit)
        values >>= self.bits_allocated - self.bits_stored
        return values

    @property
    def _bits_follow_codestream(self) -> bool:
        """Whether samples are numbers of a precision that the compressed frame tells, rather than words."""
        return self.encapsulated and self.syntax != uid.RLELossless


def describe_pixels(header: FileDataset, file: BinaryIO) -> PixelDescription:
    """Check and collect what is needed to find and decode frames.

    Args:
        header: the elements before the pixels.
        file: at the element of the pixels; it is left anywhere.

    Raises:
        ValueError: there are no pixels, an entry is missing or cannot be, or a frame would be larger than 1 GiB.
    """
    keyword, representation, length, offset = _pixel_element(header, file)
    available = file.seek(0, os.SEEK_END) - offset
    whole_numbers = keyword == "PixelData"
    samples, allocated = _number(header, "SamplesPerPixel"), _number(header, "BitsAllocated")
    stored = _number(header, "BitsStored") if whole_numbers else allocated
    description = PixelDescription(
        syntax=header.file_meta.TransferSyntaxUID,
        keyword=keyword,
        representation=representation,
        offset=offset,
        length=available if length == _UNDEFINED_LENGTH else min(length, available),
        encapsulated=length == _UNDEFINED_LENGTH,
        frames=max(_number(header, "NumberOfFrames", 1), 1),
        rows=_number(header, "Rows"),
        columns=_number(header, "Columns"),
        samples=samples,
        photometric=str(header.get("PhotometricInterpretation", "")).strip(),
        planar=_number(header, "PlanarConfiguration") if samples > 1 else 0,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=_number(header, "HighBit", stored - 1),
        signed=whole_numbers and _number(header, "PixelRepresentation") == 1,
    )
    _check(description)
    return description


def _pixel_element(header: FileDataset, file: BinaryIO) -> tuple[str, str, int, int]:
    implicit, little_endian = header.original_encoding
    order: Literal["little", "big"] = "little" if little_endian else "big"
    tag, form = file.read(4), file.read(2)
    group, element = int.from_bytes(tag[:2], order), int.from_bytes(tag[2:], order)
    if group != 0x7FE0 or element not in _PIXELS:
        raise ValueError("there are none")
    # Some files are implicit although their transfer syntax says otherwise.
    explicit = not implicit and form in _FORMS
    file.seek(2 if explicit else -2, os.SEEK_CUR)
    length = int.from_bytes(file.read(4), order)
    return _PIXELS[element], form.decode() if explicit else "OW", length, file.tell()


def _number(header: FileDataset, keyword: str, otherwise: int | None = None) -> int:
    value = header.get(keyword)
    if value is None or value == "":
        if otherwise is None:
            raise ValueError(f"{keyword} is missing")
        return otherwise
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{keyword} is {value!r}, which is no whole number") from error


def _check(pixels: PixelDescription) -> None:
    allowed = pixels.bits_stored <= pixels.high_bit + 1 <= pixels.bits_allocated
    if not (pixels.bits_stored > 0 and allowed):
        raise ValueError(
            f"{pixels.bits_stored} bits up to bit {pixels.high_bit} do not fit into {pixels.bits_allocated}"
        )
    size = pixels.rows * pixels.columns * pixels.samples * ceil(pixels.bits_allocated / 8)
    if not 0 < size <= _MOST_BYTES:
        shape = f"{pixels.rows} rows, {pixels.columns} columns and {pixels.samples} samples"
        raise ValueError(f"a frame of {shape} of {pixels.bits_allocated} bits is empty or larger than 1 GiB")
