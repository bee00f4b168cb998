"""Implants of the arm as they are used, each in a layer of its own.

What an implant is made of belongs to the patient; from where it is seen belongs to the image.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .attenuation import Attenuation
from .hardware import STEEL, TITANIUM, Metal
from .implant_plan import ImplantPlan, Site
from .plates import add_head_plate, add_lower_plates, add_shaft_plate
from .stems import add_elbow, add_elbow_wires, add_head_wires, add_nail, add_shoulder

_ALWAYS_HEAVY = ("shoulder", "elbow")
_DRAWN: dict[str, Callable[[np.random.Generator, Metal, Site, ImplantPlan], None]] = {
    "plate": add_shaft_plate,
    "forearm_plate": add_shaft_plate,
    "head_plate": add_head_plate,
    "lower_plates": add_lower_plates,
    "nail": add_nail,
    "shoulder": add_shoulder,
    "elbow": add_elbow,
    "head_wires": add_head_wires,
    "elbow_wires": add_elbow_wires,
}


def draw_implant(image: Attenuation, site: Site, plan: ImplantPlan) -> None:
    """Draw one implant into a layer of its own."""
    rng = np.random.default_rng(plan.seed)
    heavy = plan.kind in _ALWAYS_HEAVY or rng.random() < 0.35
    _DRAWN[plan.kind](rng, Metal(image, STEEL if heavy else TITANIUM), site, plan)
