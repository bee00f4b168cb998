"""Evaluation with simulated clicks: how fast an interactive network gets right what it got wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from monai.data import MetaTensor
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents
from monai.utils.enums import CommonKeys
from torch import Tensor
from torch.nn import functional

from ..geometry.vertebrae import POINT_NAMES
from ..transforms.corners import HINT_SIGMA_PX, fill_maps
from ..transforms.decode_corners import CornerDecoder
from .simulated_clicks import predict


@dataclass(frozen=True)
class _Case:
    """A batch of images under evaluation; points (B, 68, 2) in pixels of the network's image."""

    image: Tensor
    truth: Tensor
    to_file: Tensor

    def in_file(self, points: Tensor) -> Tensor:
        """Points (B, 68, 2) in pixels of the file."""
        return points @ self.to_file[:, :, :2].mT + self.to_file[:, None, :, 2]

    def errors_px(self, points: Tensor) -> Tensor:
        """Distances from the truth in pixels of the file, (B, 68)."""
        return torch.linalg.vector_norm(self.in_file(points) - self.in_file(self.truth), dim=-1)


class ClickCurve:
    """The ``iteration_update`` of a MONAI evaluator that corrects point after point.

    After each answer the point that is farthest off in pixels of the file is put in its true place, which no later
    answer changes (Kim et al., MICCAI 2022). The network then predicts the others anew from all clicks so far, and
    nothing else of what was before, as in use.

    Besides MONAI's ``image``, ``label`` and ``pred`` (the logits before any click) the output holds, B first:

    * ``errors_px``: (clicks + 1, 68), distances from the truth after each click;
    * where `thorough`: ``points_px``, (clicks + 1, 68, 2), the points after each click in pixels of the file;
      ``points_px_fix_next``, the same where the point that the network is least sure of is corrected; and
      ``points_px_wrong_click``, (68, 2), after one click that missed by `miss_px`.

    Args:
        decoder: reads the network's answer.
        clicks: how many there are.
        thorough: whether to also click where the network proposes to, and to miss once.
        sigma_px: of the Gaussian drawn at a click.
        miss_px: by how much the click misses that is meant to, in pixels of the file.
    """

    def __init__(
        self,
        decoder: CornerDecoder,
        clicks: int = 10,
        thorough: bool = True,
        sigma_px: float = HINT_SIGMA_PX,
        miss_px: float = 20.0,
    ) -> None:
        self.decoder = decoder
        self.clicks = clicks
        self.thorough = thorough
        self.sigma_px = sigma_px
        self.miss_px = miss_px

    def __call__(self, engine: SupervisedEvaluator, batchdata: Mapping[str, Any]) -> dict[str, Any]:
        """Run the iteration."""
        image, truth, to_file = (
            batchdata[key].to(engine.state.device) for key in (CommonKeys.IMAGE, CommonKeys.LABEL, "grid_to_file")
        )
        case = _Case(image, truth, to_file.to(truth.dtype))
        first = predict(engine, image)
        output: dict[str, Any] = {CommonKeys.IMAGE: image, CommonKeys.LABEL: truth, CommonKeys.PRED: first}
        points = self._correct(engine, case, first, lambda _, points: case.errors_px(points))
        output["errors_px"] = torch.stack([case.errors_px(each) for each in points], dim=1)
        if self.thorough:
            proposed = self._correct(engine, case, first, self.decoder.expected_error_px)
            output["points_px"] = torch.stack([case.in_file(each) for each in points], dim=1)
            output["points_px_fix_next"] = torch.stack([case.in_file(each) for each in proposed], dim=1)
            output["points_px_wrong_click"] = case.in_file(self._miss(engine, case, first))
        engine.state.output = output
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        # By now it may be a list of cases.
        completed: dict[str, Any] = engine.state.output
        return completed

    def _correct(
        self, engine: SupervisedEvaluator, case: _Case, logits: Tensor, rank: Callable[[Tensor, Tensor], Tensor]
    ) -> list[Tensor]:
        """The points (B, 68, 2) before any click, and after each on the point that ranks highest."""
        found = [self.decoder.points(logits)]
        clicked = torch.zeros_like(case.truth[..., 0], dtype=torch.bool)
        for _ in range(self.clicks):
            ranked = torch.where(clicked, -torch.inf, rank(logits, found[-1]))
            clicked = clicked | _only(ranked.argmax(dim=1))
            hints = torch.where(clicked[..., None], case.truth, torch.nan)
            logits = self._answer(engine, case, hints)
            found.append(self.decoder.points(logits, hints))
        return found

    def _miss(self, engine: SupervisedEvaluator, case: _Case, logits: Tensor) -> Tensor:
        """The points after a click on the worst one that misses it in some direction, (B, 68, 2)."""
        worst = case.errors_px(self.decoder.points(logits)).argmax(dim=1)
        clicked = _only(worst)
        # In a direction that the point decides: at random, two evaluations would differ.
        angle = worst.to(case.truth.dtype)
        miss = torch.stack([angle.cos(), angle.sin()], dim=-1) * self.miss_px
        place = case.truth + torch.linalg.solve(case.to_file[:, :, :2], miss)[:, None]
        hints = torch.where(clicked[..., None], place, torch.nan)
        return self.decoder.points(self._answer(engine, case, hints), hints)

    def _answer(self, engine: SupervisedEvaluator, case: _Case, hints: Tensor) -> Tensor:
        image = fill_maps(case.image, hints, None, self.sigma_px)
        return predict(engine, image.as_tensor() if isinstance(image, MetaTensor) else image)


def _only(points: Tensor) -> Tensor:
    """A mask (B, 68) of one point each, from their numbers (B)."""
    return functional.one_hot(points, len(POINT_NAMES)).bool()
