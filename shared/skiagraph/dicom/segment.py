"""What the segments of a segmentation are called, and the series that they are put into."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import SegmentDescription
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

CORONARY_ARTERY = Code("41801008", "SCT", "Coronary artery")
BLOOD_VESSEL = Code("59820001", "SCT", "Blood vessel")
BONE = Code("272673000", "SCT", "Bone")


@dataclass(frozen=True)
class Segment:
    """One thing that a model marks (PS3.3 C.8.20.4, Segment Description Macro).

    Attributes:
        label: what a viewer shows, up to 64 characters.
        kind: the code of what is marked (CID 7151 and others), for instance `CORONARY_ARTERY`.
        algorithm_name, algorithm_version: the model that marked it.
        category: the code of the kind's kind (CID 7150).
        colour_lab: CIELab colour for display: L* 0 to 100, a* and b* -128 to 127.
        tracking: an identifier and a UID by which the same thing is known in other images.
    """

    label: str
    kind: Code
    algorithm_name: str
    algorithm_version: str
    category: Code = codes.SCT.AnatomicalStructure
    colour_lab: tuple[float, float, float] | None = None
    tracking: tuple[str, str] | None = None

    def describe(self, number: int) -> SegmentDescription:
        """The segment as an item of the Segment Sequence.

        Raises:
            ValueError: an entry is not what DICOM allows.
        """
        algorithm = AlgorithmIdentificationSequence(
            name=self.algorithm_name, family=codes.DCM.ArtificialIntelligence, version=self.algorithm_version
        )
        tracking_id, tracking_uid = self.tracking or (None, None)
        return SegmentDescription(
            segment_number=number,
            segment_label=self.label,
            segmented_property_category=self.category,
            segmented_property_type=self.kind,
            algorithm_type="AUTOMATIC",
            algorithm_identification=algorithm,
            tracking_id=tracking_id,
            tracking_uid=tracking_uid,
            display_color=None if self.colour_lab is None else CIELabColor(*self.colour_lab),
        )


@dataclass(frozen=True)
class SegmentationSeries:
    """Series and instance of a segmentation; give all of it to get the same bytes again.

    Attributes:
        series_uid, instance_uid: new ones unless given.
        made_at: date and time of the content, by default now.
        series_number, instance_number: as viewers sort them.
        description: of the series, up to 64 characters.
    """

    series_uid: str = field(default_factory=lambda: str(generate_uid()))
    instance_uid: str = field(default_factory=lambda: str(generate_uid()))
    made_at: datetime = field(default_factory=datetime.now)
    series_number: int = 1000
    instance_number: int = 1
    description: str = "Segmentation"
