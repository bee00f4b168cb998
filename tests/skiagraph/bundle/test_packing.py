from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monai.bundle
import pytest
import torch

from skiagraph.bundle import MAX_WEIGHTS_BYTES, pack, read_version

# Runs in a process in which no module called `skiagraph` can be imported. Its argument is a list of
# [folder to work in, function of monai.bundle, its arguments]; each call starts with fresh paths and modules.
_WITHOUT_SKIAGRAPH = """
import json, os, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "skiagraph":
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Blocker())
import monai.bundle
paths = list(sys.path)
for folder, function, arguments in json.loads(sys.argv[1]):
    os.chdir(folder)
    getattr(monai.bundle, function)(**arguments)
    sys.path[:] = paths
    for name in [name for name in sys.modules if name.startswith("skiagraph_")]:
        del sys.modules[name]
"""


def packed_toy(toy: Any, out: Path) -> Path:
    return pack(toy.bundle_dir, toy.package_dir, out, {"configs/tracking.json": toy.tracking})


def unpacked(zip_path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(zip_path) as archive:
        archive.extractall(folder)
    return folder / "toy_bundle"


def config_of(root: Path, name: str) -> Any:
    return json.loads((root / "configs" / name).read_text())


def test_zip_holds_what_a_bundle_needs_and_nothing_else(make_toy: Callable[..., Any], tmp_path: Path) -> None:
    toy = make_toy("a")
    for clutter in ("logs/run.txt", "eval/metrics.json", "models/model_epoch=3.pt", "docs/.DS_Store", ".git/HEAD",
                    "configs/__pycache__/x.pyc", "models/model.ts"):  # fmt: skip
        toy.write(f"toy_bundle/{clutter}", "clutter")
    toy.write("skiagraph/data/__pycache__/answers.cpython-311.pyc", "clutter")
    zip_path = packed_toy(toy, tmp_path / "dist")

    assert zip_path == tmp_path / "dist" / "toy_bundle_v0.10.0.zip"
    with zipfile.ZipFile(zip_path) as archive:
        names = archive.namelist()
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100644}
    package = next(name.split("/")[1] for name in names if name.endswith("scale.py"))
    assert re.fullmatch("skiagraph_[0-9a-f]{10}", package)
    configs = ("evaluate", "inference", "loud", "metadata", "multi_gpu_train", "tracking", "train")
    code = ("__init__.py", "data/__init__.py", "data/answers.py", "data/word.txt", "geometry/__init__.py",
            "geometry/factor.py", "networks/__init__.py", "networks/scale.py")  # fmt: skip
    expected = ["LICENSE", "docs/README.md", "models/model.pt"]
    expected += [f"configs/{name}.json" for name in configs] + [f"{package}/{name}" for name in code]
    assert names == sorted(f"toy_bundle/{name}" for name in expected)


def test_checksum_is_accepted_by_sha256sum(make_toy: Callable[..., Any], tmp_path: Path) -> None:
    zip_path = packed_toy(make_toy("a"), tmp_path / "dist")
    subprocess.run(["sha256sum", "--check", f"{zip_path.name}.sha256"], cwd=zip_path.parent, check=True)
    assert sorted(file.name for file in zip_path.parent.iterdir()) == [zip_path.name, f"{zip_path.name}.sha256"]


def test_same_files_give_the_same_bytes(make_toy: Callable[..., Any], tmp_path: Path) -> None:
    first = packed_toy(make_toy("a"), tmp_path / "dist_a").read_bytes()
    mask = os.umask(0o077)
    try:
        toy = make_toy("elsewhere/b")
        for file in toy.bundle_dir.rglob("*.json"):
            os.utime(file, (1e9, 1e9))
            file.chmod(0o755)
        second = packed_toy(toy, tmp_path / "dist_b").read_bytes()
    finally:
        os.umask(mask)
    assert first == second


