"""Faster R-CNN: from the network's answer to boxes, and from true boxes to losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from monai.apps.detection.utils.anchor_utils import AnchorGenerator
from monai.apps.detection.utils.box_coder import BoxCoder
from monai.apps.detection.utils.box_selector import BoxSelector
from monai.apps.detection.utils.detector_utils import check_training_targets, preprocess_images
from monai.data.box_utils import clip_boxes_to_image
from monai.utils import convert_to_tensor
from torch import Tensor, nn
from torch.nn import functional

from .box_assignment import Assignment, draw, labelled_classes, match, suppress
from .faster_rcnn import GRID, FasterRCNN
from .roi_align import MultiScaleRoIAlign

# Ren et al. (NeurIPS 2015) and Lin et al. (CVPR 2017), with the numbers of torchvision.
REGIONS = Assignment(object_iou=0.7, background_iou=0.3, examples=256, object_share=0.5, every_box=True)
BOXES = Assignment(object_iou=0.5, background_iou=0.5, examples=512, object_share=0.25)
PROPOSAL_IOU = 0.7
PROPOSALS = 1000  # of an image, and before suppression of a level; twice as many in training
BETA = 1 / 9  # from which error in a box code on the loss is linear

Target = dict[str, Tensor]


@dataclass(frozen=True)
class _Truth:
    boxes: Tensor
    labels: Tensor
    labelled: Tensor  # bool (classes,)


class FasterRCNNDetector(nn.Module):
    """A two-stage detector with the call of MONAI's `RetinaNetDetector`.

    Boxes are (row_min, column_min, row_max, column_max) in pixels, edges at whole numbers.

    An image whose target has ``labelled``, numbers of classes, says nothing of the other classes' absence: for regions,
    which are classified by a sigmoid for each class, those columns are left out of the loss; for boxes, which are
    classified by a softmax, examples of background in such an image compare background with the labelled classes only.

    Args:
        network: as :class:`FasterRCNN`; it holds all parameters.
        score_threshold: boxes with a lower score are left out.
        nms_threshold: of two boxes of a class whose IoU is higher, the better one stays.
        detections: how many boxes of an image there are at most.
        regions: what the first stage learns from.
        boxes: what the second stage learns from.
    """

    def __init__(
        self,
        network: FasterRCNN,
        score_threshold: float = 0.05,
        nms_threshold: float = 0.5,
        detections: int = 100,
        regions: Assignment = REGIONS,
        boxes: Assignment = BOXES,
    ) -> None:
        super().__init__()
        self.network = network
        self.regions = regions
        self.boxes = boxes
        ratios = (network.anchor_ratios,) * len(network.anchor_sizes)
        self.anchor_generator = AnchorGenerator(network.anchor_sizes, ratios)
        self.region_coder = BoxCoder((1.0, 1.0, 1.0, 1.0))
        self.box_coder = BoxCoder((10.0, 10.0, 5.0, 5.0))
        self.roi_align = MultiScaleRoIAlign(GRID)
        self.selector = BoxSelector(
            apply_sigmoid=False,
            score_thresh=score_threshold,
            nms_thresh=nms_threshold,
            detections_per_img=detections,
        )

    def forward(
        self,
        input_images: Tensor | list[Tensor],
        targets: list[Target] | None = None,
        use_inferer: bool = False,  # noqa: ARG002 (MONAI's signature)
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """In training, the losses; else, what was found.

        Args:
            input_images: (B, C, rows, columns), or B images of any sizes.
            targets: of each image, ``boxes`` (N, 4) and ``labels`` (N,), and perhaps ``labelled``. For training.
            use_inferer: as in MONAI, where it asks for sliding windows; this detector sees the whole image at once.

        Returns:
            ``region_classification``, ``region_box_regression``, ``classification`` and ``box_regression``; or, for
            each image, ``boxes`` (N, 4), ``labels`` (N,) and ``labels_scores`` (N,), best first.

        Raises:
            ValueError: in training, there are no targets, or they are not of this form.
        """
        if self.training:
            targets = check_training_targets(input_images, targets, 2, "labels", "boxes")
        plain = convert_to_tensor(input_images, track_meta=False)
        images, sizes = preprocess_images(plain, 2, self.network.size_divisible)
        features, logits, codes = self._look_at(images)
        (anchors, *_) = self.anchor_generator(images, features)
        proposals = self._propose(logits, codes, anchors, sizes)
        if not self.training or targets is None:
            return self._detect(features, proposals, sizes)
        truths = [_truth(target, self.network.classes, images.device) for target in targets]
        return {
            **self._region_losses(torch.cat(logits, dim=1), torch.cat(codes, dim=1), anchors, truths),
            **self._box_losses(features, proposals, truths),
        }

    def _look_at(self, images: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Features, and logits and box codes by anchor (B, N, classes) and (B, N, 4), of each level.

        All in full precision, whatever the network's, as boxes need.
        """
        maps = [each.float() for each in self.network(images)]
        levels = len(maps) // 3
        logits = [_by_anchor(each, self.network.classes) for each in maps[levels : 2 * levels]]
        return maps[:levels], logits, [_by_anchor(each, 4) for each in maps[2 * levels :]]

    @torch.no_grad()
    def _propose(
        self, logits: list[Tensor], codes: list[Tensor], anchors: Tensor, sizes: Sequence[Sequence[int]]
    ) -> list[Tensor]:
        """Boxes of each image in which anything may lie, best first."""
        by_level = anchors.split([each.shape[1] for each in logits])
        proposals = []
        for number, size in enumerate(sizes):
            found = [
                self._propose_at_level(logit[number].amax(dim=1), code[number], anchor, size)
                for logit, code, anchor in zip(logits, codes, by_level, strict=True)
            ]
            boxes, scores = (torch.cat(each) for each in zip(*found, strict=True))
            proposals.append(boxes[scores.topk(min(self._proposals, len(scores))).indices])
        return proposals

    def _propose_at_level(
        self, scores: Tensor, codes: Tensor, anchors: Tensor, size: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        scores, chosen = scores.topk(min(self._proposals, len(scores)))
        decoded = self.region_coder.decode_single(codes[chosen], anchors[chosen])
        boxes, scores = _inside(decoded, scores, size)
        kept = suppress(boxes, scores, PROPOSAL_IOU)
        return boxes[kept], scores[kept]

    @property
    def _proposals(self) -> int:
        return 2 * PROPOSALS if self.training else PROPOSALS

    def _region_losses(self, logits: Tensor, codes: Tensor, anchors: Tensor, truths: list[_Truth]) -> dict[str, Tensor]:
        given, wanted, code_errors, examples = [], [], [], 0
        for truth, logit, code in zip(truths, logits, codes, strict=True):
            matched = match(truth.boxes, anchors, self.regions)
            objects, background = draw(matched, self.regions)
            chosen, boxes = torch.cat([objects, background]), matched[objects]
            is_class = torch.zeros_like(logit[chosen], dtype=torch.bool)
            is_class[torch.arange(len(objects), device=boxes.device), truth.labels[boxes]] = True
            known = truth.labelled | is_class
            given.append(logit[chosen][known])
            wanted.append(is_class[known].float())
            exact = self.region_coder.encode_single(truth.boxes[boxes], anchors[objects])
            code_errors.append(functional.smooth_l1_loss(code[objects], exact, beta=BETA, reduction="sum"))
            examples += len(chosen)
        seen, truth_of = torch.cat(given), torch.cat(wanted)
        class_error = functional.binary_cross_entropy_with_logits(seen, truth_of, reduction="sum")
        return {
            "region_classification": class_error / max(len(seen), 1),
            "region_box_regression": torch.stack(code_errors).sum() / max(examples, 1),
        }

    def _box_losses(self, features: list[Tensor], proposals: list[Tensor], truths: list[_Truth]) -> dict[str, Tensor]:
        drawn = [self._draw_boxes(boxes, truth) for boxes, truth in zip(proposals, truths, strict=True)]
        boxes, classes, exact, unknown = zip(*drawn, strict=True)
        logits, codes = (each.float() for each in self.network.box_head(self.roi_align(features, boxes)))
        wanted = torch.cat(classes)
        (objects,) = torch.where(wanted > 0)
        codes = codes[objects, wanted[objects] - 1]
        compared = logits.masked_fill(torch.cat(unknown), -torch.inf)
        code_error = functional.smooth_l1_loss(codes, torch.cat(exact), beta=BETA, reduction="sum")
        return {
            "classification": functional.cross_entropy(compared, wanted, reduction="sum") / max(len(wanted), 1),
            "box_regression": code_error / max(len(wanted), 1),
        }

    def _draw_boxes(self, proposals: Tensor, truth: _Truth) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Examples: boxes, their classes (0 is background), codes of objects, and which logits are not compared."""
        candidates = torch.cat([proposals, truth.boxes])
        matched = match(truth.boxes, candidates, self.boxes)
        objects, background = draw(matched, self.boxes)
        chosen = torch.cat([objects, background])
        exact = self.box_coder.encode_single(truth.boxes[matched[objects]], candidates[objects])
        classes = torch.zeros_like(chosen)
        classes[: len(objects)] = truth.labels[matched[objects]] + 1
        unknown = functional.pad(~truth.labelled, (1, 0)) & (classes == 0)[:, None]
        return candidates[chosen], classes, exact, unknown

    @torch.no_grad()
    def _detect(
        self, features: list[Tensor], proposals: list[Tensor], sizes: Sequence[Sequence[int]]
    ) -> list[dict[str, Tensor]]:
        logits, codes = (each.float() for each in self.network.box_head(self.roi_align(features, proposals)))
        scores = logits.softmax(dim=1)[:, 1:]
        boxes = self.box_coder.decode_single(codes.flatten(1), torch.cat(proposals)).view_as(codes)
        counts = [len(each) for each in proposals]
        found = []
        for box, score, size in zip(boxes.split(counts), scores.split(counts), sizes, strict=True):
            # Each class has a box of its own, whose scores for all others are nothing.
            single = torch.diag_embed(score).flatten(0, 1)
            kept = self.selector.select_boxes_per_image([box.flatten(0, 1)], [single], list(size))
            found.append(dict(zip(("boxes", "labels_scores", "labels"), kept, strict=True)))
        return found


def _by_anchor(maps: Tensor, values: int) -> Tensor:
    """From (B, anchors * values, rows, columns) to (B, rows * columns * anchors, values)."""
    return maps.unflatten(1, (-1, values)).permute(0, 3, 4, 1, 2).flatten(1, 3)


def _inside(boxes: Tensor, scores: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Boxes clipped to an image, and their scores, without those of which less than a pixel is left."""
    clipped, kept = clip_boxes_to_image(boxes, size)
    return torch.as_tensor(clipped), scores[torch.as_tensor(kept)]


def _truth(target: Target, classes: int, device: torch.device) -> _Truth:
    boxes = target["boxes"].to(device, torch.float32)
    return _Truth(boxes, target["labels"].to(device), labelled_classes(target, classes, device))
