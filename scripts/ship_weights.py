"""Make a training's checkpoint a bundle's weights: `python -m scripts.ship_weights NAME RUN/model.pt`."""

from __future__ import annotations

from pathlib import Path

from skiagraph.bundle.shipping import ship_weights as ship

from ._face import run


def ship_weights(name: str, checkpoint: str, half: bool = False) -> None:
    """Write bundles/NAME/models/model.pt from a checkpoint.

    Args:
        name: name of the bundle, a folder in bundles/.
        checkpoint: state dict or checkpoint of a training.
        half: store half precision.
    """
    print(ship(Path("bundles") / name, Path(checkpoint), half))


if __name__ == "__main__":
    run(ship_weights)