def test_package_name_follows_the_packed_files_only(make_toy: Callable[..., Any], tmp_path: Path) -> None:
    toy = make_toy("a")
    before = packed_toy(toy, tmp_path / "dist").read_bytes()
    toy.write("skiagraph/label/__init__.py", "import something_else\n")
    assert packed_toy(toy, tmp_path / "dist").read_bytes() == before
    target = config_of(unpacked(tmp_path / "dist" / "toy_bundle_v0.10.0.zip", tmp_path / "x"), "train.json")
    toy.write("skiagraph/data/word.txt", "another word")
    packed_toy(toy, tmp_path / "dist")
    changed = config_of(unpacked(tmp_path / "dist" / "toy_bundle_v0.10.0.zip", tmp_path / "y"), "train.json")
    assert target["network_def"]["_target_"] != changed["network_def"]["_target_"]


def test_only_code_is_renamed(make_toy: Callable[..., Any], tmp_path: Path) -> None:
    toy = make_toy("a")
    root = unpacked(packed_toy(toy, tmp_path / "dist"), tmp_path)
    package = next(root.glob("skiagraph_*")).name
    for kept in ("configs/metadata.json", "docs/README.md", "models/model.pt"):
        assert (root / kept).read_bytes() == (toy.bundle_dir / kept).read_bytes()
    train, loud = config_of(root, "train.json"), config_of(root, "loud.json")
    assert train["network_def"] == {"_target_": f"{package}.networks.Scale", "_desc_": "made by skiagraph.networks"}
    assert loud["network_def#_target_"] == f"{package}.networks.scale.Scale"
    assert loud["word"] == "$shouted('skiagraph.data')"
    assert config_of(root, "tracking.json")["configs"]["trainer"]["_target_"] == f"{package}.data.answer"
    assert (train["bundle_root"], config_of(root, "inference.json")["bundle_root"]) == (".", ".")


