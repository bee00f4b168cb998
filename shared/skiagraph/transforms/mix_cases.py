"""Augmentation that makes one case of several, as they are put together to a batch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Case = dict[str, Any]
Target = Mapping[str, Tensor]

_IMAGES = 4
# Shares of a side between which the four images of a mosaic meet.
_NEAREST, _FARTHEST = 0.35, 0.65
# A piece is not pasted over this share of anything that is there, nor if it differs less from what is around it, in
# standard deviations of the image.
_COVERED, _FAINT = 0.1, 0.5


class MixCases:
    """A data loader's ``collate_fn`` for detectors: a list of cases, some of them made of several of the batch.

    * mosaic (Bochkovskiy et al., "YOLOv4", 2020): four images, each shrunk into a quarter of the picture.
    * paste (Ghiasi et al., "Simple copy-paste", CVPR 2021): an object is laid over another image. Greys add up, as
      what lies one behind the other does in the attenuation of X-rays; towards the edges of its box it fades out.

    The classes whose boxes are complete are then those that are so in all of the cases. Both read PyTorch's random
    numbers, which a data loader seeds for each of its processes.

    Args:
        classes: name of each label.
        mosaic: how likely a case is made a mosaic.
        paste: how likely a case gets an object of another.
        paste_class: name of the class whose objects are pasted; none are where it is not among the classes.
    """

    def __init__(
        self, classes: Sequence[str], mosaic: float = 0.0, paste: float = 0.0, paste_class: str = "implant"
    ) -> None:
        self.mosaic = mosaic
        self.probability = paste if paste_class in classes else 0.0
        self.paste_class = classes.index(paste_class) if paste_class in classes else 0

    def __call__(self, cases: Sequence[Mapping[str, Any]]) -> list[Case]:
        """Mix a batch of cases with ``image`` (C, rows, columns), all of one size, and ``target`` (`BoxTargetsd`)."""
        plain = [{**case, "image": torch.as_tensor(case["image"]).as_subclass(Tensor)} for case in cases]
        mixed = [self._pasted(case, plain) if _chance(self.probability) else case for case in plain]
        return [_mosaic([case, *_some(mixed, _IMAGES - 1)]) if _chance(self.mosaic) else case for case in mixed]

    def _pasted(self, case: Case, others: Sequence[Case]) -> Case:
        (other,) = _some(others, 1)
        boxes = other["target"]["boxes"]
        ours = (other["target"]["labels"] == self.paste_class).nonzero()[:, 0]
        if other is case or not len(ours):
            return case
        number = int(ours[_integer(len(ours))])
        beside = torch.cat([boxes[:number], boxes[number + 1 :]])
        if self._hides(beside, boxes[number]):
            return case  # the others would come along without their boxes
        return self.paste(case, other, boxes[number])

    def paste(self, case: Case, other: Case, box: Tensor) -> Case:
        """Lay what is in a box of another case somewhere over the image of a case.

        Returns:
            A new case; or the same, where the piece finds no place without hiding something, or hardly shows.
        """
        low, high = box[:2].floor().int().tolist(), box[2:].ceil().int().tolist()
        piece = _object_alone(other["image"][:, low[0] : high[0], low[1] : high[1]], other["image"].mean())
        rows, columns = piece.shape[1:]
        image, target = case["image"], case["target"]
        room = image.shape[1] - rows, image.shape[2] - columns
        if min(rows, columns, *room) < 1 or float(piece.abs().max()) < _FAINT:
            return case
        row, column = _integer(room[0]), _integer(room[1])
        moved = box + torch.tensor([row - low[0], column - low[1]] * 2)
        if self._hides(target["boxes"], moved):
            return case
        pasted = image.clone()
        pasted[:, row : row + rows, column : column + columns] += piece
        target = {
            "boxes": torch.cat([target["boxes"], moved[None].to(target["boxes"])]),
            "labels": torch.cat([target["labels"], torch.tensor([self.paste_class])]),
            "labelled": _known_in_all([case, other]),
        }
        return {**case, "image": pasted, "target": target}

    def _hides(self, boxes: Tensor, cover: Tensor) -> bool:
        return len(boxes) > 0 and float(_share_hidden(boxes, cover).max()) > _COVERED


def _object_alone(piece: Tensor, mean: Tensor) -> Tensor:
    """What stands out of the soft parts around it, metal or the bone that it is fixed to: above 0, or below if dark.

    Whether metal is bright or dark is told by the mean of the whole image, for air is in many boxes: it lies as far
    below the soft parts as metal lies above them.
    """
    darkest, dark, bright, brightest = piece.flatten().quantile(torch.tensor([0.05, 0.45, 0.55, 0.95]))
    is_bright = brightest - mean >= mean - darkest
    alone = (piece - dark).clamp_min(0) if is_bright else (piece - bright).clamp_max(0)
    return alone * _fading(*piece.shape[1:])


def _share_hidden(boxes: Tensor, cover: Tensor) -> Tensor:
    """Share of each box that lies under another one, or of that one that lies under it, whichever is more."""
    corner = torch.minimum(boxes[:, 2:], cover[2:]) - torch.maximum(boxes[:, :2], cover[:2])
    common = corner.clamp_min(0).prod(dim=1)
    smaller = torch.minimum((boxes[:, 2:] - boxes[:, :2]).prod(dim=1), (cover[2:] - cover[:2]).prod())
    return common / smaller.clamp_min(1e-6)


def _fading(rows: int, columns: int) -> Tensor:
    """1 in the middle, down to 0 over the outer tenth of each side."""
    ramps = [((torch.arange(size) + 0.5) / size) for size in (rows, columns)]
    down, across = (torch.minimum(ramp, 1 - ramp).mul(10).clamp_max(1) for ramp in ramps)
    return down[:, None] * across


def _mosaic(cases: Sequence[Case]) -> Case:
    """Four cases in the quarters of one picture, which meet anywhere near its middle."""
    labelled = _known_in_all(cases)
    if not len(labelled):
        return cases[0]  # nothing could be learned from the absence of anything
    image = torch.zeros_like(cases[0]["image"])
    middle = [round(size * (_NEAREST + (_FARTHEST - _NEAREST) * float(torch.rand(())))) for size in image.shape[1:]]
    boxes, labels = [], []
    for number, case in enumerate(cases):
        top, left = (number // 2) * middle[0], (number % 2) * middle[1]
        rows = middle[0] if number < 2 else image.shape[1] - middle[0]
        columns = middle[1] if number % 2 == 0 else image.shape[2] - middle[1]
        image[:, top : top + rows, left : left + columns] = functional.interpolate(
            case["image"][None], size=(rows, columns), mode="area"
        )[0]
        scale = torch.tensor([rows / image.shape[1], columns / image.shape[2]] * 2)
        boxes.append(case["target"]["boxes"] * scale + torch.tensor([top, left] * 2))
        labels.append(case["target"]["labels"])
    target = {"boxes": torch.cat(boxes), "labels": torch.cat(labels), "labelled": labelled}
    return {**cases[0], "image": image, "target": target}


def _known_in_all(cases: Sequence[Case]) -> Tensor:
    """The classes whose boxes are complete in all cases."""
    known = set.intersection(*(set(case["target"]["labelled"].tolist()) for case in cases))
    return torch.tensor(sorted(known), dtype=torch.int64)


def _some(cases: Sequence[Case], count: int) -> list[Case]:
    """So many of the cases, none twice as long as there are enough."""
    order = torch.randperm(len(cases)).tolist()
    return [cases[order[number % len(order)]] for number in range(count)]


def _integer(below: int) -> int:
    return math.floor(float(torch.rand(())) * below)


def _chance(probability: float) -> bool:
    return float(torch.rand(())) < probability
