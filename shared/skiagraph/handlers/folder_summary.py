"""What inference over a folder leaves beside its results: one table, and a plain word about the files that failed."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ignite.engine import Engine

from .case_report import CaseReport, Row, write_rows
from .run_context import around_runs, process_rank, sigterm_as_exit

logger = logging.getLogger(__name__)

# So many failures are named in the last line; the table names all.
_NAMED_FAILURES = 5


class FolderSummary(CaseReport):
    """Write ``summary.csv``, a row for each image sorted by name; `conclude` then tells which images failed.

    An image that could not be read, or whose results could not be written, has been handed on with an ``error`` in
    the meta data of one of its entries (see `LoadFramed`, `SaveSurfaced`); the rest of the folder has been worked on.

    A run that an exception, Ctrl-C or SIGTERM ends leaves the rows of what was done until then. The other processes
    of a distributed run cannot be asked any more, so each leaves its own: rank 0 as ``summary.csv``, the others as
    ``summary_rank1.csv`` and so on, until a run comes to its end.

    Args:
        output_dir: folder to write to.
        describe: columns of the table for one decollated case that did not fail.
        write: called after the table is written, with its rows and the folder, for what else is to be written of all.
    """

    def __init__(
        self,
        output_dir: str | Path,
        describe: Callable[[dict[str, Any]], Mapping[str, Any]],
        write: Callable[[Sequence[Row], Path], None] | None = None,
    ) -> None:
        super().__init__(output_dir, _RowOf(describe))
        self.folder = Path(output_dir)
        self.write = write

    def attach(self, engine: Engine) -> None:
        """Register with an evaluator."""
        super().attach(engine)
        around_runs(engine, self._keeping_what_was_done)

    def conclude(self) -> None:
        """Say where the results are, or end the program with an exit code that is not 0 if an image failed.

        Last step of a config's ``finalize``.

        A workflow that lives in another program and is not finalised leaves it to that program to read `rows`.

        Raises:
            SystemExit: names the images that failed; on rank 0 alone, for all know of all.
        """
        failures = [row["message"] for row in self.rows if row["status"] == "failed"]
        if failures:
            more = "" if len(failures) <= _NAMED_FAILURES else f"; and {len(failures) - _NAMED_FAILURES} more"
            named = "; ".join(failures[:_NAMED_FAILURES])
            told = f"{len(failures)} of {len(self.rows)} images failed: {named}{more}"
            sys.exit(told if process_rank() == 0 else 1)
        if self.rows and process_rank() == 0:
            print(f"{len(self.rows)} images done, results in {self.folder}")

    def _write(self, folder: Path, summary: Mapping[str, float]) -> None:  # noqa: ARG002 (the rows say it all)
        write_rows(folder / "summary.csv", self.rows)
        for part in folder.glob("summary_rank*.csv"):
            part.unlink(missing_ok=True)
        if self.write is not None:
            self.write(self.rows, folder)

    @contextmanager
    def _keeping_what_was_done(self) -> Iterator[None]:
        # A folder that cannot be made is told before the work and not after it.
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with sigterm_as_exit():
                yield
        except BaseException:
            if self._scored and not self.rows:
                self._write_unfinished()
            raise

    def _write_unfinished(self) -> None:
        rank = process_rank()
        path = self.folder / ("summary.csv" if rank == 0 else f"summary_rank{rank}.csv")
        try:
            write_rows(path, [self._scored[name] for name in sorted(self._scored)])
        except OSError as error:  # what ended the run is to be told, not this
            logger.warning("%s could not be written: %s", path, error)


class _RowOf:
    def __init__(self, describe: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        self.describe = describe

    def __call__(self, case: dict[str, Any]) -> Mapping[str, Any]:
        for entry in case.values():
            if error := getattr(entry, "meta", {}).get("error"):
                return {"status": "failed", "message": error}
        return {"status": "done", **self.describe(case)}
