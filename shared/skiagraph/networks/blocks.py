"""Parts that several compact networks are made of."""

from __future__ import annotations

from monai.networks.blocks import Convolution
from torch import Tensor, nn


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (He et al., CVPR 2016), with batch normalisation.

    Args:
        spatial_dims: number of spatial dimensions.
        features: channels, which stay.
    """

    def __init__(self, spatial_dims: int, features: int) -> None:
        super().__init__()
        self.first = Convolution(spatial_dims, features, features, kernel_size=3, act="RELU", norm="BATCH")
        self.second = Convolution(spatial_dims, features, features, kernel_size=3, act=None, norm="BATCH")
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """B C *spatial to the same shape."""
        y: Tensor = self.activation(x + self.second(self.first(x)))
        return y
