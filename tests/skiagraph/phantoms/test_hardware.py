"""Metal: how much of it there is, and how far it reaches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skiagraph.phantoms.attenuation import Attenuation
from skiagraph.phantoms.hardware import Metal, Plate, add_cap, add_loop, add_plate, add_screw
from skiagraph.phantoms.profile_body import STEP_MM, Pose

POSE = Pose((60.0, 60.0), 0.5)
LENGTH, WIDTH, THICK = 60.0, 12.0, 4.0


def _blank() -> Metal:
    return Metal(Attenuation(np.zeros((480, 480), np.float32), 4.0), 0.5)


def _volume(metal: Metal) -> float:
    return float(metal.image.total.sum(dtype=float)) / metal.per_mm / metal.image.px_per_mm**2


def _reach(metal: Metal, pose: Pose) -> tuple[float, float, float, float]:
    """Smallest and largest u and v of metal in a frame, in mm."""
    u, v = pose.local(metal.image.everywhere)
    there = metal.image.total > 0.1
    return float(u[there].min()), float(u[there].max()), float(v[there].min()), float(v[there].max())


def _plate(view: float, hole_mm: float = 1e-3) -> Plate:
    steps = round(LENGTH / STEP_MM) + 1
    return Plate(
        start_mm=-LENGTH / 2,
        path_mm=np.zeros(steps, np.float32),
        width_mm=np.full(steps, WIDTH, np.float32),
        thick_mm=THICK,
        view=view,
        holes_mm=np.array([-20.0, 0.0, 20.0]),
        hole_mm=(hole_mm, hole_mm),
    )


@pytest.mark.parametrize("view", [0.0, 0.3, 0.9, np.pi / 2])
def test_a_plate_is_as_much_metal_from_wherever_it_is_seen(view: float) -> None:
    metal = _blank()
    add_plate(metal, POSE, _plate(view))
    assert _volume(metal) == pytest.approx(LENGTH * WIDTH * THICK, rel=0.03)
    low, high, top, bottom = _reach(metal, POSE)
    assert high - low == pytest.approx(WIDTH * np.sin(view) + THICK * np.cos(view), abs=0.6)
    assert (top, bottom) == (pytest.approx(-LENGTH / 2, abs=0.3), pytest.approx(LENGTH / 2, abs=0.3))


def test_a_plate_has_holes_where_it_is_told_to() -> None:
    metal = _blank()
    add_plate(metal, POSE, _plate(np.pi / 2, hole_mm=2.5))
    assert LENGTH * WIDTH * THICK - _volume(metal) == pytest.approx(3 * 0.95 * np.pi * 2.5**2 * THICK, rel=0.1)
    x, y = (POSE.place([(0, -20), (0, -10), (3.5, -20)]) * 4).round().astype(int).T
    hole, between, beside = metal.image.total[y, x]
    assert hole < 0.1 * between
    assert beside == pytest.approx(between)


def test_a_bent_plate_is_no_thinner() -> None:
    straight, bent = _blank(), _blank()
    plate = _plate(np.pi / 2)
    add_plate(straight, POSE, plate)
    add_plate(bent, POSE, replace(plate, path_mm=np.linspace(-15, 15, len(plate.path_mm)).astype(np.float32)))
    longer = np.hypot(LENGTH, 30) / LENGTH
    assert _volume(bent) / _volume(straight) == pytest.approx(longer, rel=0.02)


def test_a_screw_goes_from_head_to_tip() -> None:
    metal = _blank()
    start, end = (-10.0, -15.0), (14.0, 17.0)
    add_screw(metal, POSE, start, end, 4.0)
    low, high, top, bottom = _reach(metal, POSE.towards(start, end))
    assert (top, bottom) == (pytest.approx(0, abs=0.4), pytest.approx(40, abs=1.2))
    assert (low, high) == (pytest.approx(-3.4, abs=0.3), pytest.approx(3.4, abs=0.3))
    # The shaft is thinner than the head, and thinner between its threads.
    shaft = np.pi * 2**2 * 40
    assert 0.7 * shaft < _volume(metal) < 1.25 * shaft


@pytest.mark.parametrize("lean", [0.9, 0.7, -0.7])
def test_a_screw_that_leans_is_shorter_and_denser(lean: float) -> None:
    plain, leaning = _blank(), _blank()
    add_screw(plain, POSE, (0.0, -15.0), (0.0, 25.0), 4.0)
    add_screw(leaning, POSE, (0.0, -15.0), (0.0, 25.0), 4.0, lean)
    assert _volume(leaning) == pytest.approx(_volume(plain), rel=0.05)
    assert _reach(leaning, POSE)[3] == pytest.approx(-15 + 40 * abs(lean), abs=1.2)


@pytest.mark.parametrize("share", [-0.5, 0.0, 0.4])
def test_a_cap_is_a_part_of_a_ball(share: float) -> None:
    metal = _blank()
    add_cap(metal, POSE, 20.0, share)
    height = 20 * (1 - share)
    assert _volume(metal) == pytest.approx(np.pi * height**2 * (60 - height) / 3, rel=0.01)
    assert _reach(metal, POSE)[2:] == (pytest.approx(-height, abs=0.4), pytest.approx(0, abs=0.2))


def test_a_loop_goes_round() -> None:
    metal = _blank()
    add_loop(metal, POSE, (14.0, 4.0), 0.8)
    assert _reach(metal, POSE) == pytest.approx((-14.6, 14.6, -4.6, 4.6), abs=0.5)
    x, y = (POSE.place([(0, 0)])[0] * 4).round().astype(int)
    assert metal.image.total[y, x] == 0
