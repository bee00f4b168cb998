"""What both detectors with anchors promise alike."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from monai.data import MetaTensor
from monai.data.box_utils import box_iou
from monai.networks.blocks import Convolution
from monai.networks.utils import convert_to_torchscript
from torch import Tensor, nn

from skiagraph.networks import CompactRetinaNet, CompactRetinaNetDetector, FasterRCNNDetector
from skiagraph.networks.box_assignment import Assignment
from skiagraph.networks.faster_rcnn import BoxHead, RegionHead

Target = dict[str, Tensor]


def make_retinanet(**settings: Any) -> CompactRetinaNetDetector:
    network = CompactRetinaNet(anchor_shapes=((24, 24), (16, 32), (32, 16)), features=32)
    return CompactRetinaNetDetector(network, **settings)


class TinyNetwork(nn.Module):
    """What Faster R-CNN's detector needs of a network, learnt in seconds: five levels from strided convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.classes, self.size_divisible = 2, 64
        self.anchor_sizes, self.anchor_ratios = ((16,), (32,), (64,), (96,), (128,)), (0.5, 1.0, 2.0)
        self.down = nn.ModuleList(
            Convolution(2, before, 16, strides=2, kernel_size=5, act="RELU", norm="BATCH")
            for before in (1, 16, 16, 16, 16, 16)
        )
        self.rpn_head = RegionHead(16, 3, self.classes)
        self.box_head = BoxHead(16 * 49, 64, self.classes)

    def forward(self, x: Tensor) -> list[Tensor]:
        levels: list[Tensor] = []
        for down in self.down:
            x = down(x)
            levels.append(x)
        levels = levels[1:]
        logits, codes = self.rpn_head(levels)
        return levels + logits + codes


def make_faster_rcnn(**settings: Any) -> FasterRCNNDetector:
    regions = Assignment(object_iou=0.7, background_iou=0.3, examples=32, object_share=0.5, every_box=True)
    boxes = Assignment(object_iou=0.5, background_iou=0.5, examples=32, object_share=0.25)
    return FasterRCNNDetector(TinyNetwork(), regions=regions, boxes=boxes, **settings)


@pytest.fixture(params=[make_retinanet, make_faster_rcnn])
def make(request: pytest.FixtureRequest) -> Callable[..., nn.Module]:
    """Detectors of two classes, with the same weights each time."""

    def made(**settings: Any) -> nn.Module:
        torch.manual_seed(0)
        return request.param(**settings)

    return made


def scene(labels: tuple[int, ...] = (0, 1)) -> tuple[Tensor, list[Target]]:
    """An image of each class: a bright box, wide or tall, on noise."""
    places = {0: (14.0, 16.0, 32.0, 52.0), 1: (20.0, 30.0, 58.0, 48.0)}
    images = 0.1 * torch.randn(len(labels), 1, 64, 64, generator=torch.Generator().manual_seed(0))
    for image, label in zip(images, labels, strict=True):
        top, left, bottom, right = (int(side) for side in places[label])
        image[:, top:bottom, left:right] += 1 - 2 * label
    return images, [{"boxes": torch.tensor([places[label]]), "labels": torch.tensor([label])} for label in labels]


def nothing(**more: Tensor) -> Target:
    return {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64), **more}


def total(losses: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(losses.values())).sum()


def class_weights(detector: nn.Module, number: int) -> list[Tensor]:
    """Gradients of the rows of weights that give the logits of a class."""
    network: Any = detector.network
    if isinstance(network, TinyNetwork):
        return [network.rpn_head.logits.weight.grad[number::2], network.box_head.logits.weight.grad[1 + number]]
    return [network.classification_head.cls_logits.weight.grad[number::2]]


def test_training_lowers_the_loss_and_finds_the_boxes(make: Callable[..., nn.Module]) -> None:
    detector = make().train()
    images, targets = scene()
    optimiser = torch.optim.Adam(detector.parameters(), lr=3e-3)
    course = []
    for _ in range(80):
        optimiser.zero_grad()
        loss = total(detector(images, targets))
        loss.backward()
        optimiser.step()
        course.append(loss.item())
    assert sum(course[-5:]) < 0.4 * sum(course[:5])
    for found, target in zip(detector.eval()(images), targets, strict=True):
        assert float(box_iou(found["boxes"][:1], target["boxes"])) > 0.5
        assert int(found["labels"][0]) == int(target["labels"][0])


def test_answer_is_in_the_form_of_monai(make: Callable[..., nn.Module]) -> None:
    detector = make(score_threshold=1e-6, detections=7).eval()
    images = torch.randn(2, 1, 70, 100)
    for use_inferer in (False, True):
        found = detector(images, use_inferer=use_inferer)
        assert [set(each) for each in found] == 2 * [{"boxes", "labels", "labels_scores"}]
        for each in found:
            assert each["boxes"].shape == (7, 4)
            assert each["boxes"].dtype == torch.float32
            assert each["labels"].dtype == torch.int64
            assert (each["labels_scores"].diff() <= 0).all()
            assert (each["boxes"] >= 0).all()
            assert (each["boxes"] <= torch.tensor([70, 100, 70, 100])).all()
            assert (each["boxes"][:, 2:] > each["boxes"][:, :2]).all()


