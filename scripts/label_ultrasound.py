"""Label ultrasound from CT: `python -m scripts.label_ultrasound --sweep DIR --out DIR [--refine frame]`."""

from __future__ import annotations

from collections.abc import Sequence

from skiagraph.data.ct_labels import LabelSettings, label_sweep
from skiagraph.data.layouts.sweep import IMAGE_TO_MARKER
from skiagraph.folder_work import Report
from skiagraph.geometry import MAX_INCIDENCE_DEG

from ._face import run


def label_ultrasound(
    sweep: str,
    out: str,
    refine: str = "none",
    whole: bool = False,
    max_incidence_deg: float = MAX_INCIDENCE_DEG,
    image_to_marker: Sequence[float] = IMAGE_TO_MARKER,
    jobs: int = -1,
    cluster: str | None = None,
) -> Report:
    """Cut the CT of a tracked sweep with its image planes; write label images, overlays and alignment.csv.

    Args:
        sweep: folder with UltrasoundImages/<timestamp>.png, tracking.csv and CT_models/*.stl.
        out: folder to write.
        refine: none, sweep or frame: move the surface onto the echo by at most 1 mm and 1 degree, once for
            all frames or for each.
        whole: label the whole outline, not only what faces the probe.
        max_incidence_deg: steepest angle between the beam and the normal of what is labelled.
        image_to_marker: probe calibration: x,y,z in mm and three extrinsic Euler angles in degrees.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler, such as tcp://scheduler:8786.
    """
    settings = LabelSettings(refine, whole, max_incidence_deg, image_to_marker)
    return label_sweep(sweep, out, settings, jobs=jobs, cluster=cluster)


if __name__ == "__main__":
    run(label_ultrasound)
