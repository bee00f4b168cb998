"""Data sets with planted identifiers, written by pydicom."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from skiagraph.dicom.deidentify import FolderReport, Key, Options, Settings, deidentify_folder

SECRET = b"a key for tests, which is no secret at all: 0123456789"


def radiograph(name: str = "Doe^John^A", patient: str = "ID4711X", study: str = "1.2.3.4.5.6.77.1") -> FileDataset:
    """A flat radiograph of a patient; every call is another object."""
    uid = generate_uid(prefix="1.2.826.0.1.3680043.9.")
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = uid, ExplicitVRLittleEndian
    meta.SourceApplicationEntityTitle = "HOSPITAL_AE"
    meta.PrivateInformationCreatorUID, meta.PrivateInformation = "1.2.3.99", b"John Doe"
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"#!/bin/sh".ljust(128, b"\0"))
    dataset.SOPClassUID, dataset.SOPInstanceUID = ComputedRadiographyImageStorage, uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, f"{study}.1"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = name, patient, "19700102"
    dataset.StudyDate, dataset.SeriesDate, dataset.StudyTime = "20200304", "20200305", "101112.5"
    dataset.AcquisitionDateTime = "20200305101112.250000+0100"
    dataset.AccessionNumber, dataset.StudyID = "ACC99887", "S5566"
    dataset.InstitutionName, dataset.StationName = "St. Mary's Hospital", "STATION7"
    dataset.ReferringPhysicianName, dataset.OperatorsName = "Housegood^Gregoria", "Opera^Tora"
    dataset.StudyDescription, dataset.Modality = "Chest of Mr. Doe", "CR"
    dataset.PatientSex, dataset.PatientSize, dataset.DeviceSerialNumber = "M", "1.8", "SN-8899"
    dataset.Manufacturer, dataset.BodyPartExamined, dataset.InstanceNumber = "Acme", "CHEST", "1"
    dataset.SeriesNumber = "1"
    dataset.Rows = dataset.Columns = 4
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation, dataset.PixelData = 15, 0, bytes(range(32))
    return dataset


def write(folder: Path, **datasets: FileDataset) -> Path:
    """Write data sets under their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, dataset in datasets.items():
        dataset.save_as(folder / f"{name}.dcm", enforce_file_format=True)
    return folder


def settings(root: Path, options: Options | None = None, secret: bytes = SECRET) -> Settings:
    """Settings for a folder, with the outputs beside it."""
    return Settings(root, root.with_name(f"{root.name}_out"), Key(secret), options or Options())


def deidentify(root: Path, options: Options | None = None) -> tuple[FolderReport, Path]:
    """De-identify a folder in this process; the report, and the folder of the outputs."""
    chosen = settings(root, options)
    return deidentify_folder(chosen, jobs=1), chosen.out


def outputs(folder: Path) -> list[Path]:
    """Files of the outputs."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def nested(dataset: Dataset, element: Dataset, depth: int) -> None:
    """Put items into items, as deep as wanted, with the element's data set innermost."""
    for _ in range(depth):
        outer = Dataset()
        outer.ReferencedSeriesSequence = [element]
        element = outer
    dataset.update(element)
