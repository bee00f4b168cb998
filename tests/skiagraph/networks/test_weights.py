from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from torch import nn

from skiagraph.networks import (
    CompactCentreNet,
    CompactRetinaNet,
    ResNet34FPN,
    load_encoder_weights,
    load_weights,
    save_weights,
)
from skiagraph.networks.efficientnet_lite import EfficientNetLite0

StateDict = dict[str, torch.Tensor]


def make_network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1))
    network[1].running_mean.uniform_()
    network[1].num_batches_tracked.fill_(seed)
    return network


def assert_equal(actual: StateDict, expected: StateDict) -> None:
    assert actual.keys() == expected.keys()
    for key, tensor in expected.items():
        assert torch.equal(actual[key], tensor), key


@pytest.fixture(scope="module")
def resnet34() -> StateDict:
    """A state dict as torchvision and timm write it, of random weights."""
    state = ResNet34FPN(in_channels=3).encoder.state_dict()
    generator = torch.Generator().manual_seed(0)
    state = {key: torch.rand(tensor.shape, generator=generator).to(tensor.dtype) for key, tensor in state.items()}
    return state | {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    saved, loaded = make_network(1), make_network(2)
    save_weights(saved, tmp_path / "model.pt")
    assert load_weights(loaded, tmp_path / "model.pt") is loaded
    assert_equal(loaded.state_dict(), saved.state_dict())
    assert_equal(torch.load(tmp_path / "model.pt", weights_only=True), saved.state_dict())


def test_half_precision_is_loaded_into_the_type_of_the_network(tmp_path: Path) -> None:
    saved, loaded = make_network(1), make_network(2)
    save_weights(saved, tmp_path / "half.pt", half=True)
    stored = torch.load(tmp_path / "half.pt", weights_only=True)
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16, torch.int64}
    load_weights(loaded, tmp_path / "half.pt")
    for key, tensor in saved.state_dict().items():
        assert loaded.state_dict()[key].dtype == tensor.dtype
        torch.testing.assert_close(loaded.state_dict()[key], tensor, rtol=2**-11, atol=2**-24)


def test_a_weight_too_large_for_half_precision_is_named_and_nothing_written(tmp_path: Path) -> None:
    network = make_network(1)
    network[1].running_var.fill_(1e6)
    with pytest.raises(ValueError, match=r"half\.pt: 1\.running_var is too large"):
        save_weights(network, tmp_path / "half.pt", half=True)
    assert list(tmp_path.iterdir()) == []


def test_same_weights_give_same_bytes_under_any_name(tmp_path: Path) -> None:
    for name in ("a.pt", "another_name.pt"):
        save_weights(make_network(1), tmp_path / name)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "another_name.pt").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_parallel_wrapper_leaves_no_trace(tmp_path: Path) -> None:
    save_weights(nn.DataParallel(make_network(1)), tmp_path / "model.pt")
    assert_equal(torch.load(tmp_path / "model.pt", weights_only=True), make_network(1).state_dict())


@pytest.mark.parametrize("key", ["average", "model", "network", "net", "state_dict"])
@pytest.mark.parametrize("prefix", ["", "module.", "model.module."])
def test_checkpoints_and_common_prefixes_are_understood(tmp_path: Path, key: str, prefix: str) -> None:
    state = make_network(1).state_dict()
    checkpoint = {key: {prefix + name: tensor for name, tensor in state.items()}, "epoch": 3, "optimizer": {}}
    torch.save(checkpoint, tmp_path / "checkpoint.pt")
    assert_equal(load_weights(make_network(2), tmp_path / "checkpoint.pt").state_dict(), state)


def test_the_average_is_taken_before_what_it_averages(tmp_path: Path) -> None:
    states = {key: make_network(seed).state_dict() for seed, key in enumerate(("network", "average", "model"))}
    torch.save(states, tmp_path / "checkpoint.pt")
    assert_equal(load_weights(make_network(9), tmp_path / "checkpoint.pt").state_dict(), states["average"])


def test_prefix_that_belongs_to_the_network_stays(tmp_path: Path) -> None:
    saved, loaded = (nn.ModuleDict({"module": make_network(seed)}) for seed in (1, 2))
    save_weights(saved, tmp_path / "model.pt")
    assert_equal(load_weights(loaded, tmp_path / "model.pt").state_dict(), saved.state_dict())


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_file_loads_nothing(nothing: str | None) -> None:
    for load in (load_weights, load_encoder_weights):
        network = make_network(1)
        assert load(network, nothing) is network
        assert_equal(network.state_dict(), make_network(1).state_dict())


