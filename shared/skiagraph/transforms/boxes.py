"""Boxes of a data list on their way into a detector, and back to the file."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from numpy.typing import NDArray

from ..data.boxes_coco import FoundBoxes
from .grid import Matrix, file_to_grid, grid_to_file

Boxes = NDArray[np.float64]


class BoxTargetsd(MapTransform):
    """Make the target of a detector from an item's boxes, on the grid of its image as it is now.

    Output: ``target``, a dictionary of ``boxes`` (N, 4), float32, (row_min, column_min, row_max, column_max) with edges
    at whole numbers; ``labels`` (N,), int64, places in `classes`; ``labelled``, int64, the places of the classes whose
    boxes are complete: not those of which a box is partly cut off and left out.

    A box that was turned by other than quarters of a circle is the one around the turned ellipse inside it, which for
    most things comes nearer to their outline than the one around its turned corners.

    Args:
        keys: the images, loaded by `LoadFramed`; their affine tells what was done to them. The item has ``boxes``,
            (xmin, ymin, xmax, ymax) in pixels of the file, edges at whole numbers; ``classes``, a name for each; and
            ``labelled``, the names of the classes that are complete, all of them where it is missing.
        classes: names, in the order of the network's channels. Boxes of others are left out.
        least_share: of its area that must be left of a box in the image.
        allow_missing_keys: do not complain about a missing key.
    """

    def __init__(
        self,
        keys: KeysCollection,
        classes: Sequence[str],
        least_share: float = 0.4,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.classes = tuple(classes)
        self.least_share = least_share

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the target of an item."""
        out = dict(data)
        for key in self.key_iterator(out):
            image: MetaTensor = data[key]
            pairs = zip(data.get("boxes") or (), data.get("classes") or (), strict=True)
            known = [(box, self.classes.index(name)) for box, name in pairs if name in self.classes]
            boxes = np.array([box for box, _ in known], dtype=float).reshape(-1, 4)
            labels = np.array([label for _, label in known], dtype=int)
            moved = move_boxes(boxes, file_to_grid(image))
            inside = moved.clip(0, [image.shape[2], image.shape[1]] * 2)
            kept = _areas(inside) >= self.least_share * np.maximum(_areas(moved), 1e-9)
            cut_off = {self.classes[label] for label in labels[~kept & (_areas(inside) > 0)]}
            out["target"] = {
                "boxes": torch.from_numpy(inside[kept][:, [1, 0, 3, 2]]).float(),
                "labels": torch.from_numpy(labels[kept]),
                "labelled": self._numbers(data.get("labelled"), cut_off),
            }
        return out

    def _numbers(self, labelled: Sequence[str] | None, unknown: set[str]) -> torch.Tensor:
        names = self.classes if labelled is None else [name for name in labelled if name in self.classes]
        return torch.tensor([self.classes.index(name) for name in names if name not in unknown], dtype=torch.int64)


class DecodeBoxesd(MapTransform):
    """Bring what a detector has found from its image's grid to pixels of the file.

    Output: key + ``_boxes``, `FoundBoxes`, best first; without what lies beside the image, or is no pixel wide.

    Args:
        keys: answers of a detector, dictionaries of ``boxes``, ``labels`` and ``labels_scores``.
        classes: name of each label.
        threshold: boxes with a lower score are left out.
        wanted: names of the classes whose boxes are kept, all by default.
        image_key: the image that the detector saw.
        allow_missing_keys: do not complain about a missing key.

    Raises:
        ValueError: a wanted class is none of the classes.
    """

    def __init__(
        self,
        keys: KeysCollection,
        classes: Sequence[str],
        threshold: float = 0.0,
        wanted: Sequence[str] | None = None,
        image_key: str = "image",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.classes = tuple(classes)
        self.wanted = self.classes if wanted is None else tuple(wanted)
        if unknown := [name for name in self.wanted if name not in self.classes]:
            raise ValueError(f"no such class: {', '.join(unknown)}; the detector finds {', '.join(self.classes)}")
        self.threshold = threshold
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Bring the boxes of a case to its file."""
        out = dict(data)
        for key in self.key_iterator(dict(data)):
            image: MetaTensor = data[self.image_key]
            wanted = torch.tensor([self.classes.index(name) for name in self.wanted], device=data[key]["labels"].device)
            kept = (data[key]["labels_scores"] >= self.threshold) & torch.isin(data[key]["labels"], wanted)
            boxes, labels, scores = (
                data[key][name][kept].detach().cpu().numpy() for name in ("boxes", "labels", "labels_scores")
            )
            rows, columns = (int(size) for size in image.meta["spatial_shape"])
            moved = move_boxes(boxes[:, [1, 0, 3, 2]].astype(float), grid_to_file(image)).clip(0, [columns, rows] * 2)
            visible = (moved[:, 2:] - moved[:, :2]).min(axis=1, initial=np.inf) >= 1
            names = tuple(self.classes[label] for label in labels[visible])
            out[f"{key}_boxes"] = FoundBoxes(moved[visible], names, scores[visible].astype(float))
        return out


def move_boxes(boxes: Boxes, matrix: Matrix) -> Boxes:
    """Boxes (N, 4), (xmin, ymin, xmax, ymax), through a (2, 3) matrix of pixel centres (see `grid_to_file`).

    Exact where axes stay axes; else the box around the turned ellipse inside each.
    """
    middles, halves = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    # The matrix moves pixel centres, which lie half a pixel inside of the edges.
    middles = (middles - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    halves = np.sqrt(halves**2 @ (matrix[:, :2] ** 2).T)
    return np.concatenate([middles - halves, middles + halves], axis=1)


def _areas(boxes: Boxes) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1))
