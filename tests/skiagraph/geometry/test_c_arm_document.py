"""The document on C-arms and its drawing tell what the code does."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import torch

from skiagraph.dicom import CArmFrame
from skiagraph.geometry.cameras import Camera, camera_from_c_arm

DOCUMENTS = Path(__file__).resolve().parents[3] / "shared" / "docs"
SVG = {"svg": "http://www.w3.org/2000/svg"}
POINT_MM = [10.0, -20.0, 30.0]


def example(primary_deg: float = 30, secondary_deg: float = 20) -> Camera:
    frame = CArmFrame(
        frame_number=1,
        rows=512,
        columns=512,
        enhanced=False,
        primary_deg=primary_deg,
        secondary_deg=secondary_deg,
        source_detector_mm=1000,
        source_patient_mm=750,
        imager_spacing_mm=(0.25, 0.25),
    )
    return camera_from_c_arm(frame)


def seen() -> np.ndarray:
    return example().project(torch.tensor([POINT_MM], dtype=torch.float64))[0].numpy()


def element(panel: str, name: str) -> dict[str, str]:
    found = ET.parse(DOCUMENTS / "c_arm.svg").find(f".//svg:g[@id='{panel}']/*[@class='{name}']", SVG)
    assert found is not None, f"{panel} has no {name}"
    return found.attrib


def place(attributes: dict[str, str], x: str = "cx", y: str = "cy") -> np.ndarray:
    return np.array([float(attributes[x]), float(attributes[y])])


def test_numbers_of_the_example() -> None:
    text = (DOCUMENTS / "c_arm.md").read_text()
    blocks = re.findall(r"```\n([-\d. \n]+)```", text)
    source, matrix, pixel = (np.array([line.split() for line in block.splitlines()], float) for block in blocks)
    assert source[0] == pytest.approx(example().source_mm.numpy(), abs=1e-4)
    assert matrix == pytest.approx(example().matrix.numpy(), abs=1e-4)
    assert pixel[0] == pytest.approx(seen(), abs=1e-4)


@pytest.mark.parametrize(
    ("panel", "angles", "to_the_right", "drawn_axis"), [("primary", (30, 0), 0, 0), ("secondary", (0, 20), 2, 1)]
)
def test_the_drawing_shows_the_example(
    panel: str, angles: tuple[float, float], to_the_right: int, drawn_axis: int
) -> None:
    """To the right is x or z, downwards is y; one length of the drawing is as many mm as another."""
    camera = example(*angles)
    isocentre, source = (place(element(panel, name)) for name in ("isocentre", "source"))
    edges = [place(element(panel, "detector"), f"x{k}", f"y{k}") for k in (1, 2)]
    detector = (edges[0] + edges[1]) / 2
    forward = camera.axes[2, [to_the_right, 1]].numpy()
    scale = np.linalg.norm(source - isocentre) / 750
    assert (isocentre - source) / scale == pytest.approx(750 * forward, abs=1)
    assert (detector - source) / scale == pytest.approx(1000 * forward, abs=1)
    # The detector is drawn edge on, along its right or its down axis.
    along = (edges[1] - edges[0]) / np.linalg.norm(edges[1] - edges[0])
    drawn = camera.axes[drawn_axis, [to_the_right, 1]].numpy()
    assert abs(along @ drawn) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("panel", "angle_deg"), [("primary", 30), ("secondary", 20)])
def test_the_arcs_are_as_wide_as_they_say(panel: str, angle_deg: float) -> None:
    ends = re.findall(r"[M ]([\d.]+),([\d.]+)", element(panel, "angle")["d"])
    start, end = (np.array(pair, float) - place(element(panel, "isocentre")) for pair in (ends[0], ends[-1]))
    assert math.degrees(math.atan2(start[0] * end[1] - start[1] * end[0], start @ end)) == pytest.approx(
        angle_deg, abs=0.1
    )


def test_the_pixels_of_the_drawing() -> None:
    pixels = element("image", "pixels")
    scale = float(pixels["width"]) / 512
    corner = place(pixels, "x", "y")
    assert place(element("image", "principal")) == pytest.approx(corner + scale * 256, abs=0.06)
    assert place(element("image", "point")) == pytest.approx(corner + scale * (seen() + 0.5), abs=0.06)
    text = (DOCUMENTS / "c_arm.svg").read_text()
    assert f"({seen()[0]:.1f}, {seen()[1]:.1f})" in text
