"""What an evaluation leaves: metrics of every case, and of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch.distributed
from ignite.engine import Engine, Events

from ..folder_work import whole_file, write_json
from ..metrics.case_means import case_means
from .run_context import in_group, process_rank

Row = dict[str, Any]


class CaseReport:
    """Score every case of a MONAI evaluator, and write the metrics at the end of its epoch.

    `engine.state.metrics` takes up the summary. With a folder, rank 0 also writes there ``metrics.json`` (the facts,
    then the summary; flat, null where a metric is undefined), ``per_case.csv`` (a row for each case, sorted by name,
    empty where a metric is undefined) and what `plot` draws. In a distributed run the cases of all ranks are gathered;
    one that a sampler dealt out twice counts once, and a rank may be without cases.

    Args:
        output_dir: folder to write to; by default nothing is written.
        score: metrics of one decollated case of `engine.state.output`, keys with units, NaN where undefined;
            and, as text, what `summarise` wants to know besides.
        summarise: metrics of all, from the rows of ``per_case.csv``; by default the means over the cases where a
            metric is defined, and `n`.
        plot: called with the rows and `output_dir`.
        facts: stands in ``metrics.json`` beside the metrics, for instance `data_list_sha256`.
        dataset_dir: cases without a name in their meta data are called by their path below this folder.

    Raises:
        TypeError: while running, the evaluator does not decollate its batches.
        ValueError: while running, a case has no image with a file name, or two cases of one rank have the same name.
    """

    def __init__(
        self,
        output_dir: str | Path | None,
        score: Callable[[dict[str, Any]], Mapping[str, float | str]],
        summarise: Callable[[Sequence[Row]], Mapping[str, float]] = case_means,
        plot: Callable[[Sequence[Row], str], None] | None = None,
        facts: Mapping[str, Any] | None = None,
        dataset_dir: str | Path | None = None,
    ) -> None:
        self.output_dir = None if output_dir is None else Path(output_dir)
        self.score = score
        self.summarise = summarise
        self.plot = plot
        self.facts = dict(facts or {})
        self.dataset_dir = dataset_dir
        self.rows: list[Row] = []
        self._scored: dict[str, Row] = {}

    def attach(self, engine: Engine) -> None:
        """Register with an evaluator."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._score_batch)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._report)

    def _start(self) -> None:
        self.rows = []
        self._scored = {}

    def _score_batch(self, engine: Engine) -> None:
        cases = engine.state.output
        if not isinstance(cases, list):
            raise TypeError("CaseReport wants a list of cases: leave the evaluator's `decollate` at its default, True.")
        for case in cases:
            name = case_name(case, self.dataset_dir)
            if name in self._scored:
                raise ValueError(f"{name}: two cases have this name; give each item of the data list its own `name`.")
            self._scored[name] = {"name": name, **self.score(case)}

    def _report(self, engine: Engine) -> None:
        self.rows = _gather(self._scored)
        summary = dict(self.summarise(self.rows))
        engine.state.metrics.update(summary)
        if self.output_dir is not None and process_rank() == 0:
            self._write(self.output_dir, summary)

    def _write(self, folder: Path, summary: Mapping[str, float]) -> None:
        write_json(folder / "metrics.json", {**self.facts, **summary})
        write_rows(folder / "per_case.csv", self.rows)
        if self.plot is not None:
            self.plot(self.rows, str(folder))


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as a CSV table, empty where a row lacks a column or its value is not known."""
    with whole_file(path) as temporary:
        # A column of numbers would turn whole ones into 1.0 wherever one is missing.
        pd.DataFrame(rows, dtype=object).to_csv(temporary, index=False)


def case_name(case: Mapping[str, Any], dataset_dir: str | Path | None = None) -> str:
    """What a case is called: the `name` of its image's meta data, else its file's path.

    Args:
        case: its image stands under `image`, else it is the first entry that knows its file.
        dataset_dir: the path is relative to this folder where it lies below it, in POSIX form.

    Raises:
        ValueError: no entry of the case knows its file.
    """
    root = None if dataset_dir is None else Path(dataset_dir).absolute()
    for entry in (case.get("image"), *case.values()):
        meta = getattr(entry, "meta", {})
        if meta.get("name") or meta.get("filename_or_obj"):
            path = Path(meta.get("name") or Path(meta["filename_or_obj"]).absolute())
            return (path.relative_to(root) if root and path.is_relative_to(root) else path).as_posix()
    raise ValueError("CaseReport finds no image with the meta data of a MONAI reader (filename_or_obj) in a case.")


def _gather(scored: Mapping[str, Row]) -> list[Row]:
    """The rows of all ranks by name, each once; the one of the lowest rank where several have it."""
    shares: list[Any] = [dict(scored)]
    if in_group():
        shares = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(shares, dict(scored))
    merged: dict[str, Row] = {}
    for share in reversed(shares):
        merged.update(share)
    return [merged[name] for name in sorted(merged)]
