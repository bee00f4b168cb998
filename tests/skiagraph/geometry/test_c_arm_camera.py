"""The camera of a C-arm: the standard's sentences, and SciPy's rotations."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from skiagraph.dicom import CArmFrame, FieldOfView, IsocentreSystem, read_c_arm
from skiagraph.geometry.c_arm_axes import positioner_axes
from skiagraph.geometry.cameras import camera_from_c_arm, stack_cameras, triangulate
from tests.skiagraph.dicom.angiograms import classic_xa, enhanced_xa, isocentre_system, stored_field

SID_MM, TO_ISOCENTRE_MM, PIXEL_MM = 1000.0, 750.0, 0.25
MIDDLE = (255.5, 255.5)

few = settings(max_examples=30, deadline=None)
primary = st.floats(-180, 180)
secondary = st.floats(-90, 90)


def frame(primary_deg: float = 0, secondary_deg: float = 0, **changes: Any) -> CArmFrame:
    told = CArmFrame(
        frame_number=1,
        rows=512,
        columns=512,
        enhanced=False,
        primary_deg=primary_deg,
        secondary_deg=secondary_deg,
        source_detector_mm=SID_MM,
        source_patient_mm=TO_ISOCENTRE_MM,
        imager_spacing_mm=(PIXEL_MM, PIXEL_MM),
    )
    return replace(told, **changes)


def seen(told: CArmFrame, *point_mm: float, **how: Any) -> list[float]:
    """Where a point (to the left, to the back, to the head) is seen, from the middle of the image in pixels."""
    camera = camera_from_c_arm(told, **how)
    pixel: list[float] = (camera.project(torch.tensor([point_mm], dtype=torch.float64))[0] - 255.5).tolist()
    return pixel


@few
@given(primary, secondary)
def test_the_isocentre_is_seen_in_the_middle_from_everywhere(primary_deg: float, secondary_deg: float) -> None:
    assert seen(frame(primary_deg, secondary_deg), 0, 0, 0) == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize(
    ("angles", "point_mm", "pixel"),
    [
        # In front: the patient faces the detector, so that his left is at the right, his head at the top.
        ((0, 0), (10, 0, 0), (10 / 0.25 / 0.75, 0)),
        ((0, 0), (0, 0, 10), (0, -10 / 0.25 / 0.75)),
        ((0, 0), (10, -250, 0), (10 / 0.25, 0)),  # on the detector, 250 mm in front: as large as it is
        # LAO 90: the detector is at his left, and who looks from there has his back at the right.
        ((90, 0), (0, 10, 0), (10 / 0.25 / 0.75, 0)),
        ((90, 0), (250, 10, 0), (10 / 0.25, 0)),
        ((90, 0), (0, 0, 10), (0, -10 / 0.25 / 0.75)),
        # RAO 90: from his right, with his front at the right.
        ((-90, 0), (0, -10, 0), (10 / 0.25 / 0.75, 0)),
        ((-90, 0), (-250, 0, 10), (0, -10 / 0.25)),
        # 180: from behind, with his right at the right.
        ((180, 0), (-10, 250, 0), (10 / 0.25, 0)),
        # Cranial 90: from above his head, his back at the top.
        ((0, 90), (10, 0, 250), (10 / 0.25, 0)),
        ((0, 90), (0, 10, 250), (0, -10 / 0.25)),
        # Caudal 90: from his feet, his front at the top.
        ((0, -90), (0, -10, -250), (0, -10 / 0.25)),
    ],
)
def test_views_by_their_names(
    angles: tuple[float, float], point_mm: tuple[float, float, float], pixel: tuple[float, float]
) -> None:
    assert seen(frame(*angles), *point_mm) == pytest.approx(pixel, abs=1e-9)


@few
@given(primary, secondary)
def test_primary_is_longitude_and_secondary_is_latitude(primary_deg: float, secondary_deg: float) -> None:
    """PS3.3 C.8.7.5.1.2: of the detector, from the direction to which the chest faces."""
    camera = camera_from_c_arm(frame(primary_deg, secondary_deg))
    longitude, latitude = math.radians(primary_deg), math.radians(secondary_deg)
    front, left, head = np.array([0, -1, 0]), np.array([1, 0, 0]), np.array([0, 0, 1])
    towards = math.cos(latitude) * (math.cos(longitude) * front + math.sin(longitude) * left)
    towards = towards + math.sin(latitude) * head
    assert np.allclose(camera.axes[2], towards, atol=1e-12)
    assert np.allclose(camera.source_mm, -TO_ISOCENTRE_MM * towards, atol=1e-9)


@few
@given(primary, secondary, st.floats(-180, 180))
def test_the_secondary_turns_about_an_axis_that_the_primary_has_turned(
    primary_deg: float, secondary_deg: float, rotation_deg: float
) -> None:
    """SciPy's intrinsic rotations ("ZXY": about z, then the new x, then the new y)."""
    turned = Rotation.from_euler("ZXY", [primary_deg, -secondary_deg, rotation_deg], degrees=True).as_matrix()
    right, to_source, up = turned.T
    axes = positioner_axes(*torch.tensor([primary_deg, secondary_deg, rotation_deg], dtype=torch.float64))
    assert np.allclose(axes, [right, -up, -to_source], atol=1e-12)


def test_the_order_of_the_turns_matters() -> None:
    """About the patient's own left-right axis, the secondary would not tilt a detector that stands at his left."""
    axes = positioner_axes(torch.tensor(90.0), torch.tensor(45.0))
    assert axes[2].tolist() == pytest.approx([math.sqrt(0.5), 0, math.sqrt(0.5)], abs=1e-6)


