"""A folder of DICOM files, de-identified in two passes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from ...folder_work import Outcome, Report, describe_error, walk_files, work_through
from .collecting import Collector, Facts
from .directory import write_directory
from .index import Index
from .one_file import Done, Instance, deidentify_instance, profile_of
from .refusing import refusal
from .settings import Settings
from .source import DIRECTORY, NotDicomError, open_source

_T = TypeVar("_T")
# Outcomes are held in memory for so many files at a time.
_BATCH = 8192


@dataclass(frozen=True)
class FolderReport(Report):
    """What became of a folder of files.

    Attributes:
        outcomes: those that failed only, for there may be millions of others.
        counts: how many files have each status.
        not_dicom: files that are none, and are not copied.
        duplicates: files that hold what another one holds; it was written once.
    """

    counts: dict[str, int] = field(default_factory=dict)
    not_dicom: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """Number of files that were done now."""
        return self.counts.get("done", 0)

    @property
    def skipped(self) -> int:
        """Number of files that had been done before."""
        return self.counts.get("skipped", 0)

    def summary(self) -> str:
        """The counts, and a line for each file that failed, is a duplicate, or is not DICOM and was not copied."""
        lines = [super().summary()]
        lines += [f"duplicate: {line}" for line in self.duplicates]
        lines += [f"not DICOM, not copied: {path}" for path in self.not_dicom]
        return "\n".join(lines)


@dataclass(frozen=True)
class Looked:
    """What the first pass finds of a file.

    Attributes:
        path: of the file.
        kind: an object, a DICOMDIR, or nothing of DICOM.
        size: in bytes.
        changed_ns: time of its last change.
        facts: of an object.
    """

    path: str
    kind: Literal["object", "directory", "other"]
    size: int = 0
    changed_ns: int = 0
    facts: Facts | None = None


def deidentify_folder(
    settings: Settings, *, jobs: int = -1, cluster: str | None = None, index: Index | None = None
) -> FolderReport:
    """De-identify the files of a folder into a tree ``patient/study/series/object.dcm`` of pseudonyms.

    The first pass reads all headers and collects what identifies; the second writes the outputs, and hunts in each
    what was found in its study and in its patient's other studies. A file that the first pass cannot read is not
    copied. Where there is a DICOMDIR, the outputs have names of eight letters as a DICOMDIR wants them, and get a new
    one.

    Args:
        settings: folders, key, options.
        jobs: as in `work_through`.
        cluster: as in `work_through`.
        index: to be filled, if it is to be read afterwards.

    Raises:
        ValueError: one folder is in the other.
    """
    settings.check()
    run = _Run(settings, jobs, cluster)
    if index is not None:
        return run.work(walk_files(settings.root), index)
    with Index() as own:
        return run.work(walk_files(settings.root), own)


def look_at(path: Path, settings: Settings) -> Looked:
    """Read the header of a file.

    Raises:
        ValueError: it cannot be read, or is refused.
        OSError: it cannot be opened.
    """
    stat = os.stat(path)
    try:
        with open_source(path) as source:
            if source.sop_class == DIRECTORY:
                return Looked(str(path), "directory")
            facts = Collector(profile_of(settings.options)).collect(source)
    except NotDicomError:
        return Looked(str(path), "other")
    except (ValueError, OSError):
        raise
    except Exception as error:  # damaged files raise nearly anything
        raise ValueError(f"its header cannot be read: {describe_error(error)}") from error
    reason = refusal(facts, keep_burned_in=settings.keep_burned_in or settings.cleaner is not None)
    if reason:
        raise ValueError(f"refused: {reason}")
    return Looked(str(path), "object", stat.st_size, stat.st_mtime_ns, facts)


class _Run:
    """One run over a folder."""

    def __init__(self, settings: Settings, jobs: int, cluster: str | None) -> None:
        self._settings, self._jobs, self._cluster = settings, jobs, cluster
        self._failures: list[Outcome] = []
        self._counts: dict[str, int] = {}
        self._other: list[str] = []
        self._duplicates: list[str] = []
        self._directories: list[str] = []

    def work(self, files: Iterable[Path], index: Index) -> FolderReport:
        """Both passes, and the DICOMDIR."""
        for outcome in self._over(partial(look_at, settings=self._settings), files, str, "reading headers"):
            looked: Looked = outcome.result
            if looked.kind == "directory":
                self._directories.append(looked.path)
            elif looked.facts is None:
                self._other.append(looked.path)
            else:
                index.add(looked.path, looked.size, looked.changed_ns, looked.facts)
        outputs = self._second_pass(index)
        self._rebuild_directory(outputs)
        return FolderReport(
            tuple(self._failures),
            {**self._counts, "failed": len(self._failures)},
            tuple(self._other),
            tuple(self._duplicates),
        )

    def _second_pass(self, index: Index) -> list[str]:
        """Write all objects; returns the paths of outputs that belong into a DICOMDIR."""
        media = bool(self._directories)
        instances = index.instances(self._settings.key, media=media)
        function = partial(deidentify_instance, settings=self._settings)
        outputs: dict[str, str] = {}
        written: list[str] = []
        for outcome in self._over(function, self._distinct(instances, outputs, media), _name, "de-identifying"):
            dones: list[Done] = outcome.result
            for done in dones:
                self._count(done)
                if media and done.status in ("done", "skipped"):
                    written.append(done.path)
        folders = tuple(f"{Path(directory).parent}{os.sep}" for directory in self._directories)
        return [outputs[path] for path in written if path.startswith(folders)]

    def _distinct(self, instances: Iterator[Instance], outputs: dict[str, str], media: bool) -> Iterator[Instance]:
        """Short names may meet: then the later object fails, and nothing is overwritten."""
        taken: set[str] = set()
        for instance in instances:
            if media and instance[0].output in taken:
                self._failures.append(Outcome(_name(instance), "failed", message="its short name is taken by another"))
                continue
            if media:
                taken.add(instance[0].output)
                outputs.update((candidate.path, candidate.output) for candidate in instance)
            yield instance

    def _count(self, done: Done) -> None:
        self._counts[done.status] = self._counts.get(done.status, 0) + 1
        if done.status == "failed":
            self._failures.append(Outcome(done.path, "failed", message=done.message))
        elif done.status == "duplicate":
            self._duplicates.append(f"{done.path}: {done.message}")

    def _rebuild_directory(self, outputs: list[str]) -> None:
        for path in self._directories:
            if self._settings.dry_run:
                self._count(Done(path, "done"))
                continue
            try:
                write_directory(self._settings.out, outputs, self._settings.key)
                self._count(Done(path, "done"))
            except (ValueError, OSError) as error:
                self._count(Done(path, "failed", describe_error(error)))

    def _over(
        self, function: Callable[[Any], Any], items: Iterable[_T], name: Callable[[Any], str], description: str
    ) -> Iterator[Outcome]:
        """Outcomes of a function over items that ended well; the others are kept as failures."""
        rest = iter(items)
        while batch := list(islice(rest, _BATCH)):
            report = work_through(
                function, batch, name=name, jobs=self._jobs, cluster=self._cluster, description=description
            )
            self._failures.extend(report.failures)
            yield from (outcome for outcome in report.outcomes if outcome.status == "done")


def _name(instance: Instance) -> str:
    return instance[0].path
