"""Parts of the toy bundle in test_tracking.py: data, a witness of what the engines did, and accidents."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.engines.trainer import Trainer

BUNDLE_CONFIG: dict[str, Any] = {
    "imports": ["$import monai"],
    "bundle_root": ".",
    "dataset_dir": "data",
    "data_list": "$@dataset_dir + '/data_list.json'",
    "output_dir": "$@bundle_root + '/eval'",
    "device": "$torch.device('cpu')",
    "batch_size": 2,
    "accident": None,
    "network": {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 1, "kernel_size": 1},
    "dataset": {"_target_": f"{__name__}.items", "data_list": "@data_list"},
    "dataloader": "$monai.data.DataLoader(@dataset, batch_size=@batch_size)",
    "key_metric": {
        "val_mae": {
            "_target_": "MeanAbsoluteError",
            "output_transform": "$monai.handlers.from_engine(['pred', 'label'])",
        }
    },
}
TRAIN_CONFIG: dict[str, Any] = {
    **BUNDLE_CONFIG,
    "epochs": 3,
    "learning_rate": 0.05,
    "image_size": [4, 4],
    "tracking_sample": {"_target_": f"{__name__}.sample", "_mode_": "callable"},
    "optimizer": "$torch.optim.SGD(@network.parameters(), lr=@learning_rate)",
    "train": {
        "handlers": [
            {
                "_target_": "ValidationHandler",
                "validator": "@validate#evaluator",
                "interval": 1,
                "exec_at_start": "$False",
            },
            {"_target_": "StatsHandler", "tag_name": "train_loss", "output_transform": "$lambda x: x[0]['loss']"},
            {"_target_": f"{__name__}.Witness", "path": "$@output_dir + '/losses.json'"},
            {"_target_": f"{__name__}.Accident", "name": "@accident"},
        ],
        "trainer": {
            "_target_": "SupervisedTrainer",
            "device": "@device",
            "max_epochs": "@epochs",
            "train_data_loader": "@dataloader",
            "network": "@network",
            "optimizer": "@optimizer",
            "loss_function": "$torch.nn.MSELoss()",
            "train_handlers": "@train#handlers",
        },
    },
    "validate": {
        "handlers": [{"_target_": f"{__name__}.Witness", "path": "$@output_dir + '/metrics.json'"}],
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "key_val_metric": "@key_metric",
            "val_handlers": "@validate#handlers",
        },
    },
    "run": ["$@train#trainer.run()"],
}
EVALUATE_CONFIG: dict[str, Any] = {"run": ["$@validate#evaluator.run()"]}
INFERENCE_CONFIG: dict[str, Any] = {
    **BUNDLE_CONFIG,
    "handlers": [{"_target_": f"{__name__}.Witness", "path": "$@output_dir + '/metrics.json'"}],
    "evaluator": {**TRAIN_CONFIG["validate"]["evaluator"], "val_handlers": "@handlers"},
    "run": ["$@evaluator.run()"],
}
ITERATIONS_AN_EPOCH = 3


def items(data_list: str) -> list[dict[str, torch.Tensor]]:
    """Six images whose labels are their doubles, whatever the list says."""
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(1, 4, 4, generator=generator) for _ in range(6)]
    return [{"image": image, "label": 2 * image} for image in images]


def sample(engine: Engine) -> np.ndarray:
    """An image that tells the epoch: red is the epoch, green the row, blue the column."""
    rows, columns = np.mgrid[:5, :7]
    return np.stack([np.full_like(rows, engine.state.epoch), rows, columns], axis=-1).astype(np.uint8)


class Witness:
    """Writes an engine's losses by iteration, or its metrics by epoch, beside what is tracked."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.seen: list[float] = []

    def attach(self, engine: Engine) -> None:
        if isinstance(engine, Trainer):
            engine.add_event_handler(Events.ITERATION_COMPLETED, self.see_loss)
        else:
            engine.add_event_handler(Events.EPOCH_COMPLETED, self.see_metric)

    def see_loss(self, engine: Engine) -> None:
        self._note(float(engine.state.output[0]["loss"]))

    def see_metric(self, engine: Engine) -> None:
        self._note(engine.state.metrics["val_mae"])

    def _note(self, value: float) -> None:
        self.seen.append(value)
        self.path.write_text(json.dumps(self.seen), encoding="utf-8")


def crash(iteration: int) -> None:
    if iteration == 2:
        raise RuntimeError("out of memory")


def interrupt(iteration: int) -> None:
    if iteration == 2:
        raise KeyboardInterrupt


def terminate(iteration: int) -> None:
    if iteration == 2:
        os.kill(os.getpid(), signal.SIGTERM)


ACCIDENTS: dict[str, Callable[[int], None]] = {"crash": crash, "interrupt": interrupt, "terminate": terminate}


class Accident:
    """Calls one of the `ACCIDENTS` before every iteration of the training."""

    def __init__(self, name: str | None) -> None:
        self.happen = None if name is None else ACCIDENTS[name]

    def attach(self, engine: Engine) -> None:
        if self.happen is not None:
            engine.add_event_handler(Events.ITERATION_STARTED, self._pass_on)

    def _pass_on(self, engine: Engine) -> None:
        assert self.happen is not None
        self.happen(engine.state.iteration)
