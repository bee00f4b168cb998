"""Lay implants into images of fractures: `python -m scripts.shortcut_audit LIST IMAGES OUT`."""

from __future__ import annotations

from pathlib import Path

from skiagraph.bundle.shortcut_audit import write_shortcut_audit

from ._face import run


def shortcut_audit(data_list: str, dataset_dir: str, out: str, part: str = "test", seed: int = 0) -> None:
    """Write images of fractures as they are and with an implant laid in, and a data list of both.

    Evaluate a detector on its part validation (as they are), then on its part test: what changes is a shortcut.

    Args:
        data_list: data list with the classes implant and fracture.
        dataset_dir: folder of its images.
        out: folder to write.
        part: of the data list.
        seed: which implant comes where.
    """
    print(write_shortcut_audit(Path(data_list), Path(dataset_dir), Path(out), part, seed))


if __name__ == "__main__":
    run(shortcut_audit)
