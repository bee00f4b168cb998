"""What all transforms that write the results of a case have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import look_up_option
from numpy.typing import NDArray
from torch.nn import functional


class SaveResultsd(MapTransform):
    """Base of transforms that write files named after a case, below a folder.

    A case that could not be read (meta entry ``error``) leaves nothing.

    Args:
        keys: what the results are of; MetaTensors with the meta data of `LoadFramed`.
        output_dir: the folder; the image's name may add folders below it.
        on_error: ``"raise"``, or ``"report"`` to hand on a case whose files cannot be written with a meta entry
            ``error`` that says why, so that it does not end the work on a folder.
        allow_missing_keys: do not complain about a missing key.

    Raises:
        ValueError: while running, an image's name leads out of the folder.
        OSError: while running, a file cannot be written.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        on_error: str = "raise",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_dir = Path(output_dir)
        self.report_errors = look_up_option(on_error, ("raise", "report")) == "report"

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the files of a case."""
        for key in self.key_iterator(dict(data)):
            meta = data[key].meta
            if meta["error"]:
                continue
            try:
                self.save(key, data, self._base(Path(meta["name"])))
            except OSError as problem:
                if not self.report_errors:
                    raise
                meta["error"] = f"{meta['filename_or_obj']}: results not written: {problem}"
        return dict(data)

    @abstractmethod
    def save(self, key: Hashable, case: Mapping[Hashable, Any], base: Path) -> None:
        """Write the files of one key; their names are that of `base` and an ending (see `beside`)."""

    def _base(self, name: Path) -> Path:
        if name.is_absolute() or ".." in name.parts:
            raise ValueError(f"{name}: results go below {self.output_dir}; name the items as `find_images` does")
        return self.output_dir / name


def beside(base: Path, ending: str) -> Path:
    """The path with an ending put to its name."""
    return base.with_name(base.name + ending)


def as_bytes(image: torch.Tensor) -> NDArray[np.uint8]:
    """A tensor of 0 to 255 as an image."""
    return np.asarray(image.to(torch.uint8).cpu())


def to_file_grid(maps: MetaTensor) -> torch.Tensor:
    """Resize maps (channels, rows, columns), or of a cine (channels, frames, rows, columns), to the file's frames."""
    size = [int(length) for length in maps.meta["spatial_shape"][-2:]]
    plain = maps.as_tensor().float()
    stack = plain.transpose(0, 1) if plain.ndim == 4 else plain[None]
    resized = functional.interpolate(stack, size=size, mode="bilinear", align_corners=False)
    return resized.transpose(0, 1) if plain.ndim == 4 else resized[0]
