"""Write phantoms: `python -m scripts.phantoms ultrasound|spine|limb|dicom [OUT] [--seed 0]`."""

from __future__ import annotations

from skiagraph.folder_work import Report
from skiagraph.phantoms import (
    CorpusLook,
    write_dicom_corpus,
    write_limb_phantoms,
    write_spine_phantoms,
    write_ultrasound_phantoms,
)

from ._face import run


def ultrasound(
    out: str = "phantoms/ultrasound",
    seed: int = 0,
    specimens: int = 14,
    frames: int = 8,
    spacing: float | None = None,
    jobs: int = -1,
    cluster: str | None = None,
) -> Report:
    """Write B-mode frames with their bone surfaces in the layout of UltraBones100k, and a data list.

    Args:
        out: folder to write.
        seed: the same seed gives the same files.
        specimens: number of specimens.
        frames: frames of each.
        spacing: pixel size in mm; each specimen has its own by default.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler, such as tcp://scheduler:8786.
    """
    return write_ultrasound_phantoms(
        out, seed=seed, specimens=specimens, frames=frames, spacing_mm=spacing, jobs=jobs, cluster=cluster
    )


def spine(
    out: str = "phantoms/spine",
    seed: int = 0,
    patients: int = 40,
    images: int | None = None,
    height: int | None = None,
    jobs: int = -1,
    cluster: str | None = None,
) -> Report:
    """Write AP spine radiographs with the corners of their vertebrae in the layout of AASCE, and a data list.

    Args:
        out: folder to write.
        seed: the same seed gives the same files.
        patients: number of patients.
        images: images of each; one to three by default.
        height: height of all images in pixels; each has its own by default.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler, such as tcp://scheduler:8786.
    """
    return write_spine_phantoms(
        out, seed=seed, patients=patients, images=images, height_px=height, jobs=jobs, cluster=cluster
    )


def limb(
    out: str = "phantoms/limb",
    seed: int = 0,
    patients: int = 40,
    images: int | None = None,
    size: int | None = None,
    jobs: int = -1,
    cluster: str | None = None,
) -> Report:
    """Write radiographs of arms with boxes of implants and fractures in the layout of MURA, and a data list.

    Args:
        out: folder to write.
        seed: the same seed gives the same files.
        patients: number of patients.
        images: images of each; one to three by default.
        size: longer side of all images in pixels, 512 by default.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler, such as tcp://scheduler:8786.
    """
    return write_limb_phantoms(
        out, seed=seed, patients=patients, images=images, size_px=size, jobs=jobs, cluster=cluster
    )


def dicom(
    out: str = "phantoms/dicom",
    seed: int = 0,
    files: int = 90,
    size: int = 64,
    frames: int = 100,
    jobs: int = -1,
    cluster: str | None = None,
) -> Report:
    """Write DICOM files of many kinds with planted identifiers, and manifest.json, which names each of them.

    Args:
        out: folder to write; the files are in its folder "files".
        seed: the same seed gives the same files.
        files: number of files.
        size: rows and columns of the images in pixels.
        frames: frames of a cine.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler, such as tcp://scheduler:8786.
    """
    look = CorpusLook(size_px=size, frames=frames)
    return write_dicom_corpus(out, seed=seed, files=files, look=look, jobs=jobs, cluster=cluster)


if __name__ == "__main__":
    run({"ultrasound": ultrasound, "spine": spine, "limb": limb, "dicom": dicom})
