"""Text in pictures, found by a neural network that is part of the package."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor, sqrt
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Box = tuple[int, int, int, int]

# PP-OCRv4's mobile detector; see TEXT_DETECTION.md.
_MODEL = Path(__file__).with_name("text_detection.onnx")
_STEP_PX = 32  # the network halves its input five times
_TILE_PX, _OVERLAP_PX = 640, 128
_MANY_PX = 1_600_000
_LIKELY, _SURE = 0.3, 0.5
_THINNEST_PX = 3
_DOUBTFUL_PX = 24
_THIN_PX = (12, 20)
_STILL_TEXT = 0.1
# The core of two letters is longer than that, in units of its thickness.
_MARKER_ASPECT = 2.0


def find_text(frame: NDArray[np.uint8], *, keep_markers: bool = False) -> list[Box]:
    """Boxes around text of any kind: light or dark, upright or turned by quarters, in any script.

    The picture is looked at twice: in overlapping tiles, twice as large unless it has more than 1.6 megapixels, for
    small text; and as a whole at half that scale or less, so that it has no more than these, for large text.

    The network (Liao et al., Real-time Scene Text Detection with Differentiable Binarization, 2020) finds the cores
    of lines, which are widened by their own thickness. It also takes whole bones for letters. What is thick is
    therefore looked at again, so small that a line of text would be a thin one: there a bone is none.

    Args:
        frame: (rows, columns), or (rows, columns, 3) for RGB; 0 (black) to 255.
        keep_markers: leave out what is too short for two letters, such as the side markers L and R.

    Returns:
        (row_min, column_min, row_max, column_max), so that ``frame[row_min:row_max, column_min:column_max]`` is the
        inside; none lies within another.

    Raises:
        OSError: the network cannot be loaded.
    """
    rgb = np.repeat(frame[..., None], 3, axis=2) if frame.ndim == 2 else frame
    rows, columns = rgb.shape[:2]
    enlarged = 2.0 if rows * columns <= _MANY_PX else 1.0
    reduced = min(enlarged / 2, sqrt(_MANY_PX / (rows * columns)))
    boxes: list[Box] = []
    for scale, tile_px in ((enlarged, _TILE_PX), (reduced, None)):
        look = _resized(rgb, scale)
        cores = [core for core in _cores(_likelihood(look, tile_px)) if _is_text(look, core)]
        boxes += [_widened(core, scale, (rows, columns)) for core in cores if not (keep_markers and _is_marker(core))]
    return without_contained(boxes)


def without_contained(boxes: list[Box]) -> list[Box]:
    """The boxes, largest first, less those within another one."""
    kept: list[Box] = []
    for box in sorted(set(boxes), key=lambda box: ((box[0] - box[2]) * (box[3] - box[1]), box)):
        if not any(contains(other, box) for other in kept):
            kept.append(box)
    return kept


def contains(outer: Box, inner: Box) -> bool:
    """Whether a box lies within another."""
    return outer[0] <= inner[0] and outer[1] <= inner[1] and outer[2] >= inner[2] and outer[3] >= inner[3]


def _resized(rgb: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale == 1:
        return rgb
    size = [max(round(length * scale), 1) for length in rgb.shape[1::-1]]
    return np.asarray(Image.fromarray(rgb).resize((size[0], size[1]), Image.Resampling.BICUBIC))


def _likelihood(rgb: NDArray[np.uint8], tile_px: int | None) -> NDArray[np.float32]:
    """How likely each pixel belongs to the core of a line of text, 0 to 1."""
    rows, columns = rgb.shape[:2]
    likelihood = np.zeros((rows, columns), dtype=np.float32)
    for row in _starts(rows, tile_px):
        for column in _starts(columns, tile_px):
            inside = (slice(row, row + (tile_px or rows)), slice(column, column + (tile_px or columns)))
            np.maximum(likelihood[inside], _of_tile(rgb[inside]), out=likelihood[inside])
    return likelihood


def _starts(length: int, tile_px: int | None) -> list[int]:
    """Where tiles begin that overlap and end with the picture."""
    if tile_px is None or length <= tile_px:
        return [0]
    count = -(-(length - _OVERLAP_PX) // (tile_px - _OVERLAP_PX))
    return [round(index * (length - tile_px) / (count - 1)) for index in range(count)]


def _of_tile(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows, columns = rgb.shape[:2]
    padded = np.pad(rgb, ((0, -rows % _STEP_PX), (0, -columns % _STEP_PX), (0, 0)), mode="edge")
    batch = padded.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
    session = _session()
    (likelihood,) = session.run(None, {session.get_inputs()[0].name: batch})
    return np.asarray(likelihood[0, 0, :rows, :columns])


def _cores(likelihood: NDArray[np.float32]) -> list[tuple[slice, slice]]:
    """Where the network is sure of text somewhere in a connected part, which it finds likely all over."""
    parts, count = ndimage.label(likelihood > _LIKELY, structure=np.ones((3, 3)))
    if not count:
        return []
    surest = np.atleast_1d(ndimage.maximum(likelihood, parts, range(1, count + 1)))
    found = zip(ndimage.find_objects(parts), surest, strict=True)
    return [core for core, sureness in found if sureness >= _SURE and _thickness_px(core) >= _THINNEST_PX]


def _is_text(look: NDArray[np.uint8], core: tuple[slice, slice]) -> bool:
    """Whether the network still sees text there in a picture so small that it would be thin."""
    thickness = _thickness_px(core)
    if thickness <= _DOUBTFUL_PX:
        return True
    margin = 2 * thickness + 16
    rows, columns = (slice(max(side.start - margin, 0), side.stop + margin) for side in core)
    around = np.ascontiguousarray(look[rows, columns])
    for thin_px in _THIN_PX:
        scale = min(thin_px / thickness, 1.0)
        again = _of_tile(_resized(around, scale))
        top, left = (core[0].start - rows.start) * scale, (core[1].start - columns.start) * scale
        bottom, right = (core[0].stop - rows.start) * scale, (core[1].stop - columns.start) * scale
        if (again[int(top) : int(bottom), int(left) : int(right)] > _LIKELY).mean() > _STILL_TEXT:
            return True
    return False


def _thickness_px(core: tuple[slice, slice]) -> int:
    return int(min(side.stop - side.start for side in core))


def _is_marker(core: tuple[slice, slice]) -> bool:
    return max(side.stop - side.start for side in core) < _MARKER_ASPECT * _thickness_px(core)


def _widened(core: tuple[slice, slice], scale: float, shape: tuple[int, int]) -> Box:
    """The box of a line in the picture itself; further along the line, where the network may lose a thin letter."""
    thickness = _thickness_px(core)
    (top, bottom), (left, right) = (
        (side.start - margin, side.stop + margin)
        for side in core
        for margin in [2 + (thickness if side.stop - side.start == thickness else 2 * thickness)]
    )
    return (
        max(floor(top / scale), 0),
        max(floor(left / scale), 0),
        min(ceil(bottom / scale), shape[0]),
        min(ceil(right / scale), shape[1]),
    )


@lru_cache(maxsize=1)
def _session() -> onnxruntime.InferenceSession:
    """One for a process, with one thread: files are worked on in parallel, not their pixels."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(_MODEL), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises types of its own
        raise OSError(
            f"{_MODEL}: the network that finds text cannot be loaded ({error}); reinstall the package"
        ) from error
