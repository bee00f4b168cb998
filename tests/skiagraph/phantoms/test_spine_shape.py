"""The course of phantoms' spines."""

from __future__ import annotations

import numpy as np
import pytest

from skiagraph.phantoms.spine_shape import ABOVE, LABELLED, draw_spine_build, pose_spine

SEEDS = range(40)


def _tilts_deg(corners: np.ndarray) -> np.ndarray:
    across = (corners[:, :, 1] - corners[:, :, 0]).sum(axis=1)
    return np.degrees(np.arctan2(across[:, 1], across[:, 0]))[ABOVE : ABOVE + LABELLED]


def test_centres_are_as_far_apart_as_the_build_says() -> None:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        build = draw_spine_build(rng)
        centres = pose_spine(rng, build).mean(axis=(1, 2))
        assert np.linalg.norm(np.diff(centres, axis=0), axis=1) == pytest.approx(build.steps[:-1])
        assert centres[ABOVE] == pytest.approx([0, 0])


def test_edges_are_as_long_as_the_build_says() -> None:
    rng = np.random.default_rng(0)
    build = draw_spine_build(rng)
    corners = pose_spine(rng, build)
    labelled = slice(ABOVE, ABOVE + LABELLED)
    widths = np.linalg.norm(corners[:, :, 1] - corners[:, :, 0], axis=-1)
    expected = np.stack([build.tops, build.bottoms], axis=1)
    assert widths[labelled] == pytest.approx(expected[labelled], rel=0.02)
    heights = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=-1).mean(axis=1)
    assert heights[labelled] == pytest.approx(build.heights[labelled], rel=0.02)


def test_sizes_grow_from_the_first_rib_to_the_pelvis_as_in_the_published_labels() -> None:
    builds = [draw_spine_build(np.random.default_rng(seed), mean_step_mm=1.0) for seed in range(200)]
    heights, tops = (np.median([getattr(build, name) for build in builds], axis=0) for name in ("heights", "tops"))
    # Medians of T1, T6, T12 and L5 in the 457 published training labels.
    levels = ABOVE + np.array([0, 5, 11, 16])
    assert heights[levels] == pytest.approx([0.46, 0.67, 0.82, 0.87], rel=0.04)
    assert tops[levels] == pytest.approx([1.21, 1.07, 1.39, 1.77], rel=0.04)


def test_curves_turn_one_way_or_to_and_fro() -> None:
    double = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        tilts = _tilts_deg(pose_spine(rng, draw_spine_build(rng)))
        ends = sorted([int(tilts.argmin()), int(tilts.argmax())])
        # Beyond the largest curve there is another one, if the tilt goes back by a quarter of it.
        beyond = max(np.ptp(tilts[: ends[0] + 1]), np.ptp(tilts[ends[1] :]))
        double.append(beyond > 0.25 * np.ptp(tilts))
    assert 0.5 < np.mean(double) < 0.95


def test_both_sides_are_taken() -> None:
    sides = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        centres = pose_spine(rng, draw_spine_build(rng)).mean(axis=(1, 2))[ABOVE : ABOVE + LABELLED]
        chord = np.interp(centres[:, 1], centres[[0, -1], 1], centres[[0, -1], 0])
        sides.append(np.sign((centres[:, 0] - chord)[np.abs(centres[:, 0] - chord).argmax()]))
    assert abs(np.mean(sides)) < 0.5


def test_the_outer_side_of_a_curve_is_the_higher_one() -> None:
    shares = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        corners = pose_spine(rng, draw_spine_build(rng))[ABOVE : ABOVE + LABELLED]
        left, right = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=-1).T
        # Turning clockwise on the way down, a spine bulges to the right of the image.
        bends = np.gradient(np.unwrap(np.radians(_tilts_deg(np.pad(corners, ((ABOVE, 1), (0, 0), (0, 0), (0, 0)))))))
        strong = np.abs(bends) > np.deg2rad(4)
        shares.append(((right > left) == (bends > 0))[strong])
    assert np.mean(np.concatenate(shares)) > 0.85
