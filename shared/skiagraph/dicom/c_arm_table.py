"""Tables of the C-arm's geometry over a file or a folder: one row a frame."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from ..folder_work import Outcome, Report, walk_files, whole_file, work_through
from .c_arm import NotAnAngiogramError, read_c_arm
from .c_arm_record import CArmFrame, IsocentreSystem

# Their rows are written before the next files are read, so that memory does not grow with the folder.
_FILES_AT_A_TIME = 1000
# Pairs become two columns, named by what each is.
_PAIRS = {
    "imager_spacing_mm": ("imager_spacing_row_mm", "imager_spacing_column_mm"),
    "detector_tilt_deg": ("detector_tilt_primary_deg", "detector_tilt_secondary_deg"),
    "isocentre_px": ("isocentre_x_px", "isocentre_y_px"),
    "field_of_view_dimensions_mm": ("field_of_view_row_mm", "field_of_view_column_mm"),
}

Row = dict[str, Any]
WriteRow = Callable[[Row], None]


@dataclass(frozen=True)
class _Skipped:
    """What became of a file that is no angiogram."""

    reason: str


def frame_row(frame: CArmFrame) -> Row:
    """One frame as a flat row: in each column a number, a word, true or false, or None; `notes` is a tuple of lines."""
    told = asdict(frame) | {"isocentre": asdict(frame.isocentre or IsocentreSystem())}
    row: Row = {}
    for name, value in told.items():
        for column, entry in _named(name, value).items():
            names = _PAIRS.get(column)
            row |= {column: entry} if names is None else dict(zip(names, entry or (None, None), strict=True))
    return row


def _named(name: str, value: Any) -> Row:
    if isinstance(value, dict):
        return {f"{name}_{inner}": entry for inner, entry in value.items()}
    return {name: value}


def write_c_arm_table(
    source: str | Path,
    out: str | Path,
    *,
    tell: Callable[[str], object] = print,
    jobs: int = -1,
    cluster: str | None = None,
) -> Report:
    """Read the C-arm's geometry of every angiogram into one table, in the order of the files' names.

    The columns are `file`, the name relative to the folder, and those of `frame_row`. What is unknown is an empty cell,
    or null in JSON.

    Args:
        source: a file or a folder.
        out: table to write, .csv or .json.
        tell: gets a line for each file that is no angiogram.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler, such as tcp://scheduler:8786.

    Returns:
        what became of each file; the result of one that was read is its number of frames.

    Raises:
        ValueError: `out` ends otherwise.
        FileNotFoundError: there is no `source`.
    """
    source, out = Path(source), Path(out)
    rows_to = _WRITERS.get(out.suffix.lower())
    if rows_to is None:
        raise ValueError(f"{out}: the table is written as {' or '.join(_WRITERS)}")
    if not source.exists():
        raise FileNotFoundError(f"{source}: there is no such file or folder")
    root = source if source.is_dir() else source.parent
    outcomes: list[Outcome] = []
    with whole_file(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as file, rows_to(file) as put:
        files = _files(source, leave_out={out.absolute(), temporary.absolute()})
        while some := list(islice(files, _FILES_AT_A_TIME)):
            report = work_through(
                _rows, some, name=lambda path: path.relative_to(root).as_posix(), jobs=jobs, cluster=cluster
            )
            outcomes.extend(_settle(outcome, put, tell) for outcome in report.outcomes)
    return Report(tuple(outcomes))


def _files(source: Path, leave_out: set[Path]) -> Iterator[Path]:
    files = [source] if source.is_file() else walk_files(source)
    yield from (path for path in files if path.absolute() not in leave_out)


def _rows(path: Path) -> list[Row] | _Skipped:
    try:
        return [frame_row(frame) for frame in read_c_arm(path)]
    except NotAnAngiogramError as error:
        return _Skipped(str(error).removeprefix(f"{path}: "))
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f"{path}: ")) from error


def _settle(outcome: Outcome, put: WriteRow, tell: Callable[[str], object]) -> Outcome:
    if isinstance(outcome.result, _Skipped):
        tell(f"{outcome.name}: skipped, {outcome.result.reason}")
        return Outcome(outcome.name, "skipped")
    for row in outcome.result or ():
        put({"file": outcome.name, **row})
    return replace(outcome, result=len(outcome.result)) if outcome.status == "done" else outcome


@contextmanager
def _csv_rows(file: TextIO) -> Iterator[WriteRow]:
    columns = ["file", *frame_row(CArmFrame(frame_number=1, rows=1, columns=1, enhanced=False))]
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    yield lambda row: writer.writerow({**row, "notes": "; ".join(row["notes"])})


@contextmanager
def _json_rows(file: TextIO) -> Iterator[WriteRow]:
    separator = "[\n"

    def put(row: Row) -> None:
        nonlocal separator
        file.write(separator + json.dumps(row, ensure_ascii=False, allow_nan=False))
        separator = ",\n"

    yield put
    file.write("[]\n" if separator == "[\n" else "\n]\n")


_WRITERS = {".csv": _csv_rows, ".json": _json_rows}
