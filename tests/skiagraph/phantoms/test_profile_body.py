"""Bodies along an axis: frames, outlines, depths."""

from __future__ import annotations

import numpy as np
import pytest

from skiagraph.phantoms.attenuation import COMPACT_BONE, SPONGY_BONE, Attenuation
from skiagraph.phantoms.profile_body import Pose, add_profile, aim, bone_depth, make_profile, outer_depth

POSES = [Pose((60.0, 50.0), 0.0), Pose((55.0, 62.0), 0.7), Pose((60.0, 60.0), -2.0, True)]


def _blank(px_per_mm: float = 2.0) -> Attenuation:
    return Attenuation(np.zeros((240, 240), np.float32), px_per_mm)


def _volume(image: Attenuation) -> float:
    """What was added, times the area of a pixel in mm²."""
    return float(image.total.sum(dtype=float)) / image.px_per_mm**2


def test_unturned_frames_are_those_of_the_image() -> None:
    assert Pose((3.0, 4.0), 0.0).place([(1, 2)]) == pytest.approx(np.array([[4, 6]]))
    assert Pose((3.0, 4.0), 0.0, True).place([(1, 2)]) == pytest.approx(np.array([[2, 6]]))
    # Clockwise in an image: what points down comes to point to the left.
    assert Pose((0.0, 0.0), np.pi / 2).place([(0, 1)]) == pytest.approx(np.array([[-1, 0]]), abs=1e-12)


@pytest.mark.parametrize("pose", POSES)
def test_pixels_know_where_they_are_in_a_frame(pose: Pose) -> None:
    window = _blank().everywhere
    u, v = pose.local(window)
    places = pose.place(np.column_stack([u.ravel(), v.ravel()])).reshape(*u.shape, 2)
    assert np.allclose(places[..., 0], window.x, atol=1e-3)
    assert np.allclose(places[..., 1], window.y, atol=1e-3)


@pytest.mark.parametrize("pose", POSES)
def test_a_frame_in_a_frame(pose: Pose) -> None:
    inner = pose.at((5.0, 7.0), 0.4)
    # By 0.4 from u towards v.
    u, v = np.array([np.cos(0.4), np.sin(0.4)]), np.array([-np.sin(0.4), np.cos(0.4)])
    assert inner.place([(2, 3)]) == pytest.approx(pose.place([np.array([5, 7]) + 2 * u + 3 * v]))
    aimed = pose.towards((1.0, 2.0), (4.0, 6.0))
    assert aimed.place([(0, 0), (0, 5)]) == pytest.approx(pose.place([(1, 2), (4, 6)]))
    straight = aim((10.0, 20.0), (40.0, 60.0), mirrored=pose.mirrored)
    assert straight.place([(0, 0), (0, 50)]) == pytest.approx(np.array([[10, 20], [40, 60]]))


@pytest.mark.parametrize("pose", POSES)
def test_a_body_has_the_volume_of_a_round_one(pose: Pose) -> None:
    image = _blank()
    add_profile(image, pose, make_profile([-20, 20], [6, 10]), 0.5)
    frustum = np.pi * 40 / 3 * (6**2 + 6 * 10 + 10**2)
    assert _volume(image) == pytest.approx(0.5 * frustum, rel=0.02)


def test_a_body_ends_where_it_is_told_to() -> None:
    image = _blank()
    add_profile(image, Pose((60.0, 50.0), 0.0), make_profile([-20, 20], [6, 6], [10, 10]), 1.0)
    rows, columns = np.nonzero(image.total)
    assert rows.min() == 2 * 30
    assert rows.max() == 2 * 70
    assert (columns.min(), columns.max()) == (2 * (60 - 6) + 1, 2 * (60 + 10) - 1)


def test_a_mirrored_body_is_the_mirror_image() -> None:
    plain, mirrored = _blank(), _blank()
    body = make_profile([-20, 0, 30], [6, 3, 8], [10, 4, 2])
    add_profile(plain, Pose((59.75, 60.0), 0.3), body, 1.0)
    add_profile(mirrored, Pose((59.75, 60.0), -0.3, True), body, 1.0)
    assert np.allclose(plain.total, mirrored.total[:, ::-1], atol=1e-3)


def test_a_bone_is_a_wall_round_spongy_bone() -> None:
    bone = make_profile([0, 40], 10.0 * np.ones(2), wall_mm=3.0, fill=0.5)
    u, v = np.meshgrid(np.arange(-12, 12.01, 0.1, dtype=np.float32), np.array([20], np.float32))
    outer, inner = np.pi * 10**2, np.pi * 7**2
    whole = COMPACT_BONE * (outer - inner) + 0.5 * SPONGY_BONE * inner
    assert bone_depth(bone, u, v).sum() * 0.1 == pytest.approx(whole, rel=0.01)
    middle = COMPACT_BONE * 6 + 0.5 * SPONGY_BONE * 14
    assert bone_depth(bone, u, v)[0, 120] == pytest.approx(middle, rel=1e-3)
    assert outer_depth(bone, u, v)[0, [0, 120]] == pytest.approx([0, 20], abs=1e-3)


def test_a_flat_body_is_less_deep() -> None:
    u, v = (np.array([[value]], np.float32) for value in (0, 5))
    assert outer_depth(make_profile([0, 10], [8, 8], flatness=0.25), u, v) == pytest.approx(4)


def test_parts_and_thinner_bodies() -> None:
    body = make_profile([0, 40, 41], [10, 10, 0])
    part = body.part(10, 30)
    assert (part.start_mm, part.end_mm) == (10, 30)
    assert body.thinner(3).sides_at(20) == (7, 7)
    assert body.thinner(-3).sides_at(20) == (13, 13)
    assert body.thinner(-3).sides_at(41) == pytest.approx((0, 0), abs=1e-6)
