"""See what the collection does: `python -m scripts.demo`, or `make demo`."""

from __future__ import annotations

from pathlib import Path

from skiagraph.bundle.demo import run_demo

from ._face import run


def demo(out: str = "demo") -> None:
    """Write phantoms, and what every bundle finds in them.

    Args:
        out: folder for the results.
    """
    folder = run_demo(Path("bundles"), Path(out)).resolve()
    print(f"\nDone. Overlays and results are in {folder}")


if __name__ == "__main__":
    run(demo)
