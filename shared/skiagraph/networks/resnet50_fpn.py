"""Feature pyramid on a ResNet-50, for detectors, with the weight names of torchvision."""

from __future__ import annotations

from monai.networks.blocks.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool
from monai.networks.nets.resnet import ResNetFeatures
from torch import Tensor, nn

STAGE_CHANNELS = (256, 512, 1024, 2048)


class ResNet50FPN(nn.Module):
    """Feature pyramid network for detection with a ResNet-50 encoder.

    Lin et al., "Feature Pyramid Networks for Object Detection" (CVPR 2017); the coarsest level is pooled from the one
    before, as there for region proposals. The encoder's state dict is that of torchvision's and timm's ResNet-50
    without ``fc``, which :func:`load_encoder_weights` reads.

    Args:
        in_channels: channels of the image.
        features: channels of every level of the pyramid.
        frozen_batch_norm: keep the encoder's batch normalisation as it is loaded, statistics and factors. For weights
            from a file and batches of a few images; a network that starts from nothing would not be normalised at all.
        mean: subtracted from the image, with which weights may have been trained; 0.449 for ImageNet in grey.
        std: the difference is divided by it; 0.226 there.

    Shape:
        input (B, in_channels, rows, columns), each side a multiple of 64; output five maps (B, features, rows / s,
        columns / s) with s = 4, 8, 16, 32, 64.
    """

    def __init__(
        self,
        in_channels: int = 1,
        features: int = 256,
        frozen_batch_norm: bool = False,
        mean: float = 0.0,
        std: float = 1.0,
    ) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.size_divisible = 64
        self.frozen_batch_norm = frozen_batch_norm
        self.encoder = ResNetFeatures("resnet50", pretrained=False, spatial_dims=2, in_channels=in_channels)
        self.pyramid = FeaturePyramidNetwork(2, list(STAGE_CHANNELS), features, LastLevelMaxPool(2))
        if frozen_batch_norm:
            for layer in self._batch_norms():
                layer.requires_grad_(requires_grad=False)

    def train(self, mode: bool = True) -> ResNet50FPN:
        """Set training mode, but for batch normalisation that is frozen."""
        super().train(mode)
        if self.frozen_batch_norm:
            for layer in self._batch_norms():
                layer.eval()
        return self

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of a batch, finest first."""
        return self.levels(x)

    def levels(self, x: Tensor) -> list[Tensor]:
        """As `forward`, for subclasses that go on from here."""
        stages = self.encoder((x - self.mean) / self.std)
        # The first is that of the stem, at stride 2, which the pyramid does not use.
        named = {str(number): stage for number, stage in enumerate(stages[1:])}
        return list(self.pyramid(named).values())

    def _batch_norms(self) -> list[nn.BatchNorm2d]:
        return [layer for layer in self.encoder.modules() if isinstance(layer, nn.BatchNorm2d)]
