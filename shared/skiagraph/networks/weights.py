"""Weights of a network, from and to a file: state dicts only, nothing that would run code."""

from __future__ import annotations

import logging
import pickle
import re
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from monai.networks.utils import get_state_dict
from torch import nn

StateDict = dict[str, torch.Tensor]

# Where the checkpoints of this collection, MONAI, ignite and Lightning keep the network. The average comes first, for
# that is what was validated.
NETWORK_KEYS = ("average", "model", "network", "net", "state_dict")

# First convolution, and what only classifies, of a ResNet and of an EfficientNet-Lite.
IMAGENET_STEM = {"conv1.weight", "_conv_stem.weight"}
_ENCODER = "encoder."
IMAGENET_CLASSIFIER = ("fc.", "_fc.", "_conv_head.", "_bn1.")

# The stem of HRNet-Image-Classification, and where a keypoint network has it; and what only classifies.
HRNET_STEM = {
    "conv1": "hint_fusion_layer.image_encoder.0",
    "bn1": "hint_fusion_layer.image_encoder.1",
    "conv2": "hint_fusion_layer.last_encoder.0",
    "bn2": "hint_fusion_layer.last_encoder.1",
}
HRNET_CLASSIFIER = ("incre_modules.", "downsamp_modules.", "final_layer.", "classifier.")

logger = logging.getLogger(__name__)


def load_weights(network: nn.Module, path: str | PathLike[str] | None) -> nn.Module:
    """Load all weights of a network from a file, strictly.

    The file is a state dict, or a checkpoint that holds one: the first of ``average``, ``model``, ``network``,
    ``net`` and ``state_dict``. A prefix that all its keys share (``module.``) is removed, half precision is
    converted to the network's type. In a MONAI bundle's ``initialize``::

        {"_target_": "skiagraph.networks.load_weights", "network": "@network_def", "path": "@weights"}

    Args:
        network: the network, changed in place; untouched if the file is refused.
        path: the file; None or "" loads nothing, for training from scratch.

    Returns:
        the network.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no checkpoint, holds more than tensors, or does not fit the network.
    """
    if path:
        _load_strictly(network, _without_prefix(_read(Path(path)), network), Path(path))
    return network


def load_encoder_weights(network: nn.Module, path: str | PathLike[str] | None) -> nn.Module:
    """Start the encoder of a network from a classification network.

    The file is a ResNet in torchvision's or timm's layout, an EfficientNet-Lite in that of its PyTorch port, or a
    network of this collection, whose encoder is taken; what only classifies is ignored. Where the encoder has one input
    channel and the file three, the first convolution's weights are summed over the channels: a grey image then gives
    what it gives in RGB, and is to be normalised as the file expects (ImageNet in torchvision: mean 0.449, standard
    deviation 0.226).

    Args:
        network: a network with an ``encoder``, as :class:`ResNet34FPN`; changed in place.
        path: the file; None or "" loads nothing.

    Returns:
        the network.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the network has no encoder, or as for :func:`load_weights`.
    """
    if not path:
        return network
    encoder = getattr(network, "encoder", None)
    if not isinstance(encoder, nn.Module):
        raise ValueError(f"{path}: {type(network).__name__} has no encoder that could be started from this file.")
    state = _read_part(Path(path), encoder, IMAGENET_CLASSIFIER)
    if own := {key.removeprefix(_ENCODER): state[key] for key in state if key.startswith(_ENCODER)}:
        state = own
    wanted = encoder.state_dict()
    for key in IMAGENET_STEM & state.keys() & wanted.keys():
        if (state[key].shape[1], wanted[key].shape[1]) == (3, 1):
            state[key] = state[key].float().sum(dim=1, keepdim=True)
    _load_strictly(encoder, state, Path(path))
    return network


def load_hrnet_weights(network: nn.Module, path: str | PathLike[str] | None) -> nn.Module:
    """Start an HRNet for keypoints from a classification network in the layout of HRNet-Image-Classification.

    The file is ``hrnetv2_w32_imagenet_pretrained.pth`` of that project or one like it. Its stem goes into the image's
    part of the network's stem, its stages into ``hrnet``; its classifier is ignored. Hints, gate and heads keep
    their values.

    Args:
        network: a network with ``hint_fusion_layer`` and ``hrnet``, as :class:`HRNetOCRIKEM`; changed in place.
        path: the file; None or "" loads nothing.

    Returns:
        the network.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the network has no HRNet, or as for :func:`load_weights`.
    """
    if not path:
        return network
    try:
        backbone = ImageNetHRNet(network)
    except AttributeError as error:
        raise ValueError(
            f"{path}: {type(network).__name__} has no HRNet that could be started from this file."
        ) from error
    _load_strictly(backbone, _read_part(Path(path), backbone, HRNET_CLASSIFIER), Path(path))
    return network


