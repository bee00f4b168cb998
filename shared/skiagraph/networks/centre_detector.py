"""Detection by centres: how the maps of `CompactCentreNet` become boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..geometry.box_maps import boxes_of_maps, uncovered_boxes

Target = Mapping[str, Tensor]
Losses = Callable[[Tensor, Sequence[Target]], dict[str, Tensor]]


class CentreDetector(nn.Module):
    """A detector with the call of MONAI's `RetinaNetDetector`, over a network such as `CompactCentreNet`.

    Boxes are (row_min, column_min, row_max, column_max) in pixels, edges at whole numbers.

    Args:
        network: images (B, C, rows, columns) to maps (B, classes + 4, rows / stride, columns / stride).
        score_threshold: boxes with a lower score are left out.
        nms_threshold: of two boxes of a class whose IoU is higher, the better one stays.
        detections: how many boxes of an image there are at most.
        loss: takes maps and targets to losses by their names (`skiagraph.losses.CentreLoss`); for training.
    """

    def __init__(
        self,
        network: nn.Module,
        score_threshold: float = 0.05,
        nms_threshold: float = 0.5,
        detections: int = 100,
        loss: Losses | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.score_threshold = score_threshold
        self.nms_threshold = nms_threshold
        self.detections = detections
        self.loss = loss

    def forward(
        self,
        input_images: Tensor,
        targets: Sequence[Target] | None = None,
        use_inferer: bool = False,  # noqa: ARG002 (MONAI's signature)
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """In training the losses, else what was found.

        Args:
            input_images: (B, C, rows, columns).
            targets: of each image, ``boxes`` (N, 4) and ``labels`` (N,); and, where not all classes are complete in it,
                ``labelled``, the numbers of those that are: the others are not taken to be absent. For training.
            use_inferer: as in MONAI, where it asks for sliding windows; this detector sees the whole image at once.

        Returns:
            ``classification`` and ``box_regression``; or, for each image, ``boxes`` (N, 4), ``labels`` (N,) and
            ``labels_scores`` (N,), best first.

        Raises:
            ValueError: in training, there are no targets, or no loss.
        """
        if not self.training:
            return [self._read(each) for each in self._find(input_images)]
        if targets is None or self.loss is None:
            raise ValueError("for training, a detector needs a loss, and targets")
        return self.loss(self.network(input_images).float(), targets)

    def _find(self, images: Tensor) -> Tensor:
        maps = self.network(images).float()
        return find_boxes(maps, list(images.shape[2:]), self.score_threshold, self.nms_threshold, self.detections)

    def _read(self, rows: Tensor) -> dict[str, Tensor]:
        """Of one image, without the padding."""
        found = rows[:, rows[5] > 0]
        return {"boxes": found[:4].T, "labels": found[4].long(), "labels_scores": found[5]}


class PaddedDetector(nn.Module):
    """A detector by centres that answers with one tensor, for export: `CentreDetector` in evaluation, or TorchScript.

    Args:
        network: as there.
        score_threshold: as there.
        nms_threshold: as there.
        detections: how many boxes an answer has room for.

    Shape:
        input (B, C, rows, columns); output (B, 6, detections): row_min, column_min, row_max, column_max in pixels,
        label and score, best first; all 0 where there is no further box.
    """

    def __init__(
        self, network: nn.Module, score_threshold: float = 0.05, nms_threshold: float = 0.5, detections: int = 100
    ) -> None:
        super().__init__()
        self.network = network
        self.score_threshold = score_threshold
        self.nms_threshold = nms_threshold
        self.detections = detections
        self.register_load_state_dict_pre_hook(_as_of_detector)

    def forward(self, images: Tensor) -> Tensor:
        """Find the boxes of a batch."""
        maps = self.network(images).float()
        size = [images.shape[2], images.shape[3]]
        return find_boxes(maps, size, self.score_threshold, self.nms_threshold, self.detections)


def _as_of_detector(_module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Let a detector's export take the weights of its network alone, as a bundle has them."""
    inner = f"{prefix}network."
    for key in [key for key in state if key.startswith(prefix) and not key.startswith(inner)]:
        state[inner + key.removeprefix(prefix)] = state.pop(key)


def find_boxes(maps: Tensor, size: list[int], score_threshold: float, nms_threshold: float, detections: int) -> Tensor:
    """The boxes in maps of a centre network: the peaks of its classes, without those that a better one covers.

    Args:
        maps: (B, classes + 4, rows, columns), see `CompactCentreNet`.
        size: rows and columns of the image.
        score_threshold: see `PaddedDetector`.
        nms_threshold: see there.
        detections: see there.

    Returns:
        see `PaddedDetector`.
    """
    stride = size[0] // maps.shape[2]
    heat = maps[:, :-4].sigmoid()
    peaks = heat * (heat == functional.max_pool2d(heat, 3, stride=1, padding=1))
    peaks = peaks * (peaks >= score_threshold)
    scores, places = peaks.flatten(1).topk(min(4 * detections, heat.shape[1] * heat.shape[2] * heat.shape[3]))
    cells = heat.shape[2] * heat.shape[3]
    labels = places.div(cells, rounding_mode="floor")
    sides = boxes_of_maps(maps[:, -4:], stride).flatten(2)
    boxes = sides.gather(2, (places % cells)[:, None].expand(-1, 4, -1))
    limits = torch.tensor([size[0], size[1], size[0], size[1]], dtype=boxes.dtype, device=boxes.device)
    boxes = torch.minimum(boxes.clamp_min(0), limits[:, None])
    scores = scores * uncovered_boxes(boxes, labels, nms_threshold)
    scores, order = scores.topk(min(detections, scores.shape[1]))
    found = torch.cat([boxes, labels[:, None].to(boxes.dtype)], dim=1).gather(2, order[:, None].expand(-1, 5, -1))
    found = torch.cat([found * (scores > 0)[:, None], scores[:, None]], dim=1)
    return functional.pad(found, [0, detections - found.shape[2]])
