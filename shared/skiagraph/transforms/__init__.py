"""MONAI dictionary transforms."""

from .acoustic import RandDepthAttenuationd, RandGaind, RandSpeckled
from .band import BandTargetd, LineDistanced
from .corners import CornersToGridd, HintMapsd, LoadCornersd
from .decode_corners import CornerDecoder, DecodeCornersd
from .equalise import EqualizeLocallyd
from .load import LoadFramed
from .save_corners import SaveCornersd, describe_corners
from .save_surface import SaveSurfaced, describe_surfaces
from .surface import SurfaceLinesd

__all__ = [
    "BandTargetd",
    "CornerDecoder",
    "CornersToGridd",
    "DecodeCornersd",
    "EqualizeLocallyd",
    "HintMapsd",
    "LineDistanced",
    "LoadCornersd",
    "LoadFramed",
    "RandDepthAttenuationd",
    "RandGaind",
    "RandSpeckled",
    "SaveCornersd",
    "SaveSurfaced",
    "SurfaceLinesd",
    "describe_corners",
    "describe_surfaces",
]
