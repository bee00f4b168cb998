"""The ultrasound bundle's inference, built from its own configs, with a network that can be exchanged."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from torch import Tensor, nn

from ..geometry.surface_line import SurfaceLine
from ..transforms import LoadFramed
from .benchmark import ExportedNetwork, Predict, count_multiply_adds, count_parameters
from .configs import evaluated, read_configs

DEFAULT = "default"
PUBLISHED = "published"
OVERLAYS: dict[str, tuple[str, ...]] = {DEFAULT: (), PUBLISHED: ("published_network.json",)}

Item = Mapping[Any, Any]

# The steps of inference that read or write files, or carry along what is only written.
_FILE_STEPS = ("LoadFramed", "CopyItemsd", "SelectItemsd", "SaveSurfaced")


@dataclass(frozen=True)
class UltrasoundBenchmark:
    """What to measure, and on what.

    Attributes:
        bundle_root: folder of the bundle.
        dataset_dir: folder of the images.
        data_list: data list; None for the one that the bundle's `train.json` names by default.
        weights: of the default network; None for those of the bundle.
        published_weights: of the published network; None leaves it random, which does not change its speed.
        frames: of the test part that are timed, spread evenly over it.
        rounds: of timing.
    """

    bundle_root: Path
    dataset_dir: Path
    data_list: Path | None = None
    weights: Path | None = None
    published_weights: Path | None = None
    frames: int = 8
    rounds: int = 7

    def parse(self, *configs: str, network: str = DEFAULT, **entries: Any) -> ConfigParser:
        """The bundle's configs, on the CPU, one laid over the other; the network's overlay follows the first."""
        names = [configs[0], *OVERLAYS[network], *configs[1:]]
        given: dict[str, Any] = {"dataset_dir": str(self.dataset_dir)}
        if self.data_list is not None:
            given["data_list"] = str(self.data_list)
        if network == PUBLISHED:
            entries["weights"] = self.published_weights and str(self.published_weights)
        elif self.weights is not None:
            entries["weights"] = str(self.weights)
        return read_configs(self.bundle_root, names, {**given, **entries})


class SameAnswers(nn.Module):
    """Takes the time of a network and hands on known answers, one for each image in turn.

    So that what follows the network does the same work for every candidate: what a network without weights answers
    would be thousands of lines.

    Args:
        predict: the network; a module gets the images as the engine hands them on, anything else plain tensors.
        answers: logits (1, 1, rows, columns) of each image, in the order in which the images come again and again.
    """

    def __init__(self, predict: Callable[[Tensor], Tensor], answers: Sequence[Tensor]) -> None:
        super().__init__()
        self._predict = predict
        self._answers = itertools.cycle(answers)
        self._plain = not isinstance(predict, nn.Module)
        # An engine puts a network back into the mode that it found, and a network that is timed must not train.
        self.eval()

    def forward(self, image: Tensor) -> Tensor:
        """Run the network on images (1, C, rows, columns) and answer with the next of the known logits."""
        answer = next(self._answers).clone()
        if not isinstance(image, MetaTensor):
            self._predict(image)
            return answer
        self._predict(image.as_tensor() if self._plain else image)
        return MetaTensor(answer).copy_meta_from(image)


class InferenceChain:
    """`inference.json` with one of the two networks, on given frames.

    Args:
        settings: bundle and weights.
        name: `DEFAULT` or `PUBLISHED`.
        items: frames, as `read_data_list` gives them.
        out: folder for the results and the exported network.
    """

    def __init__(self, settings: UltrasoundBenchmark, name: str, items: Sequence[Item], out: Path) -> None:
        parser = settings.parse("inference.json", network=name, output_dir=str(out), **{"dataset#data": list(items)})
        evaluated(parser, "initialize")
        self.evaluator = evaluated(parser, "evaluator")
        self.network: nn.Module = evaluated(parser, "network")
        self._before = evaluated(parser, "preprocessing").transforms
        self._after = evaluated(parser, "postprocessing").transforms
        dataset = evaluated(parser, "dataset")
        self.images = [dataset[number]["image"].as_tensor()[None] for number in range(len(dataset))]
        self._frame = LoadFramed("image")(dict(items[0].items()))["image"]
        self._pixels = np.asarray(self._frame, dtype=np.uint8)
        self.exported = ExportedNetwork(self.network, self.images[0], out / "exported")

    def describe(self) -> dict[str, int]:
        """Parameters and multiply-adds of the network."""
        return {
            "parameters": count_parameters(self.network),
            "multiply_adds": count_multiply_adds(self.network, self.images[0]),
        }

    def run_files(self, network: SameAnswers) -> None:
        """From files to files, as `python -m monai.bundle run` does it, with a network in place of the own."""
        self.evaluator.network = network
        self.evaluator.run()

    def lines_of_frame(self, predict: Predict) -> list[SurfaceLine]:
        """From a decoded frame to lines, by the config's transforms without those that read or write files."""
        case: dict[str, Any] = {"image": MetaTensor(torch.from_numpy(self._pixels), meta=dict(self._frame.meta))}
        for step in _without_files(self._before):
            case = step(case)
        image: MetaTensor = case["image"]
        case["pred"] = MetaTensor(predict(image.as_tensor()[None])[0]).copy_meta_from(image)
        for step in _without_files(self._after):
            case = step(case)
        lines: list[SurfaceLine] = case["pred_lines"]
        return lines


def _without_files(steps: Sequence[Callable[[Any], Any]]) -> list[Callable[[Any], Any]]:
    return [step for step in steps if type(step).__name__ not in _FILE_STEPS]
