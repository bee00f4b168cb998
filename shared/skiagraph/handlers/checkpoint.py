"""Validation of a training, and the files that it leaves: to use, and to go on from."""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint
from monai.engines import SupervisedEvaluator
from monai.networks.utils import get_state_dict

from ..folder_work import whole_file
from .run_context import process_rank

# What tells how long a training is, in the state of its trainer.
_LENGTH = ("max_epochs", "epoch_length")
# What MONAI's evaluator says of the epoch of the best metric when there has been none.
_NEVER = -1

logger = logging.getLogger(__name__)


class ValidatedCheckpoint:
    """Validate every few epochs and after the last one; keep the best weights, and all that resuming needs.

    In place of MONAI's `ValidationHandler`, `CheckpointSaver` and `CheckpointLoader`. Those pass over the epochs after
    the last multiple of the interval, take a metric that is NaN for unbeatable, forget the best one when a training is
    resumed, remove a file before the next one is whole, and cannot name the trainer that they are handlers of.

    After each validation rank 0 writes, each as a whole:

    * ``model.pt``, if the key metric is the best one so far: the state dict of the validator's network. As long as
      there is no metric, or it is undefined (NaN), these are the latest weights, and a warning says so once.
    * ``checkpoint_epoch=N.pt``: the states of `objects` and of the trainer, and the best weights with their metric.
      The one before it is then removed, if it is of this run.

    Stands in a trainer's list of handlers, after what changes the validated network (`ExponentialMovingAverage`).

    Args:
        objects: what has a state besides the trainer: network (not its parallel wrapper), average, optimizer, schedule.
        validator: its `metric_cmp_fn` tells which metric is better, by default the greater one.
        save_dir: folder of the files.
        resume: a ``checkpoint_epoch=N.pt`` to start from; None or "" starts anew.
        interval: epochs between two validations.

    Raises:
        FileNotFoundError: there is no file `resume`.
        ValueError: the interval is not positive, or, when the training starts, `resume` is no checkpoint of this
            training, or of a longer or shorter one.
    """

    def __init__(
        self,
        objects: Mapping[str, Any],
        validator: SupervisedEvaluator,
        save_dir: str | Path,
        resume: str | Path | None = None,
        interval: int = 1,
    ) -> None:
        if resume and not Path(resume).is_file():
            raise FileNotFoundError(f"{resume}: no such checkpoint to resume from")
        if interval < 1:
            raise ValueError(f"The epochs between two validations must be at least 1, got {interval}.")
        self.objects = dict(objects)
        self.validator = validator
        self.save_dir = Path(save_dir)
        self.resume = resume
        self.interval = interval
        self._best: dict[str, Any] = {}
        self._last: Path | None = None
        self._warned = False
        better = validator.metric_cmp_fn
        validator.metric_cmp_fn = lambda new, best: math.isnan(best) or better(new, best)

    def attach(self, engine: Engine) -> None:
        """Register with the trainer."""
        if self.resume:
            # Not before: a trainer that is at its end when it is told to run would begin anew.
            engine.add_event_handler(Events.STARTED, self._restore, Path(self.resume))
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._validate_and_save)

    def _validate_and_save(self, engine: Engine) -> None:
        epoch = engine.state.epoch
        if epoch % self.interval and epoch != engine.state.max_epochs:
            return
        self.validator.run(epoch)
        self._keep_best(epoch)
        states = {name: thing.state_dict() for name, thing in {**self.objects, "trainer": engine}.items()}
        path = self._write(f"checkpoint_epoch={epoch}.pt", {**states, "best": self._best})
        if self._last is not None and process_rank() == 0:
            self._last.unlink(missing_ok=True)
        self._last = path

    def _keep_best(self, epoch: int) -> None:
        state, network = self.validator.state, get_state_dict(self.validator.network)
        undefined = state.best_metric_epoch == _NEVER or math.isnan(state.best_metric)
        if undefined or state.best_metric_epoch == epoch:
            weights = {name: value.to("cpu", copy=True) for name, value in network.items()}
            self._best = {"metric": float(state.best_metric), "epoch": state.best_metric_epoch, "weights": weights}
            self._write("model.pt", weights)
        if undefined and not self._warned:
            self._warned = True
            metric = state.key_metric_name or "the key metric"
            logger.warning("No epoch is the best one, for %s is undefined: model.pt holds the latest weights.", metric)

    def _write(self, name: str, content: Mapping[str, Any]) -> Path:
        path = self.save_dir / name
        if process_rank() == 0:
            # Through memory: of a full disk, torch would say 'unexpected pos' only.
            buffer = io.BytesIO()
            torch.save(content, buffer)
            with whole_file(path) as temporary:
                temporary.write_bytes(buffer.getbuffer())
        return path

    def _restore(self, engine: Engine, path: Path) -> None:
        objects = {**self.objects, "trainer": engine}
        content = _read(path, {*objects, "best"})
        length, own = ([state[key] for key in _LENGTH] for state in (content["trainer"], engine.state_dict()))
        if length != own:
            raise ValueError(
                f"{path}: is of a training of {length[0]} epochs of {length[1]} steps, and this one has {own[0]} of "
                f"{own[1]}; resume with the same --epochs, --batch_size, data and number of processes, or start a new "
                "training from its weights with --weights."
            )
        Checkpoint.load_objects(objects, content)
        self._best = content["best"]
        self.validator.state.best_metric = self._best["metric"]
        self.validator.state.best_metric_epoch = self._best["epoch"]
        # The folder may be another one, or hold another training's.
        self._write("model.pt", self._best["weights"])
        logger.info("Resumed after epoch %d from %s.", engine.state.epoch, path)


def _read(path: Path, names: set[str]) -> dict[str, Any]:
    """The states in a checkpoint, on the CPU: so that a training goes on without the GPU that it began on."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # on a file that is no checkpoint, the unpickler fails in any way whatever
        raise ValueError(f"{path}: cannot be read; it is damaged, or no checkpoint of a training.") from error
    if not isinstance(content, Mapping) or set(content) != names:
        raise ValueError(
            f"{path}: is no checkpoint of this training, which has {', '.join(sorted(names))}; resume from its "
            "checkpoint_epoch=N.pt, or start a new training from weights with --weights."
        )
    return dict(content)
