"""Bones in cross-section: where they may lie, and that their angles belong to their depths."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from skiagraph.phantoms.bone_shape import BoneSurface, draw_bones

WIDTH_MM, SPACING_MM, SHALLOWEST_MM = 50.0, 0.1, 3.0


@pytest.fixture(scope="module")
def drawn() -> list[list[BoneSurface]]:
    return [draw_bones(np.random.default_rng(seed), WIDTH_MM, SPACING_MM, SHALLOWEST_MM) for seed in range(200)]


def test_a_scan_line_meets_one_bone_at_most(drawn: list[list[BoneSurface]]) -> None:
    pairs = [pair for bones in drawn for pair in combinations(bones, 2)]
    assert len(pairs) > 50
    for one, other in pairs:
        assert not (np.isfinite(one.depth_mm) & np.isfinite(other.depth_mm)).any()


def test_no_bone_is_nearer_than_allowed(drawn: list[list[BoneSurface]]) -> None:
    depths = np.concatenate([bone.depth_mm for bones in drawn for bone in bones])
    assert np.nanmin(depths) >= SHALLOWEST_MM
    assert np.nanmin(depths) < SHALLOWEST_MM + 2


def test_there_are_none_to_three_bones(drawn: list[list[BoneSurface]]) -> None:
    shares = np.bincount([len(bones) for bones in drawn], minlength=4) / len(drawn)
    assert shares == pytest.approx([0.12, 0.5, 0.3, 0.08], abs=0.1)


def test_incidence_is_the_slope_of_the_depth(drawn: list[list[BoneSurface]]) -> None:
    for bone in (bone for bones in drawn[:40] for bone in bones):
        depth = bone.depth_mm.astype(np.float64)
        central = (depth[2:] - depth[:-2]) / (2 * SPACING_MM)
        known = np.isfinite(central) & np.isfinite(depth[1:-1])
        expected = np.degrees(np.arctan2(central, 1.0))[known]
        assert bone.incidence_deg[1:-1][known] == pytest.approx(expected, abs=0.1)


def test_a_flat_bone_has_cosine_one_and_a_missed_one_zero() -> None:
    depth = np.array([np.nan, 5, 5, 5, 6], np.float32)
    bone = BoneSurface(depth, np.array([np.nan, 0, 0, 60, 45], np.float32))
    assert bone.cosine == pytest.approx([0, 1, 1, 0.5, np.sqrt(0.5)], abs=1e-6)
    assert bone.depth_or(99).tolist() == [99, 5, 5, 5, 6]
    part = bone.where(np.array([True, True, False, False, True]))
    assert np.isfinite(part.depth_mm).tolist() == [False, True, False, False, True]
