"""The patients whose arms are drawn: their bones, implants and fractures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .fracture import Break, draw_break
from .implant_plan import ImplantPlan, plan_implants
from .limb_shape import ArmBuild, draw_build, humerus, radius

NONE, IMPLANT, FRACTURE, BOTH = "none", "implant", "fracture", "both"
# Of twelve patients.
_DECK = [NONE] * 4 + [IMPLANT] * 5 + [FRACTURE] * 2 + [BOTH]
_ROOM_MM = 22.0  # between an implant and a break


@dataclass(frozen=True)
class Patient:
    """What all images of a patient share.

    Attributes:
        kind: none, implant, fracture or both.
        build: the arm.
        forearm: whether the forearm is looked at, not the upper arm.
        implants, breaks: what it has; all breaks are of the humerus, or of the radius.
        cast: whether there is plaster round it.
        staples: whether clips close a wound.
    """

    kind: str
    build: ArmBuild
    forearm: bool
    implants: list[ImplantPlan]
    breaks: list[Break]
    cast: bool
    staples: bool

    @property
    def bone(self) -> str:
        """The bone that breaks are of."""
        return "radius" if self.forearm else "humerus"

    @property
    def side(self) -> str:
        """The letter of the side: seen from the front, a left arm has the trunk on its left."""
        return "L" if self.build.mirrored else "R"

    @property
    def held_below(self) -> bool:
        """Whether implants are fixed to what is below a break of the same bone."""
        return any(
            plan.start_mm > place.at_mm for plan in self.implants if plan.bone == self.bone for place in self.breaks
        )

    @property
    def focus_mm(self) -> tuple[float, float]:
        """Between which v of the bone there is something to see; the shaft if there is nothing."""
        places = [v for plan in self.implants for v in (plan.start_mm, plan.end_mm)]
        places += [place.at_mm for place in self.breaks]
        return (min(places), max(places)) if places else (60.0, 200.0)


def draw_patient(seed: int, patient: int) -> Patient:
    """Draw a patient, numbered from 1; the kinds come as often as they shall in every twelve."""
    block, place = divmod(patient - 1, len(_DECK))
    # No other seed has four numbers.
    deck = np.random.default_rng([seed, block, 0, 1]).permutation(_DECK)
    kind = str(deck[place])
    rng = np.random.default_rng([seed, patient])
    build = draw_build(rng)
    forearm = bool(rng.random() < 0.1)
    implants, breaks = _draw_findings(rng, kind, build, forearm=forearm)
    cast = rng.random() < (0.35 if breaks else 0.07)
    return Patient(
        kind, build, forearm, implants, breaks, bool(cast), bool(rng.random() < (0.15 if implants else 0.04))
    )


def _draw_findings(
    rng: np.random.Generator, kind: str, build: ArmBuild, *, forearm: bool
) -> tuple[list[ImplantPlan], list[Break]]:
    while True:
        implants = plan_implants(rng, build, forearm=forearm) if kind in (IMPLANT, BOTH) else []
        breaks = _draw_breaks(rng, build, implants, forearm=forearm) if kind in (FRACTURE, BOTH) else []
        # A long implant leaves no room for a break.
        if breaks or kind in (NONE, IMPLANT):
            return implants, breaks


def _draw_breaks(
    rng: np.random.Generator, build: ArmBuild, implants: list[ImplantPlan], *, forearm: bool
) -> list[Break]:
    """One break, seldom two, away from implants."""
    low, high = (50 * build.size, 190 * build.size) if forearm else (62 * build.size, 262 * build.size)
    profile = radius(build) if forearm else humerus(build, 0.0)
    count = 2 if not implants and rng.random() < 0.08 else 1
    taken = [(plan.start_mm - _ROOM_MM, plan.end_mm + _ROOM_MM) for plan in implants]
    places = np.linspace(low, high, 80)
    for start, end in taken:
        places = places[(places < start) | (places > end)]
    if not places.size:
        return []
    chosen = np.sort(rng.choice(places, count))
    if count == 2 and chosen[1] - chosen[0] < 70:
        chosen = chosen[:1]
    return [draw_break(rng, profile, float(v)) for v in chosen]
