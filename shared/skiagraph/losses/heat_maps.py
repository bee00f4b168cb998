"""Losses of heat maps against the points that they are of."""

from __future__ import annotations

import torch
from monai.utils import look_up_option
from torch import Tensor, nn
from torch.nn import functional

from ..geometry.heat_maps import gaussian_maps
from .morphology import morphology_loss


class HeatMapLoss(nn.Module):
    """How far logits are from Gaussians around the true points.

    Points outside the image, to which an augmentation may have moved them, do not count.

    Args:
        kind: ``"softmax"``: cross-entropy of each map, as a probability over its cells, with the Gaussian normalised to
            a sum of 1. ``"sigmoid"``: binary cross-entropy of every cell with the Gaussian of height 1, averaged over
            all cells (Kim et al., MICCAI 2022).
        stride: pixels of the image to a cell.
        sigma_px: standard deviation of the Gaussians; 7.5 as published.
        morphology: weight of `morphology_loss` of the maps' centroids, which is added; 0 leaves it out.

    Shape:
        input: logits (B, N, rows, columns), or (B, heads, N, rows, columns), whose losses are added up;
        target: points (B, N, 2), (x, y) in pixels of the network's image.
    """

    def __init__(self, kind: str = "softmax", stride: int = 4, sigma_px: float = 6.0, morphology: float = 0.0) -> None:
        super().__init__()
        self.kind = look_up_option(kind, ("softmax", "sigmoid"))
        self.stride = stride
        self.sigma_px = sigma_px
        self.morphology = morphology

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002 (as MONAI's losses have it)
        """The loss, a scalar."""
        if input.ndim == 5:
            return torch.stack([self(head, target) for head in input.unbind(dim=1)]).sum()
        rows, columns = input.shape[-2:]
        maps = gaussian_maps(target.to(input.dtype), (rows, columns), self.sigma_px, self.stride)
        size = torch.tensor([columns, rows], device=target.device) * self.stride
        inside = ((target > -0.5) & (target < size - 0.5)).all(dim=-1).to(input.dtype)
        losses = self._of_maps(input.flatten(2), maps.flatten(2))
        loss = (losses * inside).sum() / inside.sum().clamp_min(1)
        if not self.morphology:
            return loss
        return loss + self.morphology * morphology_loss(self._centroids(input), target, inside, size)

    def _centroids(self, logits: Tensor) -> Tensor:
        """Where the maps have their mass, (B, N, 2), with a gradient."""
        flat = logits.flatten(2)
        heights = flat.softmax(dim=-1) if self.kind == "softmax" else flat.sigmoid()
        maps = heights.reshape(logits.shape)
        total = maps.sum(dim=(-2, -1)).clamp_min(torch.finfo(maps.dtype).tiny)
        rows, columns = (torch.arange(size, device=maps.device, dtype=maps.dtype) for size in maps.shape[-2:])
        cells = torch.stack([(maps.sum(dim=-2) * columns).sum(-1), (maps.sum(dim=-1) * rows).sum(-1)], dim=-1)
        return (cells / total[..., None] + 0.5) * self.stride - 0.5

    def _of_maps(self, logits: Tensor, maps: Tensor) -> Tensor:
        if self.kind == "sigmoid":
            return functional.binary_cross_entropy_with_logits(logits, maps, reduction="none").mean(dim=-1)
        wanted = maps / maps.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(maps.dtype).tiny)
        return -(wanted * logits.log_softmax(dim=-1)).sum(dim=-1)
