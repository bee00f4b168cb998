"""A picture of the last case that an evaluator worked on, for the tracking of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
from ignite.engine import Engine
from numpy.typing import NDArray

from ..geometry.surface_line import SurfaceLine
from ..report.overlays import GREEN, draw_lines

_TRUTH_COLOUR = (255, 170, 60)


def surface_sample(engine: Engine) -> NDArray[np.uint8] | None:
    """The first frame of the last batch, (rows, columns, 3), on the network's grid: truth orange, prediction green.

    Args:
        engine: an evaluator whose decollated cases hold `image` (0 to 1) and, from `SurfaceLinesd`, `pred_lines` and,
            where there is a truth, `truth_lines`.
    """
    cases: Any = engine.state.output
    if not cases:
        return None
    case = cases[0]
    image = case["image"]
    picture = np.asarray(image[0].detach().cpu() * 255).round().astype(np.uint8)
    # From the grid of the file to that of the network, whose pixels hold several of the file's.
    scale = np.array(picture.shape[::-1]) / np.asarray(image.meta["spatial_shape"], dtype=float)[::-1]
    for key, colour in (("truth_lines", _TRUTH_COLOUR), ("pred_lines", GREEN)):
        lines: list[SurfaceLine] = case.get(key, [])
        picture = draw_lines(picture, [(line.points_px + 0.5) * scale - 0.5 for line in lines], colour)
    return picture
