"""Frames of a DICOM file as they are stored, decoded one at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder

from .codestream import codestream_shape, with_sequential_scan, without_adobe_transform
from .encapsulation import Fragment, find_frames
from .pixel_description import PixelDescription, describe_pixels
from .reading import one_line_errors, open_dicom

_CONVERT = "convert the file to an uncompressed transfer syntax, as DCMTK's dcmdjpeg or GDCM's gdcmconv --raw do"
_NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)
# What `pip` is to install for a decoder; pylibjpeg's is for JPEG lossless, and GPL.
_PACKAGES = {"pillow": "pillow", "pyjpegls": "pyjpegls", "pylibjpeg": "pylibjpeg-libjpeg"}
# One decoder for each, so that the pixels do not depend on what else is installed.
_DECODERS = {
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGExtended12Bit: "pillow",
    uid.JPEGLossless: "pylibjpeg",
    uid.JPEGLosslessSV1: "pylibjpeg",
    uid.JPEGLSLossless: "pyjpegls",
    uid.JPEGLSNearLossless: "pyjpegls",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
    uid.HTJ2KLossless: "pylibjpeg",
    uid.HTJ2KLosslessRPCL: "pylibjpeg",
    uid.HTJ2K: "pylibjpeg",
    uid.RLELossless: "pydicom",
}
_END_OF_CODESTREAM = b"\xff\xd9"


@dataclass(frozen=True)
class StoredFrame:
    """One frame as it is stored: no lookup table, no window, no change of colours, and no overlay.

    Attributes:
        values: (rows, columns), or (rows, columns, 3) for colours, in the type of the pixels' sign and size. Bits
            above the stored ones, which may hold an overlay, are left out.
        photometric: Photometric Interpretation of these values. YBR_RCT and YBR_ICT become RGB by decoding.
    """

    values: NDArray[Any]
    photometric: str


class DicomFrames:
    """The frames of a file, which is opened once and closed by `close` or at the end of a ``with`` block.

    ``frames[i]`` reads and decodes one frame, counted from 0, and iterating one after the other: there is never more
    than one in memory. Its errors are ValueErrors that name file and frame.

    JPEG lossless and JPEG of 12 bits need the package pylibjpeg-libjpeg (GPL), which is not installed with this one.

    Args:
        path: the file.

    Attributes:
        path: the file.
        header: all elements before the pixels.
        description: how the pixels are laid out.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is no DICOM file, holds no pixels, says what cannot be of them, or has frames of over 1 GiB.

    Example::

        with DicomFrames("cine.dcm") as frames:
            darkest = min(frame.values.min() for frame in frames)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.header, self._file = open_dicom(path)
        try:
            with one_line_errors(path, "its pixels cannot be read"):
                self.description = describe_pixels(self.header, self._file)
                self._fragments = self._find_fragments()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return self.description.frames

    def __getitem__(self, index: int) -> StoredFrame:
        if not 0 <= index < len(self):
            raise IndexError(f"{self.path}: frame {index} is not among its {len(self)}, counted from 0")
        with one_line_errors(self.path, f"frame {index} cannot be decoded"):
            native = self.description.syntax in _NATIVE
            return self._native(index) if native else self._encapsulated(index)

    def __iter__(self) -> Iterator[StoredFrame]:
        return (self[index] for index in range(len(self)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _find_fragments(self) -> list[tuple[Fragment, ...]]:
        pixels = self.description
        if pixels.syntax not in (*_NATIVE, *_DECODERS):
            raise ValueError(f"no decoder for the transfer syntax {pixels.syntax.name}; {_CONVERT}")
        if pixels.syntax in _NATIVE:
            if pixels.encapsulated:
                raise ValueError(
                    f"they are encapsulated, which the transfer syntax {pixels.syntax.name} does not allow"
                )
            return []
        table = bytes(self.header.get("ExtendedOffsetTable") or b"")
        return find_frames(self._file, pixels.offset, pixels.frames, table)

    def _native(self, index: int) -> StoredFrame:
        pixels = self.description
        needed = ceil((index + 1) * pixels.native_bits_per_frame / 8)
        if needed > pixels.length:
            raise ValueError(f"cut off: it ends {needed - pixels.length} bytes after the end of the pixels")
        if pixels.bits_allocated == 1:
            return StoredFrame(self._single_bits(index), pixels.photometric)
        self._file.seek(pixels.offset)
        return _decoded(self._file, index, pixels, plugin="", number_of_frames=pixels.frames)

    def _single_bits(self, index: int) -> NDArray[np.uint8]:
        """Packed bits (PS3.5 8.1.1): a frame begins in the middle of a byte, where pydicom reads too few of them."""
        pixels = self.description
        start = index * pixels.native_bits_per_frame
        first, end = start // 16 * 2, ceil((start + pixels.native_bits_per_frame) / 16) * 2
        self._file.seek(pixels.offset + first)
        data = np.frombuffer(self._file.read(end - first).ljust(end - first, b"\0"), np.uint8)
        if pixels.syntax == uid.ExplicitVRBigEndian and pixels.representation == "OW":
            data = data.reshape(-1, 2)[:, ::-1]
        bits = np.unpackbits(data.ravel(), bitorder="little")[start - 8 * first :]
        return bits[: pixels.native_bits_per_frame].reshape(pixels.rows, pixels.columns)

    def _encapsulated(self, index: int) -> StoredFrame:
        pixels = self.description
        if index >= len(self._fragments):
            raise ValueError(f"cut off: the file ends after {len(self._fragments)} of {len(self)} frames")
        data = b"".join(self._read(fragment) for fragment in self._fragments[index])
        _check_codestream(data, pixels)
        plugin = _DECODERS[pixels.syntax]
        if pixels.syntax == uid.JPEGExtended12Bit and pixels.bits_stored > 8:
            plugin, data = "pylibjpeg", with_sequential_scan(data)
        elif plugin == "pillow":
            data = without_adobe_transform(data)
        if plugin not in get_decoder(pixels.syntax).available_plugins:
            package = "pylibjpeg-openjpeg" if pixels.syntax in uid.JPEG2000TransferSyntaxes else _PACKAGES[plugin]
            raise ValueError(
                f"{pixels.syntax.name} needs a package that is missing: pip install {package}; or {_CONVERT}"
            )
        try:
            return _decoded(encapsulate([data], has_bot=False), 0, pixels, plugin=plugin, number_of_frames=1)
        except RuntimeError as error:  # so pydicom says that a decoder gave up, its own words in the second line
            reason = str(error).splitlines()[-1].strip()
            raise ValueError(f"{pixels.syntax.name} by {reason}; {_CONVERT}") from error

    def _read(self, fragment: Fragment) -> bytes:
        self._file.seek(fragment.offset)
        data = self._file.read(fragment.length)
        if len(data) < fragment.length:
            raise ValueError(f"cut off: the file ends {fragment.length - len(data)} bytes before it does")
        return data


def _decoded(
    source: BinaryIO | bytes, index: int, pixels: PixelDescription, *, plugin: str, number_of_frames: int
) -> StoredFrame:
    values, now = get_decoder(pixels.syntax).as_array(
        source,
        index=index,
        raw=True,
        decoding_plugin=plugin,
        **pixels.options(number_of_frames),
    )
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    return StoredFrame(pixels.without_unused_bits(values), str(now["photometric_interpretation"]))


def _check_codestream(data: bytes, pixels: PixelDescription) -> None:
    """Before a decoder takes memory for what the codestream claims, or makes up what it does not hold."""
    if pixels.syntax == uid.RLELossless:
        return
    expected = (pixels.rows, pixels.columns, pixels.samples)
    shape = codestream_shape(data)
    if shape is not None and shape != expected:
        raise ValueError(f"it is compressed as (rows, columns, samples) {shape}, but the header says {expected}")
    if pixels.syntax in uid.JPEG2000TransferSyntaxes and _END_OF_CODESTREAM not in data[-16:]:
        raise ValueError("cut off: its codestream does not end")
