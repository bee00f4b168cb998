"""Losses that MONAI does not have."""

from __future__ import annotations

from .band import BandLoss

__all__ = ["BandLoss"]
