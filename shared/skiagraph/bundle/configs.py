"""A bundle's configs, read and evaluated outside MONAI's runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from ..engines.errors import root_cause


def read_configs(bundle_root: Path, names: Sequence[str], entries: Mapping[str, Any]) -> ConfigParser:
    """Configs of a bundle, one laid over the other, on the CPU.

    Args:
        bundle_root: folder of the bundle.
        names: files in its `configs`.
        entries: what takes the place of single entries, as on the runner's command line.

    Raises:
        FileNotFoundError: there is no such config.
    """
    paths = [bundle_root / "configs" / name for name in names]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such config; give the folder of a bundle as bundle_root")
    parser = ConfigParser()
    parser.read_config([str(path) for path in paths])
    for key, value in {"bundle_root": str(bundle_root), "device": "cpu", **entries}.items():
        parser[key] = value
    return parser


def evaluated(parser: ConfigParser, key: str) -> Any:
    """An entry of a config; what a user did wrong is told as it is, not as the failure of an expression."""
    try:
        return parser.get_parsed_content(key)
    except RuntimeError as error:
        raise root_cause(error) from None
