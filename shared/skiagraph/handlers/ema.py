"""Exponential moving average of a network's weights, as a handler of an ignite trainer."""

from __future__ import annotations

import ignite.distributed as idist
from ignite.engine import CallableEventWithFilter, Engine, Events, EventsList
from ignite.handlers import EMAHandler
from torch import nn


class ExponentialMovingAverage(EMAHandler):
    """ignite's :class:`EMAHandler` with a warm-up that needs no length and survives a resumed run.

    After iteration ``t`` the average moves towards the network by ``1 - min(decay, (1 + t) / (ramp + t))``:
    short runs forget where they started, long ones reach ``decay``. ``t`` is the trainer's iteration, which
    a checkpoint of the trainer restores (ignite's own warm-up counts anew in every run). Buffers, such as
    the statistics of batch normalisation, are averaged too, and their integers copied.

    Stands in a MONAI trainer's list of handlers. ``ema_model`` is the averaged network, in evaluation mode:
    give it to the evaluator and to the checkpoints, and to resume, save and load it beside the network and
    the trainer::

        "ema": {"_target_": "skiagraph.handlers.ExponentialMovingAverage", "network": "@network"},
        "validate#evaluator#network": "$@ema.ema_model",
        "save_dict": {"model": "$@ema.ema_model", "network": "@network", "trainer": ...}

    Args:
        network: the network in training, already on its device and with its initial weights.
        average: a copy of it that becomes the average; by default one is made, as ``ema_model``.
        decay: share of the average that is kept at each iteration, within (0, 1).
        ramp: larger is a faster start: the first iterations move the average by (ramp - 1) / (ramp + t).

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self, network: nn.Module, decay: float = 0.999, ramp: float = 10.0, average: nn.Module | None = None
    ) -> None:
        if not 0 < decay < 1:
            raise ValueError(f"decay must lie between 0 and 1, got {decay}.")
        if ramp <= 1:
            raise ValueError(f"ramp must be greater than 1, got {ramp}.")
        super().__init__(network, momentum=1 - decay, handle_buffers="update")
        self.ramp = ramp
        if average is not None:
            self.ema_model = average.requires_grad_(requires_grad=False).eval()

    def attach(
        self,
        engine: Engine,
        name: str = "ema_momentum",
        warn_if_exists: bool = True,
        event: str | Events | CallableEventWithFilter | EventsList = Events.ITERATION_COMPLETED,
    ) -> None:
        """Register with a trainer; the arguments are those of ignite's handler."""
        engine.add_event_handler(event, self._warm_up, name)
        super().attach(engine, name=name, warn_if_exists=warn_if_exists, event=event)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._agree)

    def _agree(self) -> None:
        """In a distributed run, let all ranks go on with the first one's average.

        Gradients are shared, and so the weights are the same; the statistics of batch normalisation are not.
        """
        if idist.get_world_size() > 1:
            for tensor in self.ema_model.state_dict().values():
                # Bytes are sent in the order of memory, which differs between memory formats.
                tensor.copy_(idist.broadcast(tensor.contiguous(), src=0, safe_mode=True))

    def _warm_up(self, engine: Engine, name: str) -> None:
        ramped = (self.ramp - 1) / (self.ramp + engine.state.iteration)
        setattr(engine.state, name, max(self.momentum, ramped))
