"""What a user may ask of the de-identification beyond the basic profile (PS3.15 E.3)."""

from __future__ import annotations

from dataclasses import dataclass, fields

# PS3.16 CID 7050: code value and meaning of the profile and of each option.
_PROFILE = ("113100", "Basic Application Confidentiality Profile")
_STRUCTURED = ("113104", "Clean Structured Content Option")
_CODES = {
    "clean_pixels": ("113101", "Clean Pixel Data Option"),
    "clean_graphics": ("113103", "Clean Graphics Option"),
    "clean_descriptors": ("113105", "Clean Descriptors Option"),
    "modified_dates": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "retain_patient_characteristics": ("113108", "Retain Patient Characteristics Option"),
    "retain_device": ("113109", "Retain Device Identity Option"),
    "retain_uids": ("113110", "Retain UIDs Option"),
    "retain_safe_private": ("113111", "Retain Safe Private Option"),
    "retain_institution": ("113112", "Retain Institution Identity Option"),
}
# Columns of the profile's table.
_COLUMNS = {
    "clean_graphics": "graphics",
    "clean_descriptors": "descriptors",
    "retain_patient_characteristics": "patient_characteristics",
    "retain_device": "device",
    "retain_uids": "uids",
    "retain_institution": "institution",
    # Last: where a date may be retained or modified, it is modified.
    "modified_dates": "modified_dates",
}


@dataclass(frozen=True)
class Options:
    """Options of PS3.15 E.3; with none, the Basic Application Level Confidentiality Profile alone.

    Attributes:
        clean_pixels: text in the pixels is removed (by the pixel cleaner that is given to the engine).
        clean_graphics: texts of graphic annotations are cleaned and not replaced. Bitmaps of overlays and curves are
            removed all the same, for a text may be drawn in them.
        clean_descriptors: descriptions and comments are cleaned and not removed.
        modified_dates: dates are shifted by a number of days for each patient and not removed; times stay.
        retain_patient_characteristics: sex, age, size, weight, and what is like them.
        retain_device: station, serial numbers, detectors, calibrations.
        retain_institution: name, address, department.
        retain_uids: UIDs stay; names of files are pseudonyms all the same.
        retain_safe_private: private attributes of PS3.15 Table E.3.10-1 stay.
    """

    clean_pixels: bool = False
    clean_graphics: bool = False
    clean_descriptors: bool = False
    modified_dates: bool = False
    retain_patient_characteristics: bool = False
    retain_device: bool = False
    retain_institution: bool = False
    retain_uids: bool = False
    retain_safe_private: bool = False

    @property
    def columns(self) -> list[str]:
        """Columns of the profile's table that count, the strongest last."""
        return [column for option, column in _COLUMNS.items() if getattr(self, option)]

    def codes(self, *, structured: bool) -> list[tuple[str, str]]:
        """Code value and meaning (CID 7050, DCM) of the profile and the options used.

        Args:
            structured: of a structured report, whose content is always cleaned and never removed.
        """
        chosen = [_CODES[field.name] for field in fields(self) if getattr(self, field.name)]
        return [_PROFILE, *sorted([*chosen, _STRUCTURED] if structured else chosen)]
