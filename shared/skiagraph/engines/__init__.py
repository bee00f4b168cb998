"""Parts of ignite engines that MONAI does not have."""

from .autocast import AutocastInferer, bfloat16_is_fast
from .errors import explain_errors
from .processes import join_processes, leave_processes, local_device

__all__ = ["AutocastInferer", "bfloat16_is_fast", "explain_errors", "join_processes", "leave_processes", "local_device"]
