"""What inference leaves of a radiograph: its boxes, for people, for programs and for further labelling."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import KeysCollection

from ..data.box_annotation import BoxAnnotation
from ..data.boxes_coco import FoundBoxes, write_coco, write_coco_results
from ..data.boxes_voc import write_voc
from ..folder_work import write_image, write_json
from ..report.box_overlay import overlay_boxes
from .load import spacing_mm
from .save_results import SaveResultsd, as_bytes, beside

Spacing = tuple[float, float] | None


def describe_boxes(case: Mapping[str, Any]) -> dict[str, Any]:
    """The row of an image in the table of an inference over a folder.

    Args:
        case: a case with `image` as `LoadFramed` made it and, from `DecodeBoxesd`, `pred_boxes`.
    """
    found: FoundBoxes = case["pred_boxes"]
    meta = case["image"].meta
    rows, columns = (int(size) for size in meta["spatial_shape"])
    suffix = Path(meta["filename_or_obj"]).suffix
    return {
        "message": _message(found),
        "boxes": len(found.classes),
        "highest_score": round(float(found.scores.max()), 4) if len(found.scores) else None,
        "file": meta["name"] if meta["name"].endswith(suffix) else meta["name"] + suffix,
        "width": columns,
        "height": rows,
        "found": json.dumps([list(box) for box in zip(found.classes, _scores(found), *_sides(found), strict=True)]),
    }


def write_found_boxes(rows: Sequence[Mapping[str, Any]], folder: Path, classes: Sequence[str]) -> None:
    """Write what was found in all images in COCO's form: `coco.json`, to go on labelling, and `coco_results.json`.

    The one has the boxes as if somebody had drawn them, the other a list of them with their scores, as COCO's own
    evaluation reads it. Images that failed stand in neither.

    Args:
        rows: of a `FolderSummary` with `describe_boxes`.
        folder: to write to.
        classes: all that were looked for, in the order in which they are numbered.
    """
    images, results = {}, {}
    for row in rows:
        if row["status"] == "done":
            boxes = json.loads(row["found"])
            corners = np.array([box[2:] for box in boxes], dtype=float).reshape(-1, 4)
            names = tuple(box[0] for box in boxes)
            images[row["file"]] = BoxAnnotation(corners, names, (row["width"], row["height"]))
            results[row["file"]] = FoundBoxes(corners, names, np.array([box[1] for box in boxes], dtype=float))
    truth = write_coco(folder / "coco.json", images, classes)
    write_coco_results(folder / "coco_results.json", results, truth)


class SaveBoxesd(SaveResultsd):
    """Write `<name>_boxes.json`, `<name>.xml` (Pascal VOC, for LabelImg) and `<name>_overlay.jpg` below a folder.

    Boxes are in pixels of the file, edges at whole numbers, and in mm where the pixel size is known; `found` says
    plainly when there is none.

    Args:
        keys: the images that the detector saw.
        output_dir, on_error, allow_missing_keys: see `SaveResultsd`.
        classes: all that the detector knows; the first has the first colour of the overlay, and so on.
        wanted: those that were looked for, all by default.
        boxes_key: what was found, from `DecodeBoxesd`.
        frame_key: the image as it was loaded, 0 to 255 on the file's grid, for the overlay.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        classes: Sequence[str],
        wanted: Sequence[str] | None = None,
        boxes_key: str = "pred_boxes",
        frame_key: str = "frame_as_loaded",
        on_error: str = "raise",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, output_dir, on_error, allow_missing_keys)
        self.classes = tuple(classes)
        self.wanted = self.classes if wanted is None else tuple(wanted)
        self.boxes_key = boxes_key
        self.frame_key = frame_key

    def save(self, key: Hashable, case: Mapping[Hashable, Any], base: Path) -> None:
        """Write boxes and overlay.

        Raises:
            ValueError: there is a label beside the image where the boxes were to be written; it may be drawn by hand.
        """
        found: FoundBoxes = case[self.boxes_key]
        meta, frame = case[key].meta, case[self.frame_key]
        voc = beside(base, ".xml")
        if voc.exists() and voc.resolve() == Path(meta["filename_or_obj"]).with_suffix(".xml").resolve():
            raise ValueError(f"{voc}: this label is there already and stays; give another output_dir")
        grey = as_bytes(frame.as_tensor()[0].round())
        annotation = BoxAnnotation(found.boxes, found.classes, (grey.shape[1], grey.shape[0]))
        content = {"image": meta["name"], **boxes_content(found, spacing_mm(frame))}
        write_json(beside(base, "_boxes.json"), {**content, "classes": list(self.wanted)})
        write_voc(voc, annotation, meta["filename_or_obj"])
        write_image(beside(base, "_overlay.jpg"), self._draw(grey, found))

    def _draw(self, grey: Any, found: FoundBoxes) -> Any:
        return overlay_boxes(grey, found.boxes, found.classes, found.scores, classes=self.classes)


def boxes_content(found: FoundBoxes, spacing: Spacing) -> dict[str, Any]:
    """What was found in an image, as it stands in `<name>_boxes.json`.

    Args:
        found: boxes in pixels of the file.
        spacing: (row, column) size of a pixel in mm, None where it is unknown; then there are no boxes in mm.
    """
    scale = None if spacing is None else [spacing[1], spacing[0], spacing[1], spacing[0]]
    return {
        "found": bool(found.classes),
        "message": _message(found),
        "spacing_mm": spacing,
        "boxes": [
            {
                "class": name,
                "score": score,
                "box_px": box.round(1).tolist(),
                "box_mm": None if scale is None else (box * scale).round(2).tolist(),
            }
            for box, name, score in zip(found.boxes, found.classes, _scores(found), strict=True)
        ],
    }


def _scores(found: FoundBoxes) -> list[float]:
    return [round(score, 4) for score in found.scores.tolist()]


def _sides(found: FoundBoxes) -> list[list[float]]:
    """Xmin of every box, ymin, xmax and ymax."""
    sides: list[list[float]] = found.boxes.round(1).T.tolist()
    return sides


def _message(found: FoundBoxes) -> str:
    if not found.classes:
        return "nothing found"
    return ", ".join(f"{count} {name}" for name, count in Counter(found.classes).items())
