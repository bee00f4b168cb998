from __future__ import annotations

import math

from skiagraph.metrics import case_means


def test_means_are_over_the_cases_where_a_metric_is_defined() -> None:
    rows = [{"name": "a", "x": 1.0, "y": math.nan}, {"name": "b", "x": 2, "z": math.nan}, {"name": "c", "y": 5.0}]
    means = case_means(iter(rows))
    assert list(means) == ["n", "x", "y", "z"]
    assert (means["n"], means["x"], means["y"]) == (3, 1.5, 5)
    assert math.isnan(means["z"])


def test_no_cases_have_no_means() -> None:
    assert case_means([]) == {"n": 0}
