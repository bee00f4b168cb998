"""What is measured of the de-identification: files a second, memory, and what is left, beside other tools."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..dicom.check import CheckSettings, check_folders
from ..phantoms import write_files_of_kind
from .benchmark import Timing, describe_machine, without_information
from .deidentifiers import OURS, TOOLS, Tool, peak_mb

# Kinds of files, and the size of their images: as many bytes as real ones have.
KINDS = {"flat CR": ("cr", 1024), "nested enhanced CT": ("enhanced", 64), "cine XA": ("xa", 512)}
# How many times as fast as the fastest of the others.
GOALS = {"flat CR": 1.0, "nested enhanced CT": 1.5, "cine XA": 3.0}

Report = dict[str, Any]


def run_dicom_benchmark(files: int, frames: int, rounds: int) -> Report:
    """De-identify planted files of three kinds with each tool that is installed, in one process, and check the outputs.

    Args:
        files: of each kind.
        frames: of a cine.
        rounds: of timing.

    Raises:
        ValueError: there is nothing to time.
    """
    if files < 1 or frames < 1:
        raise ValueError(f"{files} files of {frames} frames are nothing to time; give 1 or more")
    tools = {name: tool for name, (package, tool) in TOOLS.items() if find_spec(package)}
    measured = []
    with TemporaryDirectory() as folder, without_information(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind, (drawn, size_px) in KINDS.items():
            root = Path(folder, drawn, "files")
            write_files_of_kind(root, drawn, files=files, size_px=size_px, frames=frames)
            timed = _time_in_turn(tools, root, rounds)
            left = {name: _leaks(tool, root, Path(folder, drawn, name)) for name, tool in tools.items()}
            memory = {name: _peak_mb(name, root) for name in tools}
            measured += [_row(kind, name, files, timed, left, memory) for name in TOOLS]
    return {**describe_machine(), "files": files, "frames": frames, "rounds": rounds, "tools": measured}


def dicom_rows(report: Report) -> list[dict[str, Any]]:
    """A row for each kind of file and tool, as `markdown_table` wants them."""
    rows = []
    for entry in report["tools"]:
        row: dict[str, Any] = {"files": entry["kind"], "tool": entry["tool"]}
        if not entry["installed"]:
            rows.append({**row, "leaks": "not installed"})
            continue
        row["files a second"] = f"{entry['files_per_second']:.1f}"
        row["times as fast as the fastest other"] = f"{entry['times_as_fast']:.2f}" if entry["times_as_fast"] else "-"
        row["leaks"] = str(entry["leaks"])
        row["peak memory"] = f"{entry['peak_mb']:.0f} MB"
        rows.append(row)
    return rows


def dicom_notes(report: Report) -> str:
    """What the table's figures are, and how the de-identifier stands to its goals."""
    own = {entry["kind"]: entry for entry in report["tools"] if entry["tool"] == OURS}
    stands = ", ".join(
        f"{kind} {entry['times_as_fast']:.2f} (goal {GOALS[kind]:g})"
        for kind, entry in own.items()
        if entry["times_as_fast"]
    )
    return (
        f"Median of {report['rounds']} rounds, {report['files']} files of each kind in one process, a cine of "
        f"{report['frames']} frames; leaks: what scripts.check_deidentified finds.\n"
        f"Times as fast as the fastest other: {stands or 'no other tool is installed'}."
    )


def _time_in_turn(tools: Mapping[str, Tool], root: Path, rounds: int) -> dict[str, Timing]:
    """As `benchmark.time_in_turn`, without the time that it takes to remove what was written."""
    seconds: dict[str, list[float]] = {name: [] for name in tools}
    for number in range(rounds + 1):
        for name in list(tools) if number % 2 == 0 else reversed(list(tools)):
            with TemporaryDirectory() as folder:
                (out := Path(folder, "out")).mkdir()
                start = time.perf_counter()
                tools[name](root, out)
                seconds[name].append(time.perf_counter() - start)
    return {name: Timing(tuple(each[1:])) for name, each in seconds.items()}


def _leaks(tool: Tool, root: Path, out: Path) -> int:
    out.mkdir(parents=True)
    tool(root, out)
    return sum(check_folders(root, out, CheckSettings(jobs=1)).counts.values())


def _peak_mb(name: str, root: Path) -> float:
    """Most memory that a process of its own has while a tool works, that of its packages among it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(peak_mb, name, root).result()


def _row(
    kind: str,
    name: str,
    files: int,
    timed: Mapping[str, Timing],
    left: Mapping[str, int],
    memory: Mapping[str, float],
) -> Report:
    row: Report = {"kind": kind, "tool": name, "installed": name in timed}
    if not row["installed"]:
        return row
    others = [timing.median_ms for other, timing in timed.items() if other != OURS]
    return {
        **row,
        "files_per_second": files * 1e3 / timed[name].median_ms,
        "times_as_fast": min(others) / timed[name].median_ms if others else None,
        "leaks": left[name],
        "peak_mb": memory[name],
    }
