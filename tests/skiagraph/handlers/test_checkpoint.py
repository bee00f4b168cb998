"""What a training leaves when it ends, is interrupted, is resumed, or cannot write."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events
from ignite.metrics import Metric
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.handlers import CheckpointLoader, LrScheduleHandler
from torch import nn

from skiagraph.handlers import ExponentialMovingAverage, ValidatedCheckpoint
from skiagraph.networks import load_weights

NAN = math.nan
Weights = dict[str, torch.Tensor]


class StoppedError(Exception):
    pass


class Given(Metric):
    """A metric whose value after each epoch is given."""

    def __init__(self, values: Sequence[float]) -> None:
        super().__init__()
        self.values = values
        self.epochs: list[int] = []

    def reset(self) -> None: ...

    def update(self, output: Any) -> None: ...

    def compute(self) -> None: ...

    def completed(self, engine: Engine, name: str) -> None:
        self.epochs.append(engine.state.epoch)
        engine.state.metrics[name] = self.values[engine.state.epoch - 1]


@dataclass
class Training:
    """A small MONAI training; `run` returns itself, interrupted or not."""

    folder: Path
    metric: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    epochs: int = 6
    resume: Path | str | None = None
    interval: int = 1
    batch_size: int = 2
    seed: int = 0
    better: Callable[[Any, Any], bool] = field(default=lambda new, best: new > best)
    at_start_of_epoch: dict[int, Callable[[], object]] = field(default_factory=dict)

    def run(self) -> Training:
        torch.manual_seed(self.seed)
        self.network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1))
        values = torch.Generator().manual_seed(9)
        items = [{key: torch.rand(1, 6, 6, generator=values) for key in ("image", "label")} for _ in range(4)]
        loader = DataLoader(Dataset(items), batch_size=self.batch_size)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), 0.05)
        schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, 0.05, total_steps=self.epochs * len(loader))
        self.given = Given(self.metric)
        average = ExponentialMovingAverage(network=self.network, decay=0.7)
        self.average = average.ema_model
        evaluator = SupervisedEvaluator(
            device=torch.device("cpu"),
            val_data_loader=DataLoader(Dataset(items[:1]), batch_size=1),
            network=self.average,
            key_val_metric={"score": self.given} if self.metric else None,
            metric_cmp_fn=self.better,
        )
        objects = {
            "network": self.network,
            "average": self.average,
            "optimizer": self.optimizer,
            "schedule": schedule,
        }
        self.trainer = SupervisedTrainer(
            device=torch.device("cpu"),
            max_epochs=self.epochs,
            train_data_loader=loader,
            network=self.network,
            optimizer=self.optimizer,
            loss_function=nn.MSELoss(),
            train_handlers=[
                average,
                ValidatedCheckpoint(objects, evaluator, self.folder, self.resume, self.interval),
                LrScheduleHandler(schedule, print_lr=False, epoch_level=False),
            ],
        )
        self.averages: list[Weights] = []
        self.steps = 0
        self.trainer.add_event_handler(Events.ITERATION_STARTED, self._count)
        self.trainer.add_event_handler(Events.EPOCH_STARTED, self._before_epoch)
        self.trainer.add_event_handler(Events.EPOCH_COMPLETED, self._note)
        self.trainer.run()
        return self

    def _count(self) -> None:
        self.steps += 1

    def _before_epoch(self, engine: Engine) -> None:
        self.at_start_of_epoch.get(engine.state.epoch, lambda: None)()

    def _note(self) -> None:
        self.averages.append({name: value.clone() for name, value in self.average.state_dict().items()})


def interrupt() -> None:
    raise StoppedError


def interrupted_after(epoch: int, folder: Path, **settings: Any) -> Path:
    """The checkpoint that a training leaves which is interrupted after an epoch."""
    with pytest.raises(StoppedError):
        Training(folder, at_start_of_epoch={epoch + 1: interrupt}, **settings).run()
    (checkpoint,) = folder.glob("checkpoint_*")
    return checkpoint


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def kept(folder: Path) -> Weights:
    return torch.load(folder / "model.pt", weights_only=True)


def same(one: Weights, other: Weights) -> bool:
    assert one.keys() == other.keys()
    return all(torch.allclose(value.float(), other[name].float(), atol=1e-6) for name, value in one.items())


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_resumed_training_ends_where_an_uninterrupted_one_does(tmp_path: Path, elsewhere: bool) -> None:
    metric = (0.2, 0.9, 0.1, 0.3, 0.8, 0.4)
    whole = Training(tmp_path / "whole", metric).run()
    checkpoint = interrupted_after(3, tmp_path / "parts", metric=metric)
    assert checkpoint.name == "checkpoint_epoch=3.pt"
    out = tmp_path / ("elsewhere" if elsewhere else "parts")
    # Another seed: whatever is not restored would show.
    resumed = Training(out, metric, resume=checkpoint, seed=1).run()
    assert same(resumed.network.state_dict(), whole.network.state_dict())
    assert same(resumed.average.state_dict(), whole.average.state_dict())
    assert resumed.optimizer.param_groups[0]["lr"] == pytest.approx(whole.optimizer.param_groups[0]["lr"])
    assert (resumed.steps, resumed.trainer.state.iteration) == (6, 12)
    # The best epoch came before the interruption.
    assert same(kept(out), whole.averages[1])
    assert same(kept(tmp_path / "whole"), whole.averages[1])
    assert files(out) == ["checkpoint_epoch=6.pt", "model.pt"] if elsewhere else ["checkpoint_epoch=3.pt", *files(out)]
    assert checkpoint.is_file()


@pytest.mark.parametrize(
    ("metric", "best"),
    [
        ((0.1, 0.5, 0.5, 0.2), 2),
        ((NAN, NAN, NAN, NAN), 4),
        ((NAN, NAN, 0.5, 0.4), 3),
        ((NAN, 0.0, NAN, NAN), 2),
        ((0.5, NAN, 0.6, NAN), 3),
        ((), 4),
    ],
)
def test_the_best_weights_are_kept_or_the_latest_while_none_are_best(
    tmp_path: Path, metric: tuple[float, ...], best: int, caplog: pytest.LogCaptureFixture
) -> None:
    training = Training(tmp_path, metric, epochs=4).run()
    assert [same(kept(tmp_path), average) for average in training.averages] == [n == best for n in range(1, 5)]
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    if metric and not math.isnan(metric[0]):
        assert warnings == []
    else:
        (warning,) = warnings
        assert "undefined: model.pt holds the latest weights" in warning
        assert ("score" in warning) == bool(metric)


def test_the_validator_tells_which_metric_is_better(tmp_path: Path) -> None:
    training = Training(tmp_path, (NAN, 3.0, 2.0, 4.0), epochs=4, better=lambda new, best: new < best).run()
    assert same(kept(tmp_path), training.averages[2])


@pytest.mark.parametrize("metric", [(NAN,) * 6, (NAN, NAN, NAN, 0.5, 0.4, 0.3)])
def test_an_undefined_metric_is_none_to_beat_after_resuming(tmp_path: Path, metric: tuple[float, ...]) -> None:
    whole = Training(tmp_path / "whole", metric).run()
    checkpoint = interrupted_after(2, tmp_path / "parts", metric=metric)
    Training(tmp_path / "parts", metric, resume=checkpoint).run()
    assert same(kept(tmp_path / "parts"), kept(tmp_path / "whole"))
    assert same(kept(tmp_path / "parts"), whole.averages[5 if math.isnan(metric[-1]) else 3])


@pytest.mark.parametrize(("epochs", "interval", "validated"), [(5, 2, [2, 4, 5]), (1, 2, [1]), (4, 2, [2, 4])])
def test_the_last_epoch_is_validated_and_saved_whatever_the_interval(
    tmp_path: Path, epochs: int, interval: int, validated: list[int]
) -> None:
    training = Training(tmp_path, epochs=epochs, interval=interval).run()
    assert training.given.epochs == validated
    assert files(tmp_path) == [f"checkpoint_epoch={epochs}.pt", "model.pt"]
    assert same(kept(tmp_path), training.averages[-1])


def test_files_are_plain_and_load_as_what_was_validated(tmp_path: Path) -> None:
    training = Training(tmp_path, epochs=2).run()
    checkpoint = tmp_path / "checkpoint_epoch=2.pt"
    content = torch.load(checkpoint, weights_only=True)
    assert set(content) == {"network", "average", "optimizer", "schedule", "trainer", "best"}
    assert not same(training.network.state_dict(), training.averages[-1])
    for path in (checkpoint, tmp_path / "model.pt"):
        network = load_weights(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1)), path)
        assert same(network.state_dict(), training.averages[-1])
    for path, name in ((checkpoint, "average"), (tmp_path / "model.pt", "model")):
        network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1))
        engine = Engine(lambda *_: None)
        CheckpointLoader(str(path), {name: network}).attach(engine)
        engine.run([0])
        assert same(network.state_dict(), training.averages[-1])


def test_whenever_it_is_killed_a_checkpoint_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, seen = Path.write_bytes, []

    def half_written(path: Path, content: Any) -> int:
        write(path, content[: len(content) // 2])
        # What SIGKILL at this moment would leave.
        seen.append([torch.load(path, weights_only=True)["trainer"]["iteration"] for path in tmp_path.glob("check*")])
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", half_written)
    Training(tmp_path, epochs=3).run()
    # Of each epoch, model.pt and the checkpoint.
    assert seen == [[], [], [2], [2], [4], [4]]


@pytest.mark.parametrize(("failing", "room"), [("model.pt", 1000), ("checkpoint_epoch=3.pt", 10_000)])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, failing: str, room: int) -> None:
    resource = pytest.importorskip("resource", reason="files of this system have no largest size")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        assert (tmp_path / "model.pt").stat().st_size < 10_000 < (tmp_path / "checkpoint_epoch=2.pt").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))

    try:
        with pytest.raises(OSError, match="File too large"):
            Training(tmp_path, at_start_of_epoch={3: fill}).run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files(tmp_path) == ["checkpoint_epoch=2.pt", "model.pt"]
    whole = Training(tmp_path / "whole").run()
    assert same(kept(tmp_path), whole.averages[1 if failing == "model.pt" else 2])
    resumed = Training(tmp_path, resume=tmp_path / "checkpoint_epoch=2.pt").run()
    assert same(resumed.averages[-1], whole.averages[-1])
    assert same(kept(tmp_path), whole.averages[-1])


def test_a_checkpoint_may_be_moved_away(tmp_path: Path) -> None:
    def move() -> None:
        (tmp_path / "checkpoint_epoch=2.pt").rename(tmp_path / "kept.pt")

    Training(tmp_path, at_start_of_epoch={3: move}).run()
    assert files(tmp_path) == ["checkpoint_epoch=6.pt", "kept.pt", "model.pt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 5}, r"of 3 epochs of 2 steps, and this one has 5 of 2; resume with the same --epochs"),
        ({"epochs": 2}, r"of 3 epochs of 2 steps, and this one has 2 of 2"),
        ({"batch_size": 4}, r"of 3 epochs of 2 steps, and this one has 3 of 1"),
    ],
)
def test_a_training_of_another_length_is_refused_before_its_first_step(
    tmp_path: Path, change: dict[str, int], message: str
) -> None:
    Training(tmp_path, epochs=3).run()
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    longer = Training(tmp_path, **{"epochs": 3, **change}, resume=tmp_path / "checkpoint_epoch=3.pt")
    with pytest.raises(ValueError, match=rf"checkpoint_epoch=3\.pt: is of a training {message}") as caught:
        longer.run()
    assert "\n" not in str(caught.value)
    assert "--weights" in str(caught.value)
    assert longer.steps == 0
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}


def test_a_finished_training_stays_as_it_is(tmp_path: Path) -> None:
    finished = Training(tmp_path, (0.1, 0.4, 0.2), epochs=3).run()
    again = Training(tmp_path, (0.1, 0.4, 0.2), epochs=3, resume=tmp_path / "checkpoint_epoch=3.pt", seed=1).run()
    assert again.steps == 0
    assert same(again.average.state_dict(), finished.averages[-1])
    assert same(kept(tmp_path), finished.averages[1])
    assert files(tmp_path) == ["checkpoint_epoch=3.pt", "model.pt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read; it is damaged"),
        (b"hello\n", "cannot be read; it is damaged"),
        ("half", "cannot be read; it is damaged"),
        ("model", r"no checkpoint of this training, which has average, best, .*--weights"),
    ],
)
def test_what_is_no_checkpoint_is_named(tmp_path: Path, content: bytes | str, message: str) -> None:
    whole = interrupted_after(1, tmp_path / "a")
    if content == "half":
        content = whole.read_bytes()[: whole.stat().st_size // 2]
    elif content == "model":
        content = (tmp_path / "a" / "model.pt").read_bytes()
    (tmp_path / "given.pt").write_bytes(content)
    with pytest.raises(ValueError, match=rf"given\.pt: .*{message}") as caught:
        Training(tmp_path / "b", resume=tmp_path / "given.pt").run()
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "b").exists()


def test_a_checkpoint_of_a_gpu_is_read_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = interrupted_after(1, tmp_path)
    places = []
    load = torch.load

    def note(*args: Any, map_location: Any = None, **kwargs: Any) -> Any:
        places.append(map_location)
        return load(*args, map_location=map_location, **kwargs)

    monkeypatch.setattr(torch, "load", note)
    Training(tmp_path, resume=checkpoint).run()
    assert places == ["cpu"]


def test_of_several_processes_the_first_writes_and_all_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = interrupted_after(3, tmp_path / "first")
    whole = Training(tmp_path / "whole").run()
    monkeypatch.setenv("RANK", "1")
    second = Training(tmp_path / "second", resume=checkpoint, seed=1).run()
    assert same(second.averages[-1], whole.averages[-1])
    assert not (tmp_path / "second").exists()


def test_wrong_arguments_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.pt: no such checkpoint"):
        Training(tmp_path, resume=tmp_path / "none.pt").run()
    with pytest.raises(ValueError, match="at least 1, got 0"):
        Training(tmp_path, interval=0).run()


@pytest.mark.parametrize("resume", [None, ""])
def test_nothing_to_resume_starts_anew(tmp_path: Path, resume: str | None) -> None:
    fresh = Training(tmp_path / "a", epochs=1).run()
    again = Training(tmp_path / "b", epochs=1, resume=resume).run()
    assert same(fresh.averages[0], again.averages[0])
