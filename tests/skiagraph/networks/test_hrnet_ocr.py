"""What only the network on an HRNet has; what it shares with the one on a U-Net is in test_ikem.py."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from skiagraph.networks import HRNetOCRIKEM, UNetIKEM, load_hrnet_weights
from skiagraph.networks.hrnet_ocr import _gather

StateDict = dict[str, torch.Tensor]

STEM = {
    "hint_fusion_layer.image_encoder.0.": "conv1.",
    "hint_fusion_layer.image_encoder.1.": "bn1.",
    "hint_fusion_layer.last_encoder.0.": "conv2.",
    "hint_fusion_layer.last_encoder.1.": "bn2.",
    "hrnet.": "",
}
CLASSIFIER = ("incre_modules.0.0.conv1.weight", "downsamp_modules.0.1.bias", "final_layer.0.bias", "classifier.weight")


@pytest.fixture(autouse=True)
def shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An HRNet of all layers but little depth; that its names and shapes are right is held by the manifest."""
    monkeypatch.setattr("skiagraph.networks.hrnet.BLOCKS", 1)
    monkeypatch.setattr("skiagraph.networks.hrnet.STAGE_MODULES", (1, 1, 1))


@pytest.fixture
def network() -> HRNetOCRIKEM:
    torch.manual_seed(0)
    return HRNetOCRIKEM(points=4)


@pytest.fixture
def imagenet(network: HRNetOCRIKEM) -> StateDict:
    """Random weights in the layout of HRNet-Image-Classification."""
    generator = torch.Generator().manual_seed(1)
    state = {}
    for key, tensor in network.state_dict().items():
        for own, theirs in STEM.items():
            if key.startswith(own):
                values = torch.rand(tensor.shape, generator=generator)
                state[theirs + key.removeprefix(own)] = values.to(tensor.dtype)
    return state | {key: torch.zeros(3) for key in CLASSIFIER}


def copy_of(network: torch.nn.Module) -> StateDict:
    return {key: tensor.clone() for key, tensor in network.state_dict().items()}


@pytest.mark.parametrize("size", [(64, 64), (70, 90)])
def test_auxiliary_logits_come_in_training_only(network: HRNetOCRIKEM, size: tuple[int, int]) -> None:
    inputs = torch.rand(2, 9, *size, generator=torch.Generator().manual_seed(0))
    logits, auxiliary = network(inputs).unbind(dim=1)
    assert logits.shape == auxiliary.shape == (2, 4, *size)
    assert not torch.equal(logits, auxiliary)
    with torch.no_grad():
        assert network.eval()(inputs).shape == (2, 4, *size)


def test_auxiliary_logits_are_those_of_the_auxiliary_head(network: HRNetOCRIKEM) -> None:
    """Doubling that head's last layer doubles them."""
    inputs = torch.rand(2, 9, 64, 64, generator=torch.Generator().manual_seed(0))
    network.eval()
    network.training = True  # without that of its layers
    with torch.no_grad():
        _, before = network(inputs).unbind(dim=1)
        network.aux_head[3].weight.mul_(2)
        network.aux_head[3].bias.mul_(2)
        _, after = network(inputs).unbind(dim=1)
    torch.testing.assert_close(after, 2 * before)


def test_objects_are_means_of_pixels_weighed_over_the_image() -> None:
    generator = torch.Generator().manual_seed(0)
    pixels, logits = torch.randn(2, 5, 3, 4, generator=generator), torch.randn(2, 7, 3, 4, generator=generator)
    objects = _gather(pixels, logits)
    assert objects.shape == (2, 5, 7, 1)
    for batch in range(2):
        for number in range(7):
            weights = logits[batch, number].exp()
            mean = (pixels[batch] * weights).sum(dim=(1, 2)) / weights.sum()
            torch.testing.assert_close(objects[batch, :, number, 0], mean)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_hrnet_starts_from_imagenet_layout(
    tmp_path: Path, network: HRNetOCRIKEM, imagenet: StateDict, prefix: str
) -> None:
    before = copy_of(network)
    torch.save({prefix + key: tensor for key, tensor in imagenet.items()}, tmp_path / "hrnet.pth")
    assert load_hrnet_weights(network, tmp_path / "hrnet.pth") is network
    for key, tensor in network.state_dict().items():
        theirs = [name + key.removeprefix(own) for own, name in STEM.items() if key.startswith(own)]
        expected = imagenet[theirs[0]] if theirs else before[key]
        assert torch.equal(tensor, expected), key


def test_stem_gives_on_a_grey_image_what_that_of_the_file_gives(
    tmp_path: Path, network: HRNetOCRIKEM, imagenet: StateDict
) -> None:
    torch.save(imagenet, tmp_path / "hrnet.pth")
    load_hrnet_weights(network, tmp_path / "hrnet.pth")
    stem, grey = network.hint_fusion_layer.eval(), torch.rand(1, 1, 32, 32)
    x = grey.repeat(1, 3, 1, 1)
    for number in (1, 2):
        statistics = (imagenet[f"bn{number}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        x = torch.conv2d(x, imagenet[f"conv{number}.weight"], stride=2, padding=1)
        x = torch.nn.functional.batch_norm(x, *statistics).relu()
    with torch.no_grad():
        stem.scale.zero_()
        torch.testing.assert_close(stem(torch.cat([grey, torch.rand(1, 8, 32, 32)], dim=1)), x)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"conv2.weight": None}, r"1 missing \(conv2\.weight\)"),
        ({"stage4.0.fuse_layers.3.0.2.0.weight": None}, r"1 missing \(stage4\.0\.fuse_layers\.3\.0\.2\.0\.weight\)"),
        ({"stage5.0.weight": (1,)}, r"1 unexpected \(stage5\.0\.weight\)"),
        ({"transition1.0.0.weight": (48, 256, 3, 3)}, r"1 of another shape \(transition1\.0\.0\.weight \(48, 256"),
    ],
)
def test_another_layout_is_refused_and_the_network_left_alone(
    tmp_path: Path,
    network: HRNetOCRIKEM,
    imagenet: StateDict,
    change: dict[str, tuple[int, ...] | None],
    complaint: str,
) -> None:
    for key, shape in change.items():
        imagenet.pop(key, None)
        if shape is not None:
            imagenet[key] = torch.zeros(shape)
    torch.save(imagenet, tmp_path / "other.pth")
    before = copy_of(network)
    with pytest.raises(ValueError, match=rf"other\.pth: does not fit ImageNetHRNet: .*{complaint}") as caught:
        load_hrnet_weights(network, tmp_path / "other.pth")
    assert "\n" not in str(caught.value)
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())


def test_network_without_hrnet_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"hrnet\.pth: UNetIKEM has no HRNet"):
        load_hrnet_weights(UNetIKEM(points=2), tmp_path / "hrnet.pth")


def test_missing_file_is_named(tmp_path: Path, network: HRNetOCRIKEM) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.pth: there is no such"):
        load_hrnet_weights(network, tmp_path / "absent.pth")


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_file_loads_nothing(network: HRNetOCRIKEM, nothing: str | None) -> None:
    before = copy_of(network)
    assert load_hrnet_weights(network, nothing) is network
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())
