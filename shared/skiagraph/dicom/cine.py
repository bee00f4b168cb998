"""What a run of frames shows together, with no more than a few of them in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .decoding import DicomFrames, StoredFrame
from .functional_groups import frame_entries

# Share of a frame that vessels cover when they are full: a few hundredths in coronary and cerebral runs.
_VESSELS = 0.05
_LESS_IS_HIGHER = -1


def opacification(frames: DicomFrames) -> NDArray[np.float64]:
    """How much contrast agent every frame of a run shows, on a scale of this run's own.

    The darkening of a pixel is the largest value that it has in the run, less its value in the frame: what is still is
    taken away. A frame's score is the mean darkening of its most darkened twentieth, which vessels cover when they
    are full, less the median over the frame, which the exposure and the breathing move. So, background taken away
    first and a feature of the histogram then, are frames chosen in the literature as well (PMC4973458); a score of
    the single frame (Moalla et al., Automatic Coronary Angiogram Keyframe Extraction, 2023) counts ribs and catheter.

    The run is decoded twice; in memory are three frames.

    Returns:
        One number for each frame, in stored values.

    Raises:
        ValueError: a frame cannot be decoded, or has colours.
    """
    clearest = _clearest(frames)
    scores = []
    for index in range(len(frames)):
        darkening = (clearest - intensities(frames, index)).ravel()
        top = max(round(darkening.size * _VESSELS), 1)
        darkest = np.partition(darkening, darkening.size - top)[-top:]
        scores.append(float(darkest.mean(dtype=np.float64) - np.median(darkening)))
    return np.array(scores)


def best_opacified_frame(frames: DicomFrames) -> int:
    """The frame with the most contrast agent (see `opacification`), counted from 0; the first of equal ones.

    Raises:
        ValueError: a frame cannot be decoded, or has colours.
    """
    return int(np.argmax(opacification(frames)))


def minimum_intensity(frames: DicomFrames) -> StoredFrame:
    """Every pixel where it is darkest in the run: all vessels that the contrast agent has reached, in one image.

    Returns:
        Stored values like those of a frame, for `to_grey`. In memory are two frames.

    Raises:
        ValueError: a frame cannot be decoded, or has colours.
    """
    darker = np.minimum if intensity_sign(frames, 0) > 0 else np.maximum
    stored = _grey_values(frames, 0)
    darkest = stored.values.copy()
    for index in range(1, len(frames)):
        darker(darkest, _grey_values(frames, index).values, out=darkest)
    return StoredFrame(darkest, stored.photometric)


def intensities(frames: DicomFrames, index: int) -> NDArray[np.float32]:
    """Stored values of a frame, negated where less X-ray intensity is stored as a higher value: contrast is low.

    Raises:
        ValueError: the frame cannot be decoded, or has colours.
    """
    return _grey_values(frames, index).values.astype(np.float32) * np.float32(intensity_sign(frames, index))


def intensity_sign(frames: DicomFrames, index: int) -> int:
    """1 if less X-ray intensity is stored as a lower value, else -1.

    From Pixel Intensity Relationship Sign (PS3.3 C.8.11.3.1.2); where it is not told, from the custom to show contrast
    agent dark: low values are dark in MONOCHROME2, high ones in MONOCHROME1.
    """
    properties = frame_entries(frames.header, index, "FramePixelDataPropertiesSequence")
    sign: Any = properties.get("PixelIntensityRelationshipSign")
    if sign in (1, _LESS_IS_HIGHER):
        return int(sign)
    return -1 if frames.description.photometric == "MONOCHROME1" else 1


def _clearest(frames: DicomFrames) -> NDArray[np.float32]:
    clearest = intensities(frames, 0)
    for index in range(1, len(frames)):
        np.maximum(clearest, intensities(frames, index), out=clearest)
    return clearest


def _grey_values(frames: DicomFrames, index: int) -> StoredFrame:
    stored = frames[index]
    if stored.values.ndim != 2 or not stored.photometric.startswith("MONOCHROME"):
        raise ValueError(f"{frames.path}: its frames have colours ({stored.photometric}); X-ray runs are grey")
    return stored
