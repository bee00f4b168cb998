"""From the checkpoint of a training to the weights that a bundle ships."""

from __future__ import annotations

import json
from pathlib import Path

from monai.bundle import ConfigParser

from ..networks import load_weights, save_weights
from .packing import MAX_WEIGHTS_BYTES


def ship_weights(bundle_dir: Path, checkpoint: Path, half: bool = False) -> Path:
    """Write the network of a checkpoint to a bundle's `models/model.pt`, as a plain state dict.

    Args:
        bundle_dir: folder of the bundle; its inference config names the network.
        checkpoint: state dict or checkpoint of a training.
        half: store half precision.

    Returns:
        Path of the weights.

    Raises:
        ValueError: the checkpoint does not fit the network, or the weights would be too large to ship.
    """
    config = json.loads((bundle_dir / "configs" / "inference.json").read_text(encoding="utf-8"))
    network = load_weights(ConfigParser(config).get_parsed_content("network_def"), checkpoint)
    size = sum(tensor.nbytes for tensor in network.state_dict().values()) // (2 if half else 1)
    if size > MAX_WEIGHTS_BYTES:
        raise ValueError(
            f"{checkpoint}: {size} bytes of weights, {MAX_WEIGHTS_BYTES} can be shipped; try half precision"
        )
    shipped = bundle_dir / "models" / "model.pt"
    save_weights(network, shipped, half=half)
    return shipped
