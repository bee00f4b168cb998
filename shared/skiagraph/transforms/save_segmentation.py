"""What inference leaves of a segmentation: DICOM of DICOM images, PNG or NIfTI of all others."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from numpy.typing import NDArray
from pydicom.uid import generate_uid

from ..dicom import is_dicom
from ..dicom.mask_files import write_masks
from ..dicom.segment import Segment, SegmentationSeries
from ..dicom.segmentation import write_segmentation
from .load import spacing_mm
from .save_results import SaveResultsd, beside, to_file_grid


class SaveSegmentationd(SaveResultsd):
    """Write `<name>_segmentation.dcm` below a folder, or `.png` or `.nii.gz` where the image is no DICOM file.

    The masks have the size of the input file. A pixel is of the segment that is most probable there, if that is
    above the threshold. The DICOM Segmentation refers to the image file, and to the frame that the case's ``frame``
    names; those of the frames of one file are one series.

    Args:
        keys: probability maps (segments, rows, columns), or of a whole cine (segments, frames, rows, columns), one
            for each segment and none for the background.
        output_dir: see `SaveResultsd`.
        segments: what the maps are of.
        threshold: probability above which a pixel belongs to a segment.
        suffix: of the files for images that are no DICOM file: ``".png"``, ``".nii"`` or ``".nii.gz"``.
        options: `on_error` and `allow_missing_keys`, see `SaveResultsd`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        segments: Sequence[Segment],
        threshold: float = 0.5,
        suffix: str = ".png",
        **options: Any,
    ) -> None:
        super().__init__(keys, output_dir, **options)
        self.segments = tuple(segments)
        self.threshold = threshold
        self.suffix = suffix
        self.run_uid = str(generate_uid())

    def save(self, key: Hashable, case: Mapping[Hashable, Any], base: Path) -> None:
        """Write the masks of one key."""
        masks, image = self._label_maps(case[key]), case[key].meta["filename_or_obj"]
        if not is_dicom(image):
            write_masks(beside(base, f"_segmentation{self.suffix}"), masks, spacing_mm(case[key]))
            return
        frame = int(case.get("frame") or 0)
        series_uid = str(generate_uid(entropy_srcs=[self.run_uid, str(image)]))
        series = SegmentationSeries(series_uid=series_uid, instance_number=frame + 1)
        frames = [frame] if masks.ndim == 2 else None
        out = beside(base, "_segmentation.dcm")
        write_segmentation(image, masks, self.segments, out, frames=frames, series=series)

    def _label_maps(self, probability: MetaTensor) -> NDArray[np.uint16]:
        if len(probability) != len(self.segments):
            raise ValueError(f"{len(probability)} probability maps for {len(self.segments)} segments")
        most, index = to_file_grid(probability).max(dim=0)
        return np.asarray(torch.where(most > self.threshold, index + 1, 0).cpu()).astype(np.uint16)
