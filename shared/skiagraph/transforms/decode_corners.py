"""From the answer of a keypoint network to points: where they are, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import look_up_option
from numpy.typing import NDArray
from torch import Tensor

from ..geometry.heat_maps import highest_points
from .grid import Matrix, grid_to_file, move_points

# Half the side of the square around a point within which the network's answer counts as this point.
_REACH_PX = 10.0


class CornerDecoder:
    """Reads heat maps, B N rows columns, all in pixels of the network's image.

    Args:
        kind: what the logits were trained as. ``"softmax"``: the cells of a map share a probability of 1.
            ``"sigmoid"``: each cell is as high as the Gaussian around the point (binary cross-entropy).
        stride: pixels of the image to a cell.
        sigma_px: standard deviation of the Gaussians that were trained.
    """

    def __init__(self, kind: str = "softmax", stride: int = 4, sigma_px: float = 6.0) -> None:
        self.kind = look_up_option(kind, ("softmax", "sigmoid"))
        self.stride = stride
        self.sigma_px = sigma_px

    def probabilities(self, logits: Tensor) -> Tensor:
        """Where the points may be: maps that each sum up to 1."""
        if self.kind == "softmax":
            return logits.flatten(2).softmax(dim=-1).reshape(logits.shape)
        heights = logits.sigmoid()
        return heights / heights.sum(dim=(-2, -1), keepdim=True).clamp_min(torch.finfo(heights.dtype).tiny)

    def previous_maps(self, logits: Tensor) -> Tensor:
        """The maps for the network's next pass, 0 to 1; 1 where it is as sure as its training asked it to be."""
        if self.kind == "sigmoid":
            return logits.sigmoid()
        highest = 1 / (2 * math.pi * (self.sigma_px / self.stride) ** 2)
        return (self.probabilities(logits) / highest).clamp(max=1)

    def points(self, logits: Tensor) -> Tensor:
        """The points (B, N, 2), (x, y)."""
        return highest_points(self.probabilities(logits), self.stride)

    def expected_error_px(self, logits: Tensor, points: Tensor) -> Tensor:
        """How far off the network expects points (B, N, 2) to be, (B, N): the mean distance over its maps."""
        distances = self._over_cells(logits, points, lambda x, y: (x**2 + y**2).sqrt())
        return (self.probabilities(logits) * distances).sum(dim=(-2, -1))

    def confidence(self, logits: Tensor, points: Tensor) -> Tensor:
        """Share of each map within 10 pixels of its point, 0 to 1, (B, N)."""
        share = (self.probabilities(logits) * self._over_cells(logits, points, _near)).sum(dim=(-2, -1))
        return share if self.kind == "softmax" else share * logits.sigmoid().amax(dim=(-2, -1))

    def deviation_px(self, logits: Tensor, points: Tensor) -> Tensor:
        """Standard deviation in x and in y of the part of each map within 10 pixels of its point, (B, N)."""
        near = self.probabilities(logits) * self._over_cells(logits, points, _near)
        squares = near * self._over_cells(logits, points, lambda x, y: (x**2 + y**2) / 2)
        mass = near.sum(dim=(-2, -1)).clamp_min(torch.finfo(near.dtype).tiny)
        return (squares.sum(dim=(-2, -1)) / mass).sqrt()

    def _over_cells(self, logits: Tensor, points: Tensor, measure: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """A measure of how far every cell lies from its map's point, in x and y."""
        rows, columns = logits.shape[-2:]
        down = (torch.arange(rows, device=logits.device) + 0.5) * self.stride - 0.5
        across = (torch.arange(columns, device=logits.device) + 0.5) * self.stride - 0.5
        return measure(across - points[..., 0, None, None], down[:, None] - points[..., 1, None, None])


def _near(x: Tensor, y: Tensor) -> Tensor:
    return (x.abs() <= _REACH_PX) & (y.abs() <= _REACH_PX)


@dataclass(frozen=True)
class Corners:
    """The corners of a spine, in the order of `POINT_NAMES`.

    Attributes:
        points_px: (68, 2), (x, y) in pixels of the file.
        confidence: (68,), 0 to 1; 1 where it was clicked.
        expected_error_px: (68,), how far off the network expects each to be, in pixels of the file; 0 where it was
            clicked.
        deviation_px: (68,), standard deviation around the point, of that part of the map that lies near it.
        clicked: (68,), whether the point is where a person put it.
    """

    points_px: NDArray[np.float64]
    confidence: NDArray[np.float64]
    expected_error_px: NDArray[np.float64]
    deviation_px: NDArray[np.float64]
    clicked: NDArray[np.bool_]

    @property
    def fix_next(self) -> int:
        """The point to look at next: the one expected to be farthest off, of those that were not clicked."""
        return int(np.where(self.clicked, -1.0, self.expected_error_px).argmax())


class DecodeCornersd(MapTransform):
    """Read the corners from the logits of an interactive network.

    Args:
        keys: logits (68, rows, columns). Output: key + ``_corners``, `Corners`.
        decoder: reads them.
        image_key: the network's input, from `HintMapsd`; its affine leads back to the file.
        clicked_key: the clicks that the network was given (68, 2), in pixels of the file, NaN where there was none;
            may be missing.
        allow_missing_keys: do not complain about a missing key.

    Raises:
        ValueError: while running, an answer is not finite.
    """

    def __init__(
        self,
        keys: KeysCollection,
        decoder: CornerDecoder,
        image_key: str = "image",
        clicked_key: str = "clicked",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.decoder = decoder
        self.image_key = image_key
        self.clicked_key = clicked_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the corners of a case."""
        out = dict(data)
        for key in self.key_iterator(dict(data)):
            logits = torch.as_tensor(data[key])[None].float().cpu()
            if not torch.isfinite(logits).all():
                raise ValueError(f"{key}: the network's answer is not finite; its weights are of a diverged training")
            clicked = np.asarray(data.get(self.clicked_key, np.full((logits.shape[1], 2), np.nan)), dtype=float)
            out[f"{key}_corners"] = self._read(logits, grid_to_file(data[self.image_key]), clicked)
        return out

    def _read(self, logits: Tensor, to_file: Matrix, clicked: NDArray[np.float64]) -> Corners:
        points = self.decoder.points(logits)
        fixed: NDArray[np.bool_] = np.asarray(np.isfinite(clicked).all(axis=1))
        scale = math.sqrt(abs(float(np.linalg.det(to_file[:, :2]))))

        def unless_fixed(values: Tensor, value_if_fixed: float, factor: float = 1.0) -> NDArray[np.float64]:
            return np.where(fixed, value_if_fixed, values[0].numpy().astype(float) * factor)

        predicted = move_points(points[0].numpy().astype(float), to_file)
        return Corners(
            points_px=np.where(fixed[:, None], clicked, predicted),
            confidence=unless_fixed(self.decoder.confidence(logits, points), 1.0),
            expected_error_px=unless_fixed(self.decoder.expected_error_px(logits, points), 0.0, scale),
            deviation_px=unless_fixed(self.decoder.deviation_px(logits, points), 0.0, scale),
            clicked=fixed,
        )
