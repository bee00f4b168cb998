"""What every bundle of the collection has to do. A new folder in bundles/ is tested by being there."""

from __future__ import annotations

import ast
import csv
import importlib.metadata
import json
import math
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow, create_workflow, run, verify_metadata, verify_net_in_out
from monai.networks.utils import convert_to_onnx, convert_to_torchscript

from skiagraph.bundle import MAX_WEIGHTS_BYTES, pack
from skiagraph.networks import load_weights
from tests.bundles.collection import BUNDLES, ROOT, Bundle, run_module
from tests.source_code import imported_modules

SCHEMA = Path(__file__).with_name("meta_schema_20240725.json")
SHARED_KNOBS = {"bundle_root", "dataset_dir", "data_list", "output_dir", "weights", "device", "amp", "workers"}
# What training and inference both have, and each in its own way; whatever else both have makes the answer.
MAY_DIFFER = SHARED_KNOBS | {"imports", "network", "initialize", "run", "finalize"}
TRAINING_KNOBS = {"epochs", "batch_size", "learning_rate", "val_interval", "seed", "resume", "cache_rate"}


def workflow(bundle: Bundle, name: str, kind: str, **knobs: object) -> ConfigWorkflow:
    made = create_workflow(
        config_file=str(bundle.config(name)), workflow_type=kind, bundle_root=str(bundle.root), **knobs
    )
    made.initialize()
    return made


def network_and_input(bundle: Bundle) -> tuple[torch.nn.Module, torch.Tensor]:
    parser = ConfigParser(bundle.read("inference"))
    network = load_weights(parser.get_parsed_content("network_def"), bundle.root / "models" / "model.pt")
    declared = bundle.metadata["network_data_format"]["inputs"]["image"]
    generator = torch.Generator().manual_seed(0)
    return network.eval(), torch.rand(1, declared["num_channels"], *declared["spatial_shape"], generator=generator)


def unpack(bundle: Bundle, folder: Path) -> Path:
    """Pack a bundle and extract it elsewhere; its new root."""
    extra = {"configs/tracking.json": ROOT / "shared" / "tracking.json"}
    with zipfile.ZipFile(pack(bundle.root, ROOT / "shared" / "skiagraph", folder / "dist", extra)) as archive:
        archive.extractall(folder / "elsewhere")
    return folder / "elsewhere" / bundle.root.name


def distributions(*trees: ast.AST) -> set[str]:
    """Which distributions source code imports, whatever package it is of."""
    known = importlib.metadata.packages_distributions()
    names = {target[0] for tree in trees for target in imported_modules(tree, ["own"] * 4)}
    return {distribution.lower() for name in names for distribution in known.get(name, ())}


def test_metadata_fits_the_schema_of_monai(bundle: Bundle, tmp_path: Path) -> None:
    verify_metadata(meta_file=str(bundle.config("metadata")), filepath=str(SCHEMA))
    broken = {key: value for key, value in bundle.metadata.items() if key != "task"}
    (tmp_path / "metadata.json").write_text(json.dumps(broken))
    with pytest.raises(ValueError, match="task"):
        verify_metadata(meta_file=str(tmp_path / "metadata.json"), filepath=str(SCHEMA))


def test_network_takes_and_gives_what_the_metadata_declare(bundle: Bundle) -> None:
    verify_net_in_out(
        net_id="network_def",
        config_file=str(bundle.config("inference")),
        meta_file=str(bundle.config("metadata")),
        bundle_root=str(bundle.root),
    )


@pytest.mark.parametrize(("name", "kind"), [("train", "train"), ("inference", "infer")])
def test_workflow_has_every_property_that_monai_requires(
    bundle: Bundle, dataset: Path, name: str, kind: str, tmp_path: Path
) -> None:
    made = workflow(bundle, name, kind, dataset_dir=str(dataset), output_dir=str(tmp_path), workers=0)
    assert made.check_properties() == []


@pytest.mark.parametrize("name", ["train", "inference"])
def test_knobs_have_the_same_names_in_all_bundles(bundle: Bundle, name: str) -> None:
    expected = SHARED_KNOBS | (TRAINING_KNOBS if name == "train" else set())
    assert expected <= bundle.read(name).keys()