def test_two_versions_run_in_one_process_beside_an_installed_package(
    make_toy: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = sys.modules["skiagraph"]
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    for factor in (2.0, 3.0):
        toy = make_toy(f"version_{factor}", factor)
        root = unpacked(packed_toy(toy, tmp_path / f"dist_{factor}"), tmp_path / f"unpacked_{factor}")
        out = tmp_path / f"{factor}.txt"
        for config, x in (("train", 2.0), ("inference", 1.0)):
            workflow = monai.bundle.create_workflow(
                config_file=str(root / "configs" / f"{config}.json"),
                workflow_type=config,
                bundle_root=str(root),
                out=str(out),
            )
            workflow.run()
            package = next(root.glob("skiagraph_*")).name
            assert out.read_text() == f"skiagraph {x * factor} {factor} {package}.data.answers"
        arguments = tmp_path / "arguments.json"
        arguments.write_text(json.dumps({"bundle_root": str(root)}))
        network = monai.bundle.load(root.name, bundle_dir=root.parent, device="cpu", args_file=str(arguments))
        assert network(torch.ones(1)).item() == 5.0 * factor
    assert sys.modules["skiagraph"] is installed


def test_runs_where_skiagraph_cannot_be_imported(make_toy: Callable[..., Any], tmp_path: Path) -> None:
    root = unpacked(packed_toy(make_toy("a", 7.0), tmp_path / "dist"), tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    overlays = {"train": 2.0, "inference": 1.0, "train,evaluate": 3.0, "train,multi_gpu_train": 2.0, "train,loud": 14.0}
    calls: list[Any] = []
    for names in overlays:
        files = [f"configs/{name}.json" for name in names.split(",")]
        calls.append([str(root), "run", {"config_file": files, "out": str(tmp_path / f"{names}.inside")}])
        arguments = {"config_file": [str(root / file) for file in files], "bundle_root": str(root)}
        calls.append([str(elsewhere), "run", {**arguments, "out": str(tmp_path / f"{names}.outside")}])
    tool = {"config_file": "configs/inference.json", "meta_file": "configs/metadata.json"}
    calls.append([str(root), "verify_net_in_out", {"net_id": "network_def", "device": "cpu", **tool}])
    calls.append([str(root), "ckpt_export", {"filepath": str(tmp_path / "model.ts"), **tool}])
    calls.append([str(root), "load", {"name": "toy_bundle", "bundle_dir": str(root.parent), "device": "cpu"}])
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-c", _WITHOUT_SKIAGRAPH, json.dumps(calls)]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]

    for names, x in overlays.items():
        for place in ("inside", "outside"):
            assert (tmp_path / f"{names}.{place}").read_text().startswith(f"skiagraph {x * 7.0} 7.0 skiagraph_")
    assert torch.jit.load(tmp_path / "model.ts")(torch.ones(1)).item() == 35.0
    assert not list(elsewhere.iterdir())


def test_bundle_that_names_no_package_is_packed_as_it_is(make_toy: Callable[..., Any], tmp_path: Path) -> None:
    toy = make_toy("a")
    shutil.rmtree(toy.bundle_dir / "configs")
    for name, content in {"metadata": '{"version": "1.0.0", "changelog": {"1.0.0": ""}}', "inference": "{}"}.items():
        toy.write(f"toy_bundle/configs/{name}.json", content)
    with zipfile.ZipFile(pack(toy.bundle_dir, toy.package_dir, tmp_path)) as archive:
        assert not [name for name in archive.namelist() if "skiagraph" in name]
        assert archive.read("toy_bundle/configs/inference.json") == b"{}"


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("toy_bundle/configs/metadata.json", '{"version": "1.0.0", "changelog": {"0.9.0": ""}}', "not in 'changelog'"),
        ("toy_bundle/configs/metadata.json", '{"version": "0.9.0", "changelog": {"0.9.0": "", "0.10.0": ""}}',
         "'changelog' goes up to 0.10.0"),
        ("toy_bundle/configs/metadata.json", '{"version": "v1", "changelog": {"v1": ""}}', "form 1.2.3"),
        ("toy_bundle/configs/metadata.json", '{"version": "1.0.0",}', "metadata.json: not valid JSON"),
        ("toy_bundle/configs/metadata.json", "[]", "write a JSON object"),
        ("toy_bundle/configs/train.json", "{", "train.json: not valid JSON"),
        ("toy_bundle/configs/train.json", '{"x": "$skiagraph.data.answer("}', "train.json: the expression"),
        ("toy_bundle/configs/loud.json", '{"x": {"_target_": "skiagraph.network.Net"}}', "loud.json: names skiagraph"),
        ("toy_bundle/configs/loud.json", '{"initialize#0": "$print()"}', "loud.json: 'initialize#0'"),
        ("toy_bundle/configs/inference.json", '{"imports": ["$from skiagraph.networks import Scale as answer"]}',
         "import 'answer' from two places"),
        ("toy_bundle/configs/tracking.json", "{}", "would hide"),
        ("toy_bundle/models/model.pt", "0" * (MAX_WEIGHTS_BYTES + 1), "model.pt: 8.0 MB, over the 8 MB"),
        ("skiagraph/geometry/factor.py", "import skiagraph.networks\n", "factor.py: line 1 names 'skiagraph'"),
        ("skiagraph/geometry/factor.py", "x = 1\nfrom skiagraph import data\n", "factor.py: line 2 names 'skiagraph'"),
    ],
)  # fmt: skip
def test_refuses_with_the_files_name(
    make_toy: Callable[..., Any], tmp_path: Path, path: str, content: str, message: str
) -> None:
    toy = make_toy("a")
    toy.write(path, content)
    with pytest.raises(ValueError, match=message) as refusal:
        packed_toy(toy, tmp_path / "dist")
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "dist").exists()


@pytest.mark.parametrize("missing", ["models/model.pt", "LICENSE", "configs/metadata.json", "configs/inference.json"])
def test_refuses_a_bundle_that_lacks_a_file(make_toy: Callable[..., Any], tmp_path: Path, missing: str) -> None:
    toy = make_toy("a")
    (toy.bundle_dir / missing).unlink()
    with pytest.raises(FileNotFoundError, match=f"{missing}: missing"):
        packed_toy(toy, tmp_path / "dist")


def test_refuses_a_missing_extra_file(make_toy: Callable[..., Any], tmp_path: Path) -> None:
    toy = make_toy("a")
    toy.tracking.unlink()
    with pytest.raises(FileNotFoundError, match=r"tracking\.json: missing, it is to be packed as"):
        packed_toy(toy, tmp_path / "dist")


def test_versions_are_compared_as_numbers(tmp_path: Path) -> None:
    metadata = tmp_path / "metadata.json"
    metadata.write_text('{"version": "0.10.0", "changelog": {"0.9.9": "", "0.10.0": "", "0.2.11": ""}}')
    assert read_version(metadata) == "0.10.0"
