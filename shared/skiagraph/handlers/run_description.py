"""What an experiment tracker is told of a run beforehand: its bundle, its parameters, its code and its data list."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

import monai
import torch

from ..data.data_list import data_list_sha256

__all__ = ["RunDescription"]

_WITHHELD = "(withheld)"
_SETTINGS = ("save_execute_config", "tracking_uri", "experiment_name", "run_name")
_ALWAYS_WITHHELD = ("tracking_uri",)  # it may hold a password
_LONGEST_LIST = 8


@dataclass(frozen=True)
class RunDescription:
    """Parameters, tags and config of a run of a MONAI bundle, without a word on its patients.

    Of the data, only the name of the list and its SHA-256 are told. The values of the `withheld` names are left
    out, and an absolute path among them also where it stands in other values: a folder may be named after a patient.

    Args:
        resolved: the config's resolved items by id, which MONAI gives to expressions as `__local_refs`. It is read
            when the run starts, and then holds all that the engines were built from.
        metadata: content of the bundle's `metadata.json`, which a config calls `@_meta_`.
        bundle_root: the bundle's folder.
        output_dir: the folder of the run's results.
        saved_config: what MONAI's runner made of `save_execute_config`: the path of the config that it saved.
        withheld: names of top-level values that are not told.
    """

    resolved: Mapping[str, Any]
    metadata: Mapping[str, Any]
    bundle_root: str | os.PathLike[str]
    output_dir: str | os.PathLike[str]
    saved_config: str | None = None
    withheld: Sequence[str] = ("dataset_dir",)

    @property
    def bundle(self) -> str:
        """Name of the bundle, or of its folder if the metadata has none."""
        return str(self.metadata.get("name") or Path(self.bundle_root).resolve().name)

    def tags(self) -> dict[str, str]:
        """Bundle, versions of what computes, and the commit of the bundle's code if it is under git."""
        return {
            "bundle": self.bundle,
            "bundle_version": str(self.metadata.get("version", "unknown")),
            "monai_version": monai.__version__,
            "torch_version": torch.__version__,
            **_git_state(Path(self.bundle_root)),
        }

    def params(self) -> dict[str, str]:
        """The top-level scalars and short lists of numbers of the config, and the data list's SHA-256."""
        values = {**self._config, **{name: v for name, v in self.resolved.items() if "::" not in name}}
        told = {name: self._scrub(str(v)) for name, v in values.items() if _is_told(name, v)}
        told |= {name: _WITHHELD for name in self.withheld if name in told}
        if values.get("data_list") and "data_list" in told:
            data_list = Path(values["data_list"])
            if data_list.suffix == ".json" and data_list.is_file():
                told["data_list_sha256"] = data_list_sha256(data_list)
            else:  # an image or a folder of images was given in place of a list
                told["data_list"] = _WITHHELD
        return told

    def config_text(self) -> str | None:
        """The config as MONAI ran it, files and command line merged, as JSON; None if it was not saved."""
        if not self._config:
            return None
        hidden = [name for name in (*self.withheld, *_ALWAYS_WITHHELD) if self._config.get(name) is not None]
        return self._scrub(json.dumps({**self._config, **dict.fromkeys(hidden, _WITHHELD)}, indent=4))

    @cached_property
    def _config(self) -> dict[str, Any]:
        """The saved config, its expressions unresolved; empty if it was not saved.

        Where `output_dir` is a plain path, MONAI 1.6 hands on `/out + '/config_20260101_120000.json'` as the path,
        although it saved the file in the right place.
        """
        if not self.saved_config:
            return {}
        path = Path(self.saved_config)
        if joined := re.fullmatch(r".* \+ '/(config_\d+_\d+\.json)'", self.saved_config):
            path = Path(self.output_dir) / joined[1]
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}

    def _scrub(self, text: str) -> str:
        for name in self.withheld:
            value = str(self.resolved.get(name, self._config.get(name, "")))
            if PurePath(value).is_absolute() and len(PurePath(value).parts) > 1:
                text = text.replace(json.dumps(value)[1:-1], f"<{name}>").replace(value, f"<{name}>")
        return text


def _is_told(name: str, value: object) -> bool:
    """Whether this is a parameter: a scalar or a short list of numbers, and no expression left unresolved."""
    if name.startswith("_") or name in _SETTINGS:
        return False
    if isinstance(value, str):
        return not value.startswith(("$", "@", "%"))
    if isinstance(value, (list, tuple)):
        return 0 < len(value) <= _LONGEST_LIST and all(isinstance(number, (int, float)) for number in value)
    return value is None or isinstance(value, (int, float, PurePath, torch.device, torch.dtype))


def _git_state(bundle_root: Path) -> dict[str, str]:
    """Commit of the repository that tracks the bundle and whether a tracked file differs from it; else empty."""
    # Inside a git hook GIT_DIR and its like name the hook's repository; without the lock, a commit that is
    # being made meanwhile is not disturbed.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {"GIT_OPTIONAL_LOCKS": "0"}

    def ask(*arguments: str) -> str:
        command = ["git", "-C", str(bundle_root), *arguments]
        answer = subprocess.run(  # noqa: S603 (fixed words, and a folder that is not read as an option)
            command, env=environment, capture_output=True, text=True, check=True, timeout=10
        )
        return answer.stdout.strip()

    try:
        ask("ls-files", "--error-unmatch", "configs/metadata.json")  # not another repository that lies around it
        commit = ask("rev-parse", "HEAD")
        dirty = bool(ask("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"git_commit": commit, "git_dirty": str(dirty).lower(), "mlflow.source.git.commit": commit}
