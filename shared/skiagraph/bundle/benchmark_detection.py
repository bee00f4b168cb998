"""What is measured of the bundle for detection: how long an image takes, and how fast images come to a training."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from ..data import find_images
from .benchmark import (
    RUNTIMES,
    Predict,
    Rounds,
    count_multiply_adds,
    count_parameters,
    describe_machine,
    time_in_turn,
    torch_threads,
    without_information,
)
from .configs import evaluated, read_configs
from .runtime_table import RuntimeTable, differences_to_eager, open_runtimes

NETWORKS = {"default": (), "Faster R-CNN": ("faster_rcnn.json",)}
SIZES = (320, 384, 512, 640)
THREADS = 2
GOAL = 4.0

_TABLE = RuntimeTable(
    names=("network", "size", "runtime"),
    titles={"end_to_end": "end to end", "network_alone": "network alone"},
    reference=("Faster R-CNN", 640, "eager"),
)

Report = dict[str, Any]


class _Running(nn.Module):
    """A detector's network that another runtime runs; what it has besides stays its own."""

    def __init__(self, network: nn.Module, predict: Predict) -> None:
        super().__init__()
        self.inner = network
        self.predict = predict

    def forward(self, x: Tensor) -> Any:
        return self.predict(x)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)


@dataclass(frozen=True)
class _Opened:
    """A detector at one size, and one image."""

    detector: nn.Module
    network: nn.Module
    preprocessing: Callable[[Mapping[str, Any]], dict[str, Any]]
    decode: Callable[[Mapping[str, Any]], dict[str, Any]]
    image: Mapping[str, Any]
    network_input: Tensor

    def find(self, predict: Predict) -> dict[str, Any]:
        """From the file to boxes in its pixels, with the network in some runtime."""
        self.detector.network = _Running(self.network, predict)
        case = self.preprocessing(self.image)
        with torch.inference_mode():
            (found,) = self.detector(case["image"].as_tensor()[None])
        return self.decode({**case, "pred": found})


def run_detection_benchmark(bundle_root: Path, dataset_dir: Path, weights: Path | None, rounds: int) -> Report:
    """Time the default detector and Faster R-CNN (whose weights are random), and the loading of training images.

    Args:
        bundle_root: folder of the bundle.
        dataset_dir: folder of images with a data list, as `python -m scripts.phantoms limb` writes it; the first image
            is what the detectors see.
        weights: of the default network; None for those of the bundle.
        rounds: of timing.

    Raises:
        FileNotFoundError: bundle, weights, images or data list are missing.
        ValueError: there is no image.
    """
    image = find_images(dataset_dir)[0]
    with TemporaryDirectory() as folder, without_information(), torch_threads(THREADS):
        opened = {kind: _open(bundle_root, *kind, weights, image) for kind in product(NETWORKS, SIZES)}
        inputs = {kind: one.network_input for kind, one in opened.items()}
        predicts = open_runtimes({kind: (opened[kind].network, inputs[kind]) for kind in opened}, Path(folder), THREADS)
        turns = Rounds(rounds, timed=1)  # Faster R-CNN takes seconds
        whole = {key: partial(opened[key[:2]].find, predict) for key, predict in predicts.items()}
        alone = {key: partial(predict, inputs[key[:2]]) for key, predict in predicts.items()}
        timed = {
            "end_to_end": time_in_turn(whole, turns, "end to end"),
            "network_alone": time_in_turn(alone, turns, "network"),
        }
        differences = differences_to_eager(predicts, inputs)
        loading = _time_loading(bundle_root, dataset_dir)
    return {
        "bundle": bundle_root.resolve().name,
        **describe_machine(),
        "threads": THREADS,
        "rounds": rounds,
        "times_as_fast_as": " ".join(map(str, _TABLE.reference)),
        "networks": {name: _size([opened[name, size] for size in SIZES]) for name in NETWORKS},
        "images_per_second": loading,
        "timings": _TABLE.timings(product(NETWORKS, SIZES, RUNTIMES), timed, differences),
    }


def detection_rows(report: Report) -> list[dict[str, Any]]:
    """A row for each network at each size in each runtime, as `markdown_table` wants them."""

    def size(timing: Report) -> tuple[int, int]:
        network = report["networks"][timing["network"]]
        return network["parameters"], network["multiply_adds"][str(timing["size"])]

    return _TABLE.rows(report["timings"], size)


def detection_notes(report: Report) -> str:
    """What the table's figures are, how the default detector stands to its goal, and how fast images are loaded."""
    own = [row for row in report["timings"] if (row["network"], row["runtime"]) == ("default", "eager")]
    fastest = ", ".join(f"{row['end_to_end']['times_as_fast']:.1f} at {row['size']}" for row in own)
    loading = report["images_per_second"]
    return (
        f"Median ms an image on {report['threads']} threads over {report['rounds']} rounds, and times as fast as "
        f"{report['times_as_fast_as']}; end to end: from the file to boxes in its pixels; network alone: of Faster "
        "R-CNN without what looks at single boxes; difference: largest to eager, of logits and box codes.\n"
        f"The default detector is {fastest} times as fast end to end, goal {GOAL:g}.\n"
        f"A process of the data loader brings {loading['from_files']:.0f} training images a second from files, and "
        f"{loading['cached']:.0f} from memory, augmented."
    )


def _open(bundle_root: Path, name: str, size: int, weights: Path | None, image: Mapping[str, Any]) -> _Opened:
    # Of Faster R-CNN there are no weights; random ones take as long.
    given = "" if name != "default" else weights and str(weights)
    entries = {"image_size": size} if given is None else {"image_size": size, "weights": given}
    parser = read_configs(bundle_root, ["inference.json", *NETWORKS[name]], entries)
    evaluated(parser, "initialize")
    preprocessing = evaluated(parser, "preprocessing")
    return _Opened(
        evaluated(parser, "detector").eval(),
        evaluated(parser, "network_on_device").eval(),
        preprocessing,
        evaluated(parser, "postprocessing#transforms#0"),
        image,
        preprocessing(image)["image"].as_tensor()[None],
    )


def _size(sizes: Sequence[_Opened]) -> Report:
    """How large a network is, opened at all sizes."""
    counts = {str(one.network_input.shape[-1]): count_multiply_adds(one.network, one.network_input) for one in sizes}
    return {"parameters": count_parameters(sizes[0].network), "multiply_adds": counts}


def _time_loading(bundle_root: Path, dataset_dir: Path) -> dict[str, float]:
    """Images a second that one process reads and prepares for training, and that it prepares from memory."""
    entries = {"dataset_dir": str(dataset_dir), "data_list": str(dataset_dir / "data_list.json"), "workers": 0}
    speeds = {}
    for name, cached in {"from_files": 0.0, "cached": 1.0}.items():
        loader = evaluated(
            read_configs(bundle_root, ["train.json"], {**entries, "cache_rate": cached}), "train#dataloader"
        )
        with torch_threads(1):
            start = time.perf_counter()
            images = sum(len(batch) for batch in loader)
            speeds[name] = images / (time.perf_counter() - start)
    return speeds
