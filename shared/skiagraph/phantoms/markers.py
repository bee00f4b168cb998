"""What is seen beside an arm and is neither implant nor fracture: letters, text, clips, cables, studs, buckles."""

from __future__ import annotations

from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .attenuation import Attenuation
from .hardware import STEEL
from .noise import FloatArray
from .profile_body import Pose

Points = NDArray[np.float64]

_TEXTS = ("PORTABLE", "RECOVERY", "1 OF 2", "2 OF 2", "PORT/OR 12", "POST OP", "HANGING", "AP", "LAT", "CROSS TABLE")


def lead_letter(rng: np.random.Generator, image: Attenuation, side: str, frame: Pose) -> FloatArray:
    """A letter that tells the side, often with initials and a bubble that shows a tilt.

    Args:
        rng: source of randomness.
        image: that it will be laid in.
        side: the letter.
        frame: of what was exposed; the letter's middle is its origin.

    Returns:
        (rows, columns) of the image, from 0 to 1.
    """
    tile = _letters(rng, side, rng.uniform(17, 28) * image.px_per_mm)
    quarter = 90 * int(rng.integers(-1, 3)) if rng.random() < 0.4 else 0
    turned = -np.degrees(frame.turn) + quarter + rng.normal(0, 15)
    if rng.random() < 0.1:
        tile = tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    tile = tile.rotate(turned, Image.Resampling.BILINEAR, expand=True)
    centre = np.array(frame.origin) * image.px_per_mm
    layer = Image.new("L", image.total.shape[::-1])
    layer.paste(tile, (round(centre[0] - tile.width / 2), round(centre[1] - tile.height / 2)))
    return np.asarray(layer, dtype=np.float32) / np.float32(255)


def _letters(rng: np.random.Generator, side: str, height_px: float) -> Image.Image:
    """A letter, initials beside or under it, a ring, and what holds them; bright on black."""
    large, small = (ImageFont.load_default(max(size, 6.0)) for size in (height_px, 0.5 * height_px))
    tile = Image.new("L", (round(2.6 * height_px), round(1.7 * height_px)))
    draw = ImageDraw.Draw(tile)
    if rng.random() < 0.4:
        edges = (0.02 * height_px, 0.1 * height_px, 2.5 * height_px, 1.25 * height_px)
        draw.rectangle(edges, fill=int(rng.uniform(8, 40)))
    bold = round(rng.uniform(0.02, 0.07) * height_px)
    draw.text((0.15 * height_px, 0), side, 255, large, stroke_width=bold)
    if rng.random() < 0.7:
        initials = "".join(rng.choice(list(ascii_uppercase), rng.integers(2, 4)))
        corner = (0.1 * height_px, 1.1 * height_px) if rng.random() < 0.4 else (0.85 * height_px, 0.45 * height_px)
        draw.text(corner, initials, 255, small)
    if rng.random() < 0.55:
        box = (1.75 * height_px, 0.4 * height_px, 2.4 * height_px, 1.05 * height_px)
        draw.ellipse(box, outline=255, width=max(round(0.1 * height_px), 1))
    return tile


def stamp_text(rng: np.random.Generator, pixels: NDArray[np.uint8], side: str, grey: int) -> None:
    """Write into the finished image in place: the side upright, and often how the image was taken."""
    rows, columns = pixels.shape
    height = max(rows, columns) / rng.uniform(22, 40)
    canvas = Image.fromarray(pixels)
    draw = ImageDraw.Draw(canvas)
    left, top = rng.uniform(0.03, 0.85) * columns, rng.uniform(0.02, 0.85) * rows
    if rng.random() < 0.3:
        draw.rectangle((left - 2, top, left + 0.9 * height, top + 1.25 * height), fill=grey // 2)
    draw.text((left, top), side, grey, ImageFont.load_default(height))
    if rng.random() < 0.6:
        text = str(rng.choice(_TEXTS))
        draw.text((left - height, top + 1.3 * height), text, grey, ImageFont.load_default(max(0.5 * height, 6.0)))
    pixels[...] = np.asarray(canvas)


def add_staples(rng: np.random.Generator, image: Attenuation, line_mm: Points) -> None:
    """Add the clips that close a wound, in a row across a line (N, 2)."""
    steps = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line_mm, axis=0).T))])
    wide = rng.uniform(2.5, 4.5)
    for at in np.arange(0, steps[-1], rng.uniform(5, 9)):
        middle = [np.interp(at, steps, line_mm[:, axis]) for axis in (0, 1)]
        turn = rng.normal(0, 0.35)
        ends = wide * np.array([[-np.cos(turn), -np.sin(turn)], [np.cos(turn), np.sin(turn)]])
        image.add_tube(middle + ends * rng.uniform(0.5, 1), 0.35, solid=STEEL)


def add_cable(rng: np.random.Generator, image: Attenuation, start_mm: Points, end_mm: Points) -> None:
    """Add a thin cable or drain that wanders from one place to another, with an electrode at its end at times."""
    along = np.linspace(0, 1, 24)
    across = np.array([-(end_mm - start_mm)[1], (end_mm - start_mm)[0]])
    bend = rng.normal(0, 0.25) * np.sin(np.pi * along) + rng.normal(0, 0.12) * np.sin(2 * np.pi * along)
    line = start_mm + along[:, None] * (end_mm - start_mm) + bend[:, None] * across
    image.add_tube(line, rng.uniform(0.4, 1.1), solid=rng.uniform(0.1, 0.6))
    if rng.random() < 0.5:
        image.add_ellipsoid(line[0], (5.0, 5.0), rng.uniform(0.2, 1.0))
        image.add_ring(line[0], (6.0, 6.0), 0.4)


def add_snap(rng: np.random.Generator, image: Attenuation, place_mm: Points) -> None:
    """Add a press stud, a ring, a safety pin or the buckle of a sling."""
    kind = rng.integers(4)
    frame = Pose((float(place_mm[0]), float(place_mm[1])), rng.uniform(0, np.pi))
    if kind == 0:
        image.add_ellipsoid(place_mm, (rng.uniform(3, 6),) * 2, rng.uniform(0.3, 1.5))
        image.add_ring(place_mm, (rng.uniform(4, 7),) * 2, rng.uniform(0.3, 1.0))
    elif kind == 1:
        image.add_ring(place_mm, (rng.uniform(5, 10), rng.uniform(4, 9)), rng.uniform(0.4, 1.5), frame.turn)
    elif kind == 2:
        image.add_tube(frame.place([(0, 0), (24, 1), (26, 4), (24, 6), (4, 5), (0, 3)]), 0.5, solid=STEEL)
    else:
        wide, high = rng.uniform(9, 15), rng.uniform(7, 11)
        frames = [(-wide, -high), (wide, -high), (wide, high), (-wide, high), (-wide, -high)]
        for corners in (frames, [(-wide, 0), (wide, 0)]):
            image.add_tube(frame.place(corners), rng.uniform(0.8, 1.8), solid=rng.uniform(0.04, 0.5))
