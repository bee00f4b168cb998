"""An interrupted training that is resumed ends where an uninterrupted one does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedTrainer
from monai.handlers import LrScheduleHandler
from torch import nn

from skiagraph.handlers import ExponentialMovingAverage, ResumableCheckpoint

EPOCHS = 6


def _train(
    folder: Path, epochs: int, resume: Path | None = None, seed: int = 0, interval: int = 1
) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1))
    average = ExponentialMovingAverage(network=network, decay=0.7)
    optimizer = torch.optim.AdamW(network.parameters(), 0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=2 * EPOCHS)
    values = torch.Generator().manual_seed(9)
    items = [{key: torch.rand(1, 6, 6, generator=values) for key in ("image", "label")} for _ in range(4)]
    objects = {"network": network, "average": average.ema_model, "optimizer": optimizer, "schedule": schedule}
    checkpoint = ResumableCheckpoint(objects, folder, resume, interval)
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=DataLoader(Dataset(items), batch_size=2),
        network=network,
        optimizer=optimizer,
        loss_function=nn.MSELoss(),
        train_handlers=[checkpoint, average, LrScheduleHandler(schedule, print_lr=False, epoch_level=False)],
    )
    trainer.run()
    state = {f"network.{name}": value.clone() for name, value in network.state_dict().items()}
    state |= {f"average.{name}": value.clone() for name, value in average.ema_model.state_dict().items()}
    rate = torch.tensor(optimizer.param_groups[0]["lr"])
    return {**state, "rate": rate, "iteration": torch.tensor(trainer.state.iteration)}


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_resumed_training_ends_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    whole = _train(tmp_path / "whole", EPOCHS)
    half = _train(tmp_path / "parts", 3)
    assert _files(tmp_path / "parts") == ["checkpoint_epoch=3.pt"]
    # Another seed: whatever is not restored would show.
    resumed = _train(tmp_path / "parts", EPOCHS, tmp_path / "parts" / "checkpoint_epoch=3.pt", seed=1)
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        assert torch.allclose(resumed[name], value, atol=1e-6), name
    assert int(resumed["iteration"]) == 2 * EPOCHS
    assert _files(tmp_path / "parts") == ["checkpoint_epoch=3.pt", "checkpoint_epoch=6.pt"]
    assert not torch.allclose(half["network.0.weight"], whole["network.0.weight"], atol=1e-4)


def test_checkpoints_are_kept_at_the_interval_and_the_last_one_only(tmp_path: Path) -> None:
    _train(tmp_path, 5, interval=2)
    assert _files(tmp_path) == ["checkpoint_epoch=4.pt"]
    content = torch.load(tmp_path / "checkpoint_epoch=4.pt", weights_only=True)
    assert set(content) == {"network", "average", "optimizer", "schedule", "trainer"}


def test_a_checkpoint_of_a_gpu_is_read_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _train(tmp_path, 1)
    places = []
    load = torch.load

    def note(*args: Any, map_location: Any = None, **kwargs: Any) -> Any:
        places.append(map_location)
        return load(*args, map_location=map_location, **kwargs)

    monkeypatch.setattr(torch, "load", note)
    _train(tmp_path, 2, tmp_path / "checkpoint_epoch=1.pt")
    assert places == ["cpu"]


def test_a_missing_checkpoint_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.pt: no such checkpoint"):
        ResumableCheckpoint({}, tmp_path, tmp_path / "none.pt")


@pytest.mark.parametrize("resume", [None, ""])
def test_nothing_to_resume_starts_anew(tmp_path: Path, resume: str | None) -> None:
    fresh = _train(tmp_path / "a", 1)
    again = _train(tmp_path / "b", 1, resume)  # type: ignore[arg-type]
    assert torch.equal(fresh["network.0.weight"], again["network.0.weight"])
