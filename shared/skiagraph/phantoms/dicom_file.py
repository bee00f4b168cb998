"""One DICOM file of a corpus, with identifiers in all places where they occur."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from .dicom_kinds import KINDS, Look, Reference, add_overlay, code, draw_dataset, sop_class_of
from .dicom_people import Person, draw_person
from .dicom_planting import Plant, Planter, padded, study_day

FILES_OF_A_PATIENT = len(KINDS)
_ROOT = "1.2.826.0.1.3680043.10.1522"
_FIRST_OF_SECOND_STUDY = 5
_SYNTAX = {"sr": DeflatedExplicitVRLittleEndian, "ct": ImplicitVRLittleEndian}


@dataclass(frozen=True)
class DrawnFile:
    """A file before it is written.

    Attributes:
        dataset: with preamble and file meta.
        plants: identifiers in it.
    """

    dataset: FileDataset
    plants: tuple[Plant, ...]


def corpus_uid(seed: int, *numbers: int) -> str:
    """A UID of the corpus."""
    return ".".join(map(str, (_ROOT, seed, *numbers)))


def file_name(seed: int, number: int) -> str:
    """Where a file lies: every other patient's folder has a name, a number, an accession number."""
    patient, place = divmod(number, FILES_OF_A_PATIENT)
    person, study = draw_person(seed, patient), int(place >= _FIRST_OF_SECOND_STUDY)
    if patient % 2:
        return f"P{patient:05d}/ST{study}/IM{place:03d}.dcm"
    family = person.name.split("^")[0].split("=")[0]
    return f"{family}_{person.patient_id}/{person.accession}_{study}/IM{place:03d}.dcm"


def draw_file(seed: int, number: int, look: Look) -> DrawnFile:
    """Draw a file; the same arguments give the same one.

    Args:
        seed: of the corpus.
        number: of the file, which tells its patient, study and kind.
        look: of its images.
    """
    patient, place = divmod(number, FILES_OF_A_PATIENT)
    person, kind = draw_person(seed, patient), KINDS[place]
    study = int(place >= _FIRST_OF_SECOND_STUDY)
    planter = Planter(person, np.random.default_rng([seed, number, 1]))
    # Every fourth patient has the images of the one before, as phantoms and test images do.
    pixels = np.random.default_rng([seed, number - FILES_OF_A_PATIENT * (patient % 4 == 3), 2])
    reference = _reference(seed, patient)
    burned = f"{person.physician.split('^')[0]} {person.patient_id}"
    dataset = draw_dataset(kind, look, pixels, reference, burned)
    dataset.SpecificCharacterSet = person.charset.split("\\") if "\\" in person.charset else person.charset
    dataset.InstanceNumber, dataset.SeriesNumber = str(place + 1), str(KINDS.index(kind) + 1)
    _add_patient(planter, dataset, seed, (patient, study, place))
    _add_kind(planter, dataset, kind, reference)
    planter.plant_texts(dataset, 4)
    planter.plant_nested(dataset, depth=1 + number % 3)
    planter.plant_private(dataset)
    name = file_name(seed, number)
    planter.plants += [
        Plant("file name", value, "number") for value in (person.patient_id, person.accession) if value in name
    ]
    return DrawnFile(_file_dataset(planter, dataset, number, _SYNTAX.get(kind)), tuple(planter.plants))


def _reference(seed: int, patient: int) -> Reference:
    study, series, instance = (corpus_uid(seed, patient, *numbers) for numbers in ((0,), (0, 1), (0, 1, 1)))
    return Reference(sop_class_of(KINDS[0]), instance, series, study)


def _add_patient(planter: Planter, dataset: Dataset, seed: int, place: tuple[int, int, int]) -> None:
    patient, study, instance = place
    person, day = planter.person, study_day(planter.person, study)
    uids = (
        (0x0020000D, corpus_uid(seed, patient, study)),
        (0x0020000E, corpus_uid(seed, patient, study, instance + 1)),
        (0x00080018, corpus_uid(seed, patient, study, instance + 1, 1)),
        (0x00200052, corpus_uid(seed, patient, study, 0, 7)),
    )
    for tag, uid in uids:
        planter.set(dataset, tag, "UI", uid, "uid")
    for tag in (0x00080020, 0x00080021, 0x00080023):
        planter.set(dataset, tag, "DA", f"{day:%Y%m%d}", "date")
    planter.set(dataset, 0x0008002A, "DT", f"{day:%Y%m%d}103015.25+0100", "date")
    for tag in (0x00080030, 0x00080031, 0x00080033):
        dataset.add_new(tag, "TM", "103015.25")
    _add_person(planter, dataset, person)
    dataset.StudyID = str(study + 1)
    dataset.PatientSex, dataset.PatientAge = "FMO"[patient % 3], f"0{40 + patient % 50}Y"


