"""Stored values of every frame by DCMTK (Debian) and GDCM, which share no code with pydicom's decoders."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pydicom
from pydicom.dataset import Dataset

_DCMTK = {"1.2.840.10008.1.2.4.8": ["dcmdjpls"], "1.2.840.10008.1.2.5": ["dcmdrle"]}
_DCMTK |= {f"1.2.840.10008.1.2.4.{process}": ["dcmdjpeg", "+cn"] for process in (5, 7)}


def dcmtk_frames(path: Path, folder: Path) -> list[np.ndarray] | None:
    """(rows, columns[, 3]) arrays, without change of colours; None where DCMTK gives up."""
    syntax = str(pydicom.dcmread(path, stop_before_pixels=True, force=True).file_meta.get("TransferSyntaxUID", ""))
    command = next((command for start, command in _DCMTK.items() if syntax.startswith(start)), ["dcmconv", "+te"])
    if syntax.startswith(("1.2.840.10008.1.2.4.9", "1.2.840.10008.1.2.4.20")):
        return None
    plain = folder / "plain.dcm"
    plain.unlink(missing_ok=True)
    done = subprocess.run([*command, str(path), str(plain)], capture_output=True, check=False)
    if done.returncode or not plain.exists():
        return None
    return _unpacked(pydicom.dcmread(plain))


def gdcm_frames(path: Path) -> list[np.ndarray] | None:
    """(rows, columns[, 3]) arrays; None where GDCM gives up. It undoes YBR_RCT and YBR_ICT, as all do."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read():
        return None
    image = reader.GetImage()
    kind, buffer = image.GetPixelFormat(), image.GetBuffer()
    if buffer is None or kind.GetBitsAllocated() < 8 or image.GetPlanarConfiguration():
        return None
    shape = (image.GetDimension(1), image.GetDimension(0)) + ((3,) if kind.GetSamplesPerPixel() == 3 else ())
    word = np.dtype(f"{'i' if kind.GetPixelRepresentation() else 'u'}{kind.GetBitsAllocated() // 8}")
    flat = np.frombuffer(buffer.encode("utf-8", "surrogateescape"), word)
    frames = len(flat) // int(np.prod(shape))
    return list(flat[: frames * int(np.prod(shape))].reshape(frames, *shape))


def _unpacked(image: Dataset) -> list[np.ndarray]:
    """Frames of uncompressed little-endian pixels, by PS3.5 8.1 alone."""
    count, rows, columns = int(image.get("NumberOfFrames") or 1), image.Rows, image.Columns
    samples = image.SamplesPerPixel
    size = rows * columns * samples
    if "PixelData" not in image:
        return list(np.frombuffer(image.FloatPixelData, "<f4").reshape(count, rows, columns))
    if image.BitsAllocated == 1:
        bits = np.unpackbits(np.frombuffer(image.PixelData, np.uint8), bitorder="little")
        return list(bits[: count * size].reshape(count, rows, columns))
    if image.PhotometricInterpretation == "YBR_FULL_422":
        return [_full_422(frame) for frame in _cut(image.PixelData, np.uint8, count, (rows, columns, 2))]
    word = np.dtype(f"<{'i' if image.PixelRepresentation else 'u'}{image.BitsAllocated // 8}")
    shape = (rows, columns)
    if samples == 3:
        shape = (3, rows, columns) if image.PlanarConfiguration else (rows, columns, 3)
    frames = [_samples(frame, image) for frame in _cut(image.PixelData, word, count, shape)]
    return [frame.transpose(1, 2, 0) if samples == 3 and image.PlanarConfiguration else frame for frame in frames]


def _cut(data: bytes, word: Any, count: int, shape: tuple[int, ...]) -> list[np.ndarray]:
    flat = np.frombuffer(data, word, count=count * int(np.prod(shape)))
    return list(flat.reshape(count, *shape))


def _samples(words: np.ndarray, image: Dataset) -> np.ndarray:
    """Bits Stored up to High Bit, with their sign."""
    unsigned = words.astype(np.int64) >> (image.HighBit + 1 - image.BitsStored)
    unsigned &= 2**image.BitsStored - 1
    if image.PixelRepresentation:
        unsigned -= (unsigned >> (image.BitsStored - 1)) << image.BitsStored
    return unsigned


def _full_422(pairs: np.ndarray) -> np.ndarray:
    """Y Y Cb Cr of two pixels in a row (PS3.3 C.7.6.3.1.2)."""
    rows, columns = pairs.shape[:2]
    quads = pairs.reshape(rows, columns // 2, 4)
    luma = quads[..., :2].reshape(rows, columns)
    return np.stack([luma, *(np.repeat(quads[..., part], 2, axis=1) for part in (2, 3))], axis=-1)
