"""Label maps as PNG and NIfTI, and back."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..folder_work import whole_file
from .label_maps import as_label_maps

_NIFTI = (".nii", ".nii.gz")
_AXES = "x: columns, y: rows downwards, t: frames; place in the body unknown"
_LABELS = 1002  # NIFTI_INTENT_LABEL


def write_masks(out: str | Path, masks: NDArray[Any], spacing_mm: tuple[float, float] | None = None) -> None:
    """Write label maps as PNG or NIfTI; `read_masks` gives the same numbers back.

    PNG: grey, 8 bits, or 16 with labels above 255, the label being the grey; a cine as `<name>_<k>of<n>.png`, from 1.
    NIfTI: axes (column, row), or (column, row, 1, frame) of a cine. Neither its sform nor its qform is set: a picture
    without a place in the body claims none. Where the spacing is unknown, so is the unit, and the size says 1.

    Args:
        out: the file to write, .png, .nii or .nii.gz.
        masks: (rows, columns) or (frames, rows, columns), bool or whole numbers from 0 to 65535.
        spacing_mm: (row, column) size of a pixel, for NIfTI.

    Raises:
        OSError: a file cannot be written.
        ValueError: the name ends otherwise, or the masks are none.
    """
    out = Path(out)
    maps = as_label_maps(masks)
    if out.suffix == ".png":
        paths = [out] if masks.ndim == 2 else [_frame_path(out, k, len(maps)) for k in range(1, len(maps) + 1)]
        for path, frame in zip(paths, maps, strict=True):
            with whole_file(path) as temporary:
                Image.fromarray(frame).save(temporary, format="PNG")
    elif out.name.endswith(_NIFTI):
        content = _nifti(maps[0].T if masks.ndim == 2 else maps[:, None].T, spacing_mm).to_bytes()
        with whole_file(out) as temporary:
            temporary.write_bytes(gzip.compress(content, 6, mtime=0) if out.suffix == ".gz" else content)
    else:
        raise ValueError(f"{out}: masks are written as .png{', '.join(('', *_NIFTI))}, or as DICOM Segmentation")


def read_masks(path: str | Path) -> NDArray[Any]:
    """Read what `write_masks` wrote under this name: (rows, columns) or, of a cine, (frames, rows, columns).

    Raises:
        FileNotFoundError: there is no such file, nor frames of a cine of this name.
        ValueError: it is no mask, or frames of the cine are missing.
    """
    path = Path(path)
    try:
        if not path.name.endswith(_NIFTI):
            frames = [] if path.is_file() else _frame_paths(path)
            return np.stack([_read_png(frame) for frame in frames]) if frames else _read_png(path)
        maps = np.asarray(nibabel.Nifti1Image.from_filename(path).dataobj).T
    except FileNotFoundError:
        raise
    except Exception as problem:  # damaged files raise nearly anything
        raise ValueError(f"{path}: not a mask that can be read: {problem}") from problem
    if maps.dtype.kind not in "ui" or maps.ndim not in (2, 4) or (maps.ndim == 4 and maps.shape[1] != 1):
        raise ValueError(f"{path}: {maps.dtype} of shape {maps.shape[::-1]}; not a mask as `write_masks` writes it")
    return maps if maps.ndim == 2 else maps[:, 0]


def _nifti(volume: NDArray[Any], spacing_mm: tuple[float, float] | None) -> nibabel.Nifti1Image:
    image = nibabel.Nifti1Image(volume, None)
    row_mm, column_mm = spacing_mm or (1.0, 1.0)
    image.header.set_zooms((column_mm, row_mm, 1.0, 1.0)[: volume.ndim])
    image.header.set_xyzt_units("mm" if spacing_mm else "unknown")
    image.header.set_intent(_LABELS)
    image.header["descrip"] = _AXES
    return image


def _frame_path(out: Path, number: int, count: int) -> Path:
    return out.with_name(f"{out.stem}_{number}of{count}{out.suffix}")


def _frame_paths(path: Path) -> list[Path]:
    """The frames of a cine in order; none where there are none."""
    pattern = re.compile(rf"{re.escape(path.stem)}_\d+of(\d+){re.escape(path.suffix)}")
    counts = {int(match[1]) for file in path.parent.glob("*") if (match := pattern.fullmatch(file.name))}
    if len(counts) > 1:
        raise ValueError(f"there are cines of {' and '.join(map(str, sorted(counts)))} frames of this name")
    return [_frame_path(path, number, count) for count in counts for number in range(1, count + 1)]


def _read_png(path: Path) -> NDArray[Any]:
    with Image.open(path) as image:
        if image.format != "PNG" or image.mode not in ("L", "I;16"):
            raise ValueError(f"a {image.format} of mode {image.mode}; masks are grey PNG of 8 or 16 bits")
        return np.asarray(image)
