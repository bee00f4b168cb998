from __future__ import annotations

import pytest
import torch
from torch import Tensor

from skiagraph.networks import CompactRetinaNet, CompactRetinaNetDetector

SHAPES = ((24, 24), (16, 32), (32, 16))


@pytest.fixture
def detector() -> CompactRetinaNetDetector:
    torch.manual_seed(0)
    network = CompactRetinaNet(anchor_shapes=SHAPES, features=8)
    return CompactRetinaNetDetector(network)


def test_network_is_as_small_as_it_says() -> None:
    assert sum(weight.numel() for weight in CompactRetinaNet().parameters()) == pytest.approx(3.9e6, rel=0.02)


def test_network_answers_at_three_levels() -> None:
    network = CompactRetinaNet(in_channels=3, classes=5, anchor_shapes=SHAPES, features=8)
    maps = network(torch.randn(2, 3, 64, 96))
    cells = [(64 // s, 96 // s) for s in (8, 16, 32)]
    assert [tuple(each.shape) for each in maps] == [(2, 3 * n, *c) for n in (5, 4) for c in cells]
    assert network.size_divisible == (32, 32)


def test_anchors_are_of_the_shapes_asked_for_at_cell_centres(detector: CompactRetinaNetDetector) -> None:
    detector.eval()(torch.randn(1, 1, 64, 96))
    assert detector.anchors is not None
    anchors = detector.anchors[0]
    assert len(anchors) == 3 * (8 * 12 + 4 * 6 + 2 * 3)
    expected = [
        (row * stride - scale * shape[0] / 2, column * stride - scale * shape[1] / 2)
        for stride, scale in ((8, 1), (16, 2), (32, 4))
        for row in torch.arange(0.5, 64 / stride)
        for column in torch.arange(0.5, 96 / stride)
        for shape in SHAPES
    ]
    torch.testing.assert_close(anchors[:, :2], torch.tensor(expected))
    sizes = [
        (shape[0] * scale, shape[1] * scale)
        for scale, n in ((1, 96), (2, 24), (4, 6))
        for _ in range(n)
        for shape in SHAPES
    ]
    torch.testing.assert_close(anchors[:, 2:] - anchors[:, :2], torch.tensor(sizes, dtype=torch.float32))


def samples(detector: CompactRetinaNetDetector, logits: Tensor, matched: Tensor, **target: Tensor) -> list[list[float]]:
    """Pairs of logit and target that the loss is computed from, in order of the logits."""
    given, wanted = detector.get_cls_train_sample_per_image(logits, target, matched)
    return sorted(torch.cat([given, wanted], dim=1).tolist())


def test_the_loss_sees_only_what_is_known(detector: CompactRetinaNetDetector) -> None:
    """Three anchors, of which the second lies at a box of class 1; every logit tells its anchor and class."""
    logits = torch.tensor([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]])
    matched = torch.tensor([-1, 0, -1])
    target = {"boxes": torch.tensor([[0.0, 0.0, 9.0, 9.0]]), "labels": torch.tensor([1])}
    everything = samples(detector, logits, matched, **target)
    assert everything == [pytest.approx(pair) for pair in ([0, 0], [0.1, 0], [1, 0], [1.1, 1], [2, 0], [2.1, 0])]
    first = samples(detector, logits, matched, **target, labelled=torch.tensor([0]))
    assert first == [pytest.approx(pair) for pair in ([0, 0], [1, 0], [1.1, 1], [2, 0])]
    second = samples(detector, logits, matched, **target, labelled=torch.tensor([1]))
    assert second == [pytest.approx(pair) for pair in ([0.1, 0], [1.1, 1], [2.1, 0])]


def test_hard_negatives_are_hard_in_what_is_known(detector: CompactRetinaNetDetector) -> None:
    """A thousand anchors: half are high in the class that is not labelled, a few in the one that is."""
    logits = torch.full((1000, 2), -5.0)
    logits[:500, 1] = 5.0
    logits[900:, 0] = 3.0
    detector.set_hard_negative_sampler(batch_size_per_image=64, positive_fraction=0.3, min_neg=16, pool_size=2)
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    drawn = samples(detector, logits, torch.full((1000,), -1), **nothing, labelled=torch.tensor([0]))
    assert drawn == 16 * [[3.0, 0.0]]
