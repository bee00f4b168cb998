"""Augmentation: what it may change and what it must not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from skiagraph.transforms import RandDepthAttenuationd, RandGaind, RandSpeckled

ALL = [RandGaind, RandDepthAttenuationd, RandSpeckled]
STRONG = [
    (RandGaind, {"gain": 0.9, "contrast": (0.2, 4.0)}),
    (RandDepthAttenuationd, {"attenuation": 2.0, "lateral": 0.5}),
    (RandSpeckled, {"strength": 0.8}),
]
NEUTRAL = [
    (RandGaind, {"gain": 0.0, "contrast": (1.0, 1.0)}),
    (RandDepthAttenuationd, {"attenuation": 0.0, "lateral": 0.0}),
    (RandSpeckled, {"strength": 0.0}),
]


@pytest.fixture
def image() -> torch.Tensor:
    """Grey noise with a black corner, as beside a fan."""
    values = np.random.default_rng(0).uniform(0.05, 0.95, (1, 48, 40)).astype(np.float32)
    values[:, :20, :15] = 0
    return torch.from_numpy(values)


def _changed(kind: Any, image: torch.Tensor, seed: int = 0, **options: Any) -> torch.Tensor:
    return kind("image", prob=1.0, **options).set_random_state(seed)({"image": image})["image"]


@pytest.mark.parametrize(("kind", "options"), NEUTRAL)
def test_no_strength_no_change(kind: Any, options: dict[str, Any], image: torch.Tensor) -> None:
    assert torch.allclose(_changed(kind, image, **options), image, atol=1e-6)


@pytest.mark.parametrize(("kind", "options"), STRONG)
def test_greys_stay_in_range_and_black_stays_black(kind: Any, options: dict[str, Any], image: torch.Tensor) -> None:
    before = image.clone()
    for seed in range(20):
        changed = _changed(kind, image, seed, **options)
        assert changed.min() >= 0
        assert changed.max() <= 1
        assert changed[image == 0].max() == 0
        assert changed.dtype == torch.float32
        assert not torch.allclose(changed, image, atol=1e-2)
    assert torch.equal(image, before)


@pytest.mark.parametrize("kind", ALL)
def test_the_same_state_gives_the_same_change(kind: Any, image: torch.Tensor) -> None:
    assert torch.equal(_changed(kind, image, 3), _changed(kind, image, 3))
    assert not torch.equal(_changed(kind, image, 3), _changed(kind, image, 4))


@pytest.mark.parametrize("kind", ALL)
def test_it_happens_as_often_as_asked(kind: Any, image: torch.Tensor) -> None:
    transform = kind("image", prob=0.3).set_random_state(0)
    hits = [not torch.equal(transform({"image": image})["image"], image) for _ in range(300)]
    assert np.mean(hits) == pytest.approx(0.3, abs=0.08)
    assert torch.equal(kind("image", prob=0.0)({"image": image})["image"], image)


@pytest.mark.parametrize("kind", ALL)
def test_all_keys_change_alike_and_meta_data_stay(kind: Any, image: torch.Tensor) -> None:
    data = {"image": MetaTensor(image, meta={"name": "a"}), "second": image.clone(), "label": image.clone()}
    out = kind(["image", "second"], prob=1.0).set_random_state(1)(data)
    assert torch.equal(out["image"].as_tensor(), out["second"])
    assert torch.equal(out["label"], image)
    assert out["image"].meta["name"] == "a"
    assert kind(["none"], prob=1.0, allow_missing_keys=True)({"image": image})["image"] is image


def test_gain_is_one_line_for_all_greys(image: torch.Tensor) -> None:
    for seed in range(10):
        changed = _changed(RandGaind, image, seed)
        free = (image > 0) & (changed > 0) & (changed < 1)
        slope, offset = np.polyfit(image[free], changed[free], 1)
        assert changed[free].numpy() == pytest.approx(slope * image[free].numpy() + offset, abs=1e-5)
        assert 0.7 <= slope <= 1.4
        assert abs(offset) <= 0.15


def test_attenuation_grows_with_depth_from_nothing() -> None:
    image = torch.full((1, 60, 30), 0.5)
    signs = set()
    for seed in range(20):
        change = (_changed(RandDepthAttenuationd, image, seed, lateral=0.0) - image)[0]
        assert change[0].abs().max() < 1e-6
        assert (change == change[:, :1]).all()
        steps = change[:, 0].diff()
        assert (steps > 0).all() or (steps < 0).all()
        assert change.abs().max() <= 0.3
        signs.add(bool(steps[0] > 0))
    assert signs == {True, False}


def test_scan_lines_differ_smoothly() -> None:
    image = torch.full((1, 30, 200), 0.5)
    change = (_changed(RandDepthAttenuationd, image, 0, attenuation=0.0) - image)[0, -1]
    assert 0.005 < change.std() < 0.15
    assert change.diff().abs().max() < 0.01


def test_speckle_has_no_mean_and_at_most_its_strength() -> None:
    image = torch.full((1, 200, 200), 0.5)
    deviations = []
    for seed in range(12):
        change = _changed(RandSpeckled, image, seed, strength=0.06) - image
        assert change.mean() == pytest.approx(0, abs=2e-3)
        # The logarithm of a Rayleigh distribution leans to the dark side.
        assert ((change - change.mean()) ** 3).mean() < 0
        deviations.append(float(change.std()))
    assert max(deviations) <= 0.0601
    assert max(deviations) > 2 * min(deviations)
