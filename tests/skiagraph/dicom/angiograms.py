"""Writers of small angiograms with known geometry: X-Ray Angiographic Image and Enhanced XA Image, PS3.3 A.14 and A.47.

Each gives a valid data set; arguments replace values by their keyword, or remove them with None.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import EnhancedXAImageStorage, ExplicitVRLittleEndian, XRayAngiographicImageStorage, generate_uid

ROWS, COLUMNS = 12, 16


def item(**tags: Any) -> Dataset:
    return change(Dataset(), **tags)


def change(header: Dataset, **tags: Any) -> Dataset:
    """Replace values, or remove those that become None."""
    for name, value in tags.items():
        if value is not None:
            setattr(header, name, value)
        else:
            header.pop(name, None)
    return header


def one(**tags: Any) -> Items:
    """A sequence of one item."""
    return Items([item(**tags)])


def code(value: str, scheme: str, meaning: str) -> Items:
    return one(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def write(path: Path, header: Dataset) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)
    return path


def classic_xa(frames: int = 4, **tags: Any) -> Dataset:
    """LAO 30, cranial 20, SID 1000 mm, isocentre at 750 mm, 66 ms a frame."""
    cine = (
        {"NumberOfFrames": frames, "FrameIncrementPointer": 0x00181063, "FrameTime": "66"}
        if frames > 1
        else {"NumberOfFrames": None}
    )
    geometry = {
        "DistanceSourceToDetector": "1000",
        "DistanceSourceToPatient": "750",
        "EstimatedRadiographicMagnificationFactor": "1.3333",
        "PositionerMotion": "STATIC",
        "PositionerPrimaryAngle": "30",
        "PositionerSecondaryAngle": "20",
        "ImagerPixelSpacing": ["0.2", "0.2"],
        "FieldOfViewShape": "RECTANGLE",
        "FieldOfViewDimensions": ["2", "3"],
        "TableMotion": "STATIC",
        "TableAngle": "0",
    }
    exposure = {"KVP": "80", "RadiationSetting": "GR", "XRayTubeCurrent": 500, "ExposureTime": 8, "Exposure": 4}
    header = _image(XRayAngiographicImageStorage, frames, bits=8)
    header.ImageType = ["ORIGINAL", "PRIMARY", "SINGLE PLANE"]
    header.PixelIntensityRelationship = "LIN"
    return change(
        header, **{"Laterality": "", "PatientOrientation": ["L", "F"], **exposure, **cine, **geometry, **tags}
    )


def enhanced_xa(per_frame: Sequence[dict[str, Any]], shared: dict[str, Any] | None = None, **tags: Any) -> Dataset:
    """SID 1200 mm, isocentre at 800 mm, an isocentre that is seen at (7.5, 5.5), 40 ms a frame.

    Args:
        per_frame: functional groups of each frame, by the keyword of their sequence, beside its Frame Content.
        shared: functional groups of all frames, that replace the usual ones or, as None, remove them.
        tags: of the data set itself.
    """
    header = _image(EnhancedXAImageStorage, len(per_frame), bits=16)
    header.ImageType = ["ORIGINAL", "PRIMARY", "MONOPLANE", "NONE"]
    _set_acquisition(header, len(per_frame))
    detector = {
        "DetectorType": "DIRECT",
        "PhysicalDetectorSize": [20.0, 20.0],
        "DetectorElementSpacing": ["0.2", "0.2"],
        "DetectorElementPhysicalSize": ["0.2", "0.2"],
        "DetectorBinning": ["1", "1"],
        "PositionOfIsocenterProjection": [45.5, 47.5],
    }
    apart = {keyword for groups in per_frame for keyword in groups}
    groups = {keyword: group for keyword, group in _shared_groups().items() if keyword not in apart} | (shared or {})
    header.SharedFunctionalGroupsSequence = Items([change(Dataset(), **groups)])
    header.PerFrameFunctionalGroupsSequence = Items(
        [item(**{"FrameContentSequence": frame_content(k)} | groups) for k, groups in enumerate(per_frame)]
    )
    return change(header, **{**detector, **tags})


def frame_content(index: int) -> Items:
    """Frame Content of a frame, 40 ms after the one before it."""
    moment = f"{datetime(2024, 2, 29, 23, 59, 59) + timedelta(milliseconds=40 * index):%Y%m%d%H%M%S.%f}"
    return one(
        FrameAcquisitionDateTime=moment,
        FrameReferenceDateTime=moment,
        FrameAcquisitionDuration=8.0,
        FrameAcquisitionNumber=1,
        StackID="1",
        InStackPositionNumber=index + 1,
        DimensionIndexValues=[index + 1],
    )


def positioner(primary: float, secondary: float) -> Items:
    return one(PositionerPrimaryAngle=str(primary), PositionerSecondaryAngle=str(secondary))


def isocentre_system(primary: float, secondary: float, rotation: float = 0.0, **tags: Any) -> Items:
    angles = {
        "PositionerIsocenterPrimaryAngle": primary,
        "PositionerIsocenterSecondaryAngle": secondary,
        "PositionerIsocenterDetectorRotationAngle": rotation,
    }
    table = {
        "TableXPositionToIsocenter": 1.0,
        "TableYPositionToIsocenter": 200.0,
        "TableZPositionToIsocenter": -30.0,
        "TableHorizontalRotationAngle": 5.0,
        "TableHeadTiltAngle": 0.0,
        "TableCradleTiltAngle": 0.0,
    }
    return one(**{**angles, **table, **tags})


def table_position(vertical: float, longitudinal: float, lateral: float) -> Items:
    return one(
        TableTopVerticalPosition=str(vertical),
        TableTopLongitudinalPosition=str(longitudinal),
        TableTopLateralPosition=str(lateral),
        TableHorizontalRotationAngle=0.0,
        TableHeadTiltAngle=0.0,
        TableCradleTiltAngle=0.0,
    )


def geometry(source_detector: float, source_isocentre: float) -> Items:
    return one(DistanceSourceToDetector=str(source_detector), DistanceSourceToIsocenter=source_isocentre)


def stored_field(origin: Sequence[float] = (40.0, 40.0), rotation: int = 0, flip: str = "NO") -> Items:
    return one(
        FieldOfViewShape="RECTANGLE",
        FieldOfViewDimensionsInFloat=[ROWS * 0.2, COLUMNS * 0.2],
        FieldOfViewOrigin=[str(value) for value in origin],
        FieldOfViewRotation=str(rotation),
        FieldOfViewHorizontalFlip=flip,
    )


def frame_pixels(row_mm: float = 0.2, column_mm: float = 0.2) -> Items:
    return one(
        FrameType=["ORIGINAL", "PRIMARY", "MONOPLANE", "NONE"],
        ImagerPixelSpacing=[str(row_mm), str(column_mm)],
        PixelIntensityRelationship="LIN",
        PixelIntensityRelationshipSign=1,
        GeometricalProperties="UNIFORM",
        ImageProcessingApplied="NONE",
    )


def _shared_groups() -> dict[str, Any]:
    region = code("80891009", "SCT", "Heart")
    return {
        "FrameAnatomySequence": one(FrameLaterality="U", AnatomicRegionSequence=region),
        "FrameVOILUTSequence": one(WindowCenter="128", WindowWidth="256"),
        "FramePixelDataPropertiesSequence": frame_pixels(),
        "FieldOfViewSequence": stored_field(),
        "XRayGeometrySequence": geometry(1200, 800),
        "PositionerPositionSequence": positioner(30, 20),
        "TablePositionSequence": table_position(-5, 0, 0),
        "IrradiationEventIdentificationSequence": one(IrradiationEventUID="1.2.3.4"),
        "PatientOrientationInFrameSequence": one(PatientOrientation=["L", "F"]),
        "FrameDetectorParametersSequence": one(DetectorActiveTime="8"),
        "CollimatorShapeSequence": one(
            CollimatorShape="RECTANGULAR",
            CollimatorLeftVerticalEdge="1",
            CollimatorRightVerticalEdge=str(COLUMNS),
            CollimatorUpperHorizontalEdge="1",
            CollimatorLowerHorizontalEdge=str(ROWS),
        ),
        "ProjectionPixelCalibrationSequence": one(
            DistanceObjectToTableTop=100.0,
            ObjectPixelSpacingInCenterOfBeam=[0.13, 0.13],
            TableHeight="900",
            BeamAngle=10.0,
        ),
    }


def _set_acquisition(header: Dataset, frames: int) -> None:
    organization = generate_uid(entropy_srcs=["dimensions"])
    change(
        header,
        AcquisitionDateTime="20240229235959.000000",
        AcquisitionNumber=1,
        ContentQualification="RESEARCH",
        BurnedInAnnotation="NO",
        LossyImageCompression="00",
        PresentationLUTShape="IDENTITY",
        KVP="80",
        ExposureInmAs=4.0 * frames,
        AcquisitionDuration=40.0 * frames,
        DistanceReceptorPlaneToDetectorHousing=[],
        RadiationSetting="GR",
        RadiationMode="PULSED",
        AveragePulseWidth="8",
        XRayReceptorType="DIGITAL_DETECTOR",
        PositionerType="CARM",
        CArmPositionerTabletopRelationship="YES",
        AcquiredImageAreaDoseProduct=1.0,
        FocalSpots="0.6",
        AnodeTargetMaterial="TUNGSTEN",
        RectificationType="CONST POTENTIAL",
        PlanesInAcquisition="MONOPLANE",
        PlaneIdentification="MONOPLANE",
        PatientOrientationCodeSequence=one(
            CodeValue="102538003",
            CodingSchemeDesignator="SCT",
            CodeMeaning="recumbent",
            PatientOrientationModifierCodeSequence=code("40199007", "SCT", "supine"),
        ),
        PatientGantryRelationshipCodeSequence=code("102540008", "SCT", "headfirst"),
        DimensionOrganizationSequence=one(DimensionOrganizationUID=organization),
        DimensionIndexSequence=one(
            DimensionOrganizationUID=organization,
            DimensionIndexPointer=0x00209057,
            FunctionalGroupPointer=0x00209111,
        ),
        AcquisitionContextSequence=Items([]),
        AcquisitionProtocolName="test",
        PositionReferenceIndicator="",
        SynchronizationFrameOfReferenceUID=generate_uid(entropy_srcs=["clock"]),
        SynchronizationTrigger="NO TRIGGER",
        AcquisitionTimeSynchronized="N",
        FrameOfReferenceUID=generate_uid(entropy_srcs=["frame of reference"]),
    )


def _image(sop_class: str, frames: int, bits: int) -> Dataset:
    """What every image has, with pixels that count up."""
    header = item(
        SOPClassUID=sop_class,
        SOPInstanceUID=generate_uid(),
        StudyInstanceUID=generate_uid(),
        SeriesInstanceUID=generate_uid(),
        StudyDate="20240229",
        StudyTime="235900",
        ContentDate="20240229",
        ContentTime="235959",
        AccessionNumber="",
        Modality="XA",
        Manufacturer="Skiagraph",
        ManufacturerModelName="writer of test files",
        DeviceSerialNumber="1",
        SoftwareVersions="1",
        ReferringPhysicianName="",
        PatientName="Phantom^Xa",
        PatientID="1",
        PatientBirthDate="",
        PatientSex="",
        StudyID="1",
        SeriesNumber=1,
        InstanceNumber=1,
        NumberOfFrames=frames,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=ROWS,
        Columns=COLUMNS,
        BitsAllocated=bits,
        BitsStored=bits,
        HighBit=bits - 1,
        PixelRepresentation=0,
    )
    pixels = np.arange(frames * ROWS * COLUMNS) % 2**bits
    header.PixelData = pixels.astype(f"<u{bits // 8}").tobytes()
    header["PixelData"].VR = "OB" if bits == 8 else "OW"
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return header
