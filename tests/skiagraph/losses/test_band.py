from __future__ import annotations

import numpy as np
import pytest
import torch

from skiagraph.losses import BandLoss


def make_target(images: int = 2, size: int = 12, seed: int = 0) -> torch.Tensor:
    """A target whose lines are horizontal, each in another row; everything known."""
    rows = np.random.default_rng(seed).integers(4, size - 4, images)
    target = torch.zeros(images, 3, size, size)
    for image, row in enumerate(rows):
        target[image, 0, row - 3 : row + 4, 2:-2] = 1
        target[image, 1, row, 2:-2] = 1
    target[:, 2] = 1
    return target


def make_logits(images: int = 2, size: int = 12, seed: int = 1) -> torch.Tensor:
    return torch.randn(images, 1, size, size, generator=torch.Generator().manual_seed(seed)) * 2


def published_formula(logits: torch.Tensor, target: torch.Tensor, weight: float, smooth: float) -> float:
    """Written out with lists of known pixels and logarithms, in numpy."""
    z = logits.double().numpy()[:, 0]
    band, skeleton, known = (target.double().numpy()[:, channel] for channel in range(3))
    p = 1 / (1 + np.exp(-z))
    kept = known == 1
    p_kept, band_kept = p[kept], band[kept]
    dice = (2 * (p_kept * band_kept).sum() + smooth) / (p_kept.sum() + band_kept.sum() + smooth)
    entropy = -np.mean(np.where(band_kept == 1, np.log(p_kept), np.log(1 - p_kept)))
    on_line = []
    for image in range(len(z)):
        if not kept[image].any():
            continue
        line = (skeleton[image] == 1) & kept[image]
        on_line.append(p[image][line].mean() if line.any() else 0.0)
    return float(1 - dice + entropy - weight * np.mean(on_line))


@pytest.mark.parametrize("weight", [0.0, 0.1, 0.7])
def test_agrees_with_the_formula_written_out_in_numpy(weight: float) -> None:
    logits, target = make_logits(4), make_target(4)
    target[1, 2, :, :5] = 0
    target[2, :2] = 0
    target[3, 2] = 0
    loss = BandLoss(skeleton_weight=weight, smooth=1.0)(logits, target)
    assert loss.ndim == 0
    assert loss.item() == pytest.approx(published_formula(logits, target, weight, 1.0), rel=1e-5)


def test_gradient_is_the_derivative() -> None:
    logits, target = make_logits(2, 9).double().requires_grad_(), make_target(2, 9).double()
    target[0, 2, :, 6:] = 0
    target[1, 1] = 0
    assert torch.autograd.gradcheck(lambda z: BandLoss()(z, target), (logits,))


def test_perfect_prediction_reaches_the_analytic_minimum() -> None:
    target = make_target(3)
    logits = (target[:, :1] * 2 - 1) * 60
    assert BandLoss()(logits, target).item() == pytest.approx(-0.1, abs=1e-6)
    assert BandLoss(skeleton_weight=0.3)(logits, target).item() == pytest.approx(-0.3, abs=1e-6)


def test_descent_on_the_logits_finds_the_band() -> None:
    target = make_target(2)
    logits = make_logits(2).requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.5)
    for _ in range(60):
        optimizer.zero_grad()
        BandLoss()(logits, target).backward()
        optimizer.step()
    assert torch.equal(logits.detach() > 0, target[:, :1] > 0.5)


def test_probability_on_the_skeleton_is_rewarded() -> None:
    logits, target = torch.zeros(1, 1, 12, 12), make_target(1)
    without_line = target.clone()
    without_line[:, 1] = 0
    reward = BandLoss(skeleton_weight=0.1)(logits, without_line) - BandLoss(skeleton_weight=0.1)(logits, target)
    assert reward.item() == pytest.approx(0.1 * 0.5)


def test_empty_label_is_finite_and_pushes_every_pixel_down() -> None:
    logits, target = make_logits().requires_grad_(), make_target()
    target[:, :2] = 0
    loss = BandLoss()(logits, target)
    loss.backward()
    assert 0 < loss.item() < float("inf")
    assert (logits.grad > 0).all()
    silent = torch.full_like(logits, -60.0)
    assert BandLoss()(silent, target).item() == pytest.approx(0.0, abs=1e-6)


def test_unknown_pixels_have_no_say() -> None:
    logits, target = make_logits().requires_grad_(), make_target()
    target[0, 2, 3:7, :] = 0
    target[1, 2, :, 8:] = 0
    loss = BandLoss()(logits, target)
    loss.backward()
    known = target[:, 2:] == 1
    assert (logits.grad[~known] == 0).all()
    assert (logits.grad[known] != 0).all()
    other_label = torch.where(known.expand(-1, 3, -1, -1), target, 1 - target)
    other_label[:, 2] = target[:, 2]
    other_logits = torch.where(known, logits.detach(), 100.0)
    assert BandLoss()(other_logits, other_label).item() == pytest.approx(loss.item(), rel=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_an_image_with_nothing_known_changes_nothing(reduction: str) -> None:
    logits, target = make_logits(3), make_target(3)
    target[2, 2] = 0
    loss = BandLoss(reduction=reduction)
    assert loss(logits, target).item() == pytest.approx(loss(logits[:2], target[:2]).item(), rel=1e-6)


def test_nothing_known_at_all_gives_zero_without_nan() -> None:
    logits, target = make_logits().requires_grad_(), make_target()
    target[:, 2] = 0
    loss = BandLoss()(logits, target)
    loss.backward()
    assert loss.item() == 0
    assert (logits.grad == 0).all()


def test_sum_is_the_mean_times_the_images_with_a_known_pixel() -> None:
    logits, target = make_logits(3), make_target(3)
    target[0, 2] = 0
    mean, total = (BandLoss(reduction=reduction)(logits, target).item() for reduction in ("mean", "sum"))
    assert total == pytest.approx(2 * mean, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    logits = (make_logits(2, 512) - 3).to(dtype)
    target = make_target(2, 512).to(dtype)
    with torch.autocast("cpu", dtype=dtype):
        loss = BandLoss()(logits, target)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(BandLoss()(logits.float(), target.float()).item(), rel=1e-6)


@pytest.mark.parametrize(
    "shapes", [((2, 2, 8, 8), (2, 3, 8, 8)), ((2, 1, 8, 8), (2, 1, 8, 8)), ((1, 1, 8, 8), (2, 3, 8, 8))]
)
def test_shapes_that_do_not_fit_are_named(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match=r"B1HW.*band, skeleton, known"):
        BandLoss()(torch.zeros(shapes[0]), torch.zeros(shapes[1]))


@pytest.mark.parametrize(("name", "value"), [("skeleton_weight", -0.1), ("smooth", 0.0), ("reduction", "none")])
def test_arguments_out_of_range_are_refused(name: str, value: float | str) -> None:
    with pytest.raises(ValueError, match=name):
        BandLoss(**{name: value})
