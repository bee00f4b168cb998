"""Digital subtraction of a mask (PS3.3 C.7.6.10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from .cine import intensities, intensity_sign
from .decoding import DicomFrames
from .functional_groups import finite_numbers, frame_entries, frame_group

_LINEAR = "LIN"


class SubtractedFrames:
    """Frames of a run less their mask, computed when they are asked for: ``subtracted[i]``, or one after the other.

    A frame is (rows, columns) float32: about 0 where nothing changed, below where contrast agent has come. In memory
    are the mask and the frame. The file's own mask is that of the first item of Mask Subtraction Sequence (0028,6100)
    that applies to the frame.

    Args:
        frames: the run, which stays open.
        mask: numbers of the frames to average into the mask, counted from 0, for all frames; none for what the file
            says of its masks.
        logarithmic: subtract logarithms, which leaves the thickness of the contrast agent whatever lies behind it
            (Beer-Lambert). None does so where the stored values are linear to the X-ray intensity (Pixel Intensity
            Relationship LIN), as PS3.4 N.2.5 asks for. Values below 1 count as 1.

    Attributes:
        indices: the frames that have a mask.

    Raises:
        ValueError: the file names no mask, or one that is not supported (a shift, an average of contrast frames,
            another operation than AVG_SUB and TID), or frames that it does not have; later, a frame has no mask or
            cannot be decoded, or logarithms are asked of values that fall with the intensity.
    """

    def __init__(self, frames: DicomFrames, mask: Sequence[int] = (), logarithmic: bool | None = None) -> None:
        self._frames = frames
        self._logarithmic = logarithmic
        self._masks = dict.fromkeys(range(len(frames)), tuple(mask)) if mask else file_masks(frames)
        self._averaged: tuple[tuple[int, ...], NDArray[np.float32]] | None = None
        self.indices = tuple(self._masks)
        if not self.indices:
            raise ValueError(
                f"{frames.path}: the file names no mask; give the number of a frame without contrast agent"
            )
        beyond = {number for numbers in self._masks.values() for number in numbers if not 0 <= number < len(frames)}
        if beyond:
            raise ValueError(f"{frames.path}: mask frame {min(beyond)} is not among its {len(frames)}, counted from 0")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> NDArray[np.float32]:
        if index not in self._masks:
            raise ValueError(f"{self._frames.path}: frame {index} has no mask")
        return self._values(index) - self._mask(self._masks[index])

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return (self[index] for index in self.indices)

    def _mask(self, numbers: tuple[int, ...]) -> NDArray[np.float32]:
        if self._averaged is None or self._averaged[0] != numbers:
            total = sum(self._values(number) for number in numbers)
            self._averaged = numbers, np.asarray(total / np.float32(len(numbers)), dtype=np.float32)
        return self._averaged[1]

    def _values(self, index: int) -> NDArray[np.float32]:
        values = intensities(self._frames, index)
        if not self._takes_logarithm(index):
            return values
        if intensity_sign(self._frames, index) < 0:
            raise ValueError(f"{self._frames.path}: logarithms need values that rise with the X-ray intensity")
        return np.log(np.maximum(values, 1, out=values), out=values)

    def _takes_logarithm(self, index: int) -> bool:
        if self._logarithmic is not None:
            return self._logarithmic
        properties = frame_entries(self._frames.header, index, "FramePixelDataPropertiesSequence")
        return str(properties.get("PixelIntensityRelationship") or "").strip().upper() == _LINEAR


def file_masks(frames: DicomFrames) -> dict[int, tuple[int, ...]]:
    """The frames that the file itself averages into the mask of each frame, all counted from 0.

    Raises:
        ValueError: the file asks for what is not supported (see `SubtractedFrames`).
    """
    masks: dict[int, tuple[int, ...]] = {}
    for item in frames.header.get("MaskSubtractionSequence") or ():
        for index in _applicable(item, len(frames)):
            mask = _mask_of(item, index, frames.path)
            if mask and index not in masks:
                _refuse_shift(item, frames, index)
                masks[index] = mask
    return dict(sorted(masks.items()))


def _applicable(item: Dataset, count: int) -> Iterator[int]:
    ends = [int(number) for number in finite_numbers(item, "ApplicableFrameRange")] or [1, count]
    for first, last in zip(ends[::2], ends[1::2], strict=False):
        yield from range(max(first, 1) - 1, min(last, count))


def _mask_of(item: Dataset, index: int, path: str) -> tuple[int, ...]:
    operation = str(item.get("MaskOperation") or "").strip().upper()
    if operation == "NONE":
        return ()
    if max(finite_numbers(item, "ContrastFrameAveraging"), default=1) > 1:
        raise ValueError(f"{path}: its mask is for an average of contrast frames; give the number of a mask frame")
    if operation == "AVG_SUB":
        return tuple(int(number) - 1 for number in finite_numbers(item, "MaskFrameNumbers"))
    if operation == "TID":
        offset = int((finite_numbers(item, "TIDOffset") or (1.0,))[0])
        return (index - offset,) if index >= offset else ()
    raise ValueError(f"{path}: its mask operation {operation!r} is not supported; give the number of a mask frame")


def _refuse_shift(item: Dataset, frames: DicomFrames, index: int) -> None:
    per_frame = frame_group(frames.header, index, "FramePixelShiftSequence")
    for entries in (item, per_frame):
        if entries is not None and any(finite_numbers(entries, "MaskSubPixelShift")):
            raise ValueError(
                f"{frames.path}: its mask is to be shifted, which is not supported; give the number of a mask frame"
            )
