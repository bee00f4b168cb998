"""Loss of a detector that finds objects by their centres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from monai.data.box_utils import box_pair_giou
from torch import Tensor, nn

from ..geometry.box_maps import boxes_of_maps
from ..networks.box_assignment import labelled_classes

Target = Mapping[str, Tensor]

# Liu et al., "Training-time-friendly network for real-time object detection", AAAI 2020: standard deviation of the
# Gaussian at an object's centre, in sizes of the object; and how much the sides count beside the classes.
_SIGMA_SHARE = 0.54 / 6
_SIDES_WEIGHT = 5.0
# Height of the Gaussian from which on a cell measures the sides, and from which on it holds the centre.
_NEAR, _AT = 0.01, 1 - 1e-4


class CentreLoss(nn.Module):
    """What the maps of a centre network (`CompactCentreNet`) are trained to be.

    Classes: the focal loss of CornerNet (Law and Deng, ECCV 2018) with a Gaussian around every centre. Sides: 1 -
    generalised IoU (Rezatofighi et al., CVPR 2019) of the cells near a centre, weighted by the Gaussian and by the
    logarithm of the object's area.

    Args:
        stride: pixels of the image to a cell.
    """

    def __init__(self, stride: int = 8) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, maps: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """The losses of a batch, ``classification`` and ``box_regression``, scalars.

        Args:
            maps: (B, classes + 4, rows, columns), see `CompactCentreNet`.
            targets: of each image ``boxes`` (N, 4), (row_min, column_min, row_max, column_max) in pixels; ``labels``
                (N,); and ``labelled``, the numbers of the classes whose boxes are complete; all where it is missing.
                Of the others nothing is learned from where there is no box.
        """
        shape = (maps.shape[1] - 4, maps.shape[2], maps.shape[3])
        made = [_draw(target, shape, self.stride, maps.device) for target in targets]
        heat, weights, boxes, known = (torch.stack(each) for each in zip(*made, strict=True))
        count = max(sum(len(target["boxes"]) for target in targets), 1)
        learned = known[:, :, None, None] | (heat >= _AT)
        focal = _focal_loss(maps[:, :-4], heat) * learned
        near = weights > 0
        predicted = boxes_of_maps(maps[:, -4:], self.stride).movedim(1, -1)[near]
        overlap = torch.as_tensor(box_pair_giou(predicted, boxes.movedim(1, -1)[near]))
        sides = ((1 - overlap) * weights[near]).sum() / weights.sum().clamp_min(1e-6)
        return {"classification": focal.sum() / count, "box_regression": _SIDES_WEIGHT * sides}


def _draw(
    target: Target, shape: tuple[int, int, int], stride: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of one image: heat (classes, rows, columns), weights and boxes of the sides, and which classes are known."""
    classes, rows, columns = shape
    heat = torch.zeros(shape, device=device)
    weights = torch.zeros((rows, columns), device=device)
    sides = torch.zeros((4, rows, columns), device=device)
    known = labelled_classes(target, classes, device)
    boxes, labels = target["boxes"].to(device), target["labels"].to(device)
    down = (torch.arange(rows, device=device) + 0.5) * stride
    across = (torch.arange(columns, device=device) + 0.5) * stride
    area = (boxes[:, 2:] - boxes[:, :2]).clamp_min(1).prod(dim=1)
    for number in area.argsort(descending=True).tolist():  # a smaller one before a larger one is what is seen
        box, label = boxes[number], int(labels[number])
        middle, size = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).clamp_min(1)
        sigma = (size * _SIGMA_SHARE).clamp_min(stride / 3)
        centre = (middle / stride).floor() * stride + stride / 2  # the cell that holds it reaches 1
        gaussian = torch.exp(
            -(((down - centre[0]) / sigma[0]) ** 2)[:, None] / 2 - (((across - centre[1]) / sigma[1]) ** 2)[None] / 2
        )
        heat[label] = torch.maximum(heat[label], gaussian)
        near = gaussian > _NEAR
        share = torch.where(near, gaussian, 0.0)
        weights = torch.where(near, share / share.sum() * area[number].log(), weights)
        sides = torch.where(near, box[:, None, None], sides)
    return heat, weights, sides, known


def _focal_loss(logits: Tensor, heat: Tensor) -> Tensor:
    """Of every cell, as in CornerNet (Law and Deng, ECCV 2018)."""
    probability = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    at = heat >= _AT
    there = -((1 - probability) ** 2) * probability.log()
    elsewhere = -((1 - heat) ** 4) * probability**2 * (1 - probability).log()
    return torch.where(at, there, elsewhere)
