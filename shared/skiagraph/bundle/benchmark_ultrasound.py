"""What is measured of the bundle for bone surfaces in ultrasound: time, size and F1, against the published network."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from ..data import data_list_sha256, read_data_list
from ..metrics.case_means import case_means
from ..metrics.ridge_baseline import tune_ridge_filter
from ..transforms import SurfaceLinesd
from .benchmark import (
    RUNTIMES,
    Predict,
    Rounds,
    Timing,
    describe_machine,
    largest_difference,
    time_in_turn,
    torch_threads,
    without_information,
)
from .configs import evaluated
from .ultrasound_chain import DEFAULT, OVERLAYS, PUBLISHED, InferenceChain, SameAnswers, UltrasoundBenchmark

THREADS = (1, 2)
STREAM_THREADS = 2
STREAM_GOAL = 30
RIDGE = "ridge_filter"

_REFERENCE = (PUBLISHED, "eager")
# Tuning looks at each frame some two hundred times.
_MOST_TUNING_FRAMES = 60

Report = dict[str, Any]
Candidate = tuple[str, str]
Entry = TypeVar("Entry")


def run_ultrasound_benchmark(settings: UltrasoundBenchmark) -> Report:
    """Measure everything, and return what `ultrasound_rows` makes a table of and what is written as JSON.

    Raises:
        FileNotFoundError: weights, data list or images are missing.
        ValueError: there are no frames, or the weights do not fit.
    """
    list_path = Path(evaluated(settings.parse("train.json"), "data_list"))
    items = _spread(read_data_list(list_path, settings.dataset_dir, "test"), settings.frames)
    if not items:
        raise ValueError(f"{list_path}: no frames to time; the list needs a test part, and --frames at least 1")
    with TemporaryDirectory() as folder, without_information():
        chains = {name: InferenceChain(settings, name, items, Path(folder) / name) for name in OVERLAYS}
        timings = _time_all(chains, settings.rounds)
        networks = {name: chain.describe() for name, chain in chains.items()}
        f1, ridge_filter = _measure_f1(settings, Path(folder))
    return {
        "bundle": settings.bundle_root.resolve().name,
        **describe_machine(),
        "data_list_sha256": data_list_sha256(list_path),
        "frames": len(items),
        "rounds": settings.rounds,
        "times_as_fast_as": " ".join(_REFERENCE),
        "networks": networks,
        "timings": timings,
        "f1_0.5mm": f1,
        "ridge_filter": ridge_filter,
    }


def ultrasound_rows(report: Report) -> list[dict[str, Any]]:
    """A row for each network in each runtime, and one for the ridge filter, as `markdown_table` wants them.

    Times are medians in ms; beside them stands how many times as fast as the published network eager, on as many
    threads and in the same run, that is.
    """
    rows = []
    for timing in report["timings"]:
        network = report["networks"][timing["network"]]
        row = {"network": timing["network"], "runtime": timing["runtime"]}
        if not timing["installed"]:
            rows.append({**row, "difference": "not installed"})
            continue
        for what, title in (("network", "network"), ("end_to_end", "end to end")):
            for threads in THREADS:
                measured = timing[f"{what}_{threads}_threads"]
                row[f"{title}, {threads} thr."] = f"{measured['median_ms']:.1f} ({measured['times_as_fast']:.2f}x)"
        stream = timing["stream_frames_per_second"]
        row["stream, 1/s"] = "-" if stream is None else f"{stream:.1f}"
        row["difference"] = f"{timing['largest_difference']:.1e}"
        row["parameters"] = f"{network['parameters'] / 1e6:.2f} M"
        row["multiply-adds"] = f"{network['multiply_adds'] / 1e9:.2f} G"
        row["F1, 0.5 mm"] = _f1_text(report, timing["network"]) if timing["runtime"] == "eager" else ""
        rows.append(row)
    return [*rows, {"network": "ridge filter", "F1, 0.5 mm": _f1_text(report, RIDGE)}]


def ultrasound_notes(report: Report) -> str:
    """What the table's figures are, and how the best stream stands to its goal."""
    streams = {
        row["runtime"]: row["stream_frames_per_second"] for row in report["timings"] if row["network"] == DEFAULT
    }
    best = max(streams, key=lambda runtime: streams[runtime] or 0.0)
    return (
        f"Median ms per image over {report['rounds']} rounds, and times as fast as {report['times_as_fast_as']}; "
        f"end to end: {report['frames']} files to mask, overlay and lines; difference: largest to eager, of logits.\n"
        f"Stream on {STREAM_THREADS} threads, decoded frame to lines: best {streams[best]:.1f} frames/s with {best}, "
        f"goal {STREAM_GOAL}."
    )


def _f1_text(report: Report, name: str) -> str:
    value = report["f1_0.5mm"][name]
    return "-" if value is None else f"{value:.3f}"


