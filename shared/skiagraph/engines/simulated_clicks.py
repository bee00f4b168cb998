"""Training with simulated clicks, for networks whose input has hint and previous maps (`HintMapsd`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.networks.utils import eval_mode
from monai.utils import look_up_option
from monai.utils.enums import CommonKeys
from torch import Tensor
from torch.nn import functional

from ..geometry.vertebrae import POINT_NAMES
from ..transforms.corners import HINT_SIGMA_PX, fill_maps, input_stride
from ..transforms.decode_corners import CornerDecoder

_POINTS = len(POINT_NAMES)


@dataclass(frozen=True)
class ClickScheme:
    """How many clicks a training step simulates before its gradient pass.

    Attributes:
        hints: probability of 0, 1, 2, ... random points being clicked before the first pass.
        passes: probability of 0, 1, 2, ... passes without gradient, after each of which one point is clicked.
        among: that one is drawn from so many of the worst.
    """

    hints: Sequence[float]
    passes: Sequence[float]
    among: int


# Half as likely with each click more; none at all half as likely as one (the vertebra project).
_HALVING = (0.25, *(0.5**clicks for clicks in range(1, 11)))
SCHEMES = {
    "published_1": ClickScheme(hints=(1.0,), passes=_HALVING, among=10),
    "published_2": ClickScheme(hints=_HALVING, passes=(1.0, 1.0, 1.0), among=1),
    "default": ClickScheme(hints=(0.7, 0.1, 0.1, 0.05, 0.05), passes=(0.5, 0.3, 0.2), among=3),
}


class SimulatedClicks:
    """The ``iteration_update`` of a MONAI trainer: a few passes without gradient, a click after each, then one with.

    Args:
        decoder: reads the network's answer.
        scheme: how many clicks there are: ``"default"``, or the published ``"published_1"`` (each pass adds one of the
            ten worst points) and ``"published_2"`` (random hints, then up to two passes that add the worst).
        start_epoch: before this epoch nothing is clicked; 21 as published.
        sigma_px: of the Gaussian drawn at a click.
        jitter_px: standard deviation of where a click lands, so that the network learns to allow for it.
        wrong: share of the clicks that land on the same corner of the vertebra above or below.

    Points that the augmentation has moved out of the image are not clicked.
    """

    def __init__(
        self,
        decoder: CornerDecoder,
        scheme: str = "default",
        start_epoch: int = 1,
        sigma_px: float = HINT_SIGMA_PX,
        jitter_px: float = 2.0,
        wrong: float = 0.02,
    ) -> None:
        self.decoder = decoder
        self.scheme: ClickScheme = look_up_option(scheme, SCHEMES)
        self.start_epoch = start_epoch
        self.sigma_px = sigma_px
        self.jitter_px = jitter_px
        self.wrong = wrong

    def __call__(self, engine: SupervisedTrainer, batchdata: Mapping[str, Any]) -> dict[str, Any]:
        """Run the iteration."""
        batch = dict(batchdata)
        image, corners = (batch[key].to(engine.state.device) for key in (CommonKeys.IMAGE, CommonKeys.LABEL))
        if engine.state.epoch >= self.start_epoch:
            batch[CommonKeys.IMAGE] = self._click(engine, image, corners)
        answer: dict[str, Any] = engine._iteration(engine, batch)
        return answer

    def _click(self, engine: SupervisedTrainer, image: Tensor, corners: Tensor) -> Tensor:
        may_click = _inside(corners, image)
        places = self._places(corners)
        clicked = self._random_points(corners) & may_click
        image = self._fill(image, places, clicked, None)
        for _ in range(_draw(self.scheme.passes)):
            logits = predict(engine, image)
            errors = (self.decoder.points(logits) - corners).norm(dim=-1)
            clicked = clicked | self._one_of_the_worst(errors, may_click & ~clicked)
            image = self._fill(image, places, clicked, self.decoder.previous_maps(logits))
        return image

    def _fill(self, image: Tensor, places: Tensor, clicked: Tensor, previous: Tensor | None) -> Tensor:
        hints = torch.where(clicked[..., None], places, torch.nan)
        return fill_maps(image, hints, previous, self.sigma_px)

    def _places(self, corners: Tensor) -> Tensor:
        """Where the clicks on corners (B, 68, 2) land."""
        steps = torch.where(torch.rand(corners.shape[:2]) < 0.5, -4, 4)
        neighbours = (torch.arange(_POINTS) + steps).clamp(0, _POINTS - 1).to(corners.device)
        wrong = (torch.rand(corners.shape[:2]) < self.wrong).to(corners.device)
        aims = torch.where(wrong[..., None], corners.gather(1, neighbours[..., None].expand_as(corners)), corners)
        return aims + torch.randn(corners.shape).to(corners) * self.jitter_px

    def _random_points(self, corners: Tensor) -> Tensor:
        count = _draw(self.scheme.hints)
        order = torch.rand(corners.shape[:2]).argsort(dim=1)
        return (order < count).to(corners.device)

    def _one_of_the_worst(self, errors: Tensor, may_click: Tensor) -> Tensor:
        """A mask (B, 68) of at most one point each."""
        ranked = torch.where(may_click, errors, -1.0)
        worst = ranked.topk(self.scheme.among, dim=1).indices
        chosen = worst.gather(1, torch.randint(self.scheme.among, (len(errors), 1)).to(worst.device))
        return functional.one_hot(chosen[:, 0], _POINTS).bool() & may_click


def predict(engine: SupervisedTrainer | SupervisedEvaluator, image: Tensor) -> Tensor:
    """The network's answer as in use, without gradient."""
    with eval_mode(engine.network):
        answer: Tensor = engine.inferer(image, engine.network)
    return answer


def _draw(weights: Sequence[float]) -> int:
    """A number from 0, drawn with these weights."""
    return int(torch.multinomial(torch.tensor(weights), 1))


def _inside(corners: Tensor, image: Tensor) -> Tensor:
    """Which corners (B, 68, 2) lie in the image, (B, 68)."""
    size = torch.tensor([image.shape[3], image.shape[2]], device=corners.device) * input_stride(image)
    return ((corners > -0.5) & (corners < size - 0.5)).all(dim=-1)
