"""Broken bones: pieces that were one, and boxes round the breaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from skiagraph.phantoms.attenuation import Attenuation
from skiagraph.phantoms.fracture import Break, Piece, break_bone, break_box, draw_break, edge_points
from skiagraph.phantoms.limb_shape import draw_build, humerus
from skiagraph.phantoms.profile_body import Pose, bone_depth

PX_PER_MM = 2.0
BONE = humerus(draw_build(np.random.default_rng(3)), 0.0)
POSE = Pose((110.0, 40.0), 0.2)
SEEDS = range(24)


def _break(seed: int) -> Break:
    return draw_break(np.random.default_rng(seed), BONE, 150.0)


def _image() -> Attenuation:
    return Attenuation(np.zeros((800, 500), np.float32), PX_PER_MM)


def _whole(piece: Piece) -> np.ndarray:
    """Where the bone would be if it were whole and lay where a piece of it lies."""
    return bone_depth(BONE, *piece.pose.local(_image().everywhere)) > 0


def _cover(piece: Piece) -> np.ndarray:
    u, v = piece.pose.local(_image().everywhere)
    return piece.cover(u, v, PX_PER_MM)


@pytest.mark.parametrize("seed", SEEDS)
def test_pieces_that_were_not_moved_make_up_the_bone(seed: int) -> None:
    place = _break(seed)
    loose = None if place.loose is None else (0.0, 0.0, 0.0)
    still = replace(place, turn=0.0, shift_mm=(0.0, 0.0), loose=loose)
    broken = break_bone(POSE, [still])
    assert len(broken.pieces) == (2 if loose is None else 3)
    assert np.allclose(sum(_cover(piece) for piece in broken.pieces)[_whole(broken.pieces[0])], 1, atol=1e-3)


def test_a_bone_that_is_not_broken_is_one_piece() -> None:
    (piece,) = break_bone(POSE, []).pieces
    assert (_cover(piece) == 1).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_boxes_go_round_the_ends_of_the_pieces(seed: int) -> None:
    """Measured on the pixels of each piece that lie at an end which the whole bone does not have."""
    broken = break_bone(POSE, [_break(seed)])
    ends = np.zeros(_image().total.shape, dtype=bool)
    for piece in broken.pieces:
        there, whole = _cover(piece) > 0.99, _whole(piece)
        ends |= there & whole & binary_dilation(~there & whole)
    rows, columns = np.nonzero(ends)
    seen = np.array([columns.min(), rows.min(), columns.max(), rows.max()]) / PX_PER_MM
    box = break_box(BONE, broken.edges[0])
    margin = (seen - box) * [1, 1, -1, -1]
    assert (margin > 4).all()
    assert (margin < 11).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_breaks_can_be_seen(seed: int) -> None:
    place = _break(seed)
    aside, along = place.shift_mm
    assert abs(aside) > 2 or along > 1 or abs(place.turn) > 0.1
    points = edge_points(BONE, break_bone(POSE, [place]).edges[0])
    assert np.ptp(points @ POSE.axes[0]) > 0.9 * sum(BONE.sides_at(150))


def test_what_is_below_a_break_moves_and_what_is_above_stays() -> None:
    place = replace(_break(0), turn=0.3, shift_mm=(5.0, 2.0))
    above, *_, below = break_bone(POSE, [place]).pieces
    assert above.pose == POSE
    assert below.pose.place([(0, 150)]) == pytest.approx(POSE.place([(5, 152)]))
    assert below.pose.turn == pytest.approx(POSE.turn + 0.3)


def test_two_breaks_have_a_box_each() -> None:
    breaks = [draw_break(np.random.default_rng(seed), BONE, at) for seed, at in ((1, 90.0), (2, 210.0))]
    broken = break_bone(POSE, breaks)
    for edges, at in zip(broken.edges, (90, 210), strict=True):
        (x, y), *_ = POSE.place([(0, at)])
        left, top, right, bottom = break_box(BONE, edges)
        assert left - 40 < x < right + 40
        assert top - 40 < y < bottom + 40
    assert break_box(BONE, broken.edges[0])[3] < break_box(BONE, broken.edges[1])[3]


def test_all_kinds_of_breaks_come() -> None:
    """Long and short ones, and some with a piece that broke out."""
    breaks = [_break(seed) for seed in range(120)]
    lengths = [np.ptp(edge_points(BONE, break_bone(POSE, [place]).edges[0]) @ POSE.axes[1]) for place in breaks]
    assert np.percentile(lengths, 15) < 35
    assert np.percentile(lengths, 85) > 50
    assert 15 < sum(place.loose is not None for place in breaks) < 50
