"""Put vertebra corners right: `python -m scripts.annotate_keypoints IMAGE --clicks '{"T5_tl": [310, 402]}'`."""

from __future__ import annotations

from skiagraph.bundle.annotate_keypoints import KeypointAnnotator
from skiagraph.bundle.annotate_keypoints import annotate_keypoints as annotate

from ._face import run


def annotate_keypoints(
    image: str,
    clicks: str = "{}",
    out: str = "annotated",
    bundle_root: str = "bundles/interactive_vertebra_keypoints",
    weights: str | None = None,
    spacing: float | None = None,
    frame: int = 0,
) -> str:
    """Find the corners of the vertebrae, put some of them right, and see what that does to the others.

    Args:
        image: a radiograph of the spine.
        clicks: where points belong, JSON by the points' names (T1_tl, T1_tr, T1_bl, T1_br, T2_tl, ... L5_br), in
            pixels of the image.
        out: folder for the overlays before and after, and the points as JSON.
        bundle_root: folder of the bundle.
        weights: of the network; by default those of the bundle.
        spacing: size of a pixel in mm, if the file does not tell it.
        frame: which frame of a DICOM or TIFF file that has several.
    """
    entries = {name: value for name, value in (("weights", weights), ("spacing", spacing)) if value is not None}
    written = annotate(KeypointAnnotator(bundle_root, entries=entries), image, clicks, out, frame)
    return "\n".join(map(str, written))


if __name__ == "__main__":
    run(annotate_keypoints)
