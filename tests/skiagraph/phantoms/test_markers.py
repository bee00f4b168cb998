"""Letters, clips and cables: where they are and how bright."""

from __future__ import annotations

import numpy as np
import pytest

from skiagraph.phantoms.attenuation import Attenuation
from skiagraph.phantoms.markers import add_cable, add_snap, add_staples, lead_letter, stamp_text
from skiagraph.phantoms.profile_body import Pose


def _blank() -> Attenuation:
    return Attenuation(np.zeros((300, 400), np.float32), 1.2)


@pytest.mark.parametrize("seed", range(12))
def test_a_letter_lies_round_its_place(seed: int) -> None:
    layer = lead_letter(np.random.default_rng(seed), _blank(), "R", Pose((150.0, 120.0), 0.4))
    assert layer.shape == (300, 400)
    assert layer.min() == 0
    assert layer.max() > 0.9
    rows, columns = np.nonzero(layer > 0.5)
    assert np.hypot(rows - 144, columns - 180).max() < 70
    assert 40 < rows.size < 2500


def test_letters_beyond_the_edge_are_cut_off() -> None:
    layer = lead_letter(np.random.default_rng(1), _blank(), "L", Pose((0.0, 0.0), 0.0))
    whole = lead_letter(np.random.default_rng(1), _blank(), "L", Pose((150.0, 120.0), 0.0))
    assert 0 < layer.sum() < whole.sum()
    assert not lead_letter(np.random.default_rng(1), _blank(), "L", Pose((-900.0, 0.0), 0.0)).any()


def test_text_is_stamped_in_the_grey_that_was_asked_for() -> None:
    for seed in range(8):
        pixels = np.full((300, 400), 30, np.uint8)
        stamp_text(np.random.default_rng(seed), pixels, "R", 200)
        assert 190 <= pixels.max() <= 200
        assert (pixels == 30).mean() > 0.9


def test_staples_are_a_row_of_short_pieces() -> None:
    image = _blank()
    add_staples(np.random.default_rng(0), image, np.array([[50.0, 40.0], [50.0, 200.0]]))
    rows, columns = np.nonzero(image.total > 0.1)
    assert rows.min() < 1.2 * 46
    assert rows.max() > 1.2 * 188
    assert np.abs(columns - 60).max() < 8
    gaps = ~(image.total > 0.1).any(axis=1)[rows.min() : rows.max()]
    assert gaps.sum() > 40


def test_a_cable_goes_from_one_place_to_the_other() -> None:
    image = _blank()
    add_cable(np.random.default_rng(3), image, np.array([40.0, 60.0]), np.array([280.0, 200.0]))
    for x, y in ((40, 60), (280, 200)):
        assert (
            image.total[round(1.2 * y) - 1 : round(1.2 * y) + 2, round(1.2 * x) - 1 : round(1.2 * x) + 2].max() > 0.05
        )


def test_studs_rings_pins_and_buckles_are_where_they_were_put() -> None:
    amounts = set()
    for seed in range(20):
        image = _blank()
        add_snap(np.random.default_rng(seed), image, np.array([150.0, 120.0]))
        rows, columns = np.nonzero(image.total > 0.01)
        assert np.hypot(rows - 144, columns - 180).max() < 40
        amounts.add(round(float(image.total.sum())))
    assert len(amounts) > 10
