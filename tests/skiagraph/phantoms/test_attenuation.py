"""Line integrals of simple bodies against their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from skiagraph.phantoms.attenuation import COMPACT_BONE, SPONGY_BONE, Attenuation

PX_PER_MM = 4.0


def _empty(px_per_mm: float = PX_PER_MM) -> Attenuation:
    return Attenuation(np.zeros((round(60 * px_per_mm), round(80 * px_per_mm)), np.float32), px_per_mm)


def _area_integral(image: Attenuation) -> float:
    """Sum over the image in mm²: for a body of even stuff, its volume times its attenuation."""
    return float(image.total.sum(dtype=float)) / image.px_per_mm**2


@pytest.mark.parametrize("tilt", [0.0, 0.6, -2.0])
def test_an_ellipsoid_has_its_volume(tilt: float) -> None:
    image = _empty()
    image.add_ellipsoid((40.3, 30.1), (12, 7), 0.5, tilt)
    assert _area_integral(image) == pytest.approx(2 / 3 * np.pi * 12 * 7 * 0.5, rel=0.01)
    row, column = np.unravel_index(image.total.argmax(), image.total.shape)
    assert (column / PX_PER_MM, row / PX_PER_MM) == pytest.approx((40.3, 30.1), abs=0.2)
    assert image.total.max() == pytest.approx(0.5, abs=0.001)


def test_a_tilt_is_clockwise() -> None:
    image = _empty()
    image.add_ellipsoid((40, 30), (20, 2), 1.0, 0.5)
    x, y = 40 + 15 * np.cos(0.5), 30 + 15 * np.sin(0.5)
    assert image.total[round(y * PX_PER_MM), round(x * PX_PER_MM)] > 0.5
    assert image.total[round((60 - y) * PX_PER_MM), round(x * PX_PER_MM)] == 0


def test_a_straight_tube_is_as_thick_as_a_cylinder() -> None:
    image = _empty()
    image.add_tube(np.linspace([20, 15], [60, 45], 9), 5.0, solid=0.02)
    # A cylinder of 50 mm, and half a ball's worth of ray at each end.
    assert _area_integral(image) == pytest.approx(0.02 * (np.pi * 25 * 50 + 4 / 3 * np.pi * 125), rel=0.02)
    assert image.total[round(30 * PX_PER_MM), round(40 * PX_PER_MM)] == pytest.approx(0.2, rel=0.01)


def test_a_wall_is_seen_as_two_bright_edges() -> None:
    image = _empty()
    image.add_tube([[10, 30], [70, 30]], 6.0, wall_mm=1.0)
    profile = image.total[:, round(40 * PX_PER_MM)]
    middle = profile[round(30 * PX_PER_MM)]
    assert middle == pytest.approx(2 * COMPACT_BONE + 10 * SPONGY_BONE, rel=0.01)
    brightest = np.flatnonzero(profile == profile.max()) / PX_PER_MM
    # The longest way through the wall touches the inside of the tube.
    assert sorted(np.abs(brightest - 30)) == pytest.approx([5, 5], abs=0.3)
    assert profile.max() == pytest.approx(COMPACT_BONE * 2 * np.sqrt(6**2 - 5**2), rel=0.06)


def test_the_size_of_the_pixels_does_not_matter() -> None:
    coarse, fine = _empty(2.0), _empty(8.0)
    for image in (coarse, fine):
        image.add_tube([[10.0, 20.0], [40.0, 30.0], [60.0, 10.0]], [3.0, 4.0, 2.0], solid=0.1)
        image.add_ring((30, 40), (8, 5), 0.3, 0.4)
    assert _area_integral(coarse) == pytest.approx(_area_integral(fine), rel=0.02)
    assert np.abs(coarse.total - fine.total[::4, ::4]).max() < 1e-3


def test_a_ring_is_brightest_on_its_ellipse_and_empty_within() -> None:
    image = _empty()
    image.add_ring((40, 30), (10, 6), 0.25, wall_mm=0.7)
    for x, y in ((50, 30), (30, 30), (40, 36), (40, 24)):
        assert image.total[round(y * PX_PER_MM), round(x * PX_PER_MM)] == pytest.approx(0.25, rel=0.05)
    assert image.total[round(30 * PX_PER_MM), round(40 * PX_PER_MM)] < 1e-6


@pytest.mark.parametrize("centre", [(-100.0, 30.0), (40.0, 500.0), (81.0, -30.0)])
def test_what_lies_outside_is_left_out(centre: tuple[float, float]) -> None:
    image = _empty()
    image.add_ellipsoid(centre, (10, 5), 1.0)
    image.add_ring(centre, (10, 5), 1.0)
    image.add_tube([centre, np.add(centre, 3)], 4.0, solid=1.0)
    assert not image.total.any()


def test_what_lies_partly_outside_is_cut_off() -> None:
    whole, cut = _empty(), _empty()
    whole.add_tube([[40.0, 30.0], [60.0, 30.0]], 5.0, solid=0.1)
    cut.add_tube([[-10.0, 30.0], [10.0, 30.0]], 5.0, solid=0.1)
    shift = round(50 * PX_PER_MM)
    assert np.allclose(cut.total[:, : shift // 2], whole.total[:, shift : shift + shift // 2], atol=1e-4)


def test_windows_know_where_their_pixels_are() -> None:
    image = _empty()
    window = image.below(15.0)
    assert window.at == (slice(60, 240), slice(0, 320))
    assert window.y[[0, -1], 0] == pytest.approx([15.0, 59.75])
    assert window.x[0, [0, -1]] == pytest.approx([0.0, 79.75])
    everywhere = image.everywhere
    assert (everywhere.y.size, everywhere.x.size) == image.total.shape
