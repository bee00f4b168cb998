"""From the answer of a keypoint network to points: where they are, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import look_up_option
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..data.point_shapes import read_shape
from ..geometry.heat_maps import highest_points
from ..geometry.point_shape import PointShape
from ..geometry.vertebrae import POINT_NAMES
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
        shape: file of the shape that spines have (see `skiagraph.geometry.point_shape`): points are then looked for
            near the likeliest shape, so that one vertebra is not taken for two and none is torn apart. None goes by the
            maps alone.
    """

    def __init__(
        self, kind: str = "softmax", stride: int = 4, sigma_px: float = 6.0, shape: str | Path | None = None
    ) -> None:
        self.kind = look_up_option(kind, ("softmax", "sigmoid"))
        self.stride = stride
        self.sigma_px = sigma_px
        self.shape = None if shape is None else read_shape(shape, len(POINT_NAMES))
        # Of a smaller square the centroid is drawn towards the highest cell.
        self._radius = math.ceil(3 * sigma_px / stride)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Where the points may be: maps that each sum up to 1."""
        return _softmax(self._log_heights(logits))

    def _log_heights(self, logits: Tensor) -> Tensor:
        return logits if self.kind == "softmax" else functional.logsigmoid(logits)

    def previous_maps(self, logits: Tensor) -> Tensor:
        """The maps for the network's next pass, 0 to 1; 1 where it is as sure as its training asked it to be."""
        if self.kind == "sigmoid":
            return logits.sigmoid()
        highest = 1 / (2 * math.pi * (self.sigma_px / self.stride) ** 2)
        return (self.probabilities(logits) / highest).clamp(max=1)

    def points(self, logits: Tensor, clicked: Tensor | None = None) -> Tensor:
        """The points (B, N, 2), (x, y).

        Args:
            logits: B N rows columns.
            clicked: points (B, N, 2) that are known, NaN for the others; they are answered as they are.
        """
        points = highest_points(self.probabilities(logits), self.stride, self._radius)
        known = torch.full_like(points, torch.nan) if clicked is None else clicked.to(points)
        if self.shape is not None:
            likeliest = self._likeliest(self.shape, logits, points, known)
            squares = self._over_cells(logits, likeliest, lambda x, y: x**2 + y**2)
            # Of logarithms, for far from where the network is sure both factors may be too small for a number.
            near = self._log_heights(logits) - squares / (2 * self.sigma_px**2)
            points = highest_points(_softmax(near), self.stride, self._radius)
        return torch.where(known.isnan(), points, known)

    def _likeliest(self, shape: PointShape, logits: Tensor, points: Tensor, known: Tensor) -> Tensor:
        """The likeliest shape (B, N, 2), where points (B, N, 2) were seen and others are known."""
        # The shape is that of an image of its own size.
        rows, columns = logits.shape[-2] * self.stride, logits.shape[-1] * self.stride
        scale = torch.tensor([shape.size[1] / columns, shape.size[0] / rows]).to(points)
        # Of a normal distribution in the plane, the mean distance is 1.25 standard deviations.
        deviations = self.expected_error_px(logits, points) / math.sqrt(math.pi / 2) * scale.prod().sqrt()
        seen = (torch.where(known.isnan(), points, known) + 0.5) * scale - 0.5
        return (shape.likeliest(seen, deviations, known.isfinite().all(dim=-1)) + 0.5) / scale - 0.5

    def expected_error_px(self, logits: Tensor, points: Tensor) -> Tensor:
        """How far off the network expects points (B, N, 2) to be, (B, N): the mean distance over its maps."""
        distances = self._over_cells(logits, points, lambda x, y: (x**2 + y**2).sqrt())
        return (self.probabilities(logits) * distances).sum(dim=(-2, -1))

    def confidence(self, logits: Tensor, points: Tensor) -> Tensor:
        """Share of each map within 10 pixels of its point, 0 to 1, (B, N)."""
        share = (self.probabilities(logits) * self._over_cells(logits, points, _near)).sum(dim=(-2, -1))
        return share if self.kind == "softmax" else share * logits.sigmoid().amax(dim=(-2, -1))

    def _over_cells(self, logits: Tensor, points: Tensor, measure: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """A measure of how far every cell lies from its map's point, in x and y."""
        rows, columns = logits.shape[-2:]
        down = (torch.arange(rows, device=logits.device) + 0.5) * self.stride - 0.5
        across = (torch.arange(columns, device=logits.device) + 0.5) * self.stride - 0.5
        return measure(across - points[..., 0, None, None], down[:, None] - points[..., 1, None, None])


def _softmax(logits: Tensor) -> Tensor:
    """Of each map, B N rows columns."""
    return logits.flatten(2).softmax(dim=-1).reshape(logits.shape)


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
        clicked: (68,), whether the point is where a person put it.
        spine_found: whether the network is sure enough of the points for there to be a spine.
    """

    points_px: NDArray[np.float64]
    confidence: NDArray[np.float64]
    expected_error_px: NDArray[np.float64]
    clicked: NDArray[np.bool_]
    spine_found: bool = True

    @property
    def fix_next(self) -> int | None:
        """The point to look at next: the one expected to be farthest off, of those not clicked; None if all were."""
        return None if self.clicked.all() else int(np.where(self.clicked, -1.0, self.expected_error_px).argmax())


class DecodeCornersd(MapTransform):
    """Read the corners from the logits of an interactive network.

    Args:
        keys: logits (68, rows, columns). Output: key + ``_corners``, `Corners`.
        decoder: reads them.
        image_key: the network's input, from `HintMapsd`; its affine leads back to the file.
        clicked_key: the clicks that the network was given (68, 2), in pixels of the file, NaN where there was none;
            may be missing.
        threshold: mean confidence from which on there is a spine.
        allow_missing_keys: do not complain about a missing key.

    Raises:
        ValueError: while running, an answer is not finite, or the image has been mirrored.
    """

    def __init__(
        self,
        keys: KeysCollection,
        decoder: CornerDecoder,
        image_key: str = "image",
        clicked_key: str = "clicked",
        threshold: float = 0.0,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.decoder = decoder
        self.image_key = image_key
        self.clicked_key = clicked_key
        self.threshold = threshold

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
        if np.linalg.det(to_file[:, :2]) < 0:
            raise ValueError("corners are named as seen in the file, but this image has been mirrored since")
        on_grid = move_points(clicked, np.linalg.inv(np.vstack([to_file, [0, 0, 1]]))[:2])
        points = self.decoder.points(logits, torch.from_numpy(on_grid).float()[None])
        fixed: NDArray[np.bool_] = np.asarray(np.isfinite(clicked).all(axis=1))
        scale = math.sqrt(abs(float(np.linalg.det(to_file[:, :2]))))

        def unless_fixed(values: Tensor, value_if_fixed: float, factor: float = 1.0) -> NDArray[np.float64]:
            return np.where(fixed, value_if_fixed, values[0].numpy().astype(float) * factor)

        predicted = move_points(points[0].numpy().astype(float), to_file)
        confidence = unless_fixed(self.decoder.confidence(logits, points), 1.0)
        return Corners(
            points_px=np.where(fixed[:, None], clicked, predicted),
            confidence=confidence,
            expected_error_px=unless_fixed(self.decoder.expected_error_px(logits, points), 0.0, scale),
            clicked=fixed,
            spine_found=bool(confidence.mean() >= self.threshold),
        )
