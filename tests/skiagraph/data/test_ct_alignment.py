"""The alignment of a CT surface with its echo, on frames whose displacement is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skiagraph.data.ct_alignment import (
    FrameAlignment,
    align_frame,
    align_sweep,
    echo_map,
    echo_offset_mm,
    mean_score,
)
from skiagraph.data.layouts.sweep import read_surfaces, read_sweep


def prepared(sweep, images=None):
    """The sweep's frames for the alignment, by default with the images it was written with."""
    read = read_sweep(sweep.root)
    surface = read_surfaces(read.surfaces)
    images = images or [frame.read_image() for frame in read.frames]
    return [
        FrameAlignment.prepare(surface, frame.plane(sweep.image_to_marker, sweep.shape), image)
        for frame, image in zip(read.frames, images, strict=True)
    ]


def distance_from_echo_mm(sweep, frame, z_mm, correction):
    points = np.concatenate(frame.lines(correction))
    return np.abs(sweep.ellipse_distance_mm(points, z_mm, displaced=True))


def test_a_frame_finds_its_displaced_echo(ellipse_sweep):
    frame, z_mm = prepared(ellipse_sweep)[1], ellipse_sweep.z_mm[1]
    correction = align_frame(frame, np.zeros(6))
    assert distance_from_echo_mm(ellipse_sweep, frame, z_mm, np.zeros(6)).max() > 0.5
    assert distance_from_echo_mm(ellipse_sweep, frame, z_mm, correction).max() < 0.15
    np.testing.assert_array_equal(correction[2:5], 0.0)  # one frame says nothing about these


def test_a_sweep_finds_its_displaced_echo(ellipse_sweep):
    frames = prepared(ellipse_sweep)
    correction = align_sweep(frames)
    np.testing.assert_allclose(correction[[0, 1]], (0.5, -0.4), atol=0.15)
    for frame, z_mm in zip(frames, ellipse_sweep.z_mm, strict=True):
        assert distance_from_echo_mm(ellipse_sweep, frame, z_mm, correction).max() < 0.15
    assert mean_score(frames, correction) > mean_score(frames, np.zeros(6)) + 0.1


def test_corrections_keep_to_one_mm_and_one_degree(ellipse_sweep):
    far = replace(ellipse_sweep, root=ellipse_sweep.root / "far", shift_mm=(1.3, -1.4), turn_deg=2.5).write()
    frames = prepared(far)
    for correction in (align_sweep(frames), align_frame(frames[0], np.zeros(6))):
        assert np.abs(correction).max() <= 1.0
        assert correction[1] < -0.9


def test_a_frame_without_signal_stays_at_the_sweeps_correction(ellipse_sweep):
    blank = prepared(ellipse_sweep, [np.full(ellipse_sweep.shape, 90, np.uint8)] * 4)
    prior = np.array([0.3, -0.7, 0.2, 0.1, -0.4, 0.9])
    np.testing.assert_allclose(align_frame(blank[0], prior), prior, atol=0.01)


def test_no_frames_have_no_correction():
    np.testing.assert_allclose(align_sweep([]), 0.0, atol=0.01)


def test_a_plane_beside_the_bone_has_no_line_and_stays(ellipse_sweep):
    beside = replace(ellipse_sweep, root=ellipse_sweep.root / "beside", z_mm=(70.0,)).write()
    (frame,) = prepared(beside)
    assert frame.lines(np.zeros(6)) == []
    np.testing.assert_allclose(align_frame(frame, np.full(6, 0.4)), 0.4, atol=0.01)


def test_the_cut_out_piece_loses_nothing_that_a_correction_can_reach(ellipse_sweep):
    frame = prepared(ellipse_sweep)[0]
    whole = replace(frame, surface=read_surfaces(read_sweep(ellipse_sweep.root).surfaces))
    rng = np.random.default_rng(1)
    for correction in (*rng.choice([-1.0, 1.0], (8, 6)), *rng.uniform(-1, 1, (8, 6))):
        np.testing.assert_allclose(
            np.concatenate(frame.lines(correction)), np.concatenate(whole.lines(correction)), atol=1e-6
        )


def test_the_echo_map_prefers_a_bright_line_to_an_edge_and_to_even_tissue():
    image = np.full((120, 80), 60, np.uint8)
    image[40:43, :40] = 220
    image[41:, 40:] = 220
    score = echo_map(image, (0.1, 0.1), 0.2)
    assert score[41, 10] > score[41, 70] + 0.2
    assert score[10, 10] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("below_px", [-6, 0, 9])
def test_the_echos_offset_from_the_line(below_px):
    image = np.zeros((100, 60), np.uint8)
    image[50 + below_px] = 200
    line = np.stack([np.arange(10.0, 50.0), np.full(40, 50.0)], axis=1)
    assert echo_offset_mm(image, [line], 0.1) == pytest.approx(below_px * 0.1)
    assert echo_offset_mm(image, [], 0.1) is None