@few
@given(primary, secondary, st.floats(-180, 180))
def test_the_matrices_of_the_standard(ap1: float, ap2: float, ap3: float) -> None:
    """PS3.17 Z.2: (Xp, Yp, Zp) = R3 (R2 R1) (X, Y, Z), Xp right and Zp up on the detector, Yp to the source."""
    cos, sin = (function(np.deg2rad([ap1, ap2, ap3])) for function in (np.cos, np.sin))
    r1 = np.array([[cos[0], sin[0], 0], [-sin[0], cos[0], 0], [0, 0, 1]])
    r2 = np.array([[1, 0, 0], [0, cos[1], -sin[1]], [0, sin[1], cos[1]]])
    r3 = np.array([[cos[2], 0, -sin[2]], [0, 1, 0], [sin[2], 0, cos[2]]])
    positioner = r3 @ (r2 @ r1)
    told = frame(isocentre=IsocentreSystem(ap1, ap2, ap3), field_of_view=FieldOfView(rotation_deg=0.0, flipped=False))
    camera = camera_from_c_arm(told, "isocentre")
    assert np.allclose(camera.axes, [positioner[0], -positioner[2], -positioner[1]], atol=1e-12)


def test_both_systems_agree_for_a_patient_head_first_and_supine() -> None:
    told = read_c_arm(enhanced_xa([{"IsocenterReferenceSystemSequence": isocentre_system(30, 20)}]))[0]
    both = [camera_from_c_arm(told, system) for system in ("patient", "isocentre")]
    assert torch.allclose(both[0].matrix, both[1].matrix, atol=1e-9)


@pytest.mark.parametrize(
    ("rotation", "flip", "pixel"),
    [
        (0, "NO", (10, -4)),
        (90, "NO", (4, 10)),  # clockwise: what was above is at the right, what was at the right is below
        (180, "NO", (-10, 4)),
        (270, "NO", (-4, -10)),
        (0, "YES", (-10, -4)),
        (90, "YES", (-4, 10)),
    ],
)
def test_the_image_as_it_is_stored(rotation: int, flip: str, pixel: tuple[float, float]) -> None:
    """A point that the detector sees 10 pixels to the right of the isocentre and 4 above."""
    groups = {
        "IsocenterReferenceSystemSequence": isocentre_system(0, 0),
        "FieldOfViewSequence": stored_field(rotation=rotation, flip=flip),
    }
    camera = camera_from_c_arm(read_c_arm(enhanced_xa([groups]))[0], "isocentre")
    there = camera.project(torch.tensor([[10 * 0.2 / 1.5, 0, 4 * 0.2 / 1.5]], dtype=torch.float64))[0]
    assert (there - camera.principal_px).tolist() == pytest.approx(pixel)


def test_a_vessel_is_found_from_two_frames_of_a_rotation() -> None:
    header = classic_xa(
        3, PositionerMotion="DYNAMIC", PositionerPrimaryAngleIncrement=["0", "-40", "-70"],
        PositionerSecondaryAngleIncrement=["0", "5", "0"],
    )  # fmt: skip
    cine = stack_cameras([camera_from_c_arm(told) for told in read_c_arm(header)])
    assert cine.image_size == (12, 16)
    vessel = torch.tensor([[12.0, -30, 41], [0, 5, -20]], dtype=torch.float64)
    views = [camera_from_c_arm(told) for told in read_c_arm(header)]
    assert torch.allclose(triangulate(views, list(cine.project(vessel))), vessel)


def test_gradients_with_respect_to_the_angles() -> None:
    angles = [torch.tensor([value, -value], dtype=torch.float64, requires_grad=True) for value in (31.0, 17.0, 5.0)]
    assert torch.autograd.gradcheck(positioner_axes, angles)


def test_the_principal_point() -> None:
    assert camera_from_c_arm(frame(rows=10, columns=20)).principal_px.tolist() == [9.5, 4.5]
    assert camera_from_c_arm(frame(), principal_point_px=(250, 260)).principal_px.tolist() == [250, 260]
    assert camera_from_c_arm(frame(enhanced=True, isocentre_px=(3, 4))).principal_px.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("changes", "system", "missing"),
    [
        ({"primary_deg": None}, "patient", "Positioner Primary Angle"),
        ({"secondary_deg": None}, "patient", "Positioner Secondary Angle"),
        ({"source_detector_mm": None}, "patient", "Distance Source to Detector"),
        ({"source_patient_mm": None}, "patient", "Distance Source to Patient"),
        ({"imager_spacing_mm": None}, "patient", "Imager Pixel Spacing"),
        ({"enhanced": True}, "patient", "Position of Isocenter Projection"),
        ({}, "isocentre", "Isocenter Reference System Sequence"),
        ({"isocentre": IsocentreSystem(1, 2)}, "isocentre", "Positioner Isocenter Detector Rotation Angle"),
        ({"isocentre": IsocentreSystem(1, 2, 3)}, "isocentre", "Field of View Rotation"),
    ],
)
def test_no_camera_is_guessed(changes: dict[str, Any], system: Any, missing: str) -> None:
    with pytest.raises(ValueError, match=f"no camera without {missing}"):
        camera_from_c_arm(frame(**changes), system)


def test_a_tilted_detector_is_refused() -> None:
    with pytest.raises(ValueError, match="the detector is tilted"):
        camera_from_c_arm(frame(detector_tilt_deg=(0.0, 2.0)))
    assert camera_from_c_arm(frame(detector_tilt_deg=(0.0, 0.0))).image_size == (512, 512)
