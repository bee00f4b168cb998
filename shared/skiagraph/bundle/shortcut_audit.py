"""Does a detector see fractures where there is metal? Images of fractures, as they are and with an implant laid in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose

from ..data import read_data_list, write_data_list
from ..folder_work import write_image
from ..transforms import BoxTargetsd, LoadFramed, MixCases

CLASSES = ("implant", "fracture")
_TRIES = 50


def write_shortcut_audit(data_list: Path, dataset_dir: Path, out: Path, part: str = "test", seed: int = 0) -> Path:
    """Write every image of a fracture twice: `plain/<name>.png`, and `pasted/<name>.png` with an implant laid in.

    The implants are those of other images of the part; in the pasted images both classes count as complete.

    Args:
        data_list: data list with the classes implant and fracture.
        dataset_dir: folder of its images.
        out: folder to write.
        part: of the data list.
        seed: which implant comes where.

    Returns:
        The data list, `out`/data_list.json: its part `validation` has the plain images, `test` the pasted ones.

    Raises:
        ValueError: there is no fracture or no implant in the part.
    """
    items = read_data_list(data_list, dataset_dir, part)
    cases = [_load(item) for item in items]
    fractures = [case for case in cases if 1 in case["target"]["labels"]]
    sources = [case for case in cases if 0 in case["target"]["labels"]]
    if not fractures or not sources:
        raise ValueError(
            f"{data_list}: part {part} has {len(fractures)} images of fractures, {len(sources)} of implants"
        )
    torch.manual_seed(seed)
    plain, pasted = [], []
    for case in fractures:
        changed = _with_implant(case, sources)
        if changed is not None:
            plain.append(_write(case, out, "plain"))
            pasted.append(_write(changed, out, "pasted"))
    write_data_list(
        out / "data_list.json",
        {"training": [], "validation": plain, "test": pasted},
        name="shortcut audit",
        description="Images of fractures as they are (validation) and with an implant laid in (test).",
    )
    return out / "data_list.json"


def _load(item: Mapping[str, Any]) -> dict[str, Any]:
    """Image with mean 0 and standard deviation 1, and its boxes."""
    case = Compose([LoadFramed("image"), BoxTargetsd("image", CLASSES)])(item)
    image = case["image"].as_tensor()
    level = {"mean": float(image.mean()), "std": float(image.std().clamp_min(1))}
    return {**level, "image": (image - level["mean"]) / level["std"], "target": case["target"], "name": item["name"]}


def _with_implant(case: dict[str, Any], sources: list[dict[str, Any]]) -> dict[str, Any] | None:
    mix = MixCases(CLASSES)
    for _ in range(_TRIES):
        source = sources[int(torch.randint(len(sources), ()))]
        boxes = source["target"]["boxes"][source["target"]["labels"] == 0]
        changed = mix.paste(case, source, boxes[int(torch.randint(len(boxes), ()))])
        if changed is not case:
            return changed
    return None


def _write(case: Mapping[str, Any], out: Path, folder: str) -> dict[str, Any]:
    grey = np.asarray((case["image"][0] * case["std"] + case["mean"]).round().clamp(0, 255)).astype(np.uint8)
    path = Path(folder) / f"{case['name']}.png"
    write_image(out / path, grey)
    target = case["target"]
    return {
        "image": path.as_posix(),
        "boxes": target["boxes"][:, [1, 0, 3, 2]].round(decimals=1).tolist(),
        "classes": [CLASSES[label] for label in target["labels"]],
        "labelled": list(CLASSES),
    }
