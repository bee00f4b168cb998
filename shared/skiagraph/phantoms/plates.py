"""Plates with their screws: on the shaft of a bone, at the upper end of the humerus, and down to the elbow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from .hardware import Metal, Plate, add_plate, add_screw
from .implant_plan import ImplantPlan, Site
from .noise import FloatArray
from .profile_body import STEP_MM
from .stems import add_wires_round

# Over this length a plate does not follow the bone.
_STIFF_MM = 14.0


def add_shaft_plate(rng: np.random.Generator, metal: Metal, site: Site, plan: ImplantPlan) -> None:
    """A straight plate; often with wires round the bone, or screws beside it."""
    thin = plan.bone != "humerus"
    side = rng.choice([-1, 1])
    width = rng.uniform(8, 10.5) if thin else rng.uniform(10, 16)
    plate = _lay_plate(rng, site, plan, width=width, side=side, view=site.view + rng.uniform(-0.8, 0.8))
    add_plate(metal, site.poses[plan.bone], plate)
    _screw_on(rng, metal, site, plan, plate)
    if not thin and rng.random() < 0.15:
        add_wires_round(rng, metal, site, plan.start_mm, plan.end_mm)
    for _ in range(rng.choice([0, 1, 2], p=[0.7, 0.2, 0.1])):
        v = rng.uniform(plan.start_mm, plan.end_mm)
        left, right = site.profiles[plan.bone].sides_at(v)
        head, tip = (-left - 2, v), (right + 2, v + rng.uniform(-16, 16))
        if rng.random() < 0.5:
            head, tip = tip, head
        add_screw(metal, site.poses[plan.bone], head, tip, rng.uniform(2.4, 3.5))


def add_head_plate(rng: np.random.Generator, metal: Metal, site: Site, plan: ImplantPlan) -> None:
    """A plate on the outer side of the upper end, with screws that spread out into the head."""
    view = site.view * rng.uniform(0.2, 1.0)
    plate = _lay_plate(rng, site, plan, width=rng.uniform(11, 13.5), side=-1, view=view)
    broad = np.clip(1 - np.arange(len(plate.path_mm)) * STEP_MM / 38, 0, 1) ** 0.7
    plate.width_mm[...] *= 1 + 0.6 * broad
    low = plate.holes_mm > plan.start_mm + 42
    shaft = replace(plate, holes_mm=plate.holes_mm[low] if low.sum() > 1 else plate.holes_mm[-2:])
    pose = site.poses["humerus"]
    add_plate(metal, pose, shaft)
    _screw_on(rng, metal, site, plan, shaft)
    for v in np.linspace(plan.start_mm + 4, plan.start_mm + 32, int(rng.integers(4, 10))):
        rise = rng.uniform(-0.1, 0.3) if v < plan.start_mm + 18 else rng.uniform(0.1, 0.75)
        length = rng.uniform(34, 48) * site.build.size * (1 - 0.2 * rise)
        start = (plate.at(v) + rng.normal(0, 4) * np.sin(view), v)
        lean = np.cos(view) * rng.uniform(0.8, 1.0)
        add_screw(metal, pose, start, (start[0] + length, v - rise * length), rng.uniform(3.0, 4.0), lean)


def add_lower_plates(rng: np.random.Generator, metal: Metal, site: Site, plan: ImplantPlan) -> None:
    """One or two plates down to the elbow, with long screws across it."""
    both = rng.random() < 0.55
    first = rng.choice([-1, 1])
    for side in (first, -first) if both else (first,):
        shorter = rng.uniform(0, 40) if side != first else 0.0
        own = replace(plan, start_mm=plan.start_mm + shorter, end_mm=plan.end_mm - rng.uniform(0, 8))
        view = site.view * rng.uniform(0.4, 1.0)
        plate = _lay_plate(rng, site, own, width=rng.uniform(8, 11.5), side=side, view=view)
        add_plate(metal, site.poses["humerus"], plate)
        _screw_on(rng, metal, site, own, plate)
        for _ in range(rng.integers(1, 5)):
            v = own.end_mm - rng.uniform(2, 24)
            u = plate.at(v)
            across = rng.uniform(30, 55) * site.build.size
            tip = (u - np.sign(u) * across, v + rng.uniform(-14, 14))
            add_screw(metal, site.poses["humerus"], (u, v), tip, rng.uniform(2.4, 3.5))


def _lay_plate(
    rng: np.random.Generator, site: Site, plan: ImplantPlan, *, width: float, side: int, view: float
) -> Plate:
    """A plate on the surface of a bone, which it follows but for small bumps."""
    thick = rng.uniform(2.6, 3.4) if plan.bone != "humerus" else rng.uniform(3.2, 5.2)
    v = np.arange(plan.start_mm, plan.end_mm, STEP_MM, dtype=np.float32)
    pitch = rng.uniform(11, 19) * width / 13
    count = max(int((plan.end_mm - plan.start_mm - 8) / pitch), 2)
    holes = np.asarray((plan.start_mm + plan.end_mm) / 2 + pitch * (np.arange(count) - (count - 1) / 2))
    half_hole = width * rng.uniform(0.16, 0.22)
    return Plate(
        plan.start_mm,
        _surface(site, plan, v, side * np.cos(view), thick),
        width * _outline(rng, v, width, np.pi * (v - np.float32(holes[0])) / np.float32(pitch)),
        thick,
        view,
        holes,
        (half_hole * rng.choice([1.0, 1.5, 2.1]), half_hole),
    )


def _surface(site: Site, plan: ImplantPlan, v: FloatArray, aside: float, thick_mm: float) -> FloatArray:
    """U of the middle of a plate at v; it lies `aside`, from -1 for the left side of the bone to 1 for the right."""
    profile = site.profiles[plan.bone]
    steps = profile.steps(v)
    left, right = -profile.left_mm[steps], profile.right_mm[steps]
    middle = (left + right) / 2
    out = (right - left) / 2 + thick_mm / 2
    return np.asarray(gaussian_filter1d(middle + aside * out, _STIFF_MM / STEP_MM, mode="nearest"), dtype=np.float32)


def _outline(rng: np.random.Generator, v: FloatArray, width: float, phase: FloatArray) -> FloatArray:
    """Width by its largest at v: round at both ends, and often with waists between the holes, whose phase is given."""
    from_end = np.minimum(v - v[0], v[-1] - v)
    rounded = np.sqrt(np.clip(1 - (1 - np.minimum(from_end / (width / 2), 1)) ** 2, 0.02, 1))
    waist = rng.choice([0.0, 0.1, 0.25])
    return np.asarray(rounded * (1 - waist * np.sin(phase) ** 2), dtype=np.float32)


def _screw_on(rng: np.random.Generator, metal: Metal, site: Site, plan: ImplantPlan, plate: Plate) -> None:
    """Put screws through the holes of a plate and through both walls of the bone."""
    profile, pose = site.profiles[plan.bone], site.poses[plan.bone]
    diameter = rng.uniform(2.7, 3.5) if plan.bone != "humerus" else rng.uniform(3.3, 4.7)
    filled = rng.random(len(plate.holes_mm)) < rng.uniform(0.55, 1.0)
    filled[[0, -1]] = True
    for v, here in zip(plate.holes_mm, filled, strict=True):
        left, right = profile.sides_at(v)
        u, lean = plate.at(v), float(np.cos(plate.view))
        inwards = -np.sign(u - (right - left) / 2) or 1.0
        aslant = rng.normal(0, 0.07) if rng.random() < 0.75 else rng.normal(0, 0.3)
        length = (left + right) * (1 + rng.uniform(0.03, 0.2)) + plate.thick_mm
        if rng.random() < 0.08:
            length *= 0.55
        if here:
            head = u - inwards * abs(lean) * plate.thick_mm / 2
            add_screw(metal, pose, (head, v), (head + inwards * length, v + aslant * length), diameter, lean)
