"""MONAI dictionary transforms."""

from .acoustic import RandDepthAttenuationd, RandGaind, RandSpeckled
from .band import BandTargetd, LineDistanced
from .load import LoadFramed
from .save_surface import SaveSurfaced, describe_surfaces
from .surface import SurfaceLinesd

__all__ = [
    "BandTargetd",
    "LineDistanced",
    "LoadFramed",
    "RandDepthAttenuationd",
    "RandGaind",
    "RandSpeckled",
    "SaveSurfaced",
    "SurfaceLinesd",
    "describe_surfaces",
]
