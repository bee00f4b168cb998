"""Image planes against spheres and cylinders, whose sections are known."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from skiagraph.geometry import (
    ImagePlane,
    facing_lines,
    first_crossings,
    join_segments,
    rigid_matrix,
    section_segments,
)

SHAPE, SPACING = (200, 240), (0.25, 0.25)
POSE = rigid_matrix((30.0, -12.0, 7.0), (25.0, -40.0, 110.0))


def tilted_plane(shape=SHAPE, spacing=SPACING) -> ImagePlane:
    return ImagePlane(POSE, spacing, shape)


def world(points_mm):
    """Points of the tilted image's frame in the world."""
    return np.asarray(points_mm) @ POSE[:3, :3].T + POSE[:3, 3]


def sphere_at(centre_mm, radius=15.0):
    mesh = trimesh.creation.icosphere(subdivisions=5, radius=radius)
    mesh.apply_translation(world(centre_mm))
    return mesh


def circle_segments(centre, radius, count=2000):
    angles = np.linspace(0, 2 * np.pi, count + 1)
    points = centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.stack([points[:-1], points[1:]], axis=1)


def test_angles_turn_about_fixed_x_then_y_then_z():
    ax, ay, az = np.deg2rad((20.0, -35.0, 70.0))
    turn_x = np.array([[1, 0, 0], [0, np.cos(ax), -np.sin(ax)], [0, np.sin(ax), np.cos(ax)]])
    turn_y = np.array([[np.cos(ay), 0, np.sin(ay)], [0, 1, 0], [-np.sin(ay), 0, np.cos(ay)]])
    turn_z = np.array([[np.cos(az), -np.sin(az), 0], [np.sin(az), np.cos(az), 0], [0, 0, 1]])
    matrix = rigid_matrix((1.0, 2.0, 3.0), (20.0, -35.0, 70.0))
    np.testing.assert_allclose(matrix[:3, :3], turn_z @ turn_y @ turn_x, atol=1e-12)
    np.testing.assert_allclose(matrix[:, 3], (1, 2, 3, 1))


def test_pixel_centres_are_half_a_pixel_inside():
    plane = tilted_plane(spacing=(0.3, 0.2))
    column, row = 17, 60
    point = world(((column + 0.5) * 0.2, (row + 0.5) * 0.3, 0.0))
    np.testing.assert_allclose(plane.to_pixels(point), (column, row), atol=1e-9)


def test_section_of_a_sphere_is_the_known_circle():
    segments = section_segments(sphere_at((30.0, 25.0, 9.0)), tilted_plane())
    away_mm = np.linalg.norm((segments + 0.5) * 0.25 - (30.0, 25.0), axis=-1)
    assert len(segments) > 100
    np.testing.assert_allclose(away_mm, 12.0, atol=0.03)  # sqrt(15^2 - 9^2)


def test_section_of_a_leaning_cylinder_is_the_known_ellipse():
    cylinder = trimesh.creation.cylinder(radius=8.0, height=200.0, sections=720)
    cylinder.apply_transform(rigid_matrix((30.0, 25.0, 0.0), (60.0, 0.0, 0.0)))
    cylinder.apply_transform(POSE)
    (outline,) = join_segments(section_segments(cylinder, tilted_plane()))
    x, y = ((outline + 0.5) * 0.25 - (30.0, 25.0)).T
    np.testing.assert_allclose((x / 8) ** 2 + (y / 16) ** 2, 1.0, atol=1e-3)  # 8 / cos(60 deg) along the tilt
    np.testing.assert_allclose(outline[0], outline[-1])


def test_a_plane_that_misses_has_an_empty_section():
    segments = section_segments(sphere_at((30.0, 25.0, 15.5)), tilted_plane())
    assert segments.shape == (0, 2, 2)
    assert facing_lines(segments, tilted_plane()) == []
    assert join_segments(segments) == []


@pytest.mark.parametrize("limit_deg", [30.0, 75.0])
def test_the_near_arc_of_a_circle_up_to_the_incidence(limit_deg):
    (line,) = facing_lines(circle_segments((120.0, 110.0), 60.0), tilted_plane(), limit_deg)
    x, y = line.T
    np.testing.assert_allclose(y, 110.0 - np.sqrt(60.0**2 - (x - 120.0) ** 2), atol=0.01)
    reach = 60.0 * np.sin(np.deg2rad(limit_deg))
    assert x.min() == pytest.approx(120.0 - reach, abs=1.1)
    assert x.max() == pytest.approx(120.0 + reach, abs=1.1)


def test_incidence_is_measured_in_mm():
    slope = np.array([[[20.0, 20.0], [120.0, 120.0]]])  # 45 degrees in pixels
    flat, steep = (tilted_plane(spacing=spacing) for spacing in ((0.1, 0.2), (0.4, 0.1)))
    assert len(facing_lines(slope, flat, 30.0)) == 1
    assert facing_lines(slope, steep, 75.0) == []


def test_what_lies_behind_is_not_seen_and_lines_end_where_the_beam_jumps():
    front, behind = circle_segments((90.0, 60.0), 30.0), circle_segments((130.0, 140.0), 50.0)
    left, right = facing_lines(np.concatenate([behind, front]), tilted_plane())
    assert np.all(left[:, 1] <= 60.0)
    assert np.all(right[:, 0] > 120.0)  # the part below the front circle lies in its shadow
    np.testing.assert_allclose(np.linalg.norm(right - (130.0, 140.0), axis=1), 50.0, atol=0.01)


def test_beams_start_at_the_first_row_and_end_at_the_last():
    rows = first_crossings(circle_segments((120.0, 10.0), 40.0), SHAPE)
    assert rows[120] == pytest.approx(50.0, abs=0.01)  # the near side lies above the image
    assert np.isnan(first_crossings(circle_segments((120.0, 260.0), 40.0), SHAPE)).all()


def test_first_crossings_agree_with_the_nearest_of_all_crossings():
    rng = np.random.default_rng(0)
    segments = rng.uniform(-20, 260, (40, 2, 2))
    expected = np.full(SHAPE[1], np.nan)
    for column in range(SHAPE[1]):
        for (x0, y0), (x1, y1) in segments:
            if min(x0, x1) <= column <= max(x0, x1):
                row = y0 + (column - x0) / (x1 - x0) * (y1 - y0)
                if 0 <= row <= SHAPE[0] - 1:
                    expected[column] = np.nanmin([expected[column], row])
    np.testing.assert_allclose(first_crossings(segments, SHAPE), expected)


def test_a_correction_moves_what_is_seen():
    plane = tilted_plane()
    middle = world(plane.centre_mm)
    seen = plane.with_world_moved((0.5, -1.0, 0.0, 0.0, 0.0, 0.0)).to_pixels(middle)
    np.testing.assert_allclose(seen - plane.to_pixels(middle), (2.0, -4.0), atol=1e-9)


def test_a_correction_turns_about_the_middle_of_the_image():
    plane = tilted_plane()
    turned = plane.with_world_moved((0.0, 0.0, 0.3, 3.0, -2.0, 5.0))
    offset, lift = np.array([4.0, 1.0, 0.0]), np.array([0.0, 0.0, 0.3])
    expected = Rotation.from_euler("xyz", (3.0, -2.0, 5.0), degrees=True).apply(offset) + lift
    point = world(plane.centre_mm + offset)
    np.testing.assert_allclose(turned.to_image_mm(point) - plane.centre_mm, expected, atol=1e-9)
