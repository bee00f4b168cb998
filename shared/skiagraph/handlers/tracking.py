"""Tracking of a bundle's runs with MLflow, which neither stops nor stalls a training when MLflow fails."""

from __future__ import annotations

import importlib.util
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from ignite.engine import Engine, Events
from monai.engines.trainer import Trainer

from .mlflow_outbox import MLflowOutbox, sqlite_uri
from .run_context import around_runs, process_rank, sigterm_as_exit
from .run_description import RunDescription

__all__ = ["TrackedRun", "TrackingHandler"]

logger = logging.getLogger(__name__)


class TrackedRun:
    """The MLflow run that the engines of one bundle share: the outermost engine's run opens and closes it.

    It ends FINISHED, FAILED after an exception, KILLED after Ctrl-C or SIGTERM. (A process killed by SIGKILL
    cannot say so: its run stays RUNNING.) Its name is always new. In a distributed run, rank 0 alone logs.

    If MLflow cannot be reached, there is one warning and the engines go on. What they log is kept (the latest
    200000 values and 100 artifacts) and tried again after 30 s or 100 times what the failed attempt took, whichever
    is longer, and once more at the end. A request is given up after 5 s and one retry, unless the environment has
    MLflow's own settings for that.

    Args:
        description: the run's parameters, tags and config.
        tracking_uri: MLflow server or database; by default the environment's `MLFLOW_TRACKING_URI`, and without it
            SQLite in `mlruns.db` in the output folder, with the artifacts in `mlruns` beside it.
        experiment_name: by default the bundle's name.
        run_name: how the run's name begins, by default `train`, `evaluate` or `inference`; the time follows.

    Raises:
        ModuleNotFoundError: MLflow is not installed.
    """

    def __init__(
        self,
        description: RunDescription,
        tracking_uri: str | None = None,
        experiment_name: str | None = None,
        run_name: str | None = None,
    ) -> None:
        if importlib.util.find_spec("mlflow") is None:
            raise ModuleNotFoundError("mlflow is not installed: `pip install mlflow`, or run without --tracking")
        self.description = description
        database = Path(description.output_dir) / "mlruns.db"
        self.tracking_uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or sqlite_uri(database)
        self.experiment_name = experiment_name or description.bundle
        self.run_name = run_name
        self._outbox: MLflowOutbox | None = None

    @contextmanager
    def running(self, kind: str) -> Iterator[None]:
        """Keep an MLflow run open meanwhile; within another one, that one. `kind` begins its name."""
        if self._outbox is not None or process_rank() != 0:
            yield
            return
        name = f"{self.run_name or kind}_{time.strftime('%Y%m%d_%H%M%S')}_{uuid.uuid4().hex[:4]}"
        self._outbox = MLflowOutbox(self.description, self.tracking_uri, self.experiment_name, name)
        status = "FAILED"
        try:
            with sigterm_as_exit():
                self._outbox.send(now=True)
                yield
            status = "FINISHED"
        except (KeyboardInterrupt, SystemExit):
            status = "KILLED"
            raise
        finally:
            outbox, self._outbox = self._outbox, None
            outbox.close(status)

    def log_metrics(self, values: Mapping[str, Any], step: int, now: bool = False) -> None:
        """Log the scalars among `values`, nested ones as `outer_inner`; what is no scalar is passed over."""
        if self._outbox is not None:
            self._outbox.add_metrics(values, step)
            self._outbox.send(now=now)

    def log_image(self, image: np.ndarray, path: str) -> None:
        """Log an H x W x 3 uint8 image as the artifact `path`, with the next metrics.

        Raises:
            ValueError: it is not such an image.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"expected an H x W x 3 uint8 image, got {image.shape} {image.dtype}")
        if self._outbox is not None:
            kept = image.copy()
            self._outbox.add_artifact(lambda client, run_id: client.log_image(run_id, kept, path))


class TrackingHandler:
    """Logs an engine into a :class:`TrackedRun`.

    Of a trainer: `train_loss` (or `train_loss_<part>`) and `lr_group_<i>` at every iteration. Of any engine: the
    scalars of `engine.state.metrics` at every epoch. MONAI's `MLFlowHandler` is not the base, because it connects
    in its constructor, raises what MLflow raises, joins runs by name and knows no end but FINISHED.

    Args:
        run: shared by the handlers of a bundle.
        kind: how the run's name begins if this engine opens it.
        sample: called in an evaluator's epoch after its first batch; returns an H x W x 3 uint8 image to look at,
            or None. It is logged as `samples/epoch_0001.png`; nothing that tells a patient may be seen on it.
    """

    def __init__(
        self, run: TrackedRun, kind: str = "train", sample: Callable[[Engine], np.ndarray | None] | None = None
    ) -> None:
        self.run = run
        self.kind = kind
        self.sample = sample

    def attach(self, engine: Engine) -> None:
        """Register with a trainer or an evaluator, and open the run whenever it runs."""
        around_runs(engine, lambda: self.run.running(self.kind))
        if isinstance(engine, Trainer):
            engine.add_event_handler(Events.ITERATION_COMPLETED, self._log_step)
        elif self.sample is not None:
            engine.add_event_handler(Events.ITERATION_COMPLETED, self._log_sample)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._log_epoch)

    def _log_step(self, engine: Engine) -> None:
        output = engine.state.output
        first = output[0] if isinstance(output, (list, tuple)) and output else output
        values: dict[str, Any] = {}
        if isinstance(first, Mapping) and "loss" in first:
            values["train_loss"] = first["loss"]
        groups = getattr(getattr(engine, "optimizer", None), "param_groups", ())
        values |= {f"lr_group_{i}": group["lr"] for i, group in enumerate(groups)}
        self.run.log_metrics(values, engine.state.iteration)

    def _log_epoch(self, engine: Engine) -> None:
        self.run.log_metrics(engine.state.metrics, engine.state.epoch, now=True)

    def _log_sample(self, engine: Engine) -> None:
        if engine.state.iteration != 1 or self.sample is None or process_rank() != 0:
            return
        try:
            image = self.sample(engine)
            if image is not None:
                self.run.log_image(image, f"samples/epoch_{engine.state.epoch:04d}.png")
        except Exception as error:  # noqa: BLE001 (a picture is not worth a training, whatever fails)
            logger.warning("No more sample images are tracked, because making one failed: %r", error)
            self.sample = None
