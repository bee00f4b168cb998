"""How fast a network runs, and how large it is: candidates are timed side by side in one process."""

from __future__ import annotations

import logging
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import torch
from monai.networks.utils import convert_to_torchscript
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

Predict = Callable[[Tensor], Any]
"""Runs a network: float32 (B, C, ...) to float32, on the CPU; to a list where the network gives several tensors."""

Key = TypeVar("Key", bound=Hashable)

RUNTIMES = ("eager", "TorchScript", "ONNX Runtime", "OpenVINO")
_PACKAGES = {"ONNX Runtime": "onnxruntime", "OpenVINO": "openvino"}
_REPORTED = ("torch", "monai", *_PACKAGES.values())


@dataclass(frozen=True)
class Timing:
    """Seconds that a call took, each time that it was timed."""

    seconds: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        """Median in milliseconds: what ratios are made of."""
        return statistics.median(self.seconds) * 1e3

    @property
    def min_ms(self) -> float:
        """The fastest, in milliseconds: what the machine can do when nothing else runs."""
        return min(self.seconds) * 1e3

    def shared_by(self, count: int) -> Timing:
        """The time for one of `count` images that a call works through."""
        return Timing(tuple(seconds / count for seconds in self.seconds))

    def against(self, reference: Timing) -> dict[str, float]:
        """What a report says of the timing, and how many times as fast as the reference that is."""
        times_as_fast = reference.median_ms / self.median_ms
        return {"median_ms": self.median_ms, "min_ms": self.min_ms, "times_as_fast": times_as_fast}


@dataclass(frozen=True)
class Rounds:
    """How often candidates are timed.

    Attributes:
        count: rounds; every candidate has its turn in each.
        untimed: calls at the start of a turn, while the caches and threads of the candidate before give way.
        timed: calls of a turn that count.
    """

    count: int
    untimed: int = 1
    timed: int = 3

    def __post_init__(self) -> None:
        if self.count < 1 or self.timed < 1:
            raise ValueError(f"at least one round of one timed call is needed, got {self.count} of {self.timed}")


def time_in_turn(calls: Mapping[Key, Callable[[], object]], rounds: Rounds, description: str = "") -> dict[Key, Timing]:
    """Time candidates against each other on a machine that is never quite quiet.

    They take turns, every other round in reverse order, so that what disturbs the machine for a while, or makes it
    slower as it warms up, meets all of them. Each is called once before the first round.

    Args:
        calls: the candidates by name.
        rounds: how often they are called.
        description: for the progress bar.
    """
    seconds: dict[Key, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for number in tqdm(range(rounds.count), desc=description or None, unit="round", disable=None):
        for name in list(calls) if number % 2 == 0 else reversed(list(calls)):
            for _ in range(rounds.untimed):
                calls[name]()
            for _ in range(rounds.timed):
                start = time.perf_counter()
                calls[name]()
                seconds[name].append(time.perf_counter() - start)
    return {name: Timing(tuple(each)) for name, each in seconds.items()}


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch compute on so many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def without_information() -> Iterator[None]:
    """Let nobody be told of what goes well inside the block, such as the weights of every network that is loaded."""
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


class ExportedNetwork:
    """A network on the CPU, as it is and in the forms for other runtimes. All compute in float32.

    Args:
        network: set to evaluation; its parameters' memory layout is kept by eager and TorchScript.
        example: input (B, C, ...) of the shape to export for.
        folder: for the ONNX file, which is written when it is first needed.
    """

    def __init__(self, network: nn.Module, example: Tensor, folder: Path) -> None:
        self.network = network.eval()
        self._example = example
        self._onnx = folder / "network.onnx"
        self._torchscript: nn.Module | None = None

    def open(self, runtime: str, threads: int) -> Predict | None:
        """The network in one of `RUNTIMES`; None where that is not installed.

        Args:
            runtime: eager and TorchScript (frozen) use as many threads as torch is set to.
            threads: of the other runtimes.
        """
        if runtime in _PACKAGES and find_spec(_PACKAGES[runtime]) is None:
            return None
        if runtime == "ONNX Runtime":
            return _open_onnxruntime(self._exported_onnx(), threads)
        if runtime == "OpenVINO":
            return _open_openvino(self._exported_onnx(), threads)
        return _without_gradients(self.network if runtime == "eager" else self._exported_torchscript())

    def _exported_torchscript(self) -> nn.Module:
        if self._torchscript is None:
            with _quiet():
                self._torchscript = torch.jit.freeze(convert_to_torchscript(self.network))
        return self._torchscript

    def _exported_onnx(self) -> Path:
        if not self._onnx.is_file():
            self._onnx.parent.mkdir(parents=True, exist_ok=True)
            with _quiet(), torch.no_grad():
                torch.onnx.export(
                    self.network, (self._example,), self._onnx, dynamo=True, external_data=False, verbose=False
                )
        return self._onnx


def largest_difference(predict: Predict, reference: Predict, image: Tensor) -> float:
    """Largest absolute difference of two answers to one input, in the unit of the answer; over all their tensors."""
    pairs = zip(_listed(predict(image)), _listed(reference(image)), strict=True)
    return max(float((one - other).abs().max()) for one, other in pairs)


def count_parameters(network: nn.Module) -> int:
    """Numbers that training adapts."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_multiply_adds(network: nn.Module, image: Tensor) -> int:
    """Multiplications with addition in the convolutions and matrix products of one forward pass."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    return int(counter.get_total_flops()) // 2


def describe_machine() -> dict[str, Any]:
    """Processor and versions, so that figures can be told apart later."""
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        **{package: _version(package) for package in _REPORTED},
    }


def _listed(answer: Any) -> list[Tensor]:
    return [answer] if isinstance(answer, Tensor) else list(answer)


def _single(answers: list[Tensor]) -> Any:
    return answers[0] if len(answers) == 1 else answers


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _without_gradients(network: nn.Module) -> Predict:
    def predict(image: Tensor) -> Any:
        with torch.no_grad():
            return network(image)

    return predict


def _open_onnxruntime(file: Path, threads: int) -> Predict:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda image: _single(list(map(torch.from_numpy, session.run(None, {name: image.numpy()}))))


@cache
def _openvino_core() -> Any:
    """The one core of this process, never freed.

    On processors with AMX every core gives its thread an alternate signal stack, and when freed puts back the one that
    it found. If that was of a core freed before, the next signal (a worker's end, Ctrl-C) brings the process down.
    """
    import openvino

    return openvino.Core()


def _open_openvino(file: Path, threads: int) -> Predict:
    # Where the processor has bfloat16, OpenVINO would compute in it unasked.
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = _openvino_core().compile_model(str(file), "CPU", settings)
    # The answer is copied, because the next call writes into the same memory.
    return lambda image: _single([torch.from_numpy(each.copy()) for each in compiled(image.numpy()).to_tuple()])


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporters warn of what concerns their own future, and of packages that are not needed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