class ImageNetHRNet(nn.ModuleDict):
    """The parts of a keypoint network that ImageNet weights start, under their names in HRNet-Image-Classification.

    They are the network's own: what is loaded here is loaded there.

    Args:
        network: a network with ``hint_fusion_layer`` and ``hrnet``; without them, an AttributeError is raised.
    """

    def __init__(self, network: nn.Module) -> None:
        stem = {name: network.get_submodule(own) for name, own in HRNET_STEM.items()}
        super().__init__(stem | dict(network.get_submodule("hrnet").named_children()))


def save_weights(network: nn.Module, path: str | PathLike[str], half: bool = False) -> None:
    """Write the state dict of a network; the same weights give the same bytes.

    Args:
        network: the network; a parallel wrapper is looked through.
        path: the file, replaced as a whole.
        half: store floating-point tensors in half precision.

    Raises:
        ValueError: a weight is too large for half precision.
    """
    state = {}
    for key, tensor in get_state_dict(network).items():
        kept = tensor.detach().cpu().contiguous()
        if half and kept.is_floating_point():
            kept = kept.half()
            if not torch.equal(kept.isfinite(), tensor.detach().cpu().isfinite()):
                raise ValueError(f"{path}: {key} is too large for half precision; save with half=False.")
        state[key] = kept
    from ..folder_work import whole_file

    # Through a file object: given a name, torch would write the temporary name into the archive.
    with whole_file(Path(path)) as temporary, temporary.open("wb") as file:
        torch.save(state, file)


def _read(path: Path) -> StateDict:
    """The state dict in a file, on the CPU."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such weights file.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # on a file that is no checkpoint, the unpickler fails in any way whatever
        raise ValueError(f"{path}: {_why_unreadable(error)}") from error
    if isinstance(content, Mapping) and not _is_state_dict(content):
        content = next((content[key] for key in NETWORK_KEYS if _is_state_dict(content.get(key))), content)
    if not _is_state_dict(content):
        found = f"a dictionary of {_listed(content)}" if isinstance(content, Mapping) else type(content).__name__
        raise ValueError(
            f"{path}: holds {found}, not a state dict, nor a checkpoint with one as {', '.join(NETWORK_KEYS)}."
        )
    return dict(content)


def _read_part(path: Path, part: nn.Module, classifier: tuple[str, ...]) -> StateDict:
    """The state dict in a file of a classification network, without what only classifies."""
    state = _without_prefix(_read(path), part)
    return {key: tensor for key, tensor in state.items() if not key.startswith(classifier)}


def _is_state_dict(content: Any) -> bool:
    return isinstance(content, Mapping) and all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in content.items()
    )


def _why_unreadable(error: Exception) -> str:
    message = str(error)
    if "TorchScript" in message:
        return "is a TorchScript archive, not a state dict; save torch.jit.load(file).state_dict() instead."
    pickled = re.search(r"\bGLOBAL ([\w.]+)", message) if isinstance(error, pickle.UnpicklingError) else None
    if pickled:
        return (
            f"holds a pickled Python object ({pickled[1]}), not a state dict; loading it would run code. "
            "In a trusted environment with the original code: torch.save(model.state_dict(), file), "
            "and give that file."
        )
    return "is not a PyTorch checkpoint, or is damaged (incomplete download?)."


def _without_prefix(state: StateDict, module: nn.Module) -> StateDict:
    """Remove the leading names that all keys share and the module does not have."""
    own = {key.split(".", 1)[0] for key in module.state_dict()}
    while len(names := {key.split(".", 1)[0] for key in state}) == 1 and not names & own:
        if not all("." in key for key in state):
            break
        state = {key.split(".", 1)[1]: tensor for key, tensor in state.items()}
    return state


def _load_strictly(module: nn.Module, state: StateDict, path: Path) -> None:
    own = module.state_dict()
    # Checkpoints of PyTorch before 0.4.1 lack these counters, which evaluation does not use.
    state = {key: own[key] for key in own if key.endswith("num_batches_tracked")} | state
    misshapen = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    problems = [
        f"{len(keys)} {kind} ({_listed(keys)})"
        for kind, keys in (
            ("missing", [key for key in own if key not in state]),
            ("unexpected", [key for key in state if key not in own]),
            ("of another shape", misshapen),
        )
        if keys
    ]
    if problems:
        raise ValueError(f"{path}: does not fit {type(module).__name__}: tensors {', '.join(problems)}.")
    module.load_state_dict(state)
    logger.info("Loaded %d tensors from %s.", len(state), path)


def _listed(names: Iterable[Any]) -> str:
    """The first five names."""
    shown = [str(name) for name in names]
    return ", ".join(shown[:5]) + (", ..." if len(shown) > 5 else "")
