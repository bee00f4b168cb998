"""Values of a C-arm's header: what is told, what is not, and what cannot be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from pydicom.datadict import dictionary_description, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from .c_arm_record import FieldOfView, Motion

WHOLE_TURN_DEG = (-180.0, 180.0)
HALF_TURN_DEG = (-90.0, 90.0)
QUARTER_TURNS_DEG = (0, 90, 180, 270)
# Makers round what they write: 976 / 720 as 1.36.
_MAGNIFICATION_TOLERANCE = 0.01


def title(keyword: str) -> str:
    """The standard's name of an attribute."""
    tag = tag_for_keyword(keyword)
    return dictionary_description(tag) if tag is not None else keyword


@dataclass(frozen=True)
class Values:
    """The values of a header or of one item of it.

    Attributes:
        item: where they stand.
        notes: gets a line for each value that cannot be.
    """

    item: Dataset
    notes: list[str] = field(default_factory=list)

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """All values; none where they are missing, empty, or not finite numbers."""
        try:
            value = self.item.get(keyword)
            listed = list(value) if isinstance(value, (MultiValue, list)) else [value]
            numbers = tuple(float(entry) for entry in listed if entry not in (None, ""))
        except Exception:  # noqa: BLE001 damaged values raise nearly anything
            return self.refuse(keyword, "is not a number")
        if not all(map(math.isfinite, numbers)):
            return self.refuse(keyword, "is not finite")
        return numbers

    def number(self, keyword: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        """The one value, within limits; None where it is missing or cannot be."""
        numbers = self.numbers(keyword)
        if len(numbers) > 1:
            self.refuse(keyword, f"has {len(numbers)} values, not one")
        elif numbers and not low <= numbers[0] <= high:
            self.refuse(keyword, f"is {numbers[0]:g}, not within {low:g} and {high:g}")
        elif numbers:
            return numbers[0]
        return None

    def positive(self, keyword: str, count: int) -> tuple[float, ...]:
        """So many values above 0; none where they are missing or cannot be."""
        numbers = self.numbers(keyword)
        if numbers and len(numbers) != count:
            return self.refuse(keyword, f"has {len(numbers)} values, not {count}")
        if any(number <= 0 for number in numbers):
            return self.refuse(keyword, "is not above 0")
        return numbers

    def above_zero(self, keyword: str) -> float | None:
        """The one value, above 0, such as a distance."""
        return next(iter(self.positive(keyword, 1)), None)

    def pair(self, keyword: str) -> tuple[float, float] | None:
        """Two values."""
        numbers = self.numbers(keyword)
        if numbers and len(numbers) != 2:
            self.refuse(keyword, f"has {len(numbers)} values, not 2")
        return (numbers[0], numbers[1]) if len(numbers) == 2 else None

    def spacing_mm(self, keyword: str) -> tuple[float, float] | None:
        """Spacing of rows and of columns."""
        numbers = self.positive(keyword, 2)
        return (numbers[0], numbers[1]) if numbers else None

    def word(self, keyword: str, allowed: Iterable[str]) -> str | None:
        """One of some words; None where it is missing or another."""
        value = self.text(keyword).upper()
        if value and value not in allowed:
            self.refuse(keyword, f"is {value}, which the standard does not know")
        return value if value in allowed else None

    def motion(self, keyword: str) -> Motion | None:
        """STATIC or DYNAMIC."""
        return cast("Motion | None", self.word(keyword, ("STATIC", "DYNAMIC")))

    def text(self, keyword: str) -> str:
        """The value as text, empty where it is missing."""
        try:
            value: Any = self.item.get(keyword)
            return "" if value is None else str(value).strip()
        except Exception:  # noqa: BLE001 damaged values raise nearly anything
            self.refuse(keyword, "cannot be read")
            return ""

    def refuse(self, keyword: str, problem: str) -> tuple[()]:
        """Note what is wrong with a value."""
        self.notes.append(f"{title(keyword)} {problem}")
        return ()


@dataclass(frozen=True, slots=True)
class Distances:
    """Distances along the beam, that agree with each other."""

    source_detector_mm: float | None = None
    source_patient_mm: float | None = None
    magnification: float | None = None


def read_distances(values: Values, to_patient: str) -> Distances:
    """SID, source to patient (or isocentre) and magnification.

    Where they contradict each other, nobody can tell which is wrong: none is known.
    """
    detector, patient = values.above_zero("DistanceSourceToDetector"), values.above_zero(to_patient)
    magnification = values.above_zero("EstimatedRadiographicMagnificationFactor")
    if magnification is not None and magnification < 1:
        values.refuse("EstimatedRadiographicMagnificationFactor", f"is {magnification:g}, less than 1")
        magnification = None
    if detector is None or patient is None:
        return Distances(detector, patient, magnification)
    if patient >= detector:
        problem = f"({patient:g} mm) is not shorter than {title('DistanceSourceToDetector')} ({detector:g} mm)"
    elif magnification is not None and abs(magnification * patient / detector - 1) > _MAGNIFICATION_TOLERANCE:
        problem = f"({patient:g} mm of {detector:g} mm) contradicts a magnification of {magnification:g}"
    else:
        return Distances(detector, patient, magnification)
    values.refuse(to_patient, problem)
    return Distances()


def read_field_of_view(values: Values, dimensions: str) -> FieldOfView:
    """The stored part of the detector; its dimensions stand under one name in XA, another in Enhanced XA."""
    shape = values.word("FieldOfViewShape", ("RECTANGLE", "ROUND", "HEXAGONAL"))
    sizes = values.positive(dimensions, 2 if shape == "RECTANGLE" else 1) if shape else ()
    extent_mm = (sizes[0], sizes[-1]) if sizes else None
    rotation_deg = values.number("FieldOfViewRotation")
    if rotation_deg not in (None, *QUARTER_TURNS_DEG):
        values.refuse("FieldOfViewRotation", f"is {rotation_deg:g}, not a quarter turn")
        rotation_deg = None
    flip = values.word("FieldOfViewHorizontalFlip", ("YES", "NO"))
    return FieldOfView(shape, extent_mm, rotation_deg, None if flip is None else flip == "YES")
