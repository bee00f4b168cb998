"""Pixels of the output beside those of the original, and text in them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, zip_longest
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import iter_pixels
from scipy.ndimage import binary_dilation, find_objects, label

from .findings import Finding
from .names import whole_names
from .output import Output
from .profile import CLEAN_PIXELS
from .reading import DicomFile
from .search import Hit
from .text import normalise

Looked = Literal["none", "sample", "all"]

SAMPLE = 8
# Boxes of text leave at least half of an image, unless all that was changed has one value.
_MOST_COVERED = 0.5
_JOINED_PX = 4
# What OCR mistakes for each other.
_LOOKALIKES = str.maketrans("015i8", "olslb")
_LEAST_SEEN = 4


def pixels_changed(output: Output) -> Iterator[Finding]:
    """Pixels that differ without a word about it, or over more than some boxes."""
    if not output.candidates or output.pixel in {original.pixel for original in output.candidates}:
        return
    original = output.candidates[0]
    origin = f"{original.name} pixel data"
    if not output.pixel or not original.pixel:
        word = "missing" if original.pixel else "there without any in the original"
        yield output.leak("pixels", "pixel data", "", origin, f"pixels are {word}")
        return
    try:
        note = _difference(original.file, output.file, cleaned=CLEAN_PIXELS in output.options)
    except Exception as error:  # noqa: BLE001 decoders raise nearly anything
        why = " ".join(str(error).split())[:120]
        yield output.notice("pixels", "pixel data", "", origin, f"encoded otherwise, and cannot be compared: {why}")
        return
    if note:
        yield output.leak("pixels", "pixel data", "", origin, note)


def text_in_pixels(output: Output, looked: Looked) -> Iterator[Finding]:
    """Values of the original that OCR reads in the frames and overlays.

    Args:
        output: the file.
        looked: ``"all"`` frames, or a ``"sample"`` of eight, evenly spread from first to last.
    """
    if looked == "none" or not output.pixel:
        return
    try:
        for place, image in chain(_overlays(output.file), _chosen_frames(output.file, looked)):
            text = " | ".join(_read_text(image))
            hits = list(output.hunter.in_text(text, but_dates=output.shifted_days))
            hits += _lookalikes(output, text)
            yield from (output.leak_of(hit, place) for hit in dict.fromkeys(hits) if hit.sure)
    except Exception as error:  # noqa: BLE001 decoders raise nearly anything
        why = " ".join(str(error).split())[:120]
        yield output.notice("pixels", "pixel data", "", note=f"cannot be decoded to look for text: {why}")


def _difference(before: DicomFile, after: DicomFile, *, cleaned: bool) -> str:
    frames = zip_longest(iter_pixels(before.path, raw=True), iter_pixels(after.path, raw=True))
    for number, (old, new) in enumerate(frames, start=1):
        if old is None or new is None or old.shape != new.shape:
            return f"frame {number} is missing or of another size"
        changed = (old != new).reshape(*old.shape[:2], -1).any(axis=-1)
        if changed.any() and not cleaned:
            return f"{changed.mean():.1%} of frame {number} differ, and cleaning of pixels is not declared"
        if changed.any() and _covered(changed) > _MOST_COVERED and len(np.unique(new[changed], axis=0)) > 1:
            return f"{changed.mean():.1%} of frame {number} differ, which are more than boxes of text"
    return ""


def _covered(changed: NDArray[np.bool_]) -> float:
    """The share of an image that the boxes around all changes cover; pixels that are close have one box."""
    boxes = np.zeros_like(changed)
    for box in find_objects(label(binary_dilation(changed, iterations=_JOINED_PX))[0]):
        boxes[box] = True
    return float(boxes.mean())


def _overlays(file: DicomFile) -> Iterator[tuple[str, NDArray[Any]]]:
    for group in range(0x6000, 0x6020, 2):
        if (group, 0x3000) in file.dataset and (group, 0x0010) in file.dataset:
            yield f"({group:04X},3000)", file.dataset.overlay_array(group)


def _chosen_frames(file: DicomFile, looked: Looked) -> Iterator[tuple[str, NDArray[Any]]]:
    count = int(file.text(0x00280008) or 1)
    wanted = range(count) if looked == "all" else sorted({round(k) for k in np.linspace(0, count - 1, SAMPLE)})
    for number in wanted:
        yield f"pixels of frame {number + 1}", next(iter_pixels(file.path, indices=[number]))


def _read_text(frame: NDArray[Any]) -> list[str]:
    """Lines of text in an image of any depth, light on dark or dark on light."""
    values = frame.astype(np.float32)
    low, high = np.percentile(values, (0, 100))
    grey = ((values - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
    image = np.repeat(grey[..., None], 3, axis=-1) if grey.ndim == 2 else grey[..., :3]
    answer = _reader()(image)
    return [str(line) for line in answer.txts or ()]


@lru_cache(maxsize=1)
def _reader() -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise ValueError("text in pixels is read with rapidocr and onnxruntime: pip install them") from error
    return RapidOCR(params={"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": 1})


def _lookalikes(output: Output, text: str) -> list[Hit]:
    """Names and numbers that stand in a text but for its gaps and for letters that OCR mistakes for each other."""
    seen = _joined(text)
    wanted = (secret for secret in output.hunter.secrets if secret.strong and secret.kind in ("name", "number"))
    found = []
    for secret in wanted:
        ways = whole_names(secret.text) if secret.kind == "name" else [secret.text]
        joined = {_joined(way) for way in ways}
        if any(len(way) >= _LEAST_SEEN and way in seen for way in joined):
            found.append(Hit(secret, sure=True))
    return found


def _joined(text: str) -> str:
    return normalise(text).replace(" ", "").translate(_LOOKALIKES)
