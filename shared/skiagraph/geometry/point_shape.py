"""What the points of an object can look like together: a statistical shape."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# A point whose place is known for certain is let be so far from the shape, in pixels.
_CERTAIN_PX = 0.5
# Rounds in which points that the shape cannot explain lose weight; how many times its residual off halves it.
_ROUNDS, _HALVED_AT = 3, 3.0


@dataclass(frozen=True)
class PointShape:
    """Mean and modes of variation of N points in the plane (Cootes et al., "Active shape models", CVIU 1995).

    Attributes:
        size: (rows, columns) of the image that the points are in.
        mean: (N, 2), (x, y) in pixels of that image.
        modes: (K, N, 2), each of length 1.
        variances: (K,), of the modes, in square pixels.
        residual_px: standard deviation of what the modes leave of a point.
    """

    size: tuple[int, int]
    mean: Tensor
    modes: Tensor
    variances: Tensor
    residual_px: float

    def likeliest(self, points: Tensor, deviations: Tensor, certain: Tensor | None = None) -> Tensor:
        """The likeliest shape that points were seen of.

        Points that lie far from it count less and less (Cauchy weights).

        Args:
            points: (B, N, 2) as they were seen.
            deviations: (B, N), standard deviation in x and y with which each was seen, in pixels.
            certain: (B, N), points that are known for certain; they keep their weight.

        Returns:
            (B, N, 2), points of the shape, the certain ones too.
        """
        modes = self.modes.to(points).flatten(1)
        prior = torch.diag(1 / self.variances.to(points))
        seen = (points - self.mean.to(points)).flatten(1)
        spread = (deviations**2 + self.residual_px**2).sqrt()
        if certain is not None:
            spread = torch.where(certain, _CERTAIN_PX, spread)
        weights = 1 / spread**2
        shape = points
        for _ in range(_ROUNDS + 1):
            each = weights.repeat_interleave(2, dim=1)
            matrix = torch.einsum("kd,bd,ld->bkl", modes, each, modes) + prior
            amounts = torch.linalg.solve(matrix, torch.einsum("kd,bd->bk", modes, each * seen))
            shape = self.mean.to(points) + (amounts @ modes).unflatten(1, self.mean.shape)
            off = (shape - points).norm(dim=-1) / (_HALVED_AT * self.residual_px)
            weights = 1 / spread**2 / (1 + off**2)
            if certain is not None:
                weights = torch.where(certain, 1 / spread**2, weights)
        return shape


def fit_shape(points: Tensor, size: tuple[int, int], modes: int = 24) -> PointShape:
    """The shape of examples.

    Args:
        points: (M, N, 2), (x, y) of M examples.
        size: (rows, columns) of the image that they are in.
        modes: how many modes of variation are kept, at most M - 1 and 2 N.
    """
    flat = points.double().flatten(1)
    mean = flat.mean(dim=0)
    _, lengths, directions = torch.linalg.svd(flat - mean, full_matrices=False)
    kept = min(modes, len(points) - 1, directions.shape[1])
    variances = lengths**2 / len(points)
    residual = (variances[kept:].sum() / flat.shape[1]).sqrt()
    form = points.shape[1:]
    return PointShape(
        size,
        mean.reshape(form).float(),
        directions[:kept].reshape(kept, *form).float(),
        variances[:kept].float(),
        max(float(residual), 1.0),
    )
