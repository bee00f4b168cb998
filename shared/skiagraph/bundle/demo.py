"""Every bundle of the collection on its phantoms, as a user would run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def run_demo(bundles_dir: Path, out: Path, *arguments: str) -> Path:
    """Run the inference of every bundle through MONAI's runner, on the dataset that its config names.

    A dataset `phantoms/NAME` without its `data_list.json`, which comes last, is written by
    ``python -m scripts.phantoms NAME``.

    Args:
        bundles_dir: folder of the bundles.
        out: folder for the results, one folder for each bundle.
        arguments: further arguments of the runner.

    Returns:
        `out`.

    Raises:
        ChildProcessError: a bundle failed; its own messages say why.
    """
    for bundle in sorted(path.parents[1] for path in bundles_dir.glob("*/configs/inference.json")):
        config = bundle / "configs" / "inference.json"
        dataset_dir = json.loads(config.read_text(encoding="utf-8"))["dataset_dir"]
        if not (Path(dataset_dir) / "data_list.json").is_file():
            _run(bundle.name, "scripts.phantoms", Path(dataset_dir).name, dataset_dir)
        knobs = ("--bundle_root", str(bundle), "--output_dir", str(out / bundle.name))
        _run(bundle.name, "monai.bundle", "run", "--config_file", str(config), *knobs, *arguments)
    return out


def _run(bundle: str, *command: str) -> None:
    status = subprocess.run([sys.executable, "-m", *command], check=False).returncode  # noqa: S603 (our own programs)
    if status:
        raise ChildProcessError(f"{bundle}: `python -m {' '.join(command)}` failed with exit code {status}")
