"""What is done to a bundle as a whole."""

from __future__ import annotations

from .packing import MAX_WEIGHTS_BYTES, pack, read_version

__all__ = ["MAX_WEIGHTS_BYTES", "pack", "read_version"]
