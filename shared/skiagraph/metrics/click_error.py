"""Mean error over a few clicks as the key metric of an interactive training."""

from __future__ import annotations

import math
from typing import Any

import torch
from monai.metrics import CumulativeIterationMetric


class ClickErrorMetric(CumulativeIterationMetric):
    """Mean radial error over points, clicks and cases, in pixels of the files; less is better.

    It is the height of the click curve: an answer that is right at once and one that is soon put right both lower it.
    Stands in `monai.handlers.IgniteMetricHandler` with ``errors_px`` of `skiagraph.engines.ClickCurve` as its input,
    and gathers over ranks.
    """

    def _compute_list(self, y_pred: Any, y: Any = None, **_: Any) -> torch.Tensor:  # noqa: ARG002 (MONAI's signature)
        """Mean of each case, (cases, 1), from errors (clicks + 1, points)."""
        return torch.stack([torch.as_tensor(errors, dtype=torch.float64).mean()[None] for errors in y_pred])

    def _compute_tensor(self, y_pred: torch.Tensor, y: Any = None, **_: Any) -> torch.Tensor:  # noqa: ARG002 (likewise)
        """Mean of each case, (cases, 1), from errors (cases, clicks + 1, points)."""
        return y_pred.double().flatten(1).mean(dim=1, keepdim=True)

    def aggregate(self) -> torch.Tensor:
        """Mean over the cases of all ranks; NaN without any."""
        means = self.get_buffer()
        return torch.tensor(math.nan) if means is None else means.mean()
