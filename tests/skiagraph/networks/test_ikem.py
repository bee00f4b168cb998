"""What both interactive networks share; what only the HRNet has is in test_hrnet_ocr.py."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.networks.utils import convert_to_torchscript

from skiagraph.networks import HRNetOCRIKEM, UNetIKEM
from skiagraph.networks.ikem import HintFusionLayer, InteractionGate

# Written from the published classes: names and shapes of their state dicts in order, and what they answer to the
# weights and the input of `fill` and `noise` (UNet_IKEM's answer enlarged to the size of the input).
PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parent / "published_ikem_layouts.json").read_text())
NETWORKS: dict[str, Callable[..., torch.nn.Module]] = {"UNet_IKEM": UNetIKEM, "IKEM": HRNetOCRIKEM}
# As the published project's test programs printed them; UNet_IKEM's without gate was of an older head, which lacked
# the first convolution of the head (64 x 64 + 64) and its normalisation (2 x 64).
PARAMETERS = {
    ("UNet_IKEM", True): 32_548_261,
    ("UNet_IKEM", False): 31_053_461 + 64 * 64 + 3 * 64,
    ("IKEM", True): 32_942_889,
    ("IKEM", False): 31_002_937,
}

both = pytest.mark.parametrize("name", NETWORKS)
gated_or_not = pytest.mark.parametrize("gate", [True, False])


def noise(shape: tuple[int, ...], phase: float) -> torch.Tensor:
    """Numbers from -1 to 1 by formula, without pattern."""
    x = torch.arange(math.prod(shape), dtype=torch.float64)
    return (torch.sin(x * 12.9898 + phase) * 43758.5453).remainder(1).mul(2).sub(1).reshape(shape)


def fill(network: torch.nn.Module, gain: float) -> torch.nn.Module:
    """Weights by formula, about as large as a trained network's."""
    for number, (key, tensor) in enumerate(network.state_dict().items()):
        values = noise(tuple(tensor.shape), number)
        if tensor.ndim == 4:
            values = values * math.sqrt(gain / tensor[0].numel())
        elif key.endswith(("running_var", "weight", "scale")):
            values = 1 + values / 4
        else:
            values = values / 4
        if tensor.is_floating_point():
            tensor.copy_(values)
    return network.eval()


