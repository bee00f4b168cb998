"""MONAI dictionary transforms."""

from .acoustic import RandDepthAttenuationd, RandGaind, RandSpeckled
from .band import BandTargetd, LineDistanced
from .boxes import BoxTargetsd, DecodeBoxesd
from .corners import CornersToGridd, HintMapsd, LoadCornersd
from .decode_corners import CornerDecoder, DecodeCornersd
from .equalise import EqualizeLocallyd
from .invert import RandInvertd
from .load import LoadFramed
from .mix_cases import MixCases
from .save_boxes import SaveBoxesd, describe_boxes, write_found_boxes
from .save_corners import SaveCornersd, describe_corners
from .save_surface import SaveSurfaced, describe_surfaces
from .surface import SurfaceLinesd

__all__ = [
    "BandTargetd",
    "BoxTargetsd",
    "CornerDecoder",
    "CornersToGridd",
    "DecodeBoxesd",
    "DecodeCornersd",
    "EqualizeLocallyd",
    "HintMapsd",
    "LineDistanced",
    "LoadCornersd",
    "LoadFramed",
    "MixCases",
    "RandDepthAttenuationd",
    "RandGaind",
    "RandInvertd",
    "RandSpeckled",
    "SaveBoxesd",
    "SaveCornersd",
    "SaveSurfaced",
    "SurfaceLinesd",
    "describe_boxes",
    "describe_corners",
    "describe_surfaces",
    "write_found_boxes",
]
