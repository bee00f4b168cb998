"""Small radiographs with boxes, in the published layouts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 48, 64
Box = tuple[str, float, float, float, float]

IMPLANT: Box = ("implant", 5, 6, 30, 40)
FRACTURE: Box = ("fracture", 10, 12, 20, 28)


def texture(seed: str) -> NDArray[np.uint8]:
    """Blots that no other seed has: by the hash, two of these have about half of the bits in common."""
    coarse = np.random.default_rng(crc32(seed.encode())).integers(0, 256, (16, 12), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def write_image(root: Path, path: str, pixels: NDArray[np.uint8] | None = None) -> None:
    """The texture of the path, or the pixels given."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(texture(path) if pixels is None else pixels).save(root / path)


def voc(boxes: Iterable[Box], size: tuple[int, int] = (WIDTH, HEIGHT)) -> str:
    """What LabelImg writes."""
    corners = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        f"<object><name>{name}</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult><bndbox>"
        + "".join(f"<{corner}>{value}</{corner}>" for corner, value in zip(corners, box, strict=True))
        + "</bndbox></object>"
        for name, *box in boxes
    )
    width, height = size
    return (
        "<annotation><folder>train</folder><filename>x.png</filename><path>.\\x.png</path>"
        "<source><database>Unknown</database></source>"
        f"<size><width>{width}</width><height>{height}</height><depth>1</depth></size>"
        f"<segmented>0</segmented>{objects}</annotation>"
    )


def write_labelled(root: Path, boxes_of: Mapping[str, Sequence[Box]]) -> Path:
    """Images with their Pascal VOC files beside them."""
    for path, boxes in boxes_of.items():
        write_image(root, path)
        (root / path).with_suffix(".xml").write_text(voc(boxes), encoding="utf-8")
    return root


def write_both_sets(root: Path, implants: Iterable[int], fractures: Iterable[int], more: Iterable[int] = ()) -> Path:
    """The published sets: images of implants in both of them, of fractures in one, and more implants in that one."""
    for number in implants:
        name = f"train/positive_{number}.png"
        write_labelled(root, {f"implants_multiple/{name}": [IMPLANT]})
        write_labelled(root, {f"implants_fractures/{name}": [("implant", 6, 7, 29, 41)]})
        write_image(root, f"implants_fractures/{name}", texture(f"implants_multiple/{name}"))
    for numbers, box in ((fractures, FRACTURE), (more, IMPLANT)):
        write_labelled(root, {f"implants_fractures/train/positive_{number}.png": [box] for number in numbers})
    return root


def coco(boxes_of: Mapping[str, Sequence[Box]], classes: Sequence[str]) -> str:
    """Ground truth whose numbers begin anywhere."""
    images = [{"id": 70 + n, "file_name": name, "width": WIDTH, "height": HEIGHT} for n, name in enumerate(boxes_of)]
    categories = [{"id": 7 + 2 * n, "name": name} for n, name in enumerate(classes)]
    annotations: list[dict[str, Any]] = []
    for image, boxes in zip(images, boxes_of.values(), strict=True):
        for name, x, y, right, bottom in boxes:
            box = {"bbox": [x, y, right - x, bottom - y], "category_id": 7 + 2 * classes.index(name)}
            annotations.append({"id": len(annotations), "image_id": image["id"], **box})
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})