def random_input(points: int, *size: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(2, 1 + 2 * points, *size, generator=torch.Generator().manual_seed(seed))


def make(name: str, gate: bool = True) -> torch.nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name](points=4, gate=gate)


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of all layers but little depth and width, that are quick to export."""
    monkeypatch.setattr("skiagraph.networks.hrnet.BLOCKS", 1)
    monkeypatch.setattr("skiagraph.networks.hrnet.STAGE_MODULES", (1, 1, 1))
    monkeypatch.setattr("skiagraph.networks.ikem.UNET_CHANNELS", (64, 8, 8, 8, 8))


@both
@gated_or_not
def test_state_dict_is_the_published_one(name: str, gate: bool) -> None:
    with torch.device("meta"):
        network = NETWORKS[name](gate=gate)
    shapes = {key: list(tensor.shape) for key, tensor in network.state_dict().items()}
    expected = {key: shape for key, shape in PUBLISHED[name].items() if gate or not key.startswith("iggnet.")}
    assert shapes == expected
    assert list(shapes) == list(expected)
    assert shapes == PUBLISHED.get(name if gate else f"{name} without gate", expected)
    assert sum(weight.numel() for weight in network.parameters()) == PARAMETERS[name, gate]


@both
def test_answer_is_the_published_one(name: str) -> None:
    published: dict[str, Any] = PUBLISHED["answers"][name]
    network = fill(NETWORKS[name](), published["gain"])
    kinds = [kind for kind in ("logits", "auxiliary") if kind in published]
    network.training = len(kinds) == 2  # without that of its layers: only to see both answers
    with torch.no_grad():
        answers = network(noise(tuple(published["shape"]), 0.5).float())
    points, rows, columns = published["steps"]
    for number, kind in enumerate(kinds):
        answer = answers[:, number] if network.training else answers
        found = answer[:, ::points, ::rows, ::columns].flatten()
        torch.testing.assert_close(found, torch.tensor(published[kind]), rtol=1e-4, atol=1e-3)


@both
@gated_or_not
@pytest.mark.parametrize("size", [(64, 64), (128, 64)])
def test_logits_have_the_stated_stride(name: str, gate: bool, size: tuple[int, int]) -> None:
    network = make(name, gate).eval()
    with torch.no_grad():
        logits = network(random_input(4, *size))
    assert logits.shape == (2, 4, *size)


@both
@gated_or_not
def test_hints_act_through_stem_and_gate_and_previous_maps_through_the_stem(name: str, gate: bool) -> None:
    network = make(name, gate).eval()
    inputs = random_input(4, 64, 64)
    hinted, continued = inputs.clone(), inputs.clone()
    hinted[:, 3] = 0
    continued[:, 7] = 0
    with torch.no_grad():
        first, by_hint, by_previous = network(inputs), network(hinted), network(continued)
        assert not torch.equal(first, by_hint)
        assert not torch.equal(first, by_previous)
        network.hint_fusion_layer.scale.fill_(0)
        first, by_hint, by_previous = network(inputs), network(hinted), network(continued)
    assert torch.equal(first, by_hint) == (not gate)
    assert torch.equal(first, by_previous)


@both
def test_every_weight_learns(name: str) -> None:
    network = make(name)
    answers = network(random_input(4, 128, 64))
    logits = answers[:, 0] if answers.ndim == 5 else answers
    logits.square().mean().backward()
    for key, weight in network.named_parameters():
        assert weight.grad is not None, key
        assert weight.grad.isfinite().all(), key
        # Batch normalisation takes away the bias of the convolution before it, and its gradient.
        if not key.endswith(".0.bias"):
            assert weight.grad.abs().max() > 1e-9, key


@both
def test_another_number_of_channels_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"Wanted 9 channels .*, got 3"):
        make(name)(torch.zeros(1, 3, 64, 64))


@pytest.mark.parametrize("size", [(96, 64), (64, 65)])
def test_unet_names_a_size_that_does_not_divide(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"divisible by 64, got {size[0]} x {size[1]}"):
        make("UNet_IKEM")(torch.zeros(1, 9, *size))


@both
def test_mixed_precision_answers_about_the_same(name: str) -> None:
    network, inputs = make(name).eval(), random_input(4, 64, 64)
    with torch.no_grad():
        logits = network(inputs)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = network(inputs)
    assert mixed.dtype == torch.bfloat16
    assert (mixed.float() - logits).abs().max() < 0.05 * logits.abs().max()


@both
@pytest.mark.usefixtures("shallow")
@pytest.mark.parametrize("use_trace", [False, True])
def test_torchscript_answers_the_same(name: str, use_trace: bool) -> None:
    network, inputs = make(name).eval(), random_input(4, 64, 64)
    script = convert_to_torchscript(network, inputs=[inputs], use_trace=use_trace)
    with torch.no_grad():
        torch.testing.assert_close(script(inputs), network(inputs))


def test_stem_sees_three_equal_colours_and_the_size_of_the_scale() -> None:
    torch.manual_seed(0)
    stem, inputs = HintFusionLayer(4).eval(), random_input(4, 32, 48)
    with torch.no_grad():
        assert torch.equal(stem.scale, torch.tensor([0.05]))
        features = stem(inputs)
        assert features.shape == (2, 64, 8, 12)
        stem.scale.neg_()
        torch.testing.assert_close(stem(inputs), features, rtol=0, atol=0)
        kernels = stem.image_encoder[0].weight
        kernels.copy_(kernels[:, [2, 0, 1]])
        torch.testing.assert_close(stem(inputs), features)
        stem.scale.zero_()
        plain = stem.last_encoder(stem.image_encoder(inputs[:, :1].repeat(1, 3, 1, 1)))
        torch.testing.assert_close(stem(inputs), plain)
        assert (plain - features).abs().max() > 1e-3


def convolve(x: np.ndarray, weight: np.ndarray, stride: int) -> np.ndarray:
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("ihwkl,oikl->ohw", windows, weight)


def enlarge(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    for axis, length in enumerate(size, start=1):
        at, places = np.linspace(0, x.shape[axis] - 1, length), np.arange(x.shape[axis])
        x = np.stack([[np.interp(at, places, line) for line in plane] for plane in np.moveaxis(x, axis, 2)])
        x = np.moveaxis(x, 2, axis)
    return x


@pytest.mark.parametrize("seed", range(3))
def test_gate_is_the_published_formula(seed: int) -> None:
    """Against NumPy: sigmoid(W2 relu(W1 max(encoder(early, hints)))) times the late features, channel by channel."""
    gate = InteractionGate(points=2, in_channels=3, out_channels=5).double().eval()
    random = np.random.default_rng(seed)
    state = {
        key: random.uniform(0.5, 1.5, tensor.shape) if "running_var" in key else random.normal(0, 0.1, tensor.shape)
        for key, tensor in gate.state_dict().items()
    }
    gate.load_state_dict({key: torch.tensor(values) for key, values in state.items()})
    hints, early, late = random.random((2, 20, 14)), random.normal(size=(3, 7, 6)), random.normal(size=(5, 4, 9))
    x = np.concatenate([early, enlarge(hints, (7, 6))])
    for layer, stride in enumerate((2, 1, 1)):
        x = convolve(x, state[f"hintEncoder.convs.{layer}.0.weight"], stride)
        weight, bias, mean, variance = (
            state[f"hintEncoder.convs.{layer}.1.{key}"][:, None, None]
            for key in ("weight", "bias", "running_mean", "running_var")
        )
        x = np.maximum((x - mean) / np.sqrt(variance + 1e-5) * weight + bias, 0)
    squeezed = np.maximum(state["conv1.weight"][:, :, 0, 0] @ x.max(axis=(1, 2)) + state["conv1.bias"], 0)
    weights = 1 / (1 + np.exp(-(state["conv2.weight"][:, :, 0, 0] @ squeezed + state["conv2.bias"])))
    with torch.no_grad():
        gated = gate(*(torch.tensor(array)[None] for array in (hints, early, late)))[0]
    np.testing.assert_allclose(gated.numpy(), weights[:, None, None] * late, rtol=1e-9)
    assert np.ptp(weights) > 1e-4
