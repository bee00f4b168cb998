"""Checkpoints from which an interrupted training goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ignite.engine import Engine
from monai.handlers import CheckpointLoader, CheckpointSaver


class ResumableCheckpoint:
    """Save all that a training consists of every few epochs, and start from such a file.

    MONAI's savers can't name the trainer that they are handlers of, for the config would refer to itself; without
    its state a resumed run would begin at epoch 0. The trainer is added here when the handler is attached to it.

    Args:
        objects: what has a state besides the trainer: network, average, optimizer, schedule.
        save_dir: folder of ``checkpoint_epoch=N.pt``; only the last one of a run is kept.
        resume: such a file to start from; None or "" starts anew.
        interval: epochs between two checkpoints.
    """

    def __init__(
        self, objects: Mapping[str, Any], save_dir: str | Path, resume: str | Path | None = None, interval: int = 1
    ) -> None:
        if resume and not Path(resume).is_file():
            raise FileNotFoundError(f"{resume}: no such checkpoint to resume from")
        self.objects = dict(objects)
        self.save_dir = str(save_dir)
        self.resume = resume
        self.interval = interval

    def attach(self, engine: Engine) -> None:
        """Register with the trainer."""
        objects = {**self.objects, "trainer": engine}
        if self.resume:
            # So that a training goes on without the GPU that it began on. (MONAI's hint misses what torch takes.)
            CheckpointLoader(str(self.resume), objects, map_location="cpu").attach(engine)  # type: ignore[arg-type]
        CheckpointSaver(self.save_dir, objects, file_prefix="", save_interval=self.interval, n_saved=1).attach(engine)
