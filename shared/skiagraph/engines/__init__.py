"""Parts of ignite engines that MONAI does not have."""

from .autocast import AutocastInferer, bfloat16_is_fast
from .processes import join_processes, leave_processes, local_device

__all__ = ["AutocastInferer", "bfloat16_is_fast", "join_processes", "leave_processes", "local_device"]
