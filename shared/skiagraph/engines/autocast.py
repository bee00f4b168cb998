"""Mixed precision in bfloat16, on GPUs and on processors that have instructions for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.data import MetaTensor
from monai.inferers import SimpleInferer
from torch import Tensor


def bfloat16_is_fast(device: str | torch.device) -> bool:
    """Whether the device computes in bfloat16 natively (a GPU since Ampere, a processor with AMX)."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Older versions of torch cannot tell.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16", False))


class AutocastInferer(SimpleInferer):
    """Run the network under autocast to bfloat16 and answer in float32.

    MONAI's trainer knows float16 on CUDA only; bfloat16 has the range of float32, so that no gradient scaler is
    needed, and works on the CPU as well. The loss is computed outside, in float32.

    The answer has the meta data of the input.

    Args:
        enabled: False runs the network as it is.
    """

    def __init__(self, enabled: bool = True) -> None:
        super().__init__()
        self.enabled = enabled

    def __call__(self, inputs: Tensor, network: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        """Answer of ``network(inputs, *args, **kwargs)``, float32."""
        # Inside the network the meta data are of no use, and carrying them from layer to layer takes longer than many
        # a layer.
        plain = inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs
        with torch.autocast(inputs.device.type, dtype=torch.bfloat16, enabled=self.enabled):
            answer: Tensor = super().__call__(plain, network, *args, **kwargs)
        answer = answer.float()
        return MetaTensor(answer).copy_meta_from(inputs) if isinstance(inputs, MetaTensor) else answer