@pytest.mark.parametrize(
    "load",
    [
        {"_target_": "skiagraph.networks.load_weights", "network": "@network_def", "path": "@weights"},
        "$load_weights(@network_def, @weights)",
    ],
)
@pytest.mark.parametrize("weights", ["", "model.pt"])
def test_is_one_call_in_a_monai_config(tmp_path: Path, weights: str, load: str | dict[str, str]) -> None:
    save_weights(nn.Conv2d(1, 1, 1), tmp_path / "model.pt")
    parser = ConfigParser(
        {
            "imports": ["$from skiagraph.networks import load_weights"],
            "weights": weights and str(tmp_path / weights),
            "network_def": {
                "_target_": "torch.nn.Conv2d",
                "in_channels": 1,
                "out_channels": 1,
                "kernel_size": 1,
            },
            "initialize": [load],
        }
    )
    (network,) = parser.get_parsed_content("initialize")
    stored = torch.load(tmp_path / "model.pt", weights_only=True)
    assert torch.equal(network.weight, stored["weight"]) == bool(weights)


def test_a_pickled_model_is_refused_unrun_with_the_reason(tmp_path: Path) -> None:
    torch.save(make_network(1), tmp_path / "whole.pt")
    with pytest.raises(
        ValueError, match=r"whole\.pt: holds a pickled Python object \(torch\.nn.*\), not a st"
    ) as caught:
        load_weights(make_network(2), tmp_path / "whole.pt")
    assert "torch.save(model.state_dict(), file)" in str(caught.value)
    assert "\n" not in str(caught.value)


class _Trap:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_file_is_not_run(tmp_path: Path, legacy: bool) -> None:
    trap, file = tmp_path / "sprung", tmp_path / "trap.pt"
    torch.save(
        {"model": make_network(1).state_dict(), "extra": _Trap(trap)},
        file,
        _use_new_zipfile_serialization=not legacy,
    )
    with pytest.raises(ValueError, match=r"trap\.pt: holds a pickled Python object .*would run code"):
        load_weights(make_network(2), file)
    assert not trap.exists()


def write_bad_file(path: Path, kind: str) -> None:
    good = path.with_name("good.pt")
    save_weights(make_network(1), good)
    if kind == "truncated":
        path.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    elif kind == "legacy truncated":
        torch.save(make_network(1).state_dict(), good, _use_new_zipfile_serialization=False)
        path.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    elif kind == "text":
        path.write_text("hello world\n")
    elif kind == "pickle":
        path.write_bytes(pickle.dumps({"model": 1}, protocol=2)[:-1])
    elif kind == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(1000))
    else:
        path.touch()


@pytest.mark.parametrize("kind", ["truncated", "legacy truncated", "text", "pickle", "noise", "empty"])
def test_files_that_are_no_checkpoint_are_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    write_bad_file(tmp_path / "bad.pt", kind)
    with pytest.raises(ValueError, match=r"bad\.pt: is not a PyTorch checkpoint, or is damaged") as caught:
        load_weights(make_network(2), tmp_path / "bad.pt")
    assert "\n" not in str(caught.value)


def test_a_torchscript_archive_is_refused_with_the_remedy(tmp_path: Path) -> None:
    torch.jit.script(make_network(1)).save(tmp_path / "model.ts")
    with pytest.raises(ValueError, match=r"model\.ts: is a TorchScript archive.*torch\.jit\.load"):
        load_weights(make_network(2), tmp_path / "model.ts")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([1, 2], "holds list, not a state dict"),
        ({"epoch": 3, "optimizer": {"lr": 0.1}}, "a dictionary of epoch, optimizer"),
    ],
)
def test_other_contents_are_named(tmp_path: Path, content: object, found: str) -> None:
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=rf"other\.pt: holds .*{found.removeprefix('holds ')}"):
        load_weights(make_network(2), tmp_path / "other.pt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.pt: there is no such"):
        load_weights(make_network(1), tmp_path / "absent.pt")


