"""Statistical shapes of points."""

from __future__ import annotations

import pytest
import torch

from skiagraph.geometry.point_shape import fit_shape

POINTS, MODES, SIZE = 20, 3, (300, 200)


def made(count: int = 400, noise_px: float = 0.0) -> torch.Tensor:
    """Examples that vary in three ways."""
    generator = torch.Generator().manual_seed(0)
    mean = torch.rand(POINTS, 2, generator=generator) * 200
    ways = torch.linalg.qr(torch.randn(2 * POINTS, MODES, generator=generator)).Q.T.reshape(MODES, POINTS, 2)
    amounts = torch.randn(count, MODES, generator=generator) * torch.tensor([60.0, 30.0, 15.0])
    noise = torch.randn(count, POINTS, 2, generator=generator) * noise_px
    return mean + torch.einsum("mk,knd->mnd", amounts, ways) + noise


def test_modes_are_those_that_the_examples_were_made_of() -> None:
    examples = made()
    shape = fit_shape(examples, SIZE, MODES)
    torch.testing.assert_close(shape.mean, examples.mean(dim=0), atol=1e-2, rtol=0)
    assert shape.variances.sqrt().tolist() == pytest.approx([60, 30, 15], rel=0.1)
    flat = shape.modes.flatten(1)
    torch.testing.assert_close(flat @ flat.T, torch.eye(MODES), atol=1e-5, rtol=0)
    rebuilt = shape.mean + torch.einsum("mk,knd->mnd", (examples - shape.mean).flatten(1) @ flat.T, shape.modes)
    torch.testing.assert_close(rebuilt, examples, atol=1e-2, rtol=0)


def test_residual_is_what_the_modes_leave() -> None:
    assert fit_shape(made(noise_px=2.0), SIZE, MODES).residual_px == pytest.approx(2.0, rel=0.1)


def test_a_shape_that_is_seen_well_stays_and_a_noisy_one_is_mended() -> None:
    examples = made()
    shape = fit_shape(examples, SIZE, MODES)
    seen = examples[:50]
    torch.testing.assert_close(shape.likeliest(seen, torch.full((50, POINTS), 0.1)), seen, atol=0.5, rtol=0)
    noisy = seen + torch.randn(seen.shape, generator=torch.Generator().manual_seed(1)) * 3
    mended = shape.likeliest(noisy, torch.full((50, POINTS), 3.0))
    assert (mended - seen).norm(dim=-1).mean() < 0.5 * (noisy - seen).norm(dim=-1).mean()


def test_points_that_are_far_off_hardly_count() -> None:
    examples = made()
    shape = fit_shape(examples, SIZE, MODES)
    seen = examples[:20].clone()
    seen[:, 4] += 80
    mended = shape.likeliest(seen, torch.full((20, POINTS), 1.0))
    assert (mended - examples[:20]).norm(dim=-1).mean() < 2


def test_certain_points_pull_the_others_along() -> None:
    examples = made()
    shape = fit_shape(examples, SIZE, MODES)
    blind = shape.mean[None].expand(20, -1, -1).clone()
    certain = torch.zeros(20, POINTS, dtype=torch.bool)
    certain[:, [2, 9, 15]] = True
    seen = torch.where(certain[..., None], examples[:20], blind)
    pulled = shape.likeliest(seen, torch.full((20, POINTS), 50.0), certain)
    others = ~certain
    before, after = ((each - examples[:20]).norm(dim=-1)[others].mean() for each in (blind, pulled))
    assert after < 0.4 * before
    assert (pulled - examples[:20]).norm(dim=-1)[certain].mean() < 1.5


def test_nothing_known_gives_the_mean() -> None:
    shape = fit_shape(made(), SIZE, MODES)
    far = shape.mean[None] + 1000
    answer = shape.likeliest(far, torch.full((1, POINTS), 1e5))
    torch.testing.assert_close(answer[0], shape.mean, atol=2.0, rtol=0)
