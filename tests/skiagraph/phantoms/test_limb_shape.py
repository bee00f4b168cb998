"""Bones of the arm: sizes, walls, joints."""

from __future__ import annotations

import numpy as np
import pytest

from skiagraph.phantoms.attenuation import Attenuation
from skiagraph.phantoms.fracture import Piece
from skiagraph.phantoms.limb_shape import ELBOW_MM, ArmBuild, add_bone, draw_build, humerus, pose_forearm, radius, ulna
from skiagraph.phantoms.profile_body import Pose

ADULT = ArmBuild(size=1.0, girth=1.0, flesh=1.0, cortex=1.0, density=1.0, mirrored=False)


def test_bones_are_as_long_and_wide_as_those_of_an_adult() -> None:
    """Lengths in mm as in textbooks of anatomy: humerus about 310, ulna 260, radius 240; heads 40 to 50 wide."""
    assert humerus(ADULT, 0.0).end_mm == pytest.approx(314, abs=1)
    assert 250 < ulna(ADULT).end_mm - ulna(ADULT).start_mm < 280
    assert 225 < radius(ADULT).end_mm < 245
    assert 19 < sum(humerus(ADULT, 0.0).sides_at(150)) < 25
    assert 40 < sum(humerus(ADULT, 0.0).sides_at(22)) < 54
    assert sum(humerus(ADULT, 0.0).sides_at(290)) > 1.6 * sum(humerus(ADULT, 1.0).sides_at(290))
    assert sum(humerus(ADULT, 0.0).sides_at(150)) == sum(humerus(ADULT, 1.0).sides_at(150))


def test_a_shaft_is_brighter_at_its_walls_than_in_its_middle() -> None:
    image = Attenuation(np.zeros((700, 200), np.float32), 2.0)
    add_bone(np.random.default_rng(0), image, humerus(ADULT, 0.0), [Piece(Pose((50.0, 10.0), 0.0))], 1.0)
    across = image.total[240:360].mean(axis=0)
    (columns,) = np.nonzero(across > 0.02)
    left, right = columns[[0, -1]]
    assert (right - left) / 2 == pytest.approx(sum(humerus(ADULT, 0.0).sides_at(140)), abs=1.5)
    walls = across[left + 4 : left + 9].max(), across[right - 8 : right - 3].max()
    assert min(walls) > 1.4 * across[(left + right) // 2]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("flexion", [0.0, 1.2, -1.0])
def test_the_forearm_bends_at_the_elbow(mirrored: bool, flexion: float) -> None:
    build = ArmBuild(size=0.9, girth=1.0, flesh=1.0, cortex=1.0, density=1.0, mirrored=mirrored)
    upper = Pose((80.0, 20.0), 0.4, mirrored)
    forearm = pose_forearm(build, upper, flexion, 1.0)
    assert forearm.pose.origin == pytest.approx(upper.place([(0, 0.9 * ELBOW_MM)])[0])
    u, v = upper.axes
    along = forearm.pose.axes[1]
    assert (along @ v, along @ u) == pytest.approx((np.cos(flexion), np.sin(flexion)))
    # The thumb's side is away from the body.
    apart = np.array(forearm.ulna.origin) - np.array(forearm.radius.origin)
    assert apart @ forearm.pose.axes[0] > 10


def test_patients_differ() -> None:
    builds = [draw_build(np.random.default_rng(seed)) for seed in range(40)]
    assert 10 < sum(build.mirrored for build in builds) < 30
    assert np.ptp([build.size for build in builds]) > 0.15
    assert np.ptp([build.flesh for build in builds]) > 0.4
