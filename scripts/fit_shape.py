"""Fit the shape of spines: `python -m scripts.fit_shape DATA_LIST DATASET_DIR --out shape.json`."""

from __future__ import annotations

from skiagraph.bundle.fit_shape import fit_corner_shape

from ._face import run


def fit_shape(data_list: str, dataset_dir: str, out: str, modes: int = 24) -> str:
    """Write what the corners of spines look like together, for the interactive keypoint bundle's `shape`.

    Args:
        data_list: data list (JSON) whose training part is taken.
        dataset_dir: folder of its images.
        out: JSON file to write.
        modes: how many modes of variation are kept.
    """
    return f"{out}: the shape of {fit_corner_shape(data_list, dataset_dir, out, modes=modes)} spines"


if __name__ == "__main__":
    run(fit_shape)
