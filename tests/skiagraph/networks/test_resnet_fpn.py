from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from monai.networks.utils import convert_to_onnx, convert_to_torchscript

from skiagraph.networks import ResNet34FPN

# Written from the real segmentation_models_pytorch: names and shapes of its state dict in order, and what it
# answers to the weights and the image of `fill` and `wave`.
MANIFEST = json.loads((Path(__file__).parent / "resnet34_fpn_manifest.json").read_text())


def wave(shape: tuple[int, ...], phase: float) -> torch.Tensor:
    return torch.sin(torch.arange(math.prod(shape), dtype=torch.float64) * 1.7 + phase).reshape(shape)


def fill(network: torch.nn.Module) -> torch.nn.Module:
    """Weights by formula, about as large as a trained network's."""
    for number, (key, tensor) in enumerate(network.state_dict().items()):
        values = wave(tuple(tensor.shape), number)
        if tensor.ndim == 4:
            values = values * math.sqrt(4 / tensor[0].numel())
        elif key.endswith(("running_var", "weight")):
            values = 1 + values / 4
        else:
            values = values / 4
        if tensor.is_floating_point():
            tensor.copy_(values)
    return network.eval()


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    return fill(ResNet34FPN())


def test_state_dict_is_that_of_segmentation_models_pytorch(network: torch.nn.Module) -> None:
    shapes = {key: list(tensor.shape) for key, tensor in network.state_dict().items()}
    assert shapes == MANIFEST["state_dict"]
    assert list(shapes) == list(MANIFEST["state_dict"])


def test_answer_is_that_of_segmentation_models_pytorch(network: torch.nn.Module) -> None:
    reference: dict[str, Any] = MANIFEST["reference"]
    with torch.no_grad():
        logits = network(wave(tuple(reference["image_shape"]), 0.0).float())
    assert list(logits.shape) == reference["image_shape"]
    step_y, step_x = reference["steps"]
    torch.testing.assert_close(
        logits[:, :, ::step_y, ::step_x].flatten(), torch.tensor(reference["logits"]), rtol=0, atol=2e-4
    )


def test_channels_are_as_asked_and_every_weight_learns() -> None:
    network = ResNet34FPN(in_channels=3, out_channels=2)
    logits = network(torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)))
    assert logits.shape == (2, 2, 64, 96)
    logits.square().mean().backward()
    assert [name for name, weight in network.named_parameters() if not weight.grad.abs().sum() > 0] == []


def test_dropout_drops_channels_in_training_only() -> None:
    network, image = ResNet34FPN(dropout=0.5), torch.ones(1, 1, 32, 32)
    decoder = network.decoder.eval()
    features = network.encoder.eval()(image)
    whole = decoder(features)
    decoder.dropout.train()
    dropped = decoder(features)
    gone = (dropped == 0).all(dim=(2, 3))[0]
    assert 30 < gone.sum() < 98
    torch.testing.assert_close(dropped[:, ~gone], 2 * whole[:, ~gone])


@pytest.mark.parametrize("shape", [(60, 64), (64, 33)])
def test_size_that_does_not_divide_is_named(network: torch.nn.Module, shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"divisible by 32, got {shape[0]} x {shape[1]}"):
        network(torch.zeros(1, 1, *shape))


@pytest.mark.parametrize("use_trace", [False, True])
def test_torchscript_answers_the_same(network: torch.nn.Module, use_trace: bool) -> None:
    image = wave((1, 1, 64, 64), 1.0).float()
    script = convert_to_torchscript(network, inputs=[image], use_trace=use_trace)
    with torch.no_grad():
        torch.testing.assert_close(script(image), network(image))


def test_onnx_answers_the_same(network: torch.nn.Module, tmp_path: Path) -> None:
    image, file = wave((1, 1, 64, 64), 2.0).float(), tmp_path / "network.onnx"
    convert_to_onnx(network, inputs=[image], input_names=["image"], output_names=["logits"], filename=str(file))
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"image": image.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(logits), network(image), rtol=1e-3, atol=1e-3)
