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

from ..geometry.vertebrae import CORNERS, POINT_NAMES
from ..transforms.corners import HINT_SIGMA_PX, fill_maps, input_stride
from ..transforms.decode_corners import CornerDecoder

_POINTS = len(POINT_NAMES)


@dataclass(frozen=True)
class ClickScheme:
    """How many clicks a training step simulates before its gradient pass, and how good they are.

    Attributes:
        hints: probability of 0, 1, 2, ... random points being clicked before the first pass.
        passes: probability of 0, 1, 2, ... passes without gradient, after each of which one point is clicked.
        among: that one is drawn from so many of the worst.
        start_epoch: from which on it is so; before, there are no hints, and `early_passes`.
        early_passes: as `passes`.
        jitter_px: standard deviation of where a click lands, so that the network learns to allow for it.
        wrong: share of the clicks that land on the same corner of the vertebra above or below.
    """

    hints: Sequence[float]
    passes: Sequence[float]
    among: int
    start_epoch: int = 1
    early_passes: Sequence[float] = (1.0,)
    jitter_px: float = 0.0
    wrong: float = 0.0


# Half as likely with each click more; none at all half as likely as one (the vertebra project).
_HALVING = (0.25, *(0.5**clicks for clicks in range(1, 11)))
_UP_TO_TWO = (1.0, 1.0, 1.0)
SCHEMES = {
    "published_1": ClickScheme(hints=(1.0,), passes=_HALVING, among=10, start_epoch=21),
    "published_2": ClickScheme(_HALVING, _UP_TO_TWO, among=1, start_epoch=21, early_passes=_UP_TO_TWO),
    "default": ClickScheme((0.7, 0.1, 0.1, 0.05, 0.05), (0.4, 0.4, 0.2), among=3, jitter_px=2.0, wrong=0.02),
}


class SimulatedClicks:
    """The ``iteration_update`` of a MONAI trainer: a few passes without gradient, a click after each, then one with.

    Args:
        decoder: reads the network's answer.
        scheme: how clicks are simulated: ``"default"``, the published ``"published_1"`` (each pass adds one of the ten
            worst points) and ``"published_2"`` (random hints, then up to two passes that add the worst), or another.
        sigma_px: of the Gaussian drawn at a click.

    Points that the augmentation has moved out of the image are not clicked.
    """

    def __init__(
        self, decoder: CornerDecoder, scheme: str | ClickScheme = "default", sigma_px: float = HINT_SIGMA_PX
    ) -> None:
        self.decoder = decoder
        self.scheme: ClickScheme = scheme if isinstance(scheme, ClickScheme) else look_up_option(scheme, SCHEMES)
        self.sigma_px = sigma_px

    def __call__(self, engine: SupervisedTrainer, batchdata: Mapping[str, Any]) -> dict[str, Any]:
        """Run the iteration."""
        batch = dict(batchdata)
        image, corners = (batch[key].to(engine.state.device) for key in (CommonKeys.IMAGE, CommonKeys.LABEL))
        batch[CommonKeys.IMAGE] = self._click(engine, image, corners)
        answer: dict[str, Any] = engine._iteration(engine, batch)
        return answer

    def _click(self, engine: SupervisedTrainer, image: Tensor, corners: Tensor) -> Tensor:
        early = engine.state.epoch < self.scheme.start_epoch
        may_click = _inside(corners, image)
        places = self._places(corners)
        clicked = _random_points(corners, 0 if early else _draw(self.scheme.hints)) & may_click
        image = self._fill(image, places, clicked, None)
        for _ in range(_draw(self.scheme.early_passes if early else self.scheme.passes)):
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
        numbers = torch.arange(_POINTS)
        steps = torch.where(torch.rand(corners.shape[:2]) < 0.5, -len(CORNERS), len(CORNERS))
        inside = (numbers + steps >= 0) & (numbers + steps < _POINTS)  # the first and the last have one neighbour
        neighbours = torch.where(inside, numbers + steps, numbers - steps).to(corners.device)
        wrong = (torch.rand(corners.shape[:2]) < self.scheme.wrong).to(corners.device)
        aims = torch.where(wrong[..., None], corners.gather(1, neighbours[..., None].expand_as(corners)), corners)
        return aims + torch.randn(corners.shape).to(corners) * self.scheme.jitter_px

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


def _random_points(corners: Tensor, count: int) -> Tensor:
    """A mask (B, 68) of so many points each."""
    order = torch.rand(corners.shape[:2]).argsort(dim=1)
    return (order < count).to(corners.device)


def _draw(weights: Sequence[float]) -> int:
    """A number from 0, drawn with these weights."""
    return int(torch.multinomial(torch.tensor(weights), 1))


def _inside(corners: Tensor, image: Tensor) -> Tensor:
    """Which corners (B, 68, 2) lie in the image, (B, 68)."""
    size = torch.tensor([image.shape[3], image.shape[2]], device=corners.device) * input_stride(image)
    return ((corners > -0.5) & (corners < size - 0.5)).all(dim=-1)
