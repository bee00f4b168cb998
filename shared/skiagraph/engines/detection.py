"""Training and evaluation of detectors whose images have any number of boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.engines.utils import IterationEvents
from monai.inferers import SimpleInferer
from monai.networks.utils import eval_mode, train_mode
from monai.utils.enums import CommonKeys
from torch import Tensor

Case = Mapping[str, Any]

TARGET = "target"


class DetectorInferer(SimpleInferer):
    """Run a detector under autocast to bfloat16; its boxes, scores and losses stay float32.

    Args:
        enabled: False runs it as it is.
    """

    def __init__(self, enabled: bool = True) -> None:
        super().__init__()
        self.enabled = enabled

    def __call__(self, inputs: Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Answer of ``network(inputs, *args, **kwargs)``."""
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=self.enabled):
            return network(inputs, *args, **kwargs)


class DetectorTraining:
    """The ``iteration_update`` of a MONAI trainer whose network is a detector with the call of `RetinaNetDetector`.

    The data loader hands over lists of cases (``collate_fn=monai.data.utils.no_collation``), each with ``image`` and
    ``target`` (see `skiagraph.transforms.BoxTargetsd`). The loss is the sum of those that the detector returns.
    """

    def __call__(self, engine: SupervisedTrainer, batchdata: Sequence[Case]) -> dict[str, Any]:
        """Run the iteration."""
        images, targets = stack_cases(batchdata, engine.state.device)
        engine.state.output = {CommonKeys.IMAGE: images}
        engine.optimizer.zero_grad(set_to_none=True)
        with train_mode(engine.network):
            losses = engine.inferer(images, engine.network, targets)
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        loss = sum(losses.values())
        engine.state.output |= {CommonKeys.LOSS: loss, **{name: float(each.detach()) for name, each in losses.items()}}
        engine.fire_event(IterationEvents.LOSS_COMPLETED)
        loss.backward()
        engine.fire_event(IterationEvents.BACKWARD_COMPLETED)
        engine.optimizer.step()
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        output: dict[str, Any] = engine.state.output
        return output


class Detection:
    """The ``iteration_update`` of a MONAI evaluator whose network is a detector.

    The output is a list of cases: ``image``, ``target`` where there is one, and ``pred``, what the detector found.
    """

    def __call__(self, engine: SupervisedEvaluator, batchdata: Sequence[Case]) -> list[dict[str, Any]]:
        """Run the iteration."""
        images, _ = stack_cases(batchdata, engine.state.device)
        with eval_mode(engine.network):
            found = engine.inferer(images, engine.network)
        engine.state.output = [{**case, CommonKeys.PRED: pred} for case, pred in zip(batchdata, found, strict=True)]
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        output: list[dict[str, Any]] = engine.state.output
        return output


def stack_cases(cases: Sequence[Case], device: torch.device) -> tuple[Tensor, list[dict[str, Tensor]]]:
    """Images (B, C, rows, columns) and targets of cases on a device."""
    images = torch.stack([torch.as_tensor(case[CommonKeys.IMAGE]).as_subclass(Tensor) for case in cases]).to(device)
    return images, [{name: each.to(device) for name, each in case.get(TARGET, {}).items()} for case in cases]