def test_training_and_inference_share_network_and_preprocessing(bundle: Bundle, dataset: Path, tmp_path: Path) -> None:
    knobs = {"dataset_dir": str(dataset), "output_dir": str(tmp_path), "workers": 0}
    train = workflow(bundle, "train", "train", **knobs)
    infer = workflow(bundle, "inference", "infer", data_list=str(dataset / "data_list.json"), **knobs)
    one, other = bundle.read("train"), bundle.read("inference")
    for entry in (one.keys() & other.keys()) - MAY_DIFFER:
        assert one[entry] == other[entry], entry
    train.parser["part"] = "test"
    train.parser["validate#dataset#data"] = "$read_data_list(@data_list, @dataset_dir, 'test')"
    train.initialize()
    validated, inferred = train.val_dataset, infer.dataset
    assert len(validated) == len(inferred) > 0
    for one, other in zip(validated, inferred, strict=True):
        assert torch.equal(torch.as_tensor(one["image"]), torch.as_tensor(other["image"]))


@pytest.fixture(scope="session")
def trained(bundle: Bundle, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that one epoch of training leaves, with the weights it began from in start.pt."""
    out = tmp_path_factory.mktemp("trained") / "out put"
    out.mkdir()
    torch.manual_seed(1)
    torch.save(ConfigParser(bundle.read("train")).get_parsed_content("network_def").state_dict(), out / "start.pt")
    run(
        weights=str(out / "start.pt"),
        config_file=str(bundle.config("train")),
        bundle_root=str(bundle.root),
        dataset_dir=str(dataset),
        output_dir=str(out),
        epochs=1,
        val_interval=2,
        batch_size=2,
        workers=0,
    )
    return out


def test_one_epoch_of_training_changes_all_weights_and_keeps_them(bundle: Bundle, trained: Path) -> None:
    network, _ = network_and_input(bundle)
    load_weights(network, trained / "start.pt")
    start = {name: weight.clone() for name, weight in network.named_parameters()}
    load_weights(network, trained / "model.pt")
    assert all(torch.isfinite(weight).all() for weight in network.parameters())
    assert not any(torch.equal(weight, start[name]) for name, weight in network.named_parameters())
    assert list(trained.glob("*checkpoint_epoch=1.pt"))


def test_evaluation_measures_every_case_of_the_test_part(bundle: Bundle, dataset: Path, tmp_path: Path) -> None:
    configs = [str(bundle.config("train")), str(bundle.config("evaluate"))]
    run(
        config_file=configs,
        bundle_root=str(bundle.root),
        dataset_dir=str(dataset),
        output_dir=str(tmp_path),
        workers=0,
    )
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    expected = json.loads((dataset / "data_list.json").read_text())["test"]
    assert metrics["n"] == len(expected)
    assert len(metrics["data_list_sha256"]) == 64
    assert bundle.metadata["eval_metrics"].keys() <= metrics.keys()
    assert all(value is None or isinstance(value, str) or math.isfinite(value) for value in metrics.values())
    with (tmp_path / "per_case.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(expected)


def test_inference_answers_for_every_image_and_names_the_broken_one(
    bundle: Bundle, dataset: Path, tmp_path: Path
) -> None:
    images = tmp_path / "ïmages"
    images.mkdir()
    listed = json.loads((dataset / "data_list.json").read_text())["test"]
    for number, item in enumerate(listed):
        (images / f"{number}.png").write_bytes((dataset / item["image"]).read_bytes())
    whole = (images / "0.png").read_bytes()
    (images / "broken.png").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    with pytest.raises(SystemExit, match=r"1 of \d+ images failed: .*broken\.png"):
        run(
            config_file=str(bundle.config("inference")),
            bundle_root=str(bundle.root),
            dataset_dir=str(images),
            output_dir=str(out),
        )
    with (out / "summary.csv").open(newline="") as file:
        status = {row["name"]: row["status"] for row in csv.DictReader(file)}
    assert status == {str(number): "done" for number in range(len(listed))} | {"broken": "failed"}
    assert not list(out.glob("broken*"))
    assert all(list(out.glob(f"{number}_*")) for number in range(len(listed)))


def test_exported_network_answers_like_the_eager_one(bundle: Bundle) -> None:
    ort = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (requirements-dev.txt)")
    network, image = network_and_input(bundle)
    with torch.inference_mode():
        eager = network(image)
        scripted = convert_to_torchscript(network)(image)
    np.testing.assert_allclose(scripted.numpy(), eager.numpy(), rtol=1e-3, atol=1e-4)
    model = convert_to_onnx(network, inputs=[image], use_trace=False)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    np.testing.assert_allclose(answer, eager.numpy(), rtol=1e-3, atol=1e-4)


def test_all_bundles_work_in_one_process_packed_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert BUNDLES
    monkeypatch.setattr(sys, "path", [*sys.path])  # MONAI adds the bundles' folders to it
    packed = [Bundle(unpack(bundle, tmp_path)) for bundle in BUNDLES]
    # All of them are made before the first one works.
    made = [workflow(bundle, "inference", "infer", dataset_dir=str(tmp_path)) for bundle in (*BUNDLES, *packed)]
    for number, bundle in enumerate(BUNDLES):
        _, image = network_and_input(bundle)
        here, there = (one.network_def.eval() for one in (made[number], made[number + len(BUNDLES)]))
        assert type(here).__module__.startswith("skiagraph.")
        assert type(there).__module__.startswith("skiagraph_")
        with torch.inference_mode():
            assert torch.equal(here(image), there(image))


def test_weights_are_small_and_plain(bundle: Bundle) -> None:
    path = bundle.root / "models" / "model.pt"
    assert path.stat().st_size <= MAX_WEIGHTS_BYTES
    state = torch.load(path, weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in state.values())


def undeclared_packages(bundle: Bundle, root: Path) -> set[str]:
    """What the code of a packed bundle could import that its metadata do not ask for."""
    known = importlib.metadata.packages_distributions()
    declared = {"monai", "torch", "numpy", *bundle.metadata["required_packages_version"]}
    trees = [ast.parse(path.read_text()) for path in root.rglob("*.py")]
    names = {target[0] for tree in trees for target in imported_modules(tree, ["own"] * 4)}
    return {name for name in names if name in known and not declared & {one.lower() for one in known[name]}}


def test_packed_bundle_runs_on_what_its_metadata_ask_for(bundle: Bundle, dataset: Path, tmp_path: Path) -> None:
    root = unpack(bundle, tmp_path)
    without_package = tmp_path / "without_package.py"
    without_package.write_text(
        "import runpy, sys\n"
        f"undeclared = {undeclared_packages(bundle, root)}\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'skiagraph', *undeclared}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
        "sys.argv = ['monai.bundle', *sys.argv[1:]]\n"
        "runpy.run_module('monai.bundle', run_name='__main__')\n"
    )
    out = tmp_path / "out"
    run_module(
        str(without_package),
        "run",
        *("--bundle_root", str(root), "--config_file", str(root / "configs" / "inference.json")),
        *("--dataset_dir", str(dataset), "--output_dir", str(out)),
        cwd=tmp_path,
    )
    assert (out / "summary.csv").is_file()


def test_metadata_name_what_a_packed_bundle_imports_in_the_tested_versions(bundle: Bundle, tmp_path: Path) -> None:
    statements, functions_too = set(), set()
    for path in unpack(bundle, tmp_path).rglob("*.py"):
        tree = ast.parse(path.read_text())
        functions_too |= distributions(tree)
        statements |= distributions(*(line for line in tree.body if isinstance(line, ast.Import | ast.ImportFrom)))
    metadata = bundle.metadata
    declared = {
        **{
            name: metadata[f"{key}_version"] for name, key in (("monai", "monai"), ("torch", "pytorch"), ("numpy",) * 2)
        },
        **metadata["required_packages_version"],
    }
    assert statements <= declared.keys() <= functions_too
    tested = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert declared == {name: tested[name] for name in declared}


def test_model_card_and_metadata_give_the_measured_figures(bundle: Bundle) -> None:
    measured = json.loads((bundle.root / "docs" / "metrics.json").read_text())
    assert bundle.metadata["eval_metrics"], "a bundle says how good it is"
    for name, value in bundle.metadata["eval_metrics"].items():
        assert value == pytest.approx(measured[name], abs=5e-4), name
    card = (bundle.root / "docs" / "README.md").read_text()
    for name in bundle.metadata["eval_metrics"]:
        assert f"| `{name}` | {measured[name]:.3f} |" in card, name


def test_configs_name_only_what_the_package_exports(bundle: Bundle) -> None:
    for path in bundle.root.glob("configs/*.json"):
        for word in path.read_text().split('"'):
            if word.startswith("skiagraph."):
                module, name = word.rsplit(".", 1)
                assert name in importlib.import_module(module).__all__, f"{path.name}: {word}"
