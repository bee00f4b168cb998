"""From maps to boxes, with maps that are known."""

from __future__ import annotations

import pytest
import torch
from monai.data.box_utils import batched_nms, box_iou
from torch import Tensor, nn

from skiagraph.losses import CentreLoss
from skiagraph.networks import CentreDetector, CompactCentreNet, PaddedDetector

SIZE, STRIDE, CLASSES = 128, 8, 2


class Known(nn.Module):
    """Answers with its maps, whatever it sees."""

    def __init__(self, maps: Tensor) -> None:
        super().__init__()
        self.maps = maps

    def forward(self, x: Tensor) -> Tensor:
        return self.maps.expand(len(x), -1, -1, -1)


def maps_of(*boxes: tuple[int, float, tuple[float, float, float, float]]) -> Tensor:
    """Of (label, score, box), each in the cell that holds its middle."""
    maps = torch.full((1, CLASSES + 4, SIZE // STRIDE, SIZE // STRIDE), -9.0)
    for label, score, box in boxes:
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        row, column = (int(each // STRIDE) for each in middle)
        at = torch.tensor([row, column]) * STRIDE + STRIDE / 2
        maps[0, label, row, column] = torch.logit(torch.tensor(score))
        corners = torch.tensor(box)
        maps[0, CLASSES:, row, column] = (torch.cat([at - corners[:2], corners[2:] - at]) / STRIDE).log()
    return maps


def detect(maps: Tensor, **settings: float) -> dict[str, Tensor]:
    (found,) = CentreDetector(Known(maps), **settings).eval()(torch.zeros(1, 1, SIZE, SIZE))
    return found


def test_boxes_come_back_best_first_with_label_and_score() -> None:
    boxes = [(0, 0.6, (10.0, 20.0, 50.0, 40.0)), (1, 0.9, (64.0, 60.0, 100.0, 121.0))]
    found = detect(maps_of(*boxes))
    torch.testing.assert_close(found["boxes"], torch.tensor([boxes[1][2], boxes[0][2]]), atol=1e-3, rtol=0)
    assert found["labels"].tolist() == [1, 0]
    assert found["labels_scores"].tolist() == pytest.approx([0.9, 0.6])


def test_of_two_boxes_of_a_class_in_one_place_the_better_one_stays() -> None:
    one, other = (10.0, 10.0, 90.0, 110.0), (10.0, 10.0, 122.0, 110.0)
    assert detect(maps_of((0, 0.6, one), (0, 0.7, other)))["labels_scores"].tolist() == pytest.approx([0.7])
    assert len(detect(maps_of((0, 0.6, one), (1, 0.7, other)))["labels"]) == 2
    assert len(detect(maps_of((0, 0.6, one), (0, 0.7, other)), nms_threshold=0.95)["labels"]) == 2


def test_weak_boxes_are_left_out_and_others_end_at_the_image() -> None:
    maps = maps_of((0, 0.04, (10.0, 20.0, 50.0, 40.0)), (0, 0.3, (90.0, 100.0, 140.0, 150.0)))
    found = detect(maps)
    torch.testing.assert_close(found["boxes"], torch.tensor([[90.0, 100.0, 128.0, 128.0]]), atol=1e-3, rtol=0)
    assert len(detect(maps, score_threshold=0.35)["labels"]) == 0
    assert len(detect(maps, score_threshold=0.01, detections=1)["labels"]) == 1


def test_in_training_it_gives_losses_and_wants_targets() -> None:
    target = {"boxes": torch.tensor([[16.0, 16.0, 60.0, 70.0]]), "labels": torch.tensor([1])}
    detector = CentreDetector(CompactCentreNet(), loss=CentreLoss()).train()
    losses = detector(torch.rand(2, 1, SIZE, SIZE), [target, target])
    assert losses.keys() == {"classification", "box_regression"}
    with pytest.raises(ValueError, match="needs a loss, and targets"):
        detector(torch.rand(2, 1, SIZE, SIZE))


def test_a_few_steps_of_training_find_the_box() -> None:
    torch.manual_seed(0)
    image = torch.rand(2, 1, SIZE, SIZE) * 0.1
    image[0, 0, 24:72, 40:104] += 1
    image[1, 0, 50:110, 8:40] += 1
    boxes = torch.tensor([[24.0, 40.0, 72.0, 104.0], [50.0, 8.0, 110.0, 40.0]])
    targets = [{"boxes": box[None], "labels": torch.tensor([n])} for n, box in enumerate(boxes)]
    network = CompactCentreNet(features=24)
    detector = CentreDetector(network, loss=CentreLoss())
    optimizer = torch.optim.AdamW(detector.parameters(), 0.01)
    for _ in range(80):
        optimizer.zero_grad()
        sum(detector.train()(image, targets).values()).backward()
        optimizer.step()
    with torch.inference_mode():
        found = detector.eval()(image)
    for number, (answer, box) in enumerate(zip(found, boxes, strict=True)):
        assert answer["labels"][0] == number
        assert box_iou(answer["boxes"][:1], box[None]).item() > 0.6


def random_maps(seed: int, images: int = 3) -> Tensor:
    torch.manual_seed(seed)
    return (
        torch.randn(images, CLASSES + 4, SIZE // STRIDE, SIZE // STRIDE)
        + torch.tensor([0.0, 0, 1, 1, 1, 1])[:, None, None]
    )


@pytest.mark.parametrize("seed", range(3))
def test_suppression_is_that_of_monai(seed: int) -> None:
    maps = random_maps(seed)
    images = torch.zeros(3, 1, SIZE, SIZE)
    everything = CentreDetector(Known(maps[:1]), nms_threshold=1.0, detections=400).eval()(images[:1])[0]
    kept = batched_nms(everything["boxes"], everything["labels_scores"], everything["labels"], 0.4, max_proposals=100)
    (found,) = CentreDetector(Known(maps[:1]), nms_threshold=0.4).eval()(images[:1])
    assert 10 < len(found["labels"]) < len(everything["labels"])
    for name, value in found.items():
        torch.testing.assert_close(value, everything[name][kept])


def test_the_export_says_the_same_in_one_tensor() -> None:
    torch.manual_seed(0)
    network = CompactCentreNet(features=16).eval()
    torch.nn.init.normal_(network.class_head[-1].weight, std=0.3)
    images = torch.randn(2, 1, 64, 96)
    settings = {"score_threshold": 0.005, "nms_threshold": 0.3, "detections": 20}
    with torch.inference_mode():
        scripted = torch.jit.script(PaddedDetector(network, **settings).eval())(images)
        found = CentreDetector(network, **settings).eval()(images)
    assert scripted.shape == (2, 6, 20)
    for rows, boxes in zip(scripted, found, strict=True):
        count = len(boxes["labels"])
        assert 1 < count < 20
        torch.testing.assert_close(rows[:4, :count].T, boxes["boxes"])
        torch.testing.assert_close(rows[4:, :count], torch.stack([boxes["labels"].float(), boxes["labels_scores"]]))
        assert not rows[:, count:].any()


def test_there_may_be_fewer_cells_than_boxes_asked_for() -> None:
    answer = PaddedDetector(Known(random_maps(0)[:, :, :2, :2]), detections=50)(torch.zeros(3, 1, 16, 16))
    assert answer.shape == (3, 6, 50)


def test_the_export_takes_weights_of_the_network_or_of_a_detector() -> None:
    trained = CompactCentreNet(features=16)
    for state in (trained.state_dict(), CentreDetector(trained).state_dict()):
        padded = PaddedDetector(CompactCentreNet(features=16))
        padded.load_state_dict(dict(state))
        for name, tensor in trained.state_dict().items():
            assert torch.equal(padded.network.state_dict()[name], tensor), name
