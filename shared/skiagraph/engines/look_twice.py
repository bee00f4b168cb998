"""A network that sees its own first answer before it gives its last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monai.data import MetaTensor
from torch import Tensor

from ..transforms.corners import with_previous
from ..transforms.decode_corners import CornerDecoder
from .autocast import AutocastInferer


class LookTwiceInferer(AutocastInferer):
    """Run an interactive network on inputs of `HintMapsd`, and once more with its own answer as the previous maps.

    The second look mends what the first one took for two different things.

    Args:
        decoder: makes previous maps of an answer.
        enabled: compute in bfloat16.
    """

    def __init__(self, decoder: CornerDecoder, enabled: bool = True) -> None:
        super().__init__(enabled)
        self.decoder = decoder

    def __call__(self, inputs: Tensor, network: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        """Answer of ``network(inputs, *args, **kwargs)``, float32."""
        answer = super().__call__(inputs, network, *args, **kwargs)
        plain = inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs
        previous = self.decoder.previous_maps(answer.as_tensor() if isinstance(answer, MetaTensor) else answer)
        again = with_previous(plain, previous)
        if isinstance(inputs, MetaTensor):
            again = MetaTensor(again).copy_meta_from(inputs)
        return super().__call__(again, network, *args, **kwargs)
