"""Which implants a patient has, and the bones that they are fixed to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .limb_shape import ArmBuild, Forearm
from .profile_body import Pose, Profile

_UPPER = {
    "plate": 0.42,
    "head_plate": 0.2,
    "lower_plates": 0.12,
    "nail": 0.09,
    "shoulder": 0.1,
    "elbow": 0.03,
    "head_wires": 0.02,
    "elbow_wires": 0.02,
}
# Where they begin and end on an ordinary humerus, from v to v each.
_REACH = {
    "head_plate": ((10, 18), (90, 250)),
    "lower_plates": ((150, 230), (292, 304)),
    "nail": ((1, 7), (190, 285)),
    "shoulder": ((0, 0), (95, 230)),
    "elbow": ((170, 230), (345, 345)),
    "head_wires": ((0, 0), (60, 110)),
    "elbow_wires": ((275, 275), (345, 345)),
}
_WITH_PLATE_BELOW = ("shoulder", "head_plate", "head_wires")


@dataclass(frozen=True)
class ImplantPlan:
    """One implant of a patient.

    Attributes:
        kind: what it is.
        bone: the bone it is fixed to: humerus, radius or ulna.
        start_mm, end_mm: v of that bone between which it lies.
        seed: of all else about it.
    """

    kind: str
    bone: str
    start_mm: float
    end_mm: float
    seed: int


@dataclass(frozen=True)
class Site:
    """The bones that implants are fixed to, as an image shows them.

    Attributes:
        build: the patient's arm.
        poses, profiles: of the bones by name.
        forearm: how radius and ulna lie.
        shoulder: frame of the trunk, whose origin is the shoulder joint.
        view: angle in radians by which the arm is turned about its axis.
        sideways, spread: how far the elbow is seen from the side, and radius and ulna apart, 0 to 1.
    """

    build: ArmBuild
    poses: dict[str, Pose]
    profiles: dict[str, Profile]
    forearm: Forearm
    shoulder: Pose
    view: float
    sideways: float
    spread: float


def plan_implants(rng: np.random.Generator, build: ArmBuild, *, forearm: bool) -> list[ImplantPlan]:
    """Draw the implants of a patient: one, or two that belong together."""
    return _plan_forearm(rng, build.size) if forearm else _plan_upper_arm(rng, build.size)


def _plan_forearm(rng: np.random.Generator, size: float) -> list[ImplantPlan]:
    """A plate on one of the bones or on both, at about the same height."""
    start, seed = rng.uniform(25, 130), int(rng.integers(2**31))
    bones = ["radius", "ulna"] if rng.random() < 0.5 else [str(rng.choice(["radius", "ulna"]))]
    plans = []
    for number, bone in enumerate(bones):
        low = max(start + rng.normal(0, 12), 12.0)
        high = min(low + rng.uniform(50, 110), 222.0)
        plans.append(ImplantPlan("forearm_plate", bone, low * size, high * size, seed + number))
    return plans


def _plan_upper_arm(rng: np.random.Generator, size: float) -> list[ImplantPlan]:
    """One of them, and at times a plate that goes on where it ends."""
    kind, seed = str(rng.choice(list(_UPPER), p=list(_UPPER.values()))), int(rng.integers(2**31))
    low, high = _reach(rng, kind)
    plans = [ImplantPlan(kind, "humerus", low * size, high * size, seed)]
    start = high + (-30 if kind == "shoulder" else 8)
    end = min(start + rng.uniform(70, 150), 285.0)
    if kind in _WITH_PLATE_BELOW and end - start > 60 and rng.random() < 0.25:
        plans.append(ImplantPlan("plate", "humerus", start * size, end * size, seed + 1))
    return plans


def _reach(rng: np.random.Generator, kind: str) -> tuple[float, float]:
    """From where to where on an ordinary humerus."""
    if kind == "plate":
        length = rng.uniform(95, 235)
        start = rng.uniform(40, 292 - length)
        return start, start + length
    low, high = _REACH[kind]
    return rng.uniform(*low), rng.uniform(*high)
