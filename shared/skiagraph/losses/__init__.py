"""Losses that MONAI does not have."""

from __future__ import annotations

from .band import BandLoss
from .heat_maps import HeatMapLoss
from .morphology import morphology_loss

__all__ = ["BandLoss", "HeatMapLoss", "morphology_loss"]
