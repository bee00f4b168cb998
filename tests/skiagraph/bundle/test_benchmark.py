from __future__ import annotations

import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from torch import nn

from skiagraph.bundle import benchmark
from skiagraph.bundle.benchmark import (
    RUNTIMES,
    ExportedNetwork,
    Rounds,
    Timing,
    count_multiply_adds,
    count_parameters,
    largest_difference,
    time_in_turn,
    torch_threads,
)


class Clock:
    """Time that passes only while a candidate works."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []

    def candidate(self, name: str, seconds: list[float]) -> object:
        left = iter(seconds)

        def call() -> None:
            self.calls.append(name)
            self.now += next(left)

        return call


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: clock.now)
    return clock


def test_candidates_take_turns_in_both_orders(clock: Clock) -> None:
    calls = {name: clock.candidate(name, [1.0] * 9) for name in "ab"}
    time_in_turn(calls, Rounds(2, untimed=1, timed=1))
    assert "".join(clock.calls) == "ab" + "aabb" + "bbaa"


def test_only_timed_calls_count(clock: Clock) -> None:
    # The first is the warm-up before all rounds, then each turn begins with an untimed call.
    calls = {"a": clock.candidate("a", [90.0, 80.0, 1.0, 2.0, 70.0, 3.0, 10.0])}
    timing = time_in_turn(calls, Rounds(2, untimed=1, timed=2))["a"]
    assert timing.seconds == pytest.approx((1.0, 2.0, 3.0, 10.0))
    assert (timing.min_ms, timing.median_ms) == pytest.approx((1000.0, 2500.0))


def test_time_is_shared_by_the_images_of_a_call() -> None:
    assert Timing((2.0, 4.0)).shared_by(4).seconds == (0.5, 1.0)


def test_refuses_to_time_nothing() -> None:
    with pytest.raises(ValueError, match="at least one round"):
        Rounds(0)


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    with suppress(KeyError), torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise KeyError
    assert torch.get_num_threads() == before


def test_size_of_a_convolution() -> None:
    network = nn.Conv2d(3, 5, kernel_size=3, padding=1)
    assert count_parameters(network) == 5 * (3 * 9 + 1)
    assert count_multiply_adds(network, torch.zeros(2, 3, 8, 6)) == 2 * 8 * 6 * 5 * 3 * 9


def test_largest_difference_is_that_of_the_worst_pixel() -> None:
    image = torch.tensor([1.0, -5.0, 2.0])
    assert largest_difference(lambda x: x * 2, lambda x: x, image) == 5.0


def test_largest_difference_of_several_tensors_is_that_of_the_worst() -> None:
    image = torch.tensor([1.0, -5.0, 2.0])
    assert largest_difference(lambda x: [x, x * 3], lambda x: (x, x), image) == 10.0


class TwoAnswers(nn.Module):
    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [x + 1, x[..., ::2].clone()]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_network_may_answer_with_several_tensors(runtime: str, tmp_path: Path) -> None:
    image = torch.rand(1, 1, 4, 8)
    predict = ExportedNetwork(TwoAnswers(), image, tmp_path).open(runtime, threads=1)
    if predict is None:
        pytest.skip(f"{runtime} is not installed")
    first, second = predict(image)
    torch.testing.assert_close(first, image + 1)
    torch.testing.assert_close(second, image[..., ::2])


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> ExportedNetwork:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(4, 1, 1)
    )
    return ExportedNetwork(network, torch.zeros(1, 1, 16, 24), tmp_path_factory.mktemp("exported"))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_runtime_answers_like_the_network_in_evaluation(exported: ExportedNetwork, runtime: str) -> None:
    predict = exported.open(runtime, threads=1)
    if predict is None:
        pytest.skip(f"{runtime} is not installed")
    image, other = torch.rand(2, 1, 1, 16, 24)
    with torch.no_grad():
        expected = exported.network.eval()(image)
    answer = predict(image)
    predict(other)
    torch.testing.assert_close(answer, expected, atol=1e-5, rtol=1e-5)
    assert not answer.requires_grad


def test_a_runtime_may_be_missing(exported: ExportedNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "find_spec", lambda _: None)
    opened = {runtime: exported.open(runtime, threads=1) is not None for runtime in RUNTIMES}
    assert opened == {"eager": True, "TorchScript": True, "ONNX Runtime": False, "OpenVINO": False}


def test_the_exporters_do_not_chatter(
    exported: ExportedNetwork, tmp_path: Path, recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    for runtime in ("TorchScript", "ONNX Runtime"):
        ExportedNetwork(exported.network, torch.zeros(1, 1, 8, 8), tmp_path).open(runtime, threads=1)
    assert [str(warning.message) for warning in recwarn] == []
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


SIGNALS_AFTER_RUNTIMES = """
import os, signal, sys
from pathlib import Path
import torch
from skiagraph.bundle.benchmark import RUNTIMES, ExportedNetwork

image = torch.zeros(1, 1, 16, 16)
networks = [ExportedNetwork(torch.nn.Conv2d(1, 1, 3), image, Path(sys.argv[1]) / name) for name in "ab"]
opened = [network.open(runtime, threads=1) for network in networks for runtime in RUNTIMES]
answers = [predict(image) for predict in opened]
while opened:  # the first is freed first
    del opened[0]
signal.signal(signal.SIGTERM, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_process_that_ran_all_runtimes_survives_a_signal(tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed (requirements-dev.txt)")
    done = subprocess.run(
        [sys.executable, "-c", SIGNALS_AFTER_RUNTIMES, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.split()[-1:]) == (0, ["handled"]), done.stderr[-2000:]
