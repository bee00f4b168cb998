"""Text of known place on pictures like those of radiology."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

LATIN = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
CHINESE_JAPANESE = Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf")
TEXTS = ("DOE^JANE", "12.03.1957", "ID 4711-0815", "Müller, Ö.", "15:22:07")


@dataclass(frozen=True)
class Character:
    """Where a character has its ink: (row, column) of the corner of a mask."""

    row: int
    column: int
    ink: np.ndarray

    def is_within(self, boxes: list[tuple[int, int, int, int]], shape: tuple[int, int]) -> bool:
        covered = np.zeros(shape, dtype=bool)
        for top, left, bottom, right in boxes:
            covered[top:bottom, left:right] = True
        rows, columns = self.ink.shape
        return bool(covered[self.row : self.row + rows, self.column : self.column + columns][self.ink].all())


def soft_tissue(seed: int, shape: tuple[int, int] = (400, 520), noise: float = 6.0) -> np.ndarray:
    """Grey clouds, edges of bone and noise: uint8 between 40 and 200."""
    rng = np.random.default_rng(seed)
    clouds = ndimage.gaussian_filter(rng.normal(size=shape), 30)
    bone = ndimage.gaussian_filter((ndimage.gaussian_filter(rng.normal(size=shape), 50) > 0).astype(float), 2)
    grey = 100 + 40 * clouds / np.abs(clouds).max() + 50 * bone
    return np.clip(grey + rng.normal(scale=noise, size=shape), 40, 200).astype(np.uint8)


def write_over(
    picture: np.ndarray,
    texts: tuple[str, ...],
    size_px: int,
    contrast: int,
    *,
    quarter_turns: int = 0,
    font: Path = LATIN,
    seed: int = 0,
) -> tuple[np.ndarray, list[Character]]:
    """Lay lines of text on places that do not touch; the ink is lighter or darker than what it covers by `contrast`."""
    room = 255 - abs(contrast)
    written = picture.astype(float) * (room / 255) + max(-contrast, 0)
    free, places, characters = np.ones(picture.shape, dtype=bool), random.Random(seed), []
    for text in texts:
        layers = [np.rot90(layer, quarter_turns) for layer in _layers(text, ImageFont.truetype(str(font), size_px))]
        rows, columns = layers[0].shape
        row, column = _free_place(free, rows, columns, places)
        free[max(row - size_px, 0) : row + rows + size_px, max(column - size_px, 0) : column + columns + size_px] = (
            False
        )
        for layer in layers:
            written[row : row + rows, column : column + columns] += contrast * layer
            if layer.max() > 0.4:
                characters.append(Character(row, column, layer > 0.4))
    return np.clip(np.rint(written), 0, 255).astype(np.uint8), characters


def _layers(text: str, font: ImageFont.FreeTypeFont) -> list[np.ndarray]:
    """One mask a character, all of the size of the line."""
    left, top, right, bottom = font.getbbox(text)
    layers = []
    for place, character in enumerate(text):
        layer = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
        ImageDraw.Draw(layer).text((2 - left + font.getlength(text[:place]), 2 - top), character, fill=255, font=font)
        layers.append(np.asarray(layer) / 255)
    return layers


def _free_place(free: np.ndarray, rows: int, columns: int, places: random.Random) -> tuple[int, int]:
    for _ in range(1000):
        row, column = places.randrange(free.shape[0] - rows), places.randrange(free.shape[1] - columns)
        if free[row : row + rows, column : column + columns].all():
            return row, column
    raise ValueError("the picture is too small for the texts")
