"""Training and evaluation of detectors, on one that only counts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.data.utils import no_collation
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from torch import Tensor, nn

from skiagraph.engines import Detection, DetectorInferer, DetectorTraining


class Counting(nn.Module):
    """In training, a loss by the number of boxes; else a box for each image, as high as the image is bright."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0))
        self.modes: list[tuple[bool, bool]] = []

    def forward(self, images: Tensor, targets: list[dict[str, Tensor]] | None = None) -> Any:
        self.modes.append((self.training, torch.is_autocast_enabled("cpu")))
        if not self.training:
            boxes = [torch.tensor([[0.0, 0.0, float(image.mean()), 1.0]]) for image in images]
            return [{"boxes": box, "labels": torch.tensor([0]), "labels_scores": torch.tensor([0.5])} for box in boxes]
        assert targets is not None
        boxes = sum(len(target["boxes"]) for target in targets)
        return {"classification": self.weight * boxes, "box_regression": self.weight * images.mean()}


def loader(*boxes: int) -> DataLoader:
    cases = [
        {
            "image": torch.full((1, 4, 4), float(count)),
            "target": {"boxes": torch.zeros(count, 4), "labels": torch.zeros(count, dtype=torch.long)},
            "name": f"case {number}",
        }
        for number, count in enumerate(boxes)
    ]
    return DataLoader(Dataset(cases), batch_size=2, collate_fn=no_collation)


@pytest.mark.parametrize("amp", [True, False])
def test_training_minimises_the_sum_of_the_detectors_losses(amp: bool) -> None:
    detector = Counting()
    losses = []
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=1,
        train_data_loader=loader(0, 2, 3, 1),
        network=detector,
        optimizer=torch.optim.SGD(detector.parameters(), lr=0.1),
        loss_function=nn.Identity(),
        inferer=DetectorInferer(enabled=amp),
        iteration_update=DetectorTraining(),
        decollate=False,
    )
    trainer.add_event_handler("ITERATION_COMPLETED", lambda engine: losses.append(engine.state.output["loss"].item()))
    trainer.run()
    # Two boxes and a mean of 1; then four boxes and a mean of 2, after a step of 0.1 times 3.
    assert losses == pytest.approx([3.0, (1 - 0.3) * 6.0])
    assert detector.weight.item() == pytest.approx(1 - 0.3 - 0.6)
    assert detector.modes == [(True, amp)] * 2
    assert trainer.state.output["box_regression"] == pytest.approx(0.7 * 2)


def test_evaluation_answers_for_every_case_with_whatever_it_brought() -> None:
    detector = Counting()
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=loader(3, 5),
        network=detector,
        inferer=DetectorInferer(enabled=False),
        iteration_update=Detection(),
        decollate=False,
    )
    evaluator.run()
    cases = evaluator.state.output
    assert [case["name"] for case in cases] == ["case 0", "case 1"]
    assert [case["pred"]["boxes"][0, 2].item() for case in cases] == [3, 5]
    assert [len(case["target"]["boxes"]) for case in cases] == [3, 5]
    assert detector.modes == [(False, False)]


def test_cases_need_no_target_in_use() -> None:
    images = DataLoader(Dataset([{"image": torch.ones(1, 4, 4)}]), batch_size=1, collate_fn=no_collation)
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=images,
        network=Counting(),
        inferer=DetectorInferer(),
        iteration_update=Detection(),
        decollate=False,
    )
    evaluator.run()
    assert evaluator.state.output[0]["pred"]["labels"].tolist() == [0]
