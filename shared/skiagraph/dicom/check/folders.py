"""A folder of de-identified files held against the folder that they were made of."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...folder_work import whole_file, work_through, write_json
from .across import seen_across
from .facts import FactsTask, walk, write_facts
from .findings import LEAK, NOTICE, Finding
from .matching import match_files
from .one_file import FileTask, check_outputs
from .pixels import Looked
from .store import ORIGINAL, OUTPUT, Store

_FILES_OF_A_TASK = 16
_COUNTS = "SELECT kind, count(*) FROM finding WHERE level = ? GROUP BY kind ORDER BY kind"
_FILES = "SELECT count(*) FROM file WHERE side = ? AND kind = 'dicom'"
_TABLE = ("level", "kind", "file", "path", "what", "origin", "note")


@dataclass(frozen=True)
class CheckSettings:
    """How a check runs.

    Attributes:
        pixels: read text in the frames of every image: none, a sample of eight of each file, or all.
        show: tell values as they are; else only their first letter and length.
        report: CSV or JSON file to write, with all findings.
        most: how many findings are kept for the answer; the report has all.
        work: folder for what is kept on the way, seen by all workers; one of the system's by default.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler that takes the place of the processes.
    """

    pixels: Looked = "none"
    show: bool = False
    report: Path | None = None
    most: int = 200
    work: Path | None = None
    jobs: int = -1
    cluster: str | None = None


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Attributes:
        originals: number of DICOM files in the original.
        outputs: number of DICOM files in the output.
        values: number of values that were looked for.
        counts: number of leaks by kind.
        notices: number of notices by kind.
        findings: the first leaks and notices.
    """

    originals: int
    outputs: int
    values: int
    counts: dict[str, int]
    notices: dict[str, int]
    findings: tuple[Finding, ...] = field(repr=False)

    @property
    def clean(self) -> bool:
        """Whether nothing was found that must not be."""
        return not self.counts


def check_folders(original: Path, output: Path, settings: CheckSettings | None = None) -> CheckReport:
    """Report what can still be found of a folder in what a de-identifier made of it.

    Nothing is known but the two folders: counterparts are found by what both have in common (see `match_files`), and
    what was allowed to stay by what each output declares in (0012,0064). Facts and findings are kept in a database
    on disk; the memory of this process does not grow with the values of the files.

    Args:
        original: folder before de-identification; read only.
        output: folder after it; read only.
        settings: how.

    Raises:
        ValueError, OSError: a folder is missing or empty, or lies in the other.
    """
    settings = settings or CheckSettings()
    for folder in (original, output):
        if not folder.is_dir():
            raise ValueError(f"{folder}: is no folder; give the folder of the originals and that of the output")
    with TemporaryDirectory(prefix="check-", dir=settings.work) as work:
        store = Store(Path(work) / "check.sqlite", new=True)
        for side, root in ((ORIGINAL, original.absolute()), (OUTPUT, output.absolute())):
            _gather(store, root, side, settings)
        store.index()
        match_files(store)
        _look(store, original.absolute(), output.absolute(), settings)
        store.add_findings(seen_across(store))
        report = _report(store, settings)
        store.close()
    return report


def _gather(store: Store, root: Path, side: int, settings: CheckSettings) -> None:
    tasks = (
        FactsTask(root, some, store.path.with_name(f"facts-{number:09}.jsonl"), side == ORIGINAL)
        for number, some in enumerate(_in_groups(walk(root)))
    )
    _run(store, write_facts, tasks, settings, ("originals", "outputs")[side])
    for lines in sorted(store.path.parent.glob("facts-*.jsonl")):
        store.add_facts(lines, side)
        lines.unlink()
    if not store.count("SELECT count(*) FROM file WHERE side = ?", side):
        raise ValueError(f"{root}: holds no files; there is nothing to check")


def _look(store: Store, original: Path, output: Path, settings: CheckSettings) -> None:
    # Files of one patient come together, so that what is looked for is set up once.
    query = """SELECT o.id, o.path FROM file o LEFT JOIN match ON output = o.id LEFT JOIN file i ON i.id = original
        WHERE o.side = ? GROUP BY o.id ORDER BY min(i.grp), o.id"""
    groups = _in_groups(store.rows(query, OUTPUT))
    tasks = (
        FileTask(original, output, store.path, tuple(some), store.path.with_name(f"look-{n:09}.jsonl"), settings.pixels)
        for n, some in enumerate(groups)
    )
    store.database.commit()
    _run(store, check_outputs, tasks, settings, "check")
    for lines in sorted(store.path.parent.glob("look-*.jsonl")):
        with lines.open(encoding="utf-8") as file:
            for record in map(json.loads, file):
                store.add_findings(Finding(**finding) for finding in record["findings"])
                store.add_pairs(tuple(pair) for pair in record["pairs"])
        lines.unlink()


def _run(store: Store, function: Any, tasks: Iterable[Any], settings: CheckSettings, description: str) -> None:
    """Work through tasks; what takes its worker down is a leak, for nobody has looked at it."""
    report = work_through(
        function,
        tasks,
        name=lambda task: task.first,
        jobs=settings.jobs,
        cluster=settings.cluster,
        description=description,
    )
    note = "this file or one of the fifteen after it could not be looked at: "
    store.add_findings(
        Finding(LEAK, "unreadable", failure.name, "", "", note=note + failure.message) for failure in report.failures
    )


def _in_groups(items: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    rest = iter(items)
    while some := tuple(islice(rest, _FILES_OF_A_TASK)):
        yield some


def _report(store: Store, settings: CheckSettings) -> CheckReport:
    counts, notices = (dict(store.rows(_COUNTS, level)) for level in (LEAK, NOTICE))
    if settings.report is not None:
        _write_report(store, settings.report, show=settings.show)
    findings = (finding for level in (LEAK, NOTICE) for finding in islice(store.findings(level), settings.most))
    return CheckReport(
        originals=store.count(_FILES, ORIGINAL),
        outputs=store.count(_FILES, OUTPUT),
        values=store.count("SELECT count(*) FROM secret") + store.count("SELECT count(*) FROM uid"),
        counts=counts,
        notices=notices,
        findings=tuple(findings),
    )


def _write_report(store: Store, path: Path, *, show: bool) -> None:
    findings = (finding for level in (LEAK, NOTICE) for finding in store.findings(level))
    rows = (asdict(finding) | {"what": finding.what if show else finding.masked()} for finding in findings)
    if path.suffix == ".json":
        write_json(path, list(rows))
        return
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _TABLE)
        writer.writeheader()
        writer.writerows(rows)
