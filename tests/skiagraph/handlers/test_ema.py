from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser
from torch import nn

from skiagraph.handlers import ExponentialMovingAverage

DECAY = 0.9


def make_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


def make_trainer(network: nn.Module, seen: list[dict[str, torch.Tensor]]) -> Engine:
    """Each iteration draws new weights and statistics, and notes them."""

    def step(engine: Engine, batch: int) -> None:
        generator = torch.Generator().manual_seed(batch)
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator))
            else:
                tensor.fill_(engine.state.iteration)
        seen.append({key: tensor.clone() for key, tensor in network.state_dict().items()})

    return Engine(step)


def expected_average(
    start: dict[str, torch.Tensor], seen: list[dict[str, torch.Tensor]], decay: float
) -> dict[str, torch.Tensor]:
    """A weighted sum with closed weights, instead of a recursion."""
    decays = [min(decay, (1 + t) / (10 + t)) for t in range(1, len(seen) + 1)]
    kept = torch.tensor([*decays, 1.0]).flip(0).cumprod(0).flip(0)
    average = {key: kept[0] * tensor for key, tensor in start.items() if tensor.is_floating_point()}
    for t, state in enumerate(seen):
        for key in average:
            average[key] = average[key] + (1 - decays[t]) * kept[t + 1] * state[key]
    return average


@pytest.mark.parametrize("iterations", [1, 7, 120])
def test_average_is_the_weighted_sum_of_all_iterations(iterations: int) -> None:
    network, seen = make_network(), []
    start = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    average = ExponentialMovingAverage(network, decay=DECAY)
    trainer = make_trainer(network, seen)
    average.attach(trainer)
    trainer.run(range(iterations), max_epochs=1)
    state = average.ema_model.state_dict()
    for key, tensor in expected_average(start, seen, DECAY).items():
        torch.testing.assert_close(state[key], tensor, msg=key)
    assert state["1.num_batches_tracked"] == iterations


def test_a_short_run_forgets_its_start() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 1000.0)
    average = ExponentialMovingAverage(network, decay=0.999)
    trainer = Engine(lambda engine, batch: nn.init.zeros_(network.weight))
    average.attach(trainer)
    trainer.run(range(30), max_epochs=1)
    assert abs(average.ema_model.weight.item()) < 1e-3


def test_a_resumed_run_is_the_uninterrupted_one() -> None:
    def run(stop_after: int | None) -> dict[str, torch.Tensor]:
        network = make_network()
        average, trainer = ExponentialMovingAverage(network, decay=0.95), make_trainer(network, [])
        average.attach(trainer)
        if stop_after is not None:
            trainer.run(range(20), max_epochs=stop_after)
            saved = trainer.state_dict(), network.state_dict(), average.ema_model.state_dict()
            network = make_network()
            average, trainer = ExponentialMovingAverage(network, decay=0.95), make_trainer(network, [])
            average.attach(trainer)
            trainer.load_state_dict(saved[0])
            network.load_state_dict(saved[1])
            average.ema_model.load_state_dict(saved[2])
            trainer.state.max_epochs = None
        trainer.run(range(20), max_epochs=4)
        return average.ema_model.state_dict()

    whole, resumed = run(None), run(2)
    for key, tensor in whole.items():
        assert torch.equal(resumed[key], tensor), key


def test_training_does_not_feel_the_average() -> None:
    network = make_network()
    average = ExponentialMovingAverage(network)
    assert not average.ema_model.training
    assert network.training
    assert all(not parameter.requires_grad for parameter in average.ema_model.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())
    own = {tensor.data_ptr() for tensor in network.parameters()}
    assert own.isdisjoint(tensor.data_ptr() for tensor in average.ema_model.parameters())


def make_config(folder: Path) -> dict[str, Any]:
    """A MONAI training whose evaluator and checkpoint take the average."""
    batch = {"image": torch.ones(1, 1, 4, 4), "label": torch.zeros(1, 1, 4, 4)}
    return {
        "imports": ["$import torch"],
        "network": {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 1, "kernel_size": 1},
        "ema": {
            "_target_": "skiagraph.handlers.ExponentialMovingAverage",
            "network": "@network",
            "decay": DECAY,
        },
        "trainer": {
            "_target_": "SupervisedTrainer",
            "device": "cpu",
            "max_epochs": 2,
            "train_data_loader": [batch] * 3,
            "network": "@network",
            "optimizer": "$torch.optim.SGD(@network.parameters(), lr=0.1)",
            "loss_function": {"_target_": "torch.nn.MSELoss"},
            "train_handlers": [
                "@ema",
                {"_target_": "ValidationHandler", "validator": "@evaluator", "interval": 1},
                {
                    "_target_": "CheckpointSaver",
                    "save_dir": str(folder),
                    "save_dict": {"model": "$@ema.ema_model", "network": "@network"},
                    "save_final": True,
                    "final_filename": "final.pt",
                },
            ],
        },
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "cpu",
            "val_data_loader": [batch],
            "network": "$@ema.ema_model",
        },
    }


def test_stands_in_a_monai_config(tmp_path: Path) -> None:
    parser = ConfigParser(make_config(tmp_path))
    trainer, evaluator = parser.get_parsed_content("trainer"), parser.get_parsed_content("evaluator")
    outputs: list[float] = []

    @evaluator.on(Events.ITERATION_COMPLETED)
    def note(engine: Engine) -> None:
        outputs.append(engine.state.output[0]["pred"].mean().item())

    trainer.run()
    network, averaged = parser.get_parsed_content("network"), parser.get_parsed_content("ema").ema_model
    saved = torch.load(tmp_path / "final.pt", weights_only=True)
    assert len(outputs) == 2
    assert outputs[-1] == pytest.approx((averaged.weight.sum() + averaged.bias.sum()).item())
    assert not torch.equal(averaged.weight, network.weight)
    assert torch.equal(saved["model"]["weight"], averaged.weight)
    assert torch.equal(saved["network"]["weight"], network.weight.detach())


@pytest.mark.parametrize(("name", "value"), [("decay", 0.0), ("decay", 1.0), ("ramp", 1.0)])
def test_arguments_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        ExponentialMovingAverage(make_network(), **{name: value})
