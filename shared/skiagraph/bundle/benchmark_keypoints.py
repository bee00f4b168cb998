"""What is measured of the bundle for vertebra keypoints: how long one waits for the first answer, and for the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor

from ..data import find_images
from .annotate_keypoints import KeypointAnnotator, OpenedSpine
from .benchmark import (
    RUNTIMES,
    ExportedNetwork,
    Predict,
    Rounds,
    Timing,
    count_multiply_adds,
    count_parameters,
    describe_machine,
    largest_difference,
    time_in_turn,
    torch_threads,
    without_information,
)

NETWORKS = {"default": (), "UNet-IKEM": ("unet_ikem.json",), "HRNet-OCR-IKEM": ("hrnet_ocr_ikem.json",)}
THREADS = 2
GOAL_MS = 100

_REFERENCE = ("UNet-IKEM", "eager")
_CLICKS = {"T5_tl": (0.4, 0.3), "L2_br": (0.6, 0.7)}

# What is timed, and the heading of its column.
_TIMED = {"first_answer": "first answer", "refinement": "refinement", "network_alone": "network alone"}

Report = dict[str, Any]
Candidate = tuple[str, str]


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
        inputs = {name: annotator.open(image).network_input for name, annotator in annotators.items()}
        predicts = _open_runtimes(annotators, inputs, Path(folder))
        waits = {key: _wait(annotators[key[0]], predict, image) for key, predict in predicts.items()}
        alone = {key: partial(predict, inputs[key[0]]) for key, predict in predicts.items()}
        turns = Rounds(rounds, timed=1)  # the published networks take seconds
        timed = {
            "first_answer": time_in_turn({key: wait.first for key, wait in waits.items()}, turns, "first answer"),
            "refinement": time_in_turn({key: wait.refinement for key, wait in waits.items()}, turns, "refinement"),
            "network_alone": time_in_turn(alone, turns, "network"),
        }
        differences = {
            key: largest_difference(predict, predicts[key[0], "eager"], inputs[key[0]])
            for key, predict in predicts.items()
        }
    return {
        "bundle": bundle_root.resolve().name,
        **describe_machine(),
        "threads": THREADS,
        "rounds": rounds,
        "times_as_fast_as": " ".join(_REFERENCE),
        "networks": {
            name: {
                "parameters": count_parameters(annotator.module),
                "multiply_adds": count_multiply_adds(annotator.module, inputs[name]),
            }
            for name, annotator in annotators.items()
        },
        "timings": [_row(key, timed, differences) for key in product(annotators, RUNTIMES)],
    }


def _open_runtimes(
    annotators: Mapping[str, KeypointAnnotator], inputs: Mapping[str, Tensor], folder: Path
) -> dict[Candidate, Predict]:
    """Each network in each runtime that is installed."""
    exported = {name: ExportedNetwork(one.module, inputs[name], folder / name) for name, one in annotators.items()}
    opened = {(name, runtime): exported[name].open(runtime, THREADS) for name in exported for runtime in RUNTIMES}
    return {key: predict for key, predict in opened.items() if predict is not None}


def keypoint_rows(report: Report) -> list[dict[str, Any]]:
    """A row for each network in each runtime, as `markdown_table` wants them."""
    rows = []
    for timing in report["timings"]:
        row: dict[str, Any] = {"network": timing["network"], "runtime": timing["runtime"]}
        if not timing["installed"]:
            rows.append({**row, "difference": "not installed"})
            continue
        for what, title in _TIMED.items():
            row[title] = f"{timing[what]['median_ms']:.1f} ({timing[what]['times_as_fast']:.2f}x)"
        size = report["networks"][timing["network"]]
        row["difference"] = f"{timing['largest_difference']:.1e}"
        row["parameters"] = f"{size['parameters'] / 1e6:.2f} M"
        row["multiply-adds"] = f"{size['multiply_adds'] / 1e9:.2f} G"
        rows.append(row)
    return rows


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


def _row(
    key: Candidate, timed: Mapping[str, Mapping[Candidate, Timing]], differences: Mapping[Candidate, float]
) -> Report:
    row: Report = {"network": key[0], "runtime": key[1], "installed": key in differences}
    if not row["installed"]:
        return row
    for what, timings in timed.items():
        row[what] = {
            "median_ms": timings[key].median_ms,
            "min_ms": timings[key].min_ms,
            "times_as_fast": timings[_REFERENCE].median_ms / timings[key].median_ms,
        }
    return {**row, "largest_difference": differences[key]}
