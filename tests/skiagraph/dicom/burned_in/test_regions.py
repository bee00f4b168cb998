from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from skiagraph.dicom import burned_in
from skiagraph.dicom.burned_in import outside_of_ultrasound_regions, region_rules


def header(rows: int, columns: int, regions: list[tuple[int, int, int, int]] | None = None, **tags: object) -> Dataset:
    """Regions are (x0, y0, x1, y1), the last ones included, as in the standard."""
    made = Dataset()
    made.Rows, made.Columns = rows, columns
    for name, value in tags.items():
        setattr(made, name, value)
    items = []
    for x0, y0, x1, y1 in regions or ():
        item = Dataset()
        item.RegionLocationMinX0, item.RegionLocationMinY0 = x0, y0
        item.RegionLocationMaxX1, item.RegionLocationMaxY1 = x1, y1
        items.append(item)
    if regions is not None:
        made.SequenceOfUltrasoundRegions = Sequence(items)
    return made


places = st.tuples(*[st.integers(0, 60)] * 4)


@given(st.lists(places, max_size=5), st.integers(1, 50), st.integers(1, 50))
def test_outside_is_what_no_region_holds(regions: list[tuple[int, int, int, int]], rows: int, columns: int) -> None:
    inside = np.zeros((rows, columns), dtype=bool)
    for x0, y0, x1, y1 in regions:
        inside[y0 : y1 + 1, x0 : x1 + 1] = True
    painted = np.zeros((rows, columns), dtype=int)
    for top, left, bottom, right in outside_of_ultrasound_regions(header(rows, columns, regions)):
        painted[top:bottom, left:right] += 1
    expected = ~inside if inside.any() else np.zeros_like(inside)
    np.testing.assert_array_equal(painted, expected.astype(int))


def test_regions_that_tell_nothing_count_for_nothing() -> None:
    incomplete = header(10, 10, [(0, 0, 4, 9)])
    del incomplete.SequenceOfUltrasoundRegions[0].RegionLocationMaxX1
    assert outside_of_ultrasound_regions(incomplete) == []
    assert outside_of_ultrasound_regions(header(10, 10, [])) == []
    assert outside_of_ultrasound_regions(header(10, 10)) == []


def applying(**tags: object) -> set[str]:
    made = header(int(tags.pop("Rows", 100)), int(tags.pop("Columns", 100)), **tags)  # type: ignore[call-overload]  # numbers among other values
    return {rule.name for rule in region_rules() if rule.applies_to(made)}


def test_a_rule_wants_all_that_it_names() -> None:
    known = {"Modality": "US", "Manufacturer": "Philips Medical Systems", "ManufacturerModelName": "iU22", "Rows": 768}
    assert applying(**known) == {"iU22 (ctp)"}
    assert applying(**known | {"Modality": "CT"}) == set()
    assert applying(**known | {"Rows": 767}) == set()
    assert applying(**known | {"ManufacturerModelName": "IU22 xMATRIX"}) == {"iU22 (ctp)"}, "it may stand among others"
    assert applying(**known | {"ManufacturerModelName": ""}) == set()


def test_rules_read_lists() -> None:
    assert "SIEMENS SECONDARY (ctp)" in applying(
        Modality="CT", Manufacturer="SIEMENS", Rows=860, ImageType=["DERIVED", "SECONDARY", "OTHER"]
    )


@pytest.mark.parametrize("width", [1, [1, 400]])
def test_rules_read_numbers(width: object) -> None:
    known = {"Modality": "CT", "Manufacturer": "TOSHIBA", "ManufacturerModelName": "Aquilion ONE", "Rows": 512}
    known |= {"Columns": 512, "ImageType": ["DERIVED", "SECONDARY"]}
    rule = "TOSHIBA Aquilion ONE SECONDARY (ctp)"
    assert rule in applying(**known, WindowWidth=width)
    assert rule not in applying(**known, WindowWidth=2)
    assert rule not in applying(**known)


def test_every_rule_has_a_source_and_boxes_with_an_inside() -> None:
    table = json.loads((Path(burned_in.__file__).parent / "region_rules.json").read_text(encoding="utf-8"))
    assert len(table["rules"]) == len(region_rules()) > 100
    for rule in table["rules"]:
        assert rule["source"] in table["sources"]
        assert rule["when"]
        assert rule["boxes"]
        for top, left, bottom, right in rule["boxes"]:
            assert 0 <= top < bottom
            assert 0 <= left < right
