"""From the metrics of many cases to those of the data set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any


def case_means(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Mean of every metric over the cases, each case with the same weight.

    Args:
        rows: the metrics of each case; a metric may be missing or NaN, which says that it is undefined there. What is
            not a number (a name, a note) is passed over.

    Returns:
        ``n``, how many cases there are, and each metric's mean over the cases where it is defined, in the order in
        which the metrics first stand; NaN where it is defined nowhere.
    """
    rows = list(rows)
    values: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            if isinstance(value, (int, float)):
                values.setdefault(name, []).append(float(value))
    means: dict[str, float] = {"n": len(rows)}
    for name, every in values.items():
        defined = [value for value in every if not math.isnan(value)]
        means[name] = math.fsum(defined) / len(defined) if defined else math.nan
    return means
