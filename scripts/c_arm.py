"""Tell the C-arm's geometry of angiograms: `python -m scripts.c_arm IN --out T.csv`."""

from __future__ import annotations

from skiagraph.dicom.c_arm_table import write_c_arm_table
from skiagraph.folder_work import Report

from ._face import run


def c_arm(source: str, out: str, jobs: int = -1, cluster: str | None = None) -> Report:
    """Write angles, distances, table position and time of every frame of XA, XRF and Enhanced XA files as a table.

    What a file does not tell is an empty cell; what it tells in a way that cannot be is empty too, and the column
    notes says why. Files that are no angiograms are named and skipped.

    Args:
        source: a DICOM file, or a folder.
        out: table to write, .csv or .json.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler, such as tcp://scheduler:8786.
    """
    return write_c_arm_table(source, out, jobs=jobs, cluster=cluster)


if __name__ == "__main__":
    run(c_arm)
