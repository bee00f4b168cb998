"""Networks in all runtimes: opened, set against one of them, and as rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from .benchmark import RUNTIMES, ExportedNetwork, Predict, Timing, largest_difference

Report = dict[str, Any]
Kind = tuple[Any, ...]
"""Which network, and what else it was opened with, such as the size of its input."""
Candidate = tuple[Any, ...]
"""A kind, and the runtime."""


def open_runtimes(
    networks: Mapping[Kind, tuple[nn.Module, Tensor]], folder: Path, threads: int
) -> dict[Candidate, Predict]:
    """Each network in each runtime that is installed.

    Args:
        networks: module and an input of the shape to export for.
        folder: for the files that other runtimes read.
        threads: of the other runtimes; eager and TorchScript use as many as torch is set to.
    """
    opened: dict[Candidate, Predict | None] = {}
    for kind, (network, example) in networks.items():
        exported = ExportedNetwork(network, example, folder / "_".join(map(str, kind)))
        opened |= {(*kind, runtime): exported.open(runtime, threads) for runtime in RUNTIMES}
    return {key: predict for key, predict in opened.items() if predict is not None}


@dataclass(frozen=True)
class RuntimeTable:
    """What a benchmark reports of candidates, and shows of that.

    Attributes:
        names: what the parts of a candidate are, such as ``("network", "runtime")``.
        titles: what is timed, and the heading of its column.
        reference: the candidate that the others are compared with.
    """

    names: tuple[str, ...]
    titles: Mapping[str, str]
    reference: Candidate

    def timings(
        self,
        candidates: Iterable[Candidate],
        timed: Mapping[str, Mapping[Candidate, Timing]],
        differences: Mapping[Candidate, float],
    ) -> list[Report]:
        """An entry for each candidate, for JSON; of one that is not in `differences` it says that it is not there."""
        return [self._timing(key, timed, differences) for key in candidates]

    def rows(self, timings: Iterable[Report], size: Callable[[Report], tuple[int, int]]) -> list[dict[str, Any]]:
        """A row for each of `timings`, as `markdown_table` wants them.

        Args:
            timings: what the method of that name made.
            size: parameters and multiply-adds of a timing's network.
        """
        return [self._row(timing, size) for timing in timings]

    def _timing(
        self,
        key: Candidate,
        timed: Mapping[str, Mapping[Candidate, Timing]],
        differences: Mapping[Candidate, float],
    ) -> Report:
        named = dict(zip(self.names, key, strict=True))
        if key not in differences:
            return {**named, "installed": False}
        compared = {what: timed[what][key].against(timed[what][self.reference]) for what in self.titles}
        return {**named, "installed": True, **compared, "largest_difference": differences[key]}

    def _row(self, timing: Report, size: Callable[[Report], tuple[int, int]]) -> dict[str, Any]:
        named = {name: timing[name] for name in self.names}
        if not timing["installed"]:
            return {**named, "difference": "not installed"}
        parameters, multiply_adds = size(timing)
        return {
            **named,
            **{
                title: f"{timing[what]['median_ms']:.1f} ({timing[what]['times_as_fast']:.2f}x)"
                for what, title in self.titles.items()
            },
            "difference": f"{timing['largest_difference']:.1e}",
            "parameters": f"{parameters / 1e6:.2f} M",
            "multiply-adds": f"{multiply_adds / 1e9:.2f} G",
        }


def differences_to_eager(
    predicts: Mapping[Candidate, Predict], inputs: Mapping[Kind, Tensor]
) -> dict[Candidate, float]:
    """Largest difference of each candidate's answer to that of its network in PyTorch as it is."""
    return {
        key: largest_difference(predict, predicts[*key[:-1], "eager"], inputs[key[:-1]])
        for key, predict in predicts.items()
    }