def test_threshold_leaves_out_what_is_not_sure(make: Callable[..., nn.Module]) -> None:
    images = torch.randn(1, 1, 96, 96)
    every = make(score_threshold=1e-6).eval()(images)[0]["labels_scores"]
    threshold = float(every.median())
    some = make(score_threshold=threshold).eval()(images)[0]["labels_scores"]
    assert 0 < len(some) < len(every)
    assert (some > threshold).all()


def test_images_of_several_sizes_and_with_meta_data_are_taken(make: Callable[..., nn.Module]) -> None:
    detector = make(score_threshold=1e-6).eval()
    several = [MetaTensor(torch.randn(1, 64, 96)), MetaTensor(torch.randn(1, 128, 64))]
    for images in (several, MetaTensor(torch.randn(2, 1, 64, 96))):
        for each, image in zip(detector(images), images, strict=True):
            assert type(each["boxes"]) is Tensor
            assert (each["boxes"][:, 2:] <= torch.tensor(image.shape[1:])).all()


def test_training_without_any_box_reaches_every_weight(make: Callable[..., nn.Module]) -> None:
    detector = make().train()
    loss = total(detector(torch.randn(2, 1, 64, 64), [nothing(), nothing()]))
    loss.backward()
    assert loss.isfinite()
    assert [name for name, weight in detector.named_parameters() if weight.grad is None] == []


def test_training_without_targets_is_refused(make: Callable[..., nn.Module]) -> None:
    with pytest.raises(ValueError, match="targets"):
        make().train()(torch.zeros(1, 1, 64, 64))


def test_background_says_nothing_of_a_class_that_is_not_labelled(make: Callable[..., nn.Module]) -> None:
    detector = make().train()
    images = torch.randn(2, 1, 64, 64)
    total(detector(images, 2 * [nothing(labelled=torch.tensor([0]))])).backward()
    assert all((weights != 0).any() for weights in class_weights(detector, 0))
    assert not any((weights != 0).any() for weights in class_weights(detector, 1))
    total(detector(images, [nothing(labelled=torch.tensor([0])), nothing(labelled=torch.tensor([0, 1]))])).backward()
    assert all((weights != 0).any() for weights in class_weights(detector, 1))


def test_a_box_of_a_class_that_is_not_complete_is_still_learnt(make: Callable[..., nn.Module]) -> None:
    """A step of training raises the logit of its class for some anchors, and lowers it for none."""
    detector = make().train()
    images, targets = scene(labels=(1, 1))
    loss = total(detector(images, [{**target, "labelled": torch.tensor([0])} for target in targets]))
    loss.backward()
    assert loss.isfinite()
    network: Any = detector.network
    head = network.rpn_head.logits if isinstance(network, TinyNetwork) else network.classification_head.cls_logits
    assert (head.bias.grad[1::2] <= 0).all()
    assert (head.bias.grad[1::2] < 0).any()


def test_an_image_of_which_nothing_is_known_costs_nothing(make: Callable[..., nn.Module]) -> None:
    unknown = nothing(labelled=torch.zeros(0, dtype=torch.int64))
    loss = total(make().train()(torch.randn(2, 1, 64, 64), [unknown, unknown]))
    assert loss.item() == pytest.approx(0, abs=1e-6)
    loss.backward()


def test_all_classes_labelled_is_the_same_as_nothing_said(make: Callable[..., nn.Module]) -> None:
    images, targets = scene()
    losses = []
    for more in ({}, {"labelled": torch.tensor([1, 0])}):
        detector = make().train()
        torch.manual_seed(1)
        losses.append(total(detector(images, [{**target, **more} for target in targets])).item())
    assert losses[0] == losses[1]


def test_boxes_are_in_full_precision_under_autocast(make: Callable[..., nn.Module]) -> None:
    detector = make(score_threshold=1e-6).eval()
    images, targets = scene()
    with torch.autocast("cpu", torch.bfloat16):
        found = detector(images)
        losses = detector.train()(images, targets)
    assert found[0]["boxes"].dtype == torch.float32
    # Corners that bfloat16 could hold have 8 bits.
    assert (found[0]["boxes"] != found[0]["boxes"].bfloat16().float()).any()
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())


def test_network_is_scripted_and_answers_the_same(make: Callable[..., nn.Module]) -> None:
    network, image = make().network.eval(), torch.randn(1, 1, 64, 128)
    script = convert_to_torchscript(network)
    with torch.no_grad():
        for mine, expected in zip(script(image), network(image), strict=True):
            torch.testing.assert_close(mine, expected)


BLOCKED = """
import sys
sys.modules["torchvision"] = None  # whoever imports it fails
import torch
from skiagraph.networks import CompactRetinaNet, CompactRetinaNetDetector, FasterRCNN, FasterRCNNDetector
target = {"boxes": torch.tensor([[8.0, 8.0, 40.0, 40.0]]), "labels": torch.tensor([0])}
for detector in (CompactRetinaNetDetector(CompactRetinaNet()), FasterRCNNDetector(FasterRCNN(box_features=8))):
    detector.train()(torch.rand(2, 1, 64, 64), [target, target])
    detector.eval()(torch.rand(1, 1, 64, 64))
print("done")
"""


def test_torchvision_is_not_wanted() -> None:
    run = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr
