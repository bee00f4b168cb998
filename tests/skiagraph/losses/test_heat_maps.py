from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from skiagraph.losses import HeatMapLoss

SIZE, STRIDE, SIGMA_PX = (14, 10), 4, 6.0
# (2 images, 3 points), all inside an image of 56 x 40 pixels.
POINTS = torch.tensor([[[8.0, 20.0], [30.5, 41.3], [0.0, 0.0]], [[39.2, 55.1], [17.0, 9.0], [20.0, 28.0]]]).double()


def gaussians(points: torch.Tensor) -> torch.Tensor:
    """Maps (..., rows, columns) of height 1, by the distance of every cell's centre in pixels of the image."""
    y, x = (torch.arange(cells).double() * STRIDE + (STRIDE - 1) / 2 for cells in SIZE)
    squares = (x[None, :] - points[..., 0, None, None]) ** 2 + (y[:, None] - points[..., 1, None, None]) ** 2
    return torch.exp(-squares / (2 * SIGMA_PX**2))


def logits(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*(shape or (2, 3)), *SIZE, generator=generator).double() * 3


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_agrees_with_the_formula_written_out(kind: str) -> None:
    z, maps = logits().numpy(), gaussians(POINTS).numpy()
    each = np.empty((2, 3))
    for index in np.ndindex(2, 3):
        if kind == "softmax":
            share = maps[index] / maps[index].sum()
            each[index] = -(share * np.log(np.exp(z[index]) / np.exp(z[index]).sum())).sum()
        else:
            p = 1 / (1 + np.exp(-z[index]))
            each[index] = -(maps[index] * np.log(p) + (1 - maps[index]) * np.log(1 - p)).mean()
    loss = HeatMapLoss(kind, STRIDE, SIGMA_PX)(logits(), POINTS)
    assert loss.ndim == 0
    assert loss.item() == pytest.approx(each.mean(), rel=1e-9)


def test_sigmoid_is_torchs_binary_cross_entropy_on_maps() -> None:
    expected = functional.binary_cross_entropy_with_logits(logits(), gaussians(POINTS))
    assert HeatMapLoss("sigmoid", STRIDE, SIGMA_PX)(logits(), POINTS).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_the_least_loss_is_the_entropy_of_the_target_and_there_the_gradient_is_zero(kind: str) -> None:
    maps = gaussians(POINTS)
    if kind == "softmax":
        share = maps / maps.sum(dim=(-2, -1), keepdim=True)
        best, entropy = maps.log() + 7, -(share * share.log()).sum(dim=(-2, -1)).mean()
    else:
        best, entropy = torch.special.logit(maps), -(torch.xlogy(maps, maps) + torch.xlogy(1 - maps, 1 - maps)).mean()
    best.requires_grad_()
    criterion = HeatMapLoss(kind, STRIDE, SIGMA_PX)
    loss = criterion(best, POINTS)
    loss.backward()
    assert loss.item() == pytest.approx(entropy.item())
    assert best.grad is not None
    assert best.grad.abs().max() < 1e-9
    assert criterion(best.detach() + 0.1 * logits(), POINTS) > loss


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_falls_as_the_answer_comes_nearer(kind: str) -> None:
    points = torch.tensor([[[19.0, 27.0], [21.5, 30.2]]]).double()
    losses = []
    for off_px in (12.0, 8.0, 4.0, 2.0, 0.0):
        answer = 10 * gaussians(points + torch.tensor([off_px, -off_px])) - 5
        losses.append(HeatMapLoss(kind, STRIDE, SIGMA_PX)(answer, points).item())
    assert (np.diff(losses) < 0).all()


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
@pytest.mark.parametrize("outside", [(-0.6, 20.0), (39.6, 20.0), (20.0, -0.6), (20.0, 55.6), (-400.0, 9000.0)])
def test_points_outside_the_image_do_not_count(kind: str, outside: tuple[float, float]) -> None:
    points = POINTS.clone()
    points[0, 1] = torch.tensor(outside)
    z = logits().requires_grad_()
    criterion = HeatMapLoss(kind, STRIDE, SIGMA_PX)
    loss = criterion(z, points)
    loss.backward()
    inside = torch.tensor([[True, False, True], [True, True, True]])
    # One map after the other, and their mean: five of six.
    each = [criterion(z[i, n][None, None], points[i, n][None, None]).item() for i, n in inside.nonzero().tolist()]
    assert loss.item() == pytest.approx(np.mean(each))
    assert z.grad is not None
    assert (z.grad[0, 1] == 0).all()
    assert (z.grad[inside] != 0).any(dim=-1).all()


@pytest.mark.parametrize("edge", [(-0.4, 20.0), (39.4, 20.0), (20.0, -0.4), (20.0, 55.4)])
def test_the_outermost_pixels_are_inside(edge: tuple[float, float]) -> None:
    assert HeatMapLoss("softmax", STRIDE, SIGMA_PX)(logits(1, 1), torch.tensor([[edge]]).double()) > 0


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_with_no_point_inside_it_is_zero_without_nan(kind: str) -> None:
    z = logits().requires_grad_()
    loss = HeatMapLoss(kind, STRIDE, SIGMA_PX)(z, POINTS - 1000)
    loss.backward()
    assert loss.item() == 0
    assert z.grad is not None
    assert (z.grad == 0).all()


def test_losses_of_several_heads_are_added_up() -> None:
    heads = logits(2, 3, 3)
    criterion = HeatMapLoss("sigmoid", STRIDE, SIGMA_PX)
    expected = sum(criterion(heads[:, head], POINTS).item() for head in range(3))
    assert criterion(heads, POINTS).item() == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_gradient_is_the_derivative(kind: str) -> None:
    points = POINTS[:1, :2].clone()
    points[0, 1, 0] = -5
    z = logits(1, 2)[..., :5, :4].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda answer: HeatMapLoss(kind, STRIDE, SIGMA_PX)(answer, points), (z,))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="softmax"):
        HeatMapLoss("mse")
