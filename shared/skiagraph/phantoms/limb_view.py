"""How a patient's arm is held, and what part of it an image shows where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .field import Field, Framing, frame_arm, frame_circle
from .fracture import BrokenBone, break_bone, cut_line, edge_points
from .implant_plan import Site
from .limb_plan import Patient
from .limb_shape import humerus, pose_forearm, radius, ulna
from .profile_body import Pose

Points = NDArray[np.float64]

# Shares of a break and of an implant that an image has to show.
_BREAK_SHOWN, _IMPLANT_SHOWN = 0.9, 0.45


@dataclass(frozen=True)
class View:
    """How an image was taken.

    Attributes:
        shape: (rows, columns).
        px_per_mm: pixels per mm.
        field: what was exposed.
        site: where the bones lie.
        broken: the pieces of the bone that breaks are of.
        fluoroscopy: whether a C-arm took it.
    """

    shape: tuple[int, int]
    px_per_mm: float
    field: Field
    site: Site
    broken: BrokenBone
    fluoroscopy: bool


def take_view(rng: np.random.Generator, patient: Patient, size_px: int) -> View:
    """Draw how an image of a patient is taken, its longer side being `size_px` long.

    It shows the breaks and the better part of each implant.
    """
    fluoroscopy = not patient.breaks and rng.random() < 0.07
    while True:
        holding = _Holding.draw(rng)
        # First with the shoulder at the origin; then the image is put round what has to be seen.
        site, broken = _lay(patient, holding, (0.0, 0.0))
        axis = site.forearm.pose if patient.forearm else broken.pieces[0].pose
        framing = _frame(rng, patient, axis, fluoroscopy=fluoroscopy)
        if _shows_enough(patient, site, broken, framing):
            break
    px_per_mm = size_px / float(framing.extent_mm.max())
    columns, rows = np.maximum(np.round(framing.extent_mm * px_per_mm).astype(int), 1)
    site, broken = _lay(patient, holding, (-float(framing.corner_mm[0]), -float(framing.corner_mm[1])))
    return View((int(rows), int(columns)), px_per_mm, framing.field_in_image(), site, broken, fluoroscopy)


@dataclass(frozen=True)
class _Holding:
    """How an arm is held: angles in radians.

    Attributes:
        turn: of the image, 0 if the arm hangs down in it.
        flexion: of the elbow, positive towards the body.
        abduction: of the arm from the trunk.
        view: of the arm about its axis.
        sideways: how far the elbow is seen from the side, 0 to 1.
        spread: how far radius and ulna are seen apart, 0 to 1.
    """

    turn: float
    flexion: float
    abduction: float
    view: float
    sideways: float
    spread: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> _Holding:
        leaning = rng.normal(rng.choice([-0.42, 0.42]), 0.22) if rng.random() < 0.8 else rng.normal(0, 0.12)
        lying = rng.choice([-1, 1]) * rng.normal(np.pi / 2, 0.15)
        bent = rng.choice([-1, 1], p=[0.3, 0.7]) * rng.uniform(0.6, 2.0)
        flexion = bent if rng.random() < 0.45 else rng.normal(0.08, 0.12)
        sideways = min(abs(flexion) / 1.2, 1.0) * rng.uniform(0.5, 1.0)
        return cls(
            turn=lying if rng.random() < 0.17 else leaning,
            flexion=flexion,
            abduction=rng.uniform(0.05, 0.6) if rng.random() < 0.75 else rng.uniform(0.6, 1.5),
            view=rng.uniform(0, np.pi / 2),
            sideways=sideways,
            spread=1 - 0.8 * sideways * rng.random(),
        )


def _lay(patient: Patient, holding: _Holding, origin: tuple[float, float]) -> tuple[Site, BrokenBone]:
    """Put all bones into the image, the humerus' upper end at a place."""
    build = patient.build
    # An image of the forearm is turned by how that lies.
    bent = (holding.flexion if build.mirrored else -holding.flexion) if patient.forearm else 0.0
    upper = Pose(origin, holding.turn - bent, build.mirrored)
    cut = cut_line(20 * build.size, 0.85) if any(plan.kind == "shoulder" for plan in patient.implants) else None
    arm = break_bone(upper, [] if patient.forearm else patient.breaks, cut)
    forearm = pose_forearm(build, arm.pieces[-1].pose, holding.flexion, holding.spread)
    broken = break_bone(forearm.radius, patient.breaks) if patient.forearm else arm
    poses = {"humerus": upper, "radius": forearm.radius, "ulna": forearm.ulna}
    if patient.held_below:
        poses[patient.bone] = broken.pieces[-1].pose
    site = Site(
        build=build,
        poses=poses,
        profiles={"humerus": humerus(build, holding.sideways), "radius": radius(build), "ulna": ulna(build)},
        forearm=forearm,
        shoulder=upper.at((6.0 * build.size, 22.0 * build.size), -holding.abduction),
        view=holding.view,
        sideways=holding.sideways,
        spread=holding.spread,
    )
    return site, broken


def _frame(rng: np.random.Generator, patient: Patient, axis: Pose, *, fluoroscopy: bool) -> Framing:
    """Draw which part of the bone with this axis is seen: all of it, the upper or the lower part, or a small field."""
    size = patient.build.size
    if fluoroscopy:
        return frame_circle(rng, axis.at((rng.normal(0, 12), rng.uniform(*patient.focus_mm))))
    whole = (-rng.uniform(10, 45), rng.uniform(300, 350))
    upper = (-rng.uniform(15, 50), rng.uniform(160, 260))
    lower = (rng.uniform(50, 150), rng.uniform(330, 390))
    low, high = [whole, upper, lower][int(rng.choice(3, p=[0.4, 0.32, 0.28]))]
    if patient.forearm:
        low, high = -rng.uniform(15, 90), rng.uniform(235, 340)
    return frame_arm(rng, axis.at((0.0, (low + high) / 2 * size)), (high - low) / 2 * size)


def _shows_enough(patient: Patient, site: Site, broken: BrokenBone, framing: Framing) -> bool:
    shown = [
        framing.shows(edge_points(site.profiles[patient.bone], edges)).mean() > _BREAK_SHOWN for edges in broken.edges
    ]
    for plan in patient.implants:
        v = np.linspace(plan.start_mm, plan.end_mm, 12)
        axis = site.poses[plan.bone].place(np.column_stack([np.zeros_like(v), v]))
        shown.append(framing.shows(axis).mean() > _IMPLANT_SHOWN)
    return all(shown)
