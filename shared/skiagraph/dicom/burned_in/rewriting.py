"""Pixels with boxes of black, written back without loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.pixels import get_decoder, get_encoder, pack_bits

from ..decoding import DicomFrames
from ..pixel_description import PixelDescription
from .looks import black
from .text_detection import Box

# Written as what a reader of the file understands already; all other compressed ones become Explicit VR Little Endian.
_WRITTEN_AS = {
    uid.RLELossless: uid.RLELossless,
    uid.JPEGLSLossless: uid.JPEGLSLossless,
    uid.JPEGLSNearLossless: uid.JPEGLSLossless,
    uid.JPEG2000Lossless: uid.JPEG2000Lossless,
    uid.JPEG2000: uid.JPEG2000Lossless,
}
# PS3.3 C.7.6.1.1.5.1. JPEG 2000 Image Compression may have been without loss: there the header alone knows.
_LOSSY_METHODS = {
    uid.JPEGBaseline8Bit: "ISO_10918_1",
    uid.JPEGExtended12Bit: "ISO_10918_1",
    uid.JPEGLSNearLossless: "ISO_14495_1",
}
_COLOURS_BY_CODESTREAM = ("YBR_RCT", "YBR_ICT")
_LONGEST_BASIC_OFFSET = 2**32 - 1


def rewrite(dataset: FileDataset, frames: DicomFrames, boxes: Sequence[Box]) -> None:
    """Put black into the boxes of every frame of a data set, which is of the file that the frames come from.

    Everything else stays as it was decoded; bits that belong to no pixel are cleared. RLE, JPEG-LS and JPEG 2000 stay
    so, without loss; other compressed pixels become Explicit VR Little Endian, and what was compressed with loss says
    so in Lossy Image Compression (0028,2110), its ratio and its method.

    Raises:
        ValueError: a frame cannot be decoded.
    """
    read_as, encapsulated = frames.description.syntax, frames.description.encapsulated
    syntax = _WRITTEN_AS.get(read_as, uid.ExplicitVRLittleEndian if encapsulated else read_as)
    encoded = _encoded(frames, boxes, dataset.PhotometricInterpretation, syntax) if syntax.is_encapsulated else None
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        dataset.pop(keyword, None)
    if encoded is None:
        syntax = uid.ExplicitVRLittleEndian if encapsulated else read_as
        _store_native(dataset, frames, boxes, syntax)
    else:
        _store_encapsulated(dataset, encoded)
    if getattr(dataset, "file_meta", None) is None:
        dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    _tell_history(dataset, frames.description)


def native_bytes(values: NDArray[Any], description: PixelDescription) -> bytes:
    """A frame of whole bytes as it stands in a file that is not compressed."""
    big_endian = description.syntax == uid.ExplicitVRBigEndian
    order = values.dtype.newbyteorder(">" if big_endian else "<")
    return values.astype(order, copy=False).tobytes()


def _cleaned(frames: DicomFrames, boxes: Sequence[Box]) -> Iterator[NDArray[Any]]:
    value = black(frames)
    for stored in frames:
        values = stored.values.copy()
        for top, left, bottom, right in boxes:
            values[top:bottom, left:right] = value
        yield values


def _encoded(
    frames: DicomFrames, boxes: Sequence[Box], photometric: str, syntax: uid.UID
) -> tuple[list[bytes], str] | None:
    """The frames, each decoded again to be sure, and their photometric interpretation; None if they cannot be."""
    description, decoded_as = frames.description, frames[0].photometric
    if photometric in _COLOURS_BY_CODESTREAM and syntax == uid.JPEG2000Lossless:
        decoded_as = "YBR_RCT"
    options = description.options(number_of_frames=1)
    options |= {"photometric_interpretation": decoded_as, "planar_configuration": 0}
    encoder, fragments = get_encoder(syntax), []
    try:
        for values in _cleaned(frames, boxes):
            fragments.append(encoder.encode(values, **options))
            if not np.array_equal(_decoded(fragments[-1], syntax, options), values):
                return None
    except (RuntimeError, ValueError, NotImplementedError):
        return None
    return fragments, decoded_as


def _decoded(fragment: bytes, syntax: uid.UID, options: dict[str, Any]) -> NDArray[Any]:
    source = encapsulate([fragment], has_bot=False)
    values, _ = get_decoder(syntax).as_array(source, index=0, raw=True, **options)
    return values


def _store_native(dataset: FileDataset, frames: DicomFrames, boxes: Sequence[Box], syntax: uid.UID) -> None:
    description = frames.description
    cleaned = _cleaned(frames, boxes)
    if description.bits_allocated == 1:
        data = pack_bits(np.stack(list(cleaned)), pad=False)
    else:
        data = b"".join(native_bytes(values, description) for values in cleaned)
    dataset[description.keyword].value = data + b"\0" * (len(data) % 2)
    element = dataset[description.keyword]
    element.is_undefined_length = False
    if description.keyword == "PixelData":
        element.VR = "OB" if description.bits_allocated <= 8 and syntax != uid.ImplicitVRLittleEndian else "OW"
        dataset.HighBit = description.bits_stored - 1
    _tell_colours(dataset, frames[0].photometric)


def _store_encapsulated(dataset: FileDataset, encoded: tuple[list[bytes], str]) -> None:
    fragments, photometric = encoded
    if sum(len(fragment) + 8 for fragment in fragments[:-1]) > _LONGEST_BASIC_OFFSET:
        dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended(
            fragments
        )
    else:
        dataset.PixelData = encapsulate(fragments)
    element = dataset["PixelData"]
    element.VR, element.is_undefined_length = "OB", True
    dataset.HighBit = int(dataset.BitsStored) - 1
    _tell_colours(dataset, photometric)


def _tell_colours(dataset: Dataset, photometric: str) -> None:
    # Once decoded, each pixel has its own colours.
    dataset.PhotometricInterpretation = "YBR_FULL" if photometric == "YBR_FULL_422" else photometric
    if dataset.SamplesPerPixel > 1:
        dataset.PlanarConfiguration = 0


def _tell_history(dataset: Dataset, description: PixelDescription) -> None:
    method = _LOSSY_METHODS.get(description.syntax)
    if method is None:
        return
    dataset.LossyImageCompression = "01"
    if not dataset.get("LossyImageCompressionMethod"):
        native = description.native_bits_per_frame * description.frames / 8
        dataset.LossyImageCompressionMethod = method
        dataset.LossyImageCompressionRatio = f"{native / description.length:.2f}"
