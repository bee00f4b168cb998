"""A network that knows the answer, and one that only knows what it was told: to test engines with clicks."""

from __future__ import annotations

from typing import Any

import torch
from monai.data import DataLoader, Dataset
from torch import Tensor, nn

from skiagraph.geometry.heat_maps import gaussian_maps
from skiagraph.geometry.vertebrae import POINT_NAMES

POINTS, SIZE, STRIDE = len(POINT_NAMES), (24, 16), 4
# A file is twice as wide and three times as high as the network's image.
TO_FILE = torch.tensor([[2.0, 0.0, 0.5], [0.0, 3.0, 1.0]], dtype=torch.float64)


class Oracle(nn.Module):
    """Answers with the points that it was given, moved as a whole by the mean of what the hints say about them.

    Where there is no hint it is off by `off_px`; each hint brings all points nearer, as a good network does.
    """

    def __init__(self, truth: Tensor, off_px: float) -> None:
        super().__init__()
        self.truth = truth
        self.off_px = nn.Parameter(torch.tensor(off_px))
        self.inputs: list[Tensor] = []
        self.with_gradient: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        self.inputs.append(x.detach().clone())
        self.with_gradient.append(torch.is_grad_enabled())
        hints = x[:, -2 * POINTS : -POINTS].amax(dim=(2, 3)) > 0.5
        share = 1 / (1 + hints.sum(dim=1).float())
        spread = torch.arange(POINTS) / POINTS
        points = self.truth + (self.off_px * share[:, None] * (0.5 + spread))[..., None]
        return 12 * gaussian_maps(points, SIZE, 6.0, STRIDE)


def truth(cases: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.rand(cases, POINTS, 2, generator=generator) * torch.tensor([30.0, 60.0]) + 10


def loader(points: Tensor) -> DataLoader:
    """Cases with an empty input of the network."""
    cases: list[dict[str, Any]] = [
        {"image": torch.zeros(16 + 2 * POINTS, *SIZE), "label": one, "grid_to_file": TO_FILE} for one in points
    ]
    return DataLoader(Dataset(cases), batch_size=len(cases))
