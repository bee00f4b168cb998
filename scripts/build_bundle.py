"""Packs a bundle as a self-contained zip: ``python -m scripts.build_bundle NAME --out dist/``."""

from __future__ import annotations

from pathlib import Path

from skiagraph.bundle import pack

from ._face import run

ROOT = Path(__file__).resolve().parents[1]


def build_bundle(name: str, out: str = "dist") -> None:
    """Pack a bundle of this collection, with the code that it needs, as the MONAI Model Zoo does.

    Writes NAME_vX.Y.Z.zip (the version is that of configs/metadata.json) and NAME_vX.Y.Z.zip.sha256.

    Args:
        name: name of the bundle, a folder in bundles/.
        out: folder for the zip, made if it is missing.
    """
    known = sorted(folder.parent.name for folder in (ROOT / "bundles").glob("*/configs"))
    if name not in known:
        raise ValueError(f"there is no bundle '{name}' in {ROOT / 'bundles'}; choose one of: {', '.join(known)}")
    tracking = {"configs/tracking.json": ROOT / "shared" / "tracking.json"}
    print(pack(ROOT / "bundles" / name, ROOT / "shared" / "skiagraph", Path(out), tracking))


if __name__ == "__main__":
    run(build_bundle)
