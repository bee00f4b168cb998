"""Losses that MONAI does not have."""

from __future__ import annotations

from .band import BandLoss
from .centre_loss import CentreLoss
from .heat_maps import HeatMapLoss
from .morphology import morphology_loss

__all__ = ["BandLoss", "CentreLoss", "HeatMapLoss", "morphology_loss"]