def test_what_does_not_fit_is_counted_named_and_leaves_the_network_alone(tmp_path: Path) -> None:
    state = make_network(1).state_dict()
    del state["2.weight"]
    state["2.bias"] = torch.zeros(7)
    state |= {f"2.more{number}": torch.zeros(1) for number in range(7)}
    torch.save(state, tmp_path / "model.pt")
    network = make_network(2)
    with pytest.raises(ValueError, match=r"model\.pt: does not fit Sequential") as caught:
        load_weights(network, tmp_path / "model.pt")
    message = str(caught.value)
    assert "1 missing (2.weight)" in message
    assert "7 unexpected (2.more0, 2.more1, 2.more2, 2.more3, 2.more4, ...)" in message
    assert "1 of another shape (2.bias (7,) instead of (1,))" in message
    assert_equal(network.state_dict(), make_network(2).state_dict())


def test_counters_that_old_checkpoints_lack_keep_their_value(tmp_path: Path) -> None:
    state = make_network(1).state_dict()
    torch.save({key: tensor for key, tensor in state.items() if "tracked" not in key}, tmp_path / "old.pt")
    loaded = load_weights(make_network(2), tmp_path / "old.pt").state_dict()
    assert_equal(loaded, state | {"1.num_batches_tracked": torch.tensor(2)})


@pytest.mark.parametrize("prefix", ["", "module."])
def test_encoder_starts_from_torchvision_layout(tmp_path: Path, resnet34: StateDict, prefix: str) -> None:
    torch.save({prefix + key: tensor.half() for key, tensor in resnet34.items()}, tmp_path / "resnet34.pth")
    grey, colour = ResNet34FPN(in_channels=1).eval(), ResNet34FPN(in_channels=3).eval()
    head = {key: tensor.clone() for key, tensor in grey.state_dict().items() if not key.startswith("encoder.")}
    for network in (grey, colour):
        load_encoder_weights(network, tmp_path / "resnet34.pth")
    for key, tensor in colour.encoder.state_dict().items():
        assert torch.equal(tensor, resnet34[key].half().to(tensor.dtype)), key
    image = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(grey.encoder.conv1(image), colour.encoder.conv1(image.expand(-1, 3, -1, -1)))
    assert_equal({key: grey.state_dict()[key] for key in head}, head)


def test_encoder_starts_from_the_layout_of_efficientnet_lite(tmp_path: Path) -> None:
    published = EfficientNetLite0(in_channels=3)
    classifier = {"_conv_head.weight": torch.rand(4), "_bn1.weight": torch.rand(4), "_fc.bias": torch.rand(4)}
    torch.save(published.state_dict() | classifier, tmp_path / "lite0.pth")
    for network in (CompactCentreNet(), CompactRetinaNet()):
        load_encoder_weights(network, tmp_path / "lite0.pth")
        expected = {**published.state_dict(), "_conv_stem.weight": published._conv_stem.weight.sum(dim=1, keepdim=True)}
        assert_equal(network.encoder.state_dict(), expected)


def test_encoder_starts_from_a_network_of_the_collection(tmp_path: Path) -> None:
    trained, other = CompactCentreNet(classes=2), CompactCentreNet(classes=5)
    save_weights(trained, tmp_path / "model.pt")
    load_encoder_weights(other, tmp_path / "model.pt")
    assert_equal(other.encoder.state_dict(), trained.encoder.state_dict())


def test_encoder_of_another_kind_is_refused(tmp_path: Path, resnet34: StateDict) -> None:
    deeper = resnet34 | {"layer1.0.conv3.weight": torch.zeros(1)}
    del deeper["conv1.weight"]
    torch.save(deeper, tmp_path / "resnet50.pth")
    with pytest.raises(
        ValueError, match=r"resnet50\.pth: .*1 missing \(conv1\.weight\), 1 unexpected \(layer1\.0\.conv3"
    ):
        load_encoder_weights(ResNet34FPN(), tmp_path / "resnet50.pth")
    with pytest.raises(ValueError, match=r"resnet50\.pth: Sequential has no encoder"):
        load_encoder_weights(make_network(1), tmp_path / "resnet50.pth")


def test_whole_network_of_segmentation_models_pytorch_is_loaded(tmp_path: Path) -> None:
    """As Lightning saves it; that the names are right is held by the manifest of the network's test."""
    saved = ResNet34FPN().state_dict()
    torch.save({"state_dict": {f"model.{key}": tensor for key, tensor in saved.items()}}, tmp_path / "fpn.ckpt")
    assert_equal(load_weights(ResNet34FPN(), tmp_path / "fpn.ckpt").state_dict(), saved)
