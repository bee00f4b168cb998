"""The bundles of the collection, and how a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Bundle:
    root: Path

    def config(self, name: str) -> Path:
        return self.root / "configs" / f"{name}.json"

    def read(self, name: str) -> dict[str, Any]:
        return json.loads(self.config(name).read_text())

    @cached_property
    def metadata(self) -> dict[str, Any]:
        return self.read("metadata")

    @property
    def phantoms(self) -> str:
        return Path(self.read("inference")["dataset_dir"]).name


BUNDLES = [Bundle(path.parents[1]) for path in sorted((ROOT / "bundles").glob("*/configs/metadata.json"))]


def run_module(*command: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """Run a program of the collection as a user does, and return what it prints."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    return done.stdout
