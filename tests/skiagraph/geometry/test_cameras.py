"""X-ray cameras, compared with OpenCV and with geometry that can be done by hand."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor

from skiagraph.geometry.cameras import Camera, camera_from_matrix, stack_cameras, triangulate

few = settings(max_examples=30, deadline=None)
angles = st.tuples(*[st.floats(-180, 180)] * 3)
handedness = st.sampled_from([1.0, -1.0])


def tensor(*values: object) -> Tensor:
    return torch.tensor(values if len(values) > 1 else values[0], dtype=torch.float64)


def camera(euler_deg: tuple[float, float, float] = (0, 0, 0), hand: float = 1.0, **changes: Tensor) -> Camera:
    """A camera 700 mm before the origin, turned, with a mirrored image where `hand` is -1."""
    axes = torch.from_numpy(Rotation.from_euler("xyz", euler_deg, degrees=True).as_matrix())
    axes = tensor([[hand], [1.0], [1.0]]) * axes
    values = {
        "source_mm": -700 * axes[2] + tensor(3.0, -4.0, 5.0),
        "axes": axes,
        "distance_mm": tensor(1100.0),
        "pitch_mm": tensor(0.3, 0.2),
        "principal_px": tensor(250.0, 31.5),
    }
    return Camera(**{**values, **changes}, image_size=(400, 500))


def points(n: int = 6, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(-60, 60, (n, 3)))


def test_similar_triangles() -> None:
    """A pixel is 0.3 mm high and 0.2 mm wide; what is half way to the detector is seen twice as large."""
    seen = camera(source_mm=tensor(0.0, 0.0, -550.0)).project(tensor([[0.0, 0, 0], [10, 0, 0], [0, 6, 0], [0, 6, 550]]))
    assert torch.allclose(seen, tensor([[250, 31.5], [350, 31.5], [250, 71.5], [250, 51.5]]))


@few
@given(euler_deg=angles, hand=handedness)
def test_opencv_projects_to_the_same_pixels(euler_deg: tuple[float, float, float], hand: float) -> None:
    """OpenCV's cameras are not mirrored: its focal length across columns becomes negative instead."""
    made = camera(euler_deg, hand)
    rotation = made.axes.numpy() * [[hand], [1], [1]]
    intrinsics = np.array([[hand * 1100 / 0.2, 0, 250], [0, 1100 / 0.3, 31.5], [0, 0, 1.0]])
    translation = -rotation @ made.source_mm.numpy()
    expected, _ = cv2.projectPoints(points().numpy(), cv2.Rodrigues(rotation)[0], translation, intrinsics, np.zeros(5))
    assert np.allclose(made.project(points()), expected[:, 0], atol=1e-6)


@few
@given(euler_deg=angles, hand=handedness, scale=st.floats(1e-3, 1e3))
def test_a_camera_comes_back_from_its_matrix(euler_deg: tuple[float, float, float], hand: float, scale: float) -> None:
    made = camera(euler_deg, hand)
    back = camera_from_matrix(scale * made.matrix, made.distance_mm, made.image_size)
    for name in ("source_mm", "axes", "pitch_mm", "principal_px", "distance_mm"):
        assert torch.allclose(getattr(back, name), getattr(made, name), atol=1e-8, rtol=1e-8), name
    assert back.image_size == (400, 500)


@few
@given(euler_deg=angles)
def test_opencv_takes_the_matrix_apart_in_the_same_way(euler_deg: tuple[float, float, float]) -> None:
    made = camera(euler_deg)
    intrinsics, rotation, source = cv2.decomposeProjectionMatrix(made.matrix.numpy())[:3]
    signs = np.sign(np.diag(intrinsics))
    assert np.allclose(intrinsics * signs / intrinsics[2, 2], made.intrinsics, atol=1e-6)
    assert np.allclose(rotation * signs[:, None], made.axes, atol=1e-8)
    assert np.allclose(source[:3, 0] / source[3, 0], made.source_mm, atol=1e-6)


def test_matrices_of_no_such_camera_are_refused() -> None:
    parallel = torch.cat([camera().matrix[:2], tensor([[0.0, 0, 0, 1]])])
    with pytest.raises(ValueError, match="no camera with a point source"):
        camera_from_matrix(parallel, tensor(1000.0))
    skewed = tensor([[1, 0.02, 0], [0, 1, 0], [0, 0, 1.0]]) @ camera().matrix
    with pytest.raises(ValueError, match="skewed"):
        camera_from_matrix(skewed, tensor(1000.0))


@few
@given(euler_deg=angles, hand=handedness, seed=st.integers(0, 99))
def test_rays_lead_back_to_the_points(euler_deg: tuple[float, float, float], hand: float, seed: int) -> None:
    made = camera(euler_deg, hand)
    rays = made.back_project(made.project(points(seed=seed)))
    towards = torch.nn.functional.normalize(points(seed=seed) - made.source_mm, dim=-1)
    assert torch.allclose(rays, towards, atol=1e-10)


def test_the_matrix_gives_pixels_and_depth() -> None:
    made = camera((20, -30, 50), -1.0)
    homogeneous = torch.cat([points(), torch.ones(6, 1, dtype=torch.float64)], dim=-1) @ made.matrix.mT
    assert torch.allclose(homogeneous[:, :2] / homogeneous[:, 2:], made.project(points()))
    assert torch.allclose(homogeneous[:, 2], (points() - made.source_mm) @ made.axes[2])


def test_what_is_beside_or_behind_the_source_is_not_seen() -> None:
    made = camera(source_mm=tensor(0.0, 0.0, -550.0))
    seen = made.project(tensor([[1.0, 0, -550], [1, 0, -600], [1, 0, 0]]))
    assert seen.isnan().all(dim=-1).tolist() == [True, True, False]


