"""What the first pass found, on disk: millions of files need no more memory than a few."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from types import TracebackType
from typing import Self

from .collecting import Facts
from .keys import Key
from .one_file import Candidate, Instance
from .variants import Identifier

_TABLES = """
CREATE TABLE files (path BLOB PRIMARY KEY, size INTEGER, changed_ns INTEGER, end INTEGER, sop_class TEXT,
                    instance TEXT, study TEXT, series TEXT, patient TEXT, patient_id TEXT, issuer TEXT, name TEXT);
CREATE INDEX by_instance ON files (instance);
CREATE TABLE identifiers (study TEXT, patient TEXT, kind TEXT, value TEXT,
                          PRIMARY KEY (study, patient, kind, value)) WITHOUT ROWID;
CREATE INDEX by_patient ON identifiers (patient);
"""
# An object stays with the study of the first of its files, so that duplicates are met together.
_IN_ORDER = """
SELECT path, size, changed_ns, end, sop_class, instance, study, series, patient,
       MIN(study) OVER (PARTITION BY instance) AS home
FROM files ORDER BY home, instance, path
"""


class Index:
    """Facts of files by their path, and identifiers of studies and patients.

    They stand in a temporary database that SQLite makes in the system's folder for such files, which nobody else may
    read and which has no name from the start: it is gone whatever ends the process (sqlite.org/inmemorydb.html).
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.executescript(_TABLES)
        self._last: tuple[str, str] | None = None
        self._found: frozenset[Identifier] = frozenset()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add(self, path: str, size: int, changed_ns: int, facts: Facts) -> None:
        """Keep the facts of a file."""
        study = facts.study or f"none {path}"
        row = (os.fsencode(path), size, changed_ns, facts.end, facts.sop_class, facts.instance, study, facts.series)
        self._database.execute(
            f"INSERT OR REPLACE INTO files VALUES ({','.join('?' * 12)})",  # noqa: S608 marks of arguments
            (*row, facts.patient, *facts.texts),
        )
        values = [(study, facts.patient, kind, value) for kind, value in facts.identifiers]
        self._database.executemany("INSERT OR IGNORE INTO identifiers VALUES (?,?,?,?)", values)

    def instances(self, key: Key, *, media: bool) -> Iterator[Instance]:
        """All objects with their files, study by study.

        Args:
            key: for the names of the outputs.
            media: names are File IDs of PS3.10 8.2, for a DICOMDIR.
        """
        with closing(self._database.execute(_IN_ORDER)) as rows:
            for _, group in itertools.groupby(rows, key=lambda row: row[5]):
                yield tuple(self._candidate(row, key, media) for row in group)

    def patients(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Key, ID, issuer, and name of every patient, and Study Instance UID of every study."""
        yield from self._database.execute(
            "SELECT DISTINCT patient, patient_id, issuer, name, IIF(study GLOB 'none *', '', study) FROM files "
            "ORDER BY patient, study"
        )

    def _candidate(self, row: tuple, key: Key, media: bool) -> Candidate:
        path, size, changed_ns, end, sop_class, instance, study, series, patient, _ = row
        names = (("patient", patient), ("study", study), ("series", series))
        folders = [key.code(f"folder {purpose}", value, 8) for purpose, value in names]
        name = key.code("file", instance, 8 if media else 16)
        output = "/".join([*folders, name if media else f"{name}.dcm"])
        found = self._identifiers(study, patient)
        return Candidate(os.fsdecode(path), size, changed_ns, end, sop_class, instance, patient, found, output)

    def _identifiers(self, study: str, patient: str) -> frozenset[Identifier]:
        """What the headers of a study say, and those of all other studies of the patient."""
        if self._last != (study, patient):
            rows = self._database.execute(
                "SELECT kind, value FROM identifiers WHERE study = ? OR patient = ?", (study, patient)
            )
            self._last, self._found = (study, patient), frozenset((kind, value) for kind, value in rows)
        return self._found
