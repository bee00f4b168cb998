"""What an experiment tracker is told of a run beforehand: its bundle, its parameters, its code and its data list."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

import monai
import torch

from ..data.data_list import data_list_sha256
from .hidden_paths import pattern_of, spellings

__all__ = ["RunDescription"]

_WITHHELD = "(withheld)"
_SETTINGS = ("save_execute_config", "tracking_uri", "experiment_name", "run_name")
_ALWAYS_WITHHELD = ("tracking_uri",)  # it may hold a password
_LONGEST_LIST = 8


@dataclass(frozen=True)
class RunDescription:
    """Parameters, tags and config of a run of a MONAI bundle, without a word on its patients.

    Of the data, only the name of the list and its SHA-256 are told. The values of the `withheld` names are left
    out, and a path among them also where it stands in other values, absolute or relative to the working directory:
    a folder may be named after a patient.

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
        told |= {name: place for name, place in self._replaced.items() if name in told}
        if self._data_list:
            told["data_list_sha256"] = data_list_sha256(self._data_list)
        return told

    def config_text(self) -> str | None:
        """The config as MONAI ran it, files and command line merged, as JSON; None if it was not saved."""
        if not self._config:
            return None
        replaced = {**self._replaced, **dict.fromkeys(_ALWAYS_WITHHELD, _WITHHELD)}
        replaced = {name: place for name, place in replaced.items() if self._config.get(name) is not None}
        return json.dumps({**_map_texts(self._scrub, self._config), **replaced}, indent=4)

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

    def _text(self, name: str) -> str:
        """A top-level text or path; empty if there is none."""
        value = self.resolved.get(name, self._config.get(name))
        return str(value) if isinstance(value, (str, PurePath)) else ""

    @cached_property
    def _data_list(self) -> Path | None:
        """The data list; None where an image or a folder of images was given in its place."""
        path = Path(self._text("data_list"))
        return path if path.suffix == ".json" and path.is_file() else None

    @cached_property
    def _replaced(self) -> dict[str, str]:
        """What is told in place of top-level values."""
        data_list = {"data_list": self._data_list.name if self._data_list else _WITHHELD}
        return {**(data_list if self._text("data_list") else {}), **dict.fromkeys(self.withheld, _WITHHELD)}

    @cached_property
    def _hidden_paths(self) -> list[tuple[re.Pattern[str], str]]:
        """Patterns of the paths in these values, the longest first, and what is told in their place elsewhere."""
        spelled = [(path, name) for name in self._replaced for path in spellings(self._text(name))]
        spelled.sort(key=lambda entry: len(entry[0].parts), reverse=True)
        places = {name: f"<{name}>" if told == _WITHHELD else told for name, told in self._replaced.items()}
        return [(pattern_of(path), places[name]) for path, name in spelled]

    def _scrub(self, text: str) -> str:
        for pattern, place in self._hidden_paths:
            text = place.join(pattern.split(text))
        return text


def _map_texts(change: Callable[[str], str], value: Any) -> Any:
    """JSON with every text in it changed, but for the names of entries."""
    if isinstance(value, dict):
        return {name: _map_texts(change, entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_map_texts(change, entry) for entry in value]
    return change(value) if isinstance(value, str) else value


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
