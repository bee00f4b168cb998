"""Parts of ignite engines that MONAI does not have."""

from .autocast import AutocastInferer, bfloat16_is_fast
from .click_curve import ClickCurve
from .detection import Detection, DetectorInferer, DetectorTraining
from .errors import explain_errors
from .look_twice import LookTwiceInferer
from .processes import join_processes, leave_processes, local_device
from .simulated_clicks import SimulatedClicks

__all__ = [
    "AutocastInferer",
    "ClickCurve",
    "Detection",
    "DetectorInferer",
    "DetectorTraining",
    "LookTwiceInferer",
    "SimulatedClicks",
    "bfloat16_is_fast",
    "explain_errors",
    "join_processes",
    "leave_processes",
    "local_device",
]
