"""What lies under the probe of a phantom."""

from __future__ import annotations

import numpy as np
import pytest

from skiagraph.phantoms import draw_scanner
from skiagraph.phantoms.anatomy import Anatomy
from skiagraph.phantoms.tissue import tissue_level

SPACING_MM = 0.3


@pytest.fixture(scope="module")
def anatomies() -> list[Anatomy]:
    rngs = [np.random.default_rng([5, number]) for number in range(120)]
    return [Anatomy.draw(rng, draw_scanner(rng, SPACING_MM)) for rng in rngs]


def test_septa_are_short_and_oblique_and_most_end_at_a_bone(anatomies: list[Anatomy]) -> None:
    drawn = [(septum, anatomy.bones) for anatomy in anatomies for septum in anatomy.septa_mm]
    assert len(drawn) / len(anatomies) == pytest.approx(2.0, abs=0.5)
    ends_at_bone = []
    for septum, bones in drawn:
        (columns,) = np.nonzero(septum > 0)
        if not columns.size or not bones:
            continue
        assert np.ptp(columns) * SPACING_MM < 18
        ends = columns[[0, -1]]
        gaps = [np.abs(bone.depth_or(1e3)[ends] - septum[ends]).min() for bone in bones]
        ends_at_bone.append(min(gaps) < 2)
    assert 0.55 < np.mean(ends_at_bone) < 0.95


def test_a_septum_is_bright_and_dims_what_is_under_it() -> None:
    scanner = draw_scanner(np.random.default_rng(1), SPACING_MM)
    columns = scanner.shape[1]
    septum = np.full(columns, -9, np.float32)
    septum[40:90] = 20 + 0.1 * np.arange(50)
    layers = {"skin_mm": np.full(columns, 1, np.float32), "fascia_mm": [np.full(columns, 4, np.float32)], "bones": []}
    on_line, under = [], []
    for seed in range(40):
        with_septum, without = (
            tissue_level(np.random.default_rng(seed), scanner, Anatomy(septa_mm=septa, **layers))
            for septa in ([septum], [])
        )
        row = np.round(septum[45:85] / SPACING_MM).astype(int)
        on_line.append((with_septum - without)[row, np.arange(45, 85)].mean())
        under.append((with_septum - without)[row + 20, np.arange(45, 85)].mean())
    assert np.mean(on_line) > 3
    assert np.mean(under) < -2
