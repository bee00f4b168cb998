"""What is known of two folders, in a database on disk: memory does not grow with the number of files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .facts import Facts
from .findings import Finding
from .secrets import Secret

ORIGINAL, OUTPUT = 0, 1
_ASKED_AT_ONCE = 500
_SCHEMA = """
CREATE TABLE file (id INTEGER PRIMARY KEY, side INTEGER, path TEXT, kind TEXT, note TEXT, sop_class TEXT, sop TEXT,
    study TEXT, series TEXT, patient TEXT, grp TEXT, pixel TEXT, content TEXT, outline TEXT, sketch BLOB, digest TEXT,
    number_of_values INTEGER);
CREATE TABLE secret (grp TEXT, kind TEXT, text TEXT, tag INTEGER, path TEXT, strong INTEGER, file TEXT,
    PRIMARY KEY (grp, kind, text, tag)) WITHOUT ROWID;
CREATE TABLE telling (hash INTEGER PRIMARY KEY, kind TEXT, text TEXT, path TEXT, file TEXT);
CREATE TABLE uid (uid TEXT PRIMARY KEY, path TEXT, file TEXT) WITHOUT ROWID;
CREATE TABLE match (output INTEGER, original INTEGER, PRIMARY KEY (output, original)) WITHOUT ROWID;
CREATE TABLE pair (kind TEXT, before TEXT, after TEXT, path TEXT, file TEXT,
    PRIMARY KEY (kind, before, after)) WITHOUT ROWID;
CREATE TABLE finding (level TEXT, kind TEXT, file TEXT, path TEXT, what TEXT, origin TEXT, note TEXT,
    UNIQUE (kind, file, path, what, note));
"""
_INDICES = """
CREATE INDEX IF NOT EXISTS by_sop ON file (side, sop);
CREATE INDEX IF NOT EXISTS by_pixel ON file (side, pixel, content);
CREATE INDEX IF NOT EXISTS by_content ON file (side, sop_class, content);
CREATE INDEX IF NOT EXISTS by_outline ON file (side, outline);
CREATE INDEX IF NOT EXISTS by_path ON file (side, path);
CREATE INDEX IF NOT EXISTS by_original ON match (original);
"""


class Store:
    """The database of a check.

    Args:
        path: its file.
        new: make it; else it is only read, by as many processes as like.
    """

    def __init__(self, path: Path, *, new: bool = False) -> None:
        self.path = path
        # joblib takes items, which may be rows, in a thread of its own, and never at the same time as this one does.
        place = path if new else f"file:{path}?mode=ro"
        self.database = sqlite3.connect(place, uri=not new, check_same_thread=False)
        if new:
            # Nothing is lost with it but time.
            self.database.execute("PRAGMA synchronous = OFF")
            self.database.executescript(_SCHEMA)

    def close(self) -> None:
        """Write what is open and let go of the file."""
        self.database.commit()
        self.database.close()

    def add_facts(self, lines: Path, side: int) -> None:
        """Take in a file of `write_facts`."""
        with lines.open(encoding="utf-8") as file:
            for line in file:
                self._add_file(json.loads(line), side)
        self.database.commit()

    def index(self) -> None:
        """Make what is asked for quick to find, after all facts are in."""
        self.database.executescript(_INDICES)

    def add_match(self, output: int, originals: Iterable[int]) -> None:
        """Keep the counterparts of an output, several if they cannot be told apart."""
        rows = [(output, original) for original in originals]
        self.database.executemany("INSERT OR IGNORE INTO match VALUES (?, ?)", rows)

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Keep findings; the same is kept once."""
        rows = (tuple(getattr(finding, name) for name in _FINDING_FIELDS) for finding in findings)
        self.database.executemany("INSERT OR IGNORE INTO finding VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def add_pairs(self, pairs: Iterable[tuple[str, str, str, str, str]]) -> None:
        """Keep pairs (kind, before, after, path, file); of the same one only the first."""
        self.database.executemany("INSERT OR IGNORE INTO pair VALUES (?, ?, ?, ?, ?)", pairs)

    def rows(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Ask the database."""
        return iter(self.database.execute(query, values))

    def count(self, query: str, *values: Any) -> int:
        """Ask for a number."""
        return int(self.database.execute(query, values).fetchone()[0])

    def secrets(self, groups: Iterable[str]) -> list[tuple[Secret, str]]:
        """Values of patients, each with a file of the original that has it."""
        query = "SELECT kind, text, tag, path, strong, file FROM secret WHERE grp = ?"
        return [
            (Secret(kind, text, tag, path, bool(strong)), file)
            for group in groups
            for kind, text, tag, path, strong, file in self.rows(query, group)
        ]

    def known(self, table: str, column: str, keys: Iterable[Any]) -> dict[Any, tuple[Any, ...]]:
        """Rows of a table of the schema by its key, of those keys that it has."""
        found = {}
        wanted = list(keys)
        for start in range(0, len(wanted), _ASKED_AT_ONCE):
            some = wanted[start : start + _ASKED_AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"SELECT * FROM {table} WHERE {column} IN ({marks})"  # noqa: S608 the names are the package's own
            found.update({row[0]: row for row in self.database.execute(query, some)})
        return found

    def findings(self, level: str) -> Iterator[Finding]:
        """Findings of a level, by file."""
        columns = ", ".join(_FINDING_FIELDS)
        query = f"SELECT {columns} FROM finding WHERE level = ? ORDER BY file, path, kind"  # noqa: S608 constants
        return (Finding(*row) for row in self.rows(query, level))

    def _add_file(self, record: dict[str, Any], side: int) -> None:
        facts = record["file"]
        sketch = np.array(facts["sketch"], np.int64).tobytes()
        values = [facts[name] for name in _FACT_FIELDS]
        marks = ",".join("?" * (len(values) + 2))
        columns = ", ".join(("side", "sketch", *_COLUMNS))
        insert = f"INSERT INTO file ({columns}) VALUES ({marks})"  # noqa: S608 the columns are named in this file
        self.database.execute(insert, (side, sketch, *values))
        path = facts["path"]
        secrets = [(facts["group"], *secret, path) for secret in record.get("secrets", ())]
        self.database.executemany("INSERT OR IGNORE INTO secret VALUES (?, ?, ?, ?, ?, ?, ?)", secrets)
        telling = [(*row, path) for row in record.get("telling", ())]
        self.database.executemany("INSERT OR IGNORE INTO telling VALUES (?, ?, ?, ?, ?)", telling)
        uids = [(uid, where, path) for uid, where in record.get("uids", ())]
        self.database.executemany("INSERT OR IGNORE INTO uid VALUES (?, ?, ?)", uids)


def sketch_of(stored: bytes) -> NDArray[np.int64]:
    """The sketch of a file, as the database has it."""
    return np.frombuffer(stored, np.int64)


_FACT_FIELDS = [entry.name for entry in fields(Facts) if entry.name != "sketch"]
_COLUMNS = [{"group": "grp", "values": "number_of_values"}.get(name, name) for name in _FACT_FIELDS]
_FINDING_FIELDS = [entry.name for entry in fields(Finding)]
