"""Which file of the output was made of which file of the original, by what no de-identifier changes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .findings import NOTICE, Finding
from .store import ORIGINAL, OUTPUT, Store, sketch_of

_LEAST_ALIKE = 0.5
# Copies that cannot be told apart; more of them would say no more.
_MOST_CANDIDATES = 16
# Pairs of files that are all compared; beyond it a value that more than a few have makes no pair.
_MOST_COMPARED = 40000
_FEW = 20
_EQUAL = 1e-9
_KEYS = (
    "sop",
    "sop_class, pixel, content",
    "pixel",
    "sop_class, content",
    "outline",
    "sop_class",
    "kind",
)
# Keys that say too little to go by alone.
_VAGUE = frozenset(("outline", "sop_class", "kind"))
_UNMATCHED = (
    "side = ? AND kind = 'dicom' AND id NOT IN (SELECT output FROM match) AND id NOT IN (SELECT original FROM match)"
)
_LEARNT = ("study", "series", "patient")


@dataclass(frozen=True, slots=True)
class _Described:
    sketch: NDArray[np.int64]
    values: int
    belongs: tuple[str, ...]


def match_files(store: Store) -> None:
    """Find the counterparts of all outputs; those that cannot be told apart have several.

    Files are matched by their SOP instance UID if it was kept, by their pixels and all values that the profile
    leaves alone, by one of both, by their place in series and space, and last by how many values they share. Copies
    are told apart by the study, series and patient of those that were matched before; what is left is a group.
    """
    for key in _KEYS:
        _match_by(store, key)
    store.database.commit()


def _match_by(store: Store, key: str) -> None:
    open_blocks = []
    for outputs, originals in _blocks(store, key):
        if len(outputs) == len(originals) == 1 and key not in _VAGUE:
            store.add_match(outputs[0], originals)
        else:
            open_blocks.append((outputs, originals))
    learnt = _learn(store)
    for outputs, originals in open_blocks:
        _match_block(store, outputs, originals, learnt)


def _blocks(store: Store, key: str) -> Iterator[tuple[list[int], list[int]]]:
    """Ids of outputs and originals that have the same key and no counterpart yet."""
    first = key.split(",")[0]
    where = f"WHERE {_UNMATCHED} AND {'pixel' if 'pixel' in key else first} != ''"
    query = f"SELECT {key}, id FROM file {where} ORDER BY {key}, id"  # noqa: S608 the keys are named above
    blocks: dict[tuple[str, ...], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side in (OUTPUT, ORIGINAL):
        for *values, number in store.rows(query, side):
            blocks[tuple(values)][side == ORIGINAL].append(number)
    return ((outputs, originals) for outputs, originals in blocks.values() if outputs and originals)


def _learn(store: Store) -> dict[tuple[str, str], str]:
    """What studies, series and patients became, by those files whose counterpart is known."""
    columns = ", ".join(f"i.{name}, o.{name}" for name in _LEARNT)
    single = "SELECT output FROM match GROUP BY output HAVING count(*) = 1"
    query = (
        f"SELECT DISTINCT {columns} FROM match JOIN file o ON o.id = output JOIN file i ON i.id = original "  # noqa: S608 constants
        f"WHERE output IN ({single})"
    )
    became: dict[tuple[str, str], str] = {}
    for row in store.rows(query):
        for name, before, after in zip(_LEARNT, row[::2], row[1::2], strict=True):
            if before and after:
                became[name, before] = after
    return became


def _match_block(
    store: Store, outputs: Sequence[int], originals: Sequence[int], learnt: dict[tuple[str, str], str]
) -> None:
    alike = _alike([_described(store, number) for number in outputs], [_described(store, n) for n in originals], learnt)
    of_output: dict[int, dict[int, float]] = defaultdict(dict)
    of_original: dict[int, dict[int, float]] = defaultdict(dict)
    for (row, column), score in alike.items():
        of_output[row][column] = of_original[column][row] = score
    free_outputs, free_originals = set(of_output), set(of_original)
    for (row, column), score in sorted(alike.items(), key=lambda entry: -entry[1]):
        if row not in free_outputs or column not in free_originals:
            continue
        rivals = [r for r, s in of_original[column].items() if r in free_outputs and s > score - _EQUAL]
        choices = [c for c, s in of_output[row].items() if c in free_originals and s > score - _EQUAL]
        _match_group(store, [outputs[r] for r in rivals], [originals[c] for c in choices])
        free_outputs.difference_update(rivals)
        free_originals.difference_update(choices)


def _match_group(store: Store, outputs: Sequence[int], originals: Sequence[int]) -> None:
    for output in outputs:
        store.add_match(output, originals[:_MOST_CANDIDATES])
    # Of so many copies each counts as found.
    for number, original in enumerate(originals[_MOST_CANDIDATES:]):
        store.add_match(outputs[number % len(outputs)], [original])
    note = f"{len(originals)} files that cannot be told apart have {len(outputs)} counterparts"
    for original in originals[len(outputs) :]:
        [(path,)] = store.rows("SELECT path FROM file WHERE id = ?", original)
        store.add_findings([Finding(NOTICE, "not in output", path, "", "", note=note)])


def _alike(
    after: Sequence[_Described], before: Sequence[_Described], learnt: dict[tuple[str, str], str]
) -> dict[tuple[int, int], float]:
    """How alike files are that are alike at all: the share of values they have in common, plus how they agree."""
    scores = {}
    for row, column in _worth_comparing(after, before):
        share = _share(after[row], before[column])
        if share >= _LEAST_ALIKE:
            scores[row, column] = share + _agree(after[row].belongs, before[column].belongs, learnt)
    return {pair: score for pair, score in scores.items() if score >= _LEAST_ALIKE}


def _worth_comparing(after: Sequence[_Described], before: Sequence[_Described]) -> Iterator[tuple[int, int]]:
    """All pairs of a few files; of many only those that share a value which few have."""
    if len(after) * len(before) <= _MOST_COMPARED:
        yield from ((row, column) for row in range(len(after)) for column in range(len(before)))
        return
    owners: dict[int, list[int]] = defaultdict(list)
    for column, original in enumerate(before):
        for value in original.sketch.tolist():
            owners[value].append(column)
    for row, output in enumerate(after):
        lists = (owners.get(value, []) for value in output.sketch.tolist())
        yield from ((row, column) for column in {c for columns in lists if len(columns) <= _FEW for c in columns})


def _described(store: Store, number: int) -> _Described:
    columns = ", ".join(_LEARNT)
    query = f"SELECT sketch, number_of_values, {columns} FROM file WHERE id = ?"  # noqa: S608 constants
    [(stored, values, *belongs)] = store.rows(query, number)
    return _Described(sketch_of(stored), values, tuple(belongs))


def _share(one: _Described, other: _Described) -> float:
    """How many of the values of the file that has fewer are values of the other, estimated from their sketches."""
    if not one.values or not other.values:
        return float(one.values == other.values)
    smallest = np.union1d(one.sketch, other.sketch)[: max(len(one.sketch), len(other.sketch))]
    alike = float(np.isin(smallest, np.intersect1d(one.sketch, other.sketch)).mean())
    in_common = alike * (one.values + other.values) / (1 + alike)
    return min(in_common / min(one.values, other.values), 1.0)


def _agree(after: Sequence[str], before: Sequence[str], learnt: dict[tuple[str, str], str]) -> int:
    """How many of study, series and patient became what they became elsewhere, less those that did not."""
    said = Counter(
        learnt[name, old] == new
        for name, old, new in zip(_LEARNT, before, after, strict=True)
        if new and (name, old) in learnt
    )
    return said[True] - said[False]
