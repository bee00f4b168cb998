"""What inference over a folder leaves beside its results: one table, and a plain word about the files that failed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..folder_work import whole_file
from .case_report import CaseReport

# So many failures are named in the last line; the table names all.
_NAMED_FAILURES = 5


class FolderSummary(CaseReport):
    """Write ``summary.csv``, a row for each image sorted by name; `conclude` then tells which images failed.

    Images that could not be read have been handed on by `LoadFramed` with an ``error`` in their meta data; the rest
    of the folder has been worked on.

    Args:
        output_dir: folder to write to.
        describe: columns of the table for one decollated case that did not fail.
    """

    def __init__(self, output_dir: str | Path, describe: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        super().__init__(output_dir, _RowOf(describe))

    def _write(self, folder: Path, summary: Mapping[str, float]) -> None:  # noqa: ARG002 (the rows say it all)
        with whole_file(folder / "summary.csv") as temporary:
            pd.DataFrame(self.rows).to_csv(temporary, index=False)

    def conclude(self) -> None:
        """End the program with an exit code that is not 0 if an image failed; last step of a config's ``finalize``.

        A workflow that lives in another program and is not finalised leaves it to that program to read `rows`.

        Raises:
            SystemExit: names the images that failed.
        """
        failures = [row["message"] for row in self.rows if row["status"] == "failed"]
        if failures:
            more = "" if len(failures) <= _NAMED_FAILURES else f"; and {len(failures) - _NAMED_FAILURES} more"
            named = "; ".join(failures[:_NAMED_FAILURES])
            sys.exit(f"{len(failures)} of {len(self.rows)} images failed: {named}{more}")


class _RowOf:
    def __init__(self, describe: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        self.describe = describe

    def __call__(self, case: dict[str, Any]) -> Mapping[str, Any]:
        error = case["image"].meta["error"]
        return {"status": "failed", "message": error} if error else {"status": "done", **self.describe(case)}
