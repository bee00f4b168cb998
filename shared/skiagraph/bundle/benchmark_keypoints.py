"""What is measured of the bundle for vertebra keypoints: how long one waits for the first answer, and for the next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..data import find_images
from .annotate_keypoints import KeypointAnnotator, OpenedSpine
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
from .runtime_table import RuntimeTable, differences_to_eager, open_runtimes

NETWORKS = {"default": (), "UNet-IKEM": ("unet_ikem.json",), "HRNet-OCR-IKEM": ("hrnet_ocr_ikem.json",)}
THREADS = 2
GOAL_MS = 100

_TABLE = RuntimeTable(
    names=("network", "runtime"),
    titles={"first_answer": "first answer", "refinement": "refinement", "network_alone": "network alone"},
    reference=("UNet-IKEM", "eager"),
)
_CLICKS = {"T5_tl": (0.4, 0.3), "L2_br": (0.6, 0.7)}

Report = dict[str, Any]


@dataclass(frozen=True)
class _Waits:
    """What a person waits for, with one network in one runtime, and one image."""

    annotator: KeypointAnnotator
    predict: Predict
    image: Path
    spine: OpenedSpine

    def first(self) -> None:
        """From the file to the points."""
        self.annotator.network = self.predict
        self.annotator.open(self.image).corners()

    def refinement(self) -> None:
        """From two clicks to the points."""
        rows, columns = self.spine.frame.shape[1:]
        self.spine.corners({name: (x * columns, y * rows) for name, (x, y) in _CLICKS.items()})


def run_keypoint_benchmark(bundle_root: Path, dataset_dir: Path, weights: Path | None, rounds: int) -> Report:
    """Time the default network and the published ones (whose weights are random, which does not change their speed).

    Args:
        bundle_root: folder of the bundle.
        dataset_dir: folder of images, of which the first is taken.
        weights: of the default network; None for those of the bundle.
        rounds: of timing.

    Raises:
        FileNotFoundError: bundle, weights or images are missing.
        ValueError: there is no image.
    """
    image = Path(find_images(dataset_dir)[0]["image"])
    with TemporaryDirectory() as folder, without_information(), torch_threads(THREADS):
        annotators = {name: _open(bundle_root, name, weights) for name in NETWORKS}
        inputs = {(name,): annotator.open(image).network_input for name, annotator in annotators.items()}
        modules = {(name,): (annotator.module, inputs[name,]) for name, annotator in annotators.items()}
        predicts = open_runtimes(modules, Path(folder), THREADS)
        waits = {key: _wait(annotators[key[0]], predict, image) for key, predict in predicts.items()}
        alone = {key: partial(predict, inputs[key[:1]]) for key, predict in predicts.items()}
        turns = Rounds(rounds, timed=1)  # the published networks take seconds
        timed = {
            "first_answer": time_in_turn({key: wait.first for key, wait in waits.items()}, turns, "first answer"),
            "refinement": time_in_turn({key: wait.refinement for key, wait in waits.items()}, turns, "refinement"),
            "network_alone": time_in_turn(alone, turns, "network"),
        }
        differences = differences_to_eager(predicts, inputs)
    return {
        "bundle": bundle_root.resolve().name,
        **describe_machine(),
        "threads": THREADS,
        "rounds": rounds,
        "times_as_fast_as": " ".join(_TABLE.reference),
        "networks": {
            name: {
                "parameters": count_parameters(annotator.module),
                "multiply_adds": count_multiply_adds(annotator.module, inputs[name,]),
            }
            for name, annotator in annotators.items()
        },
        "timings": _TABLE.timings(product(annotators, RUNTIMES), timed, differences),
    }


def keypoint_rows(report: Report) -> list[dict[str, Any]]:
    """A row for each network in each runtime, as `markdown_table` wants them."""

    def size(timing: Report) -> tuple[int, int]:
        network = report["networks"][timing["network"]]
        return network["parameters"], network["multiply_adds"]

    return _TABLE.rows(report["timings"], size)


def keypoint_notes(report: Report) -> str:
    """What the table's figures are, and how the default network stands to its goal."""
    (default,) = (row for row in report["timings"] if (row["network"], row["runtime"]) == ("default", "eager"))
    return (
        f"Median ms on {report['threads']} threads over {report['rounds']} rounds, and times as fast as "
        f"{report['times_as_fast_as']}; first answer: from the file to 68 points; refinement: from two clicks to 68 "
        "points; both take two passes of the network and its decoding (that of the published networks, at full "
        "resolution, takes long); difference: largest to eager, of logits.\n"
        f"Refinement by the default network takes {default['refinement']['median_ms']:.1f} ms, goal {GOAL_MS}."
    )


def _open(bundle_root: Path, name: str, weights: Path | None) -> KeypointAnnotator:
    # Of the published networks there are no weights; random ones take as long.
    given = "" if name != "default" else weights and str(weights)
    return KeypointAnnotator(bundle_root, NETWORKS[name], {} if given is None else {"weights": given})


def _wait(annotator: KeypointAnnotator, predict: Predict, image: Path) -> _Waits:
    annotator.network = predict
    return _Waits(annotator, predict, image, annotator.open(image))