@few
@given(turn=st.floats(1, 179), seed=st.integers(0, 99))
def test_two_views_find_the_points(turn: float, seed: int) -> None:
    pair = [camera(), camera((10, turn, -5), -1.0)]
    found = triangulate(pair, [one.project(points(seed=seed)) for one in pair])
    assert torch.allclose(found, points(seed=seed), atol=1e-6)


def test_rays_that_miss_each_other_meet_half_way() -> None:
    """Two rays at right angles that pass at 2 mm: the nearest point is 1 mm from both."""
    first = camera(source_mm=tensor(0.0, 0.0, -700.0))
    second = camera((0, -90, 0), source_mm=tensor(-700.0, 2.0, 0.0))
    assert second.axes[2].tolist() == pytest.approx([1, 0, 0], abs=1e-12)
    middle = first.principal_px[None]
    assert triangulate([first, second], [middle, middle])[0].tolist() == pytest.approx([0, 1, 0], abs=1e-9)


def test_three_views_agree_better_than_two() -> None:
    views = [camera((0, turn, 0)) for turn in (0.0, 40.0, 80.0)]
    noise = torch.from_numpy(np.random.default_rng(1).normal(0, 1, (3, 400, 2)))
    seen = [view.project(points(400)) + noise[k] for k, view in enumerate(views)]
    errors = [(triangulate(views[:n], seen[:n]) - points(400)).norm(dim=-1).mean().item() for n in (2, 3)]
    assert errors[1] < errors[0] < 1


def test_one_view_given_twice_finds_nothing() -> None:
    seen = camera().project(points())
    assert triangulate([camera(), camera()], [seen, seen]).isnan().all()


@pytest.mark.parametrize("views", [(1, 1), (2, 1), (0, 0)])
def test_triangulation_takes_two_or_more_views(views: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="give two or more of each, paired"):
        triangulate([camera()] * views[0], [torch.zeros(1, 2)] * views[1])


def test_many_cameras_at_once_are_as_one_after_the_other() -> None:
    single = [camera((0, turn, 3), hand) for turn, hand in ((0.0, 1.0), (30.0, -1.0), (60.0, 1.0))]
    batch = stack_cameras(single)
    assert batch.matrix.shape == (3, 3, 4)
    assert batch.image_size == (400, 500)
    for k, one in enumerate(single):
        assert torch.allclose(batch.matrix[k], one.matrix)
        assert torch.allclose(batch.project(points())[k], one.project(points()))
        assert torch.allclose(batch.back_project(one.project(points()))[k], one.back_project(one.project(points())))
    back = camera_from_matrix(batch.matrix, batch.distance_mm)
    assert torch.allclose(back.axes, batch.axes)
    found = triangulate([batch, stack_cameras(single[1:] + single[:1])], [batch.project(points()),
                        stack_cameras(single[1:] + single[:1]).project(points())])  # fmt: skip
    assert torch.allclose(found, points().expand(3, -1, -1))


def test_cameras_of_unlike_images_are_not_stacked() -> None:
    other = camera_from_matrix(camera().matrix, tensor(1000.0), (1, 2))
    with pytest.raises(ValueError, match="have one size, not 2"):
        stack_cameras([camera(), other])


def test_leading_dimensions_broadcast() -> None:
    """One pose, two zooms."""
    zooms = camera(distance_mm=tensor(1000.0, 1200.0))
    assert zooms.matrix.shape == (2, 3, 4)
    assert zooms.project(points()).shape == zooms.back_project(torch.zeros(6, 2, dtype=torch.float64))[..., :2].shape
    assert torch.allclose(zooms.project(points())[1], camera(distance_mm=tensor(1200.0)).project(points()))


def test_gradients_are_those_of_differences() -> None:
    made = camera((20, -30, 50), -1.0)
    names = ("source_mm", "axes", "distance_mm", "pitch_mm", "principal_px")

    def pixels(*values: Tensor) -> Tensor:
        one = Camera(*values)
        return triangulate([one, camera((0, 60, 0))], [one.project(points(2)), one.project(points(2, seed=1))])

    inputs = tuple(getattr(made, name).clone().requires_grad_() for name in names)
    assert torch.autograd.gradcheck(lambda *values: Camera(*values).project(points(2)), inputs)
    assert torch.autograd.gradcheck(pixels, inputs)


def test_a_dual_plane_fluoroscope() -> None:
    """Intensifier in the plane z = 0, its middle in the origin, up +y, the source at (principal point, SID)."""
    principal_mm, sid_mm, pitch_mm, size = (4.5, -7.25), 1851.35, 360 / 512, 512
    made = Camera(
        source_mm=tensor(*principal_mm, sid_mm),
        axes=tensor([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]),
        distance_mm=tensor(sid_mm),
        pitch_mm=tensor(pitch_mm, pitch_mm),
        principal_px=tensor(principal_mm[0], -principal_mm[1]) / pitch_mm + (size - 1) / 2,
    )
    middle, at_right, above = made.project(tensor([[0.0, 0, 0], [36, 0, 0], [0, 36, 0]]))
    assert middle.tolist() == pytest.approx([255.5, 255.5])
    assert at_right.tolist() == pytest.approx([255.5 + 36 / pitch_mm, 255.5])
    assert above.tolist() == pytest.approx([255.5, 255.5 - 36 / pitch_mm])
    # Half way up, the shadow is twice as far from the foot of the source's perpendicular.
    shadow = made.project(tensor([[principal_mm[0] + 10, principal_mm[1], sid_mm / 2]]))[0]
    assert shadow[0].item() == pytest.approx(255.5 + (principal_mm[0] + 20) / pitch_mm)
    assert math.isclose(shadow[1].item(), 255.5 - principal_mm[1] / pitch_mm)
