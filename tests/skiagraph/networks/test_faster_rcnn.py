from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from monai.data.box_utils import box_iou
from torch import Tensor, nn

from skiagraph.networks import FasterRCNN, FasterRCNNDetector, load_encoder_weights
from skiagraph.networks.resnet50_fpn import ResNet50FPN

StateDict = dict[str, Tensor]


def published_names() -> dict[str, tuple[int, ...]]:
    """Names and shapes of torchvision's ResNet-50, from He et al. (CVPR 2016), table 1."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7)}
    norms = {"bn1": 64}
    before = 64
    for stage, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], start=1):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            for number, (into, out, kernel) in enumerate(
                [(before, width, 1), (width, width, 3), (width, 4 * width, 1)], start=1
            ):
                shapes[f"{name}.conv{number}.weight"] = (out, into, kernel, kernel)
                norms[f"{name}.bn{number}"] = out
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = (4 * width, before, 1, 1)
                norms[f"{name}.downsample.1"] = 4 * width
            before = 4 * width
    for name, features in norms.items():
        shapes |= {f"{name}.{part}": (features,) for part in ("weight", "bias", "running_mean", "running_var")}
        shapes[f"{name}.num_batches_tracked"] = ()
    return shapes | {"fc.weight": (1000, 2048), "fc.bias": (1000,)}


@pytest.fixture(scope="module")
def published() -> StateDict:
    generator = torch.Generator().manual_seed(0)
    state = {name: torch.rand(shape, generator=generator) * 0.1 for name, shape in published_names().items()}
    return {name: each.long() if name.endswith("tracked") else each for name, each in state.items()}


def test_published_weights_are_loaded_into_the_encoder(tmp_path: Path, published: StateDict) -> None:
    torch.save(published, tmp_path / "resnet50.pth")
    network = FasterRCNN(in_channels=3, box_features=8)
    others = {name: each.clone() for name, each in network.state_dict().items() if not name.startswith("encoder.")}
    assert load_encoder_weights(network, tmp_path / "resnet50.pth") is network
    for name, weight in network.encoder.state_dict().items():
        assert torch.equal(weight, published[name]), name
    assert all(torch.equal(network.state_dict()[name], weight) for name, weight in others.items())


def test_a_grey_image_gives_what_it_gives_in_colour(tmp_path: Path, published: StateDict) -> None:
    torch.save(published, tmp_path / "resnet50.pth")
    grey, colour = (
        load_encoder_weights(
            FasterRCNN(in_channels=channels, box_features=8, mean=0.4, std=0.2), tmp_path / "resnet50.pth"
        )
        for channels in (1, 3)
    )
    image = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        levels = [
            network.eval().encoder(each) for network, each in ((grey, image), (colour, image.expand(-1, 3, -1, -1)))
        ]
    for one, other in zip(*levels, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_encoder_halves_in_the_three_by_three_convolutions() -> None:
    """Where torchvision and timm do, unlike the paper: the same weights would else give other features."""
    encoder = ResNet50FPN(features=8).encoder
    for stage in (encoder.layer2, encoder.layer3, encoder.layer4):
        assert [stage[0].get_submodule(f"conv{number}").stride[0] for number in (1, 2, 3)] == [1, 2, 1]


def test_pyramid_has_five_levels_of_which_the_last_is_pooled() -> None:
    levels = ResNet50FPN(features=8).eval()(torch.randn(2, 1, 128, 192))
    assert [tuple(level.shape) for level in levels] == [(2, 8, 128 // s, 192 // s) for s in (4, 8, 16, 32, 64)]
    torch.testing.assert_close(levels[4], levels[3][:, :, ::2, ::2])


def test_image_is_normalised_as_asked() -> None:
    torch.manual_seed(0)
    plain = ResNet50FPN(features=8).eval()
    normalising = ResNet50FPN(features=8, mean=0.4, std=0.2).eval()
    normalising.load_state_dict(plain.state_dict())
    image = torch.rand(1, 1, 64, 64)
    for one, other in zip(normalising(image), plain((image - 0.4) / 0.2), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("frozen", [False, True])
def test_batch_norm_is_frozen_only_when_asked(frozen: bool) -> None:
    network = ResNet50FPN(features=8, frozen_batch_norm=frozen).eval().train()
    before = {name: each.clone() for name, each in network.encoder.state_dict().items()}
    torch.stack([level.square().mean() for level in network(torch.randn(2, 1, 64, 64))]).sum().backward()
    moved = {name for name, each in network.encoder.state_dict().items() if not torch.equal(each, before[name])}
    learnt = {name for name, weight in network.encoder.named_parameters() if weight.grad is not None}
    norms = {name for name in before if "bn" in name or "downsample.1" in name}
    convolutions = {name for name in before if name not in norms}
    assert convolutions <= learnt
    if frozen:
        assert not moved
        assert learnt == convolutions
    else:
        assert moved == {name for name in norms if "running" in name or "tracked" in name}
        assert learnt == {*convolutions, *(name for name in norms if name.endswith(("weight", "bias")))}


def test_network_answers_at_five_levels_and_every_weight_learns() -> None:
    network = FasterRCNN(classes=3, box_features=16)
    maps = network(torch.randn(1, 1, 64, 128))
    cells = [(64 // s, 128 // s) for s in (4, 8, 16, 32, 64)]
    assert [tuple(each.shape[1:]) for each in maps] == [(n, *c) for n in (256, 9, 12) for c in cells]
    logits, codes = network.box_head(torch.randn(6, 256, 7, 7))
    assert (logits.shape, codes.shape) == ((6, 4), (6, 3, 4))
    torch.stack([each.square().mean() for each in (*maps, logits, codes)]).sum().backward()
    assert [name for name, weight in network.named_parameters() if not weight.grad.abs().sum() > 0] == []


@pytest.fixture(scope="module")
def undecided() -> FasterRCNNDetector:
    """All logits and codes are nought: the proposals are the anchors."""
    network = FasterRCNN(classes=2, box_features=4)
    for layer in (network.rpn_head, network.box_head):
        for weight in layer.parameters():
            weight.detach().zero_()
    return FasterRCNNDetector(network, score_threshold=0.6, nms_threshold=1.0)


def test_losses_of_the_undecided_are_those_of_a_guess(undecided: FasterRCNNDetector) -> None:
    """Between present and absent for a region; between background and the labelled classes for a box."""
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    for labelled, choices in (([0, 1], 3), ([0], 2)):
        target = {**empty, "labelled": torch.tensor(labelled)}
        losses = {name: loss.item() for name, loss in undecided.train()(torch.randn(1, 1, 64, 64), [target]).items()}
        assert losses == pytest.approx(
            {
                "region_classification": math.log(2),
                "region_box_regression": 0.0,
                "classification": math.log(choices),
                "box_regression": 0.0,
            }
        )


def test_an_object_is_compared_with_all_classes_and_its_code_is_learnt(undecided: FasterRCNNDetector) -> None:
    """With one class labelled, an object is still one of three, and the background around it one of two."""
    target = {"boxes": torch.tensor([[0.0, 16.0, 64.0, 48.0]]), "labels": torch.tensor([0])}
    losses = undecided.train()(torch.randn(1, 1, 64, 64), [{**target, "labelled": torch.tensor([0])}])
    assert math.log(2) + 3e-4 < losses["classification"].item() < math.log(3)
    assert losses["box_regression"].item() > 0
    assert losses["region_box_regression"].item() > 0


def test_boxes_are_those_of_their_class(undecided: FasterRCNNDetector) -> None:
    """Every box is an anchor moved down by a tenth of its height and made twice as wide: so says the second class."""
    head = undecided.network.box_head
    head.logits.bias.data.copy_(torch.tensor([0.0, -9.0, 9.0]))
    head.codes.bias.data.copy_(torch.tensor([7.0, 7.0, 0.0, 0.0, 1.0, 0.0, 0.0, 5 * math.log(2)]))
    (found,) = undecided.eval()(torch.randn(1, 1, 64, 64))
    for layer in (head.logits, head.codes):
        layer.bias.data.zero_()
    images, features = torch.zeros(1, 1, 64, 64), [torch.zeros(1, 1, 64 // s, 64 // s) for s in (4, 8, 16, 32, 64)]
    anchors = undecided.anchor_generator(images, features)[0].clamp(0, 64)
    height, width = (anchors[:, 2:] - anchors[:, :2]).T
    moved = anchors + torch.stack([height / 10, -width / 2, height / 10, width / 2], dim=1)
    distance = (found["boxes"][:, None] - moved.clamp(0, 64)).abs().amax(dim=2).amin(dim=1)
    assert len(found["boxes"]) == 100
    assert distance.max() < 1e-3
    assert (found["labels"] == 1).all()
    torch.testing.assert_close(found["labels_scores"], torch.full((100,), 1 / (1 + math.exp(-9) + math.exp(-18))))


class Dictated(nn.Module):
    """A network that proposes two boxes of 32 x 32 in an image of 64 x 128, and whose box codes are nought."""

    proposals = ((18.0, 66.0, 50.0, 98.0), (18.0, 6.0, 50.0, 38.0))
    classes, size_divisible = 2, 64
    anchor_sizes, anchor_ratios = ((32,), (64,), (128,), (256,), (512,)), (0.5, 1.0, 2.0)

    def forward(self, x: Tensor) -> list[Tensor]:
        cells = [(16 // 2**level, 32 // 2**level) for level in range(5)]
        logits = [torch.full((1, 6, *each), -10.0) for each in cells]
        logits[0][0, 3, 8, 20] = 10.0  # class 1 for the square anchor whose centre is at (34, 82)
        logits[0][0, 2, 8, 5] = 9.0  # class 0 for that at (34, 22)
        return [torch.zeros(1, 256, *each) for each in cells] + logits + [torch.zeros(1, 12, *each) for each in cells]

    def box_head(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        logits = torch.zeros(len(pooled), 3) if self.training else torch.tensor([[0.0, -9.0, 9.0]] * len(pooled))
        return logits, torch.zeros(len(pooled), 2, 4)


def smooth_code(box: list[float], reference: list[float], scales: tuple[float, float]) -> float:
    """Ren et al., equation 2, and the loss of Girshick, "Fast R-CNN" (ICCV 2015), linear from 1/9 on."""
    errors = []
    for axis in (0, 1):
        size, reference_size = (each[axis + 2] - each[axis] for each in (box, reference))
        shift = (box[axis] + size / 2 - reference[axis] - reference_size / 2) / reference_size
        errors += [scales[0] * abs(shift), scales[1] * abs(math.log(size / reference_size))]
    return sum(error - 1 / 18 if error > 1 / 9 else error**2 * 9 / 2 for error in errors)


def test_a_logit_is_that_of_the_anchor_at_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skiagraph.networks.faster_rcnn_detector.PROPOSALS", 1)
    (found,) = FasterRCNNDetector(Dictated()).eval()(torch.zeros(1, 1, 64, 128))
    assert found["boxes"].tolist() == [list(Dictated.proposals[0])]


def test_losses_are_those_of_the_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two proposals and the true box itself, the first and the last are of it, the other is background."""
    monkeypatch.setattr("skiagraph.networks.faster_rcnn_detector.PROPOSALS", 1)  # two in training
    detector = FasterRCNNDetector(Dictated()).train()
    box = torch.tensor([[20.0, 66.0, 50.0, 98.0]])
    target = {"boxes": box, "labels": torch.tensor([0])}
    losses = {name: loss.item() for name, loss in detector(torch.zeros(1, 1, 64, 128), [target]).items()}
    assert losses["classification"] == pytest.approx(math.log(3))
    expected = smooth_code(box[0].tolist(), list(Dictated.proposals[0]), scales=(10, 5)) / 3
    assert losses["box_regression"] == pytest.approx(expected, rel=1e-5)
    anchors = detector.anchor_generator(torch.zeros(1, 1, 64, 128), detector.network(torch.zeros(1))[:5])[0]
    matched = anchors[torch.as_tensor(box_iou(box, anchors))[0] >= 0.7].tolist()
    assert 1 < len(matched) < 128
    expected = sum(smooth_code(box[0].tolist(), anchor, scales=(1, 1)) for anchor in matched) / 256
    assert losses["region_box_regression"] == pytest.approx(expected, rel=1e-5)
