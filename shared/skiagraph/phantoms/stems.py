"""Implants in the marrow of bones, and wires: nails, prostheses of shoulder and elbow, wires in and round bones."""

from __future__ import annotations

import numpy as np

from .hardware import Metal, add_cap, add_loop, add_rod, add_screw, add_stem
from .implant_plan import ImplantPlan, Site


def add_nail(rng: np.random.Generator, metal: Metal, site: Site, plan: ImplantPlan) -> None:
    """A rod in the marrow, held by screws at both ends."""
    pose, radius = site.poses["humerus"], rng.uniform(3.4, 4.8)
    v = np.linspace(plan.start_mm, plan.end_mm, 40)
    along = (v - v[0]) / site.build.size
    u = np.interp(along, [0, 60, 300], [rng.uniform(-4, 3), 0.3, 0.3])
    thick = radius * np.interp(along, [0, 45, 70, 300], [1.3, 1.25, 1.0, 0.95])
    add_rod(metal, pose, np.column_stack([u, v]), thick)
    for place in plan.start_mm + np.sort(rng.uniform(8, 52, rng.integers(1, 5))):
        half, lean = rng.choice([-1, -1, 1]) * rng.uniform(17, 24), rng.uniform(0.25, 1)
        add_screw(metal, pose, (half, place), (-half, place + rng.normal(0, 5)), rng.uniform(3.8, 5), lean)
    for place in plan.end_mm - np.sort(rng.uniform(6, 38, rng.integers(1, 3))):
        half, lean = rng.choice([-1, 1]) * 14.5, rng.uniform(0.1, 1)
        add_screw(metal, pose, (half, place), (-half, place + rng.normal(0, 1)), rng.uniform(3.3, 4.2), lean)


def add_shoulder(rng: np.random.Generator, metal: Metal, site: Site, plan: ImplantPlan) -> None:
    """A stem in the humerus with a new head, or with a cup on a ball that is screwed to the shoulder blade."""
    pose, scale = site.poses["humerus"], site.build.size
    neck, seen, radius = 34.0 * scale, np.cos(site.view * 0.8), rng.uniform(3.8, 5.2)
    along = [neck - 14, neck, neck + 30, plan.end_mm - 3, plan.end_mm]
    add_stem(metal, pose, along, [5.5, 1.6 * radius, 1.2 * radius, 0.85 * radius, 0.4 * radius])
    cut = pose.at((3.0 * seen, neck - 14), rng.uniform(0.75, 0.95) * seen)
    ball = rng.uniform(20, 24.5) * scale
    if rng.random() < 0.7:
        add_cap(metal, cut, ball, rng.uniform(-0.55, 0.2))
    else:
        add_cap(metal, cut.at((0.0, 2.0), np.pi), 0.9 * ball, 0.35)
        socket = site.shoulder.at((19.0 * scale, 0.0), -np.pi / 2)
        add_cap(metal, socket, 0.95 * ball, 0.05)
        for aslant in rng.uniform(-0.5, 0.5, rng.integers(2, 5)):
            add_screw(metal, socket, (10 * aslant, 0.0), (38 * aslant, rng.uniform(20, 32)), diameter_mm=4.5)
    if rng.random() < 0.25:
        add_wires_round(rng, metal, site, neck + 15, plan.end_mm)


def add_elbow(rng: np.random.Generator, metal: Metal, site: Site, plan: ImplantPlan) -> None:
    """Stems in humerus and ulna, linked by a hinge."""
    scale = site.build.size
    hinge, radius = 302 * scale, rng.uniform(3.0, 4.2)
    along = [plan.start_mm, plan.start_mm + 4, hinge - 26, hinge - 20, hinge - 14]
    add_stem(metal, site.poses["humerus"], along, [0.5 * radius, 0.8 * radius, 1.3 * radius, 9.0, 11.0])
    yoke = site.poses["humerus"].at((0.0, hinge))
    for side in (-1, 1):
        add_rod(metal, yoke, [(side * 9.5, -15), (side * 9.5, 4)], 3.4)
    add_rod(metal, yoke, [(-12, 0), (12, 0)], 4.5)
    elbow = site.poses["ulna"]
    end = rng.uniform(60, 105) * scale
    add_stem(metal, elbow, [-8, 8, 24, end - 3, end], [5.5, 5.0, 1.1 * radius, 0.7 * radius, 0.3])
    if rng.random() < 0.3:
        add_wires_round(rng, metal, site, plan.start_mm, hinge - 40)


def add_head_wires(rng: np.random.Generator, metal: Metal, site: Site, plan: ImplantPlan) -> None:
    """Straight wires from the shaft up into the head."""
    radius = rng.uniform(0.8, 1.3)
    for _ in range(rng.integers(2, 5)):
        low = (-site.build.size * rng.uniform(16, 24), plan.end_mm - rng.uniform(0, 30))
        add_rod(metal, site.poses["humerus"], [low, (rng.uniform(4, 24), rng.uniform(4, 20))], radius)


def add_elbow_wires(rng: np.random.Generator, metal: Metal, site: Site, _: ImplantPlan) -> None:
    """Two straight wires down the ulna, and one like an 8 round their ends."""
    pose, radius = site.poses["ulna"], rng.uniform(0.8, 1.1)
    for u in (-3.5, 3.0):
        add_rod(metal, pose, [(u - 3, -24), (u, -21), (u + rng.normal(0, 1), rng.uniform(38, 65))], radius)
    turn = np.linspace(0, 2 * np.pi, 25)
    wide = rng.uniform(4, 8)
    eight = np.column_stack([wide * np.sin(2 * turn), 8 - 26 * np.cos(turn)])
    add_rod(metal, pose, eight, 0.7 * radius)


def add_wires_round(rng: np.random.Generator, metal: Metal, site: Site, start_mm: float, end_mm: float) -> None:
    """Wires round the humerus."""
    radius = rng.uniform(0.6, 1.0)
    for v in np.sort(rng.uniform(start_mm + 5, max(end_mm - 5, start_mm + 6), rng.integers(2, 6))):
        left, right = site.profiles["humerus"].sides_at(v)
        place = site.poses["humerus"].at(((right - left) / 2, v), rng.normal(0, 0.12))
        add_loop(metal, place, ((left + right) / 2 + 1.5, rng.uniform(1.0, 5.0)), radius, rng.uniform(0.85, 1.05))
