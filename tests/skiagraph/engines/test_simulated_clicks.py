"""Training with simulated clicks: what the network is shown before its gradient pass."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from monai.engines import SupervisedTrainer
from torch import Tensor

from skiagraph.engines import SimulatedClicks
from skiagraph.engines.simulated_clicks import SCHEMES, ClickScheme
from skiagraph.losses import HeatMapLoss
from skiagraph.transforms import CornerDecoder
from tests.skiagraph.engines.clicked_toy import POINTS, SIZE, STRIDE, Oracle, loader, truth


def train(points: Tensor, clicks: SimulatedClicks, epochs: int = 1) -> Oracle:
    network = Oracle(points, 4.0)
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=loader(points),
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
        loss_function=HeatMapLoss(),
        iteration_update=clicks,
    )
    trainer.run()
    return network


def without_mistakes(scheme: str) -> ClickScheme:
    """From the first epoch on."""
    return replace(SCHEMES[scheme], start_epoch=1, jitter_px=0.0, wrong=0.0)


def hints(x: Tensor) -> Tensor:
    return x[:, 16 : 16 + POINTS]


def clicked(x: Tensor) -> Tensor:
    return hints(x).amax(dim=(2, 3)) > 0.5


@pytest.mark.parametrize(("scheme", "most"), [("published_1", 10), ("published_2", 12), ("default", 6)])
def test_every_scheme_adds_a_click_a_pass_and_never_more_than_it_may(scheme: str, most: int) -> None:
    torch.manual_seed(0)
    network = train(truth(), SimulatedClicks(CornerDecoder(), without_mistakes(scheme)), epochs=25)
    assert len(network.inputs) > 25
    counts = [clicked(x).sum(dim=1) for x in network.inputs]
    assert max(int(count.max()) for count in counts) <= most
    for before, after, x in zip(counts, counts[1:], network.inputs[1:], strict=False):
        if x[:, 16 + POINTS :].any():  # the next pass on the same images, which shows the last answer
            assert (after - before).tolist() == [1, 1]


def test_first_scheme_begins_without_a_hint_and_the_second_with_some() -> None:
    torch.manual_seed(0)
    for scheme, hinted in (("published_1", False), ("published_2", True)):
        network = train(truth(), SimulatedClicks(CornerDecoder(), without_mistakes(scheme)), epochs=12)
        first = [x for x in network.inputs if not x[:, 16 + POINTS :].any()]
        assert any(clicked(x).any() for x in first) == hinted


def test_published_schemes_halve_the_probability_of_each_further_click() -> None:
    weights = SCHEMES["published_1"].passes
    assert len(weights) == 11
    assert weights[0] == weights[1] / 2
    assert all(after == before / 2 for before, after in pairwise(weights[1:]))


def test_only_the_last_pass_has_a_gradient_and_weights_change() -> None:
    torch.manual_seed(1)
    network = train(truth(), SimulatedClicks(CornerDecoder(), without_mistakes("published_2")), epochs=3)
    assert network.training
    assert len(network.with_gradient) > 3
    assert sum(network.with_gradient) == 3
    assert network.with_gradient[-1]
    assert network.off_px.item() != 4.0
    assert network.off_px.grad is not None


def test_published_schemes_hold_back_till_epoch_21() -> None:
    """The first one all its clicks, the second one only those before the first pass."""
    torch.manual_seed(0)
    first = train(truth(), SimulatedClicks(CornerDecoder(), "published_1"), epochs=20)
    assert len(first.inputs) == 20
    assert not any(x.any() for x in first.inputs)
    second = train(truth(), SimulatedClicks(CornerDecoder(), "published_2"), epochs=20)
    assert any(clicked(x).any() for x in second.inputs)
    assert not any(clicked(x).any() for x in second.inputs if not x[:, 16 + POINTS :].any())
    assert len(train(truth(), SimulatedClicks(CornerDecoder(), "published_1"), epochs=40).inputs) > 40


def test_worst_points_are_clicked_where_they_belong() -> None:
    points = truth()
    torch.manual_seed(2)
    clicks = SimulatedClicks(CornerDecoder(), without_mistakes("published_2"))
    decoder = CornerDecoder("sigmoid", STRIDE)
    for x in train(points, clicks, epochs=12).inputs:
        found = decoder.points(torch.logit(hints(x).clamp(1e-6, 1 - 1e-6)))
        shown = clicked(x)
        assert torch.allclose(found[shown], points[shown], atol=1.5)


def test_wrong_clicks_land_on_the_vertebra_above_or_below() -> None:
    points = truth()
    clicks = SimulatedClicks(CornerDecoder(), replace(SCHEMES["default"], jitter_px=0.0, wrong=1.0))
    places = clicks._places(points)
    above, below = points.roll(4, dims=1), points.roll(-4, dims=1)
    above[:, :4], below[:, -4:] = torch.nan, torch.nan
    assert ((places == above).all(-1) | (places == below).all(-1)).all()


def test_points_outside_the_image_are_never_clicked() -> None:
    points = truth()
    outside = points.clone()
    outside[:, ::2] = torch.tensor([SIZE[1] * STRIDE + 3.0, 5.0])
    torch.manual_seed(3)
    for x in train(outside, SimulatedClicks(CornerDecoder(), without_mistakes("published_2")), epochs=10).inputs:
        assert not clicked(x)[:, ::2].any()


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="published_1"):
        SimulatedClicks(CornerDecoder(), "published_3")
