"""What inference over a folder leaves beside its results: one table, and a plain word about the files that failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from ignite.engine import Engine, Events

from ..folder_work import whole_file
from .case_report import CaseReport

# So many failures are named in the last line; the table names all.
_NAMED_FAILURES = 5


class FolderSummary(CaseReport):
    """Write ``summary.csv``, a row for each image sorted by name, and fail at the end if an image failed.

    Images that could not be read have been handed on by `LoadFramed` with an ``error`` in their meta data; the rest
    of the folder has been worked on.

    Args:
        output_dir: folder to write to.
        describe: columns of the table for one decollated case that did not fail.

    Raises:
        RuntimeError: after the run, names the images that failed.
    """

    def __init__(self, output_dir: str | Path, describe: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        super().__init__(output_dir, _RowOf(describe))

    def attach(self, engine: Engine) -> None:
        """Register with an evaluator."""
        super().attach(engine)
        engine.add_event_handler(Events.COMPLETED, self._tell)

    def _write(self, folder: Path, summary: Mapping[str, float]) -> None:  # noqa: ARG002 (the rows say it all)
        with whole_file(folder / "summary.csv") as temporary:
            pd.DataFrame(self.rows).to_csv(temporary, index=False)

    def _tell(self, engine: Engine) -> None:
        failures = [row["message"] for row in self.rows if row["status"] == "failed"]
        engine.logger.info(f"{len(self.rows) - len(failures)} of {len(self.rows)} images done: {self.output_dir}")
        if failures:
            more = "" if len(failures) <= _NAMED_FAILURES else f"; and {len(failures) - _NAMED_FAILURES} more"
            named = "; ".join(failures[:_NAMED_FAILURES])
            raise RuntimeError(f"{len(failures)} of {len(self.rows)} images failed: {named}{more}")


class _RowOf:
    def __init__(self, describe: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        self.describe = describe

    def __call__(self, case: dict[str, Any]) -> Mapping[str, Any]:
        error = case["image"].meta["error"]
        return {"status": "failed", "message": error} if error else {"status": "done", **self.describe(case)}
