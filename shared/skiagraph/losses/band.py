"""Loss for thin structures: Dice and cross-entropy on a band around a line, probability on the line."""

from __future__ import annotations

import torch
from monai.utils.enums import LossReduction
from torch.nn import functional
from torch.nn.modules.loss import _Loss

TARGET_CHANNELS = ("band", "skeleton", "known")


class BandLoss(_Loss):
    """Soft Dice + binary cross-entropy on the band around a bone surface, minus probability on its skeleton.

    With ``p = sigmoid(input)``, and every sum and mean taken over known pixels only::

        1 - (2 sum(p band) + smooth) / (sum(p) + sum(band) + smooth)
          + mean(BCE(p, band))
          - skeleton_weight * mean over images of sum(p skeleton) / sum(skeleton)

    The Dice sums run over the whole batch. Per image, the Dice term of an image without label would be a step
    (about 1 for any number of false pixels but zero) with no gradient to follow; in the batch's sums every
    false pixel costs the same wherever it lies. The skeleton term of an image without skeleton is 0. An image
    of which nothing is known changes neither value nor gradient. The minimum is ``-skeleton_weight``, where
    every image has a skeleton.

    The loss, on a band of 3 pixels to each side of the label: Wu et al., "UltraBones100k", arXiv 2502.03783.

    Args:
        skeleton_weight: weight of the skeleton term, not negative.
        smooth: pixels added to both sides of the Dice fraction, positive: keeps a batch without label finite.
        reduction: ``"mean"`` is the formula above; ``"sum"`` multiplies it by the number of images with a
            known pixel, for adding up batches of different size.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        skeleton_weight: float = 0.1,
        smooth: float = 1.0,
        reduction: LossReduction | str = LossReduction.MEAN,
    ) -> None:
        if reduction not in ("mean", "sum"):
            raise ValueError(f'reduction must be "mean" or "sum", got "{reduction}".')
        super().__init__(reduction=LossReduction(reduction).value)
        if skeleton_weight < 0:
            raise ValueError(f"skeleton_weight must not be negative, got {skeleton_weight}.")
        if smooth <= 0:
            raise ValueError(f"smooth must be positive, got {smooth}.")
        self.skeleton_weight = float(skeleton_weight)
        self.smooth = float(smooth)

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:  # noqa: A002 (torch's name)
        """Compute the loss of a batch.

        Args:
            input: logits, B1HW. Half precision is computed in float32.
            target: B3HW with values 0 or 1, channels band, skeleton, known (1 where the label is known).

        Returns:
            a scalar, float32 (float64 for a float64 input).

        Raises:
            ValueError: the shapes do not fit together.
        """
        if input.shape[1] != 1 or target.shape != (input.shape[0], len(TARGET_CHANNELS), *input.shape[2:]):
            raise ValueError(
                f"BandLoss wants logits B1HW and a target B3HW ({', '.join(TARGET_CHANNELS)}), "
                f"got {tuple(input.shape)} and {tuple(target.shape)}."
            )
        logits = input.to(torch.promote_types(input.dtype, torch.float32))
        band, skeleton, known = target.to(logits.dtype).chunk(len(TARGET_CHANNELS), dim=1)
        images = known.flatten(1).any(dim=1).sum()
        loss = (
            self._dice(logits, band, known)
            + self._cross_entropy(logits, band, known)
            - self.skeleton_weight * self._on_skeleton(logits, skeleton * known, images)
        )
        return loss * images if self.reduction == "sum" else loss

    def _dice(self, logits: torch.Tensor, band: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        probability = torch.sigmoid(logits) * known
        both = (probability * band).sum()
        either = probability.sum() + (band * known).sum()
        return 1 - (2 * both + self.smooth) / (either + self.smooth)

    @staticmethod
    def _cross_entropy(logits: torch.Tensor, band: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        per_pixel = functional.binary_cross_entropy_with_logits(logits, band, reduction="none")
        return (per_pixel * known).sum() / known.sum().clamp(min=1)

    @staticmethod
    def _on_skeleton(logits: torch.Tensor, skeleton: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        on_line = (torch.sigmoid(logits) * skeleton).sum(dim=(1, 2, 3))
        per_image = on_line / skeleton.sum(dim=(1, 2, 3)).clamp(min=1)
        return per_image.sum() / images.clamp(min=1)
