"""The frames of one tracked sweep as items of a data list, with their position along the bone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh

from ...geometry import section_segments
from ..data_list import Item
from .sweep import IMAGE_TO_MARKER, SweepFrame, read_surfaces, read_sweep


def read_sweep_items(root: str | Path, group: str) -> list[Item]:
    """The frames of a tracked sweep, in the order of its `tracking.csv`.

    Labels need not be there yet: they are named `Labels/<timestamp>_label.png`, relative to the folder that
    will hold both `UltrasoundImages` (or a link to it) and `Labels`.

    Args:
        root: folder of the sweep, as `read_sweep` takes it.
        group: name of the bone that its CT surface shows; other bone in the frames is not labelled.

    Returns:
        Items with `image`, `label`, `group`, `partial` (True), `spacing_mm` (row, column), and `position_mm`,
        where along the z axis of the CT the frame shows the bone.

    Raises:
        FileNotFoundError, ValueError: the folder is not a sweep, or a file of it is unreadable.
    """
    sweep = read_sweep(root)
    surface = read_surfaces(sweep.surfaces)
    return [
        {
            "image": f"UltrasoundImages/{frame.name}.png",
            "label": f"Labels/{frame.name}_label.png",
            "group": group,
            "partial": True,
            "spacing_mm": [frame.spacing_mm, frame.spacing_mm],
            "position_mm": round(_position_mm(frame, surface), 3),
        }
        for frame in sweep.frames
    ]


def _position_mm(frame: SweepFrame, surface: trimesh.Trimesh) -> float:
    """Mean z of the surface in the image, or z of the image's middle where it shows none.

    Not that of the tracked marker, which sits more than 100 mm off the image: a tilt of the probe moves the
    two apart by centimetres.
    """
    shape = frame.read_image().shape
    plane = frame.plane(IMAGE_TO_MARKER, (shape[0], shape[1]))
    points = section_segments(surface, plane).reshape(-1, 2)
    inside = np.all((points >= -0.5) & (points <= np.array(shape[::-1]) - 0.5), axis=1)
    middle = plane.centre_mm
    if inside.any():
        middle[:2] = (points[inside].mean(axis=0) + 0.5) * plane.spacing_mm[::-1]
    return float((plane.image_to_world @ np.append(middle, 1.0))[2])
