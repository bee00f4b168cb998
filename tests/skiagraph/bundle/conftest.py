"""A toy bundle and a toy package called `skiagraph`, small enough to pack and run in a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

_PACKAGE = {
    "__init__.py": '"""Toy."""\n',
    "geometry/__init__.py": "from .factor import FACTOR\n",
    "geometry/factor.py": "FACTOR = 1.0\n",
    "networks/__init__.py": "from .scale import Scale\n",
    "networks/scale.py": (
        "import torch\n"
        "from ..geometry import FACTOR\n\n\n"
        "class Scale(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.weight = torch.nn.Parameter(torch.ones(1))\n"
        "        self.factor = FACTOR\n\n"
        "    def forward(self, x):\n"
        "        return x * self.weight * self.factor\n"
    ),
    "data/__init__.py": "from .answers import answer, shouted\n",
    "data/answers.py": (
        "from pathlib import Path\n\n\n"
        "def answer(network, x, out):\n"
        "    from ..geometry.factor import FACTOR\n"
        "    word = Path(__file__).with_name('word.txt').read_text()\n"
        "    Path(out).write_text(f'{word} {network(x).item()} {FACTOR} {__name__}')\n\n\n"
        "def shouted(text):\n"
        "    return text.upper()\n"
    ),
    "data/word.txt": "skiagraph",
    "label/__init__.py": "import a_server_that_nobody_has\n",
}

_SHARED = {
    "bundle_root": "$os.environ['NOT_IN_A_PACKED_BUNDLE']",
    "out": "answer.txt",
    "device": "cpu",
    "network_def": {"_target_": "skiagraph.networks.Scale", "_desc_": "made by skiagraph.networks"},
    "network": "$@network_def.to(@device)",
}
_CONFIGS = {
    "metadata.json": {
        "version": "0.10.0",
        "changelog": {"0.10.0": "better", "0.9.0": "built on skiagraph.networks"},
        "network_data_format": {
            "inputs": {
                "image": {"type": "image", "num_channels": 1, "spatial_shape": [8, 8], "dtype": "float32",
                          "value_range": [0, 1], "is_patch_data": False, "channel_def": {"0": "image"}}
            },
            "outputs": {
                "pred": {"type": "image", "num_channels": 1, "spatial_shape": [8, 8], "dtype": "float32",
                         "value_range": [0, 1], "is_patch_data": False, "channel_def": {"0": "pred"}}
            },
        },
    },
    "train.json": {
        "imports": ["$import os", "$from skiagraph.data import answer"],
        **_SHARED,
        "initialize": ["$monai.utils.set_determinism(seed=0)"],
        "run": ["$answer(@network, torch.full((1,), 2.0), @out)"],
    },
    "inference.json": {
        "imports": ["$import os"],
        **_SHARED,
        "run": [{"_target_": "skiagraph.data.answer", "network": "@network", "x": "$torch.ones(1)", "out": "@out"}],
    },
    "evaluate.json": {
        "imports": ["$import os", "$import skiagraph.data as toy_data"],
        "initialize": ["$monai.utils.set_determinism(seed=1)"],
        "run": ["$toy_data.answer(@network, torch.full((1,), 3.0), @out)"],
    },
    "multi_gpu_train.json": {
        "device": "$torch.device('cpu')",
        "initialize": ["$import datetime as dt", "$dt.timedelta(0)", "$monai.utils.set_determinism(seed=2)"],
    },
    "loud.json": {
        "+imports": ["$from skiagraph.data import shouted"],
        "network_def#_target_": "skiagraph.networks.scale.Scale",
        "word": "$shouted('skiagraph.data')",
        "run": ["$answer(@network, torch.full((1,), float(len(@word))), @out)"],
    },
}  # fmt: skip


@dataclass(frozen=True)
class Toy:
    """Folders of a toy: `bundle_dir`, `package_dir` and the settings of tracking that are packed with it."""

    bundle_dir: Path
    package_dir: Path
    tracking: Path

    def write(self, path: str, content: str) -> None:
        """Write a file of the toy, by its path from the folder that holds bundle and package."""
        file = self.package_dir.parent / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


@pytest.fixture
def make_toy(tmp_path: Path) -> Callable[..., Toy]:
    """Writes the toy into a folder of its own; `factor` is what its network multiplies by."""

    def make(folder: str, factor: float = 1.0) -> Toy:
        root = tmp_path / folder
        toy = Toy(root / "toy_bundle", root / "skiagraph", root / "tracking.json")
        for name, source in _PACKAGE.items():
            toy.write(f"skiagraph/{name}", source)
        toy.write("skiagraph/geometry/factor.py", f"FACTOR = {factor}\n")
        for name, config in _CONFIGS.items():
            toy.write(f"toy_bundle/configs/{name}", json.dumps(config))
        toy.write("toy_bundle/LICENSE", "Apache-2.0")
        toy.write("toy_bundle/docs/README.md", "# Toy, see skiagraph.networks")
        toy.write("tracking.json", '{"handlers_id": {}, "configs": {"trainer": {"_target_": "skiagraph.data.answer"}}}')
        (toy.bundle_dir / "models").mkdir()
        torch.save({"weight": torch.full((1,), 5.0)}, toy.bundle_dir / "models" / "model.pt")
        return toy

    return make
