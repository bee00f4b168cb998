"""What of an image was exposed."""

from __future__ import annotations

import numpy as np
import pytest

from skiagraph.phantoms.attenuation import Attenuation
from skiagraph.phantoms.field import Field, cover, frame_arm, frame_circle
from skiagraph.phantoms.profile_body import Pose

MIDDLE = Pose((40.0, 50.0), 0.5, True)


def _blank() -> Attenuation:
    return Attenuation(np.zeros((200, 160), np.float32), 2.0)


@pytest.mark.parametrize("field", [Field(MIDDLE, (20.0, 35.0), 0.4), Field(MIDDLE, (25.0, 25.0), 0.4, circle=True)])
def test_what_is_beside_a_field_is_black_and_what_is_in_it_stays(field: Field) -> None:
    image = _blank()
    pixels = np.full(image.total.shape, 120, np.uint8)
    inside = field.inside(image)
    cover(np.random.default_rng(0), pixels, field, inside)
    assert (pixels[inside > 1] == 120).all()
    assert (pixels[inside < -1] == 0).all()
    area = np.pi * 25**2 if field.circle else 40 * 70
    assert (pixels > 60).sum() / 4 == pytest.approx(area, rel=0.02)
    x, y = np.meshgrid(np.arange(160) / 2, np.arange(200) / 2)
    held = field.holds(np.column_stack([x.ravel(), y.ravel()])).reshape(x.shape)
    assert np.array_equal(held, inside > 0)


def test_beside_a_field_can_be_grey() -> None:
    image, field = _blank(), Field(MIDDLE, (20.0, 35.0), 3.0, outside=40.0)
    pixels = np.full(image.total.shape, 120, np.uint8)
    inside = field.inside(image)
    cover(np.random.default_rng(0), pixels, field, inside)
    assert pixels[inside < -3].mean() == pytest.approx(40, abs=1)
    assert pixels[np.abs(inside) < 0.2].mean() == pytest.approx(80, abs=8)


def test_a_field_that_fills_the_image_changes_nothing() -> None:
    image, field = _blank(), Field(MIDDLE, (300.0, 300.0), 0.4)
    pixels = np.full(image.total.shape, 120, np.uint8)
    cover(np.random.default_rng(0), pixels, field, field.inside(image))
    assert (pixels == 120).all()


@pytest.mark.parametrize("seed", range(30))
def test_images_hold_what_is_to_be_seen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for framing in (frame_arm(rng, MIDDLE, 150.0), frame_circle(rng, MIDDLE)):
        assert framing.shows(np.array([MIDDLE.origin])).all()
        assert not framing.shows(framing.corner_mm[None] - 1).any()
        moved = framing.field_in_image()
        assert moved.pose.origin == pytest.approx(np.array(framing.field.pose.origin) - framing.corner_mm)
        assert 0.3 < framing.extent_mm.min() / framing.extent_mm.max() <= 1


def test_there_are_fields_askew_and_upright_with_and_without_borders() -> None:
    framings = [frame_arm(np.random.default_rng(seed), MIDDLE, 150.0) for seed in range(100)]
    assert 10 < sum(framing.field.pose.turn == 0 for framing in framings) < 40
    assert 15 < sum(framing.field.outside > 0 for framing in framings) < 50
