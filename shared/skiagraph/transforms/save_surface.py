"""What inference leaves of a frame: mask, overlay and the bone surface as lines."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.data import MetaTensor

from ..folder_work import write_image, write_json
from ..geometry.surface_line import SurfaceLine, line_length
from ..report.overlays import draw_lines
from .load import spacing_mm
from .save_results import SaveResultsd, as_bytes, beside, to_file_grid


def describe_surfaces(case: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a frame in the table of an inference over a folder.

    Args:
        case: a decollated case with `pred` and, from `SurfaceLinesd`, `pred_lines`.
    """
    described = [_describe_line(line, spacing_mm(case["pred"])) for line in case["pred_lines"]]
    lengths = [line["length_mm"] for line in described]
    return {
        "message": _message(described),
        "lines": len(described),
        "length_mm": None if None in lengths else sum(lengths),
        "confidence": max((line["confidence"] for line in described), default=None),
    }


class SaveSurfaced(SaveResultsd):
    """Write `<name>_mask.png`, `<name>_overlay.jpg` and `<name>_surface.json` below a folder.

    The mask is 255 on bone and has the size of the input file. The JSON holds every line in pixels of that file, x to
    the right and y down, pixel centres at whole numbers, and in mm from the centre of the first pixel where the pixel
    size is known; `bone_found` says plainly when there is none.

    Args:
        keys: probability maps (1, rows, columns) with their lines beside them, from `SurfaceLinesd`.
        output_dir, on_error, allow_missing_keys: see `SaveResultsd`.
        frame_key: the frame as it was loaded, 0 to 255 on the file's grid, for the overlay.
        threshold: probability above which a pixel is bone in the mask.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        frame_key: str = "frame_as_loaded",
        threshold: float = 0.5,
        on_error: str = "raise",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, output_dir, on_error, allow_missing_keys)
        self.frame_key = frame_key
        self.threshold = threshold

    def save(self, key: Hashable, case: Mapping[Hashable, Any], base: Path) -> None:
        """Write mask, overlay and lines."""
        probability, lines = case[key], case[f"{key}_lines"]
        grey = as_bytes(case[self.frame_key].as_tensor()[0].round())
        mask = as_bytes(to_file_grid(probability)[0] > self.threshold) * np.uint8(255)
        overlay = draw_lines(grey, [line.points_px for line in lines])
        write_json(beside(base, "_surface.json"), self._describe(probability, lines))
        write_image(beside(base, "_mask.png"), mask)
        write_image(beside(base, "_overlay.jpg"), overlay)

    def _describe(self, probability: MetaTensor, lines: list[SurfaceLine]) -> dict[str, Any]:
        spacing = spacing_mm(probability)
        return {
            "image": probability.meta["name"],
            "bone_found": bool(lines),
            "message": _message(lines),
            "threshold": self.threshold,
            "spacing_mm": spacing,
            "lines": [_describe_line(line, spacing) for line in lines],
        }


def _message(lines: Sequence[object]) -> str:
    if not lines:
        return "no bone found"
    return "bone found, 1 line" if len(lines) == 1 else f"bone found, {len(lines)} lines"


def _describe_line(line: SurfaceLine, spacing: tuple[float, float] | None) -> dict[str, Any]:
    points_mm = line.points_px * spacing[::-1] if spacing else None
    return {
        "confidence": round(float(line.confidence.mean()), 4),
        "length_mm": None if points_mm is None else round(line_length(points_mm), 3),
        "points_px": line.points_px.round(2).tolist(),
        "points_mm": None if points_mm is None else points_mm.round(4).tolist(),
        "point_confidence": line.confidence.round(3).tolist(),
    }