def _time_all(chains: Mapping[str, InferenceChain], rounds: int) -> list[Report]:
    """A row for each network and runtime; everything is timed on one number of threads, then on the next."""
    reference = chains[DEFAULT]
    predict = reference.exported.open("eager", threads=1)
    assert predict is not None
    answers = [predict(image) for image in reference.images]
    rows: dict[Candidate, Report] = {(name, runtime): {} for name in chains for runtime in RUNTIMES}
    for threads in THREADS:
        with torch_threads(threads):
            opened = {key: chains[key[0]].exported.open(key[1], threads) for key in rows}
            predicts = {key: predict for key, predict in opened.items() if predict is not None}
            _add(rows, f"network_{threads}_threads", _time_networks(chains, predicts, rounds, threads))
            networks = {
                (name, runtime): SameAnswers(chains[name].network if runtime == "eager" else predict, answers)
                for (name, runtime), predict in predicts.items()
            }
            _add(rows, f"end_to_end_{threads}_threads", _time_files(chains, networks, rounds, threads))
            if threads == STREAM_THREADS:
                streams = _time_streams(chains[DEFAULT], predicts, rounds)
    for (name, runtime), row in rows.items():
        stream = streams.get((name, runtime))
        row["stream_frames_per_second"] = stream and 1e3 / stream.median_ms
        own = predicts.get((name, runtime))
        row["largest_difference"] = own and max(
            largest_difference(own, predicts[name, "eager"], image) for image in chains[name].images
        )
    return [{"network": name, "runtime": runtime, **row} for (name, runtime), row in rows.items()]


def _time_networks(
    chains: Mapping[str, InferenceChain], predicts: Mapping[Candidate, Predict], rounds: int, threads: int
) -> dict[Candidate, Timing]:
    calls = {key: partial(predict, chains[key[0]].images[0]) for key, predict in predicts.items()}
    return time_in_turn(calls, Rounds(rounds), f"networks, {threads} threads")


def _time_files(
    chains: Mapping[str, InferenceChain], networks: Mapping[Candidate, SameAnswers], rounds: int, threads: int
) -> dict[Candidate, Timing]:
    calls = {key: partial(chains[key[0]].run_files, network) for key, network in networks.items()}
    # A call works through many images, so that its start does not count.
    timed = time_in_turn(calls, Rounds(rounds, untimed=0, timed=1), f"end to end, {threads} threads")
    return {key: timing.shared_by(len(chains[key[0]].images)) for key, timing in timed.items()}


def _time_streams(chain: InferenceChain, predicts: Mapping[Candidate, Predict], rounds: int) -> dict[Candidate, Timing]:
    calls = {key: partial(chain.lines_of_frame, predict) for key, predict in predicts.items() if key[0] == DEFAULT}
    return time_in_turn(calls, Rounds(rounds), f"stream, {STREAM_THREADS} threads")


def _add(rows: Mapping[Candidate, Report], name: str, timings: Mapping[Candidate, Timing]) -> None:
    for key, row in rows.items():
        timing = timings.get(key)
        row["installed"] = timing is not None
        row[name] = timing and timing.against(timings[_REFERENCE])


def _measure_f1(settings: UltrasoundBenchmark, folder: Path) -> tuple[dict[str, float | None], Report | None]:
    """F1 on the test part, of the networks and of a ridge filter; and how that was tuned."""
    validation = _spread(list(_cases(settings, "validation")), _MOST_TUNING_FRAMES)
    tuned = tune_ridge_filter(validation)
    f1: dict[str, float | None] = {DEFAULT: _network_f1(settings, DEFAULT, folder), PUBLISHED: None, RIDGE: None}
    if settings.published_weights is not None:
        f1[PUBLISHED] = _network_f1(settings, PUBLISHED, folder)
    if tuned is None:
        return f1, None
    f1[RIDGE] = _or_none(case_means({"f1": tuned.f1(case)} for case in _cases(settings, "test"))["f1"])
    return f1, {**asdict(tuned), "tuned_on_frames": len(validation)}


def _network_f1(settings: UltrasoundBenchmark, network: str, folder: Path) -> float | None:
    out = folder / f"evaluate_{network}"
    parser = settings.parse("train.json", "evaluate.json", network=network, output_dir=str(out))
    for step in ("initialize", "run"):
        evaluated(parser, step)
    value: float | None = json.loads((out / "metrics.json").read_bytes())["f1_0.5mm"]
    return value


def _cases(settings: UltrasoundBenchmark, part: str) -> Iterator[dict[str, Any]]:
    """The frames of a part as the network sees them, with their true lines."""
    dataset = evaluated(settings.parse("train.json", "evaluate.json", part=part), "validate#dataset")
    find_truth = SurfaceLinesd("truth")
    for number in range(len(dataset)):
        case = find_truth(dataset[number])
        yield {"image": case["image"], "truth_lines": case["truth_lines"]}


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _spread(entries: Sequence[Entry], count: int) -> list[Entry]:
    """At most so many, evenly over all."""
    return (
        [entries[len(entries) * number // count] for number in range(count)] if count < len(entries) else list(entries)
    )