def _add_person(planter: Planter, dataset: Dataset, person: Person) -> None:
    planter.set(dataset, 0x00100010, "PN", person.name, "name")
    planter.set(dataset, 0x00100020, "LO", person.patient_id, "number")
    planter.set(dataset, 0x00100030, "DA", f"{person.birth:%Y%m%d}", "date")
    planter.set(dataset, 0x00101000, "LO", list(person.other_ids), "number")
    planter.set(dataset, 0x00101040, "LO", person.address, "text")
    planter.set(dataset, 0x00102154, "SH", person.phone, "phone")
    planter.set(dataset, 0x00080050, "SH", person.accession, "number")
    planter.set(dataset, 0x00080080, "LO", person.institution, "text")
    planter.set(dataset, 0x00080090, "PN", person.physician, "name")
    planter.set(dataset, 0x00081070, "PN", list(person.operators), "name")


def _add_kind(planter: Planter, dataset: Dataset, kind: str, reference: Reference) -> None:
    person = planter.person
    if kind == "cr":
        text = person.physician.split("^")[0]
        add_overlay(dataset, text)
        planter.plants.append(Plant("(6000,3000)", text, "name"))
        planter.set(dataset, 0x60000022, "LO", f"overlay of {person.patient_id}", "number")
    elif kind == "us":
        planter.plants.append(Plant("pixels", person.patient_id, "number"))
    elif kind == "enhanced":
        for number, group in enumerate(dataset.PerFrameFunctionalGroupsSequence, start=1):
            prefix = f"(5200,9230)[{number}]/(0020,9111)[1]/"
            content = group.FrameContentSequence[0]
            planter.set(content, 0x00209158, "LT", *planter.sentence(200), prefix)
            day = f"{study_day(person, 0):%Y%m%d}"
            planter.set(content, 0x00189074, "DT", f"{day}1030{number:02d}", "date", prefix)
    elif kind == "sr":
        _add_content(planter, dataset)
    elif kind == "sc":
        planter.set(dataset, 0x00082111, "ST", f"drawn from {reference.instance}", "uid")


def _add_content(planter: Planter, dataset: Dataset) -> None:
    prefix, parent = "", dataset
    for depth in range(3):
        name, text, inner = Dataset(), Dataset(), Dataset()
        parent.ContentSequence = Sequence([name, text, inner])
        for item, kind in ((name, "PNAME"), (text, "TEXT"), (inner, "CONTAINER")):
            item.RelationshipType, item.ValueType = "CONTAINS", kind
            item.ConceptNameCodeSequence = Sequence([code(f"12100{depth}", "DCM", "Finding")])
        planter.set(name, 0x0040A123, "PN", planter.person.physician, "name", f"{prefix}(0040,A730)[1]/")
        planter.set(text, 0x0040A160, "UT", *planter.sentence(1000), f"{prefix}(0040,A730)[2]/")
        inner.ContinuityOfContent = "SEPARATE"
        prefix, parent = f"{prefix}(0040,A730)[3]/", inner


def _file_dataset(planter: Planter, dataset: Dataset, number: int, syntax: UID | None) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(dataset.SOPClassUID)
    meta.TransferSyntaxUID = syntax or ExplicitVRLittleEndian
    planter.set(meta, 0x00020003, "UI", str(dataset.SOPInstanceUID), "uid")
    preamble = b"\0" * 128
    if number % 4 == 1:
        planter.set(meta, 0x00020016, "AE", planter.person.accession, "number")
        preamble = planter.person.patient_id.encode().ljust(128, b"\0")
        planter.plants.append(Plant("preamble", planter.person.patient_id, "number"))
    if number % 4 == 2:
        meta.PrivateInformationCreatorUID = UID(f"{_ROOT}.9999")
        planter.set(meta, 0x00020102, "OB", padded(planter.person.patient_id.encode()), "number")
        planter.set(dataset, 0xFFFCFFFC, "OB", padded(planter.person.patient_id.encode()), "number")
    file = FileDataset("", dataset, preamble=preamble, file_meta=meta)
    if KINDS[number % FILES_OF_A_PATIENT] == "xa_encapsulated":
        # Compressing gives an instance a new UID unless it is told not to.
        file.compress(RLELossless, generate_instance_uid=False)
    return file
