"""What tests of de-identification share: planted files to draw, and a cleaner too simple to be wrong."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from skiagraph.phantoms import CorpusLook, write_dicom_corpus
from skiagraph.phantoms.dicom_file import DrawnFile, draw_file

SMALL = CorpusLook(size_px=16, frames=3)
# What an image is, without a word about anybody.
STRUCTURE = """
SOPClassUID Modality InstanceNumber SeriesNumber ImagePositionPatient SamplesPerPixel
PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns BitsAllocated BitsStored HighBit
PixelRepresentation ValueType ContinuityOfContent CompletionFlag VerificationFlag ConceptNameCodeSequence
PixelData FloatPixelData RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor
BluePaletteColorLookupTableDescriptor
"""
Change = Callable[[Dataset, Dataset], None]


def planted_files() -> st.SearchStrategy[DrawnFile]:
    """Files with identifiers of all kinds in all places, and what was planted."""
    return st.builds(draw_file, st.integers(0, 10**6), st.integers(0, 10**4), st.just(SMALL))


def write_planted(folder: Path, files: int, seed: int = 0) -> tuple[Path, dict[str, list[dict[str, str]]]]:
    """Write a small corpus; the folder of its files and what was planted in each of them."""
    write_dicom_corpus(folder, seed=seed, files=files, look=SMALL, jobs=1)
    by_file: dict[str, list[dict[str, str]]] = defaultdict(list)
    for entry in json.loads((folder / "manifest.json").read_text()):
        by_file[entry["file"]].append(entry)
    return folder / "files", by_file


def other_uid(uid: str) -> str:
    """The same new UID for the same old one."""
    return f"2.25.{int(hashlib.sha256(b'key' + uid.encode()).hexdigest()[:24], 16)}"


def clean(source: Path, target: Path, change: Change = lambda before, after: None) -> None:
    """Write the structure of a file and nothing else, with new UIDs.

    Args:
        source: any DICOM file.
        target: file to write.
        change: is given the original and the cleaned data set, and spoils the latter.
    """
    before = pydicom.dcmread(source, force=True)
    after = Dataset()
    for keyword in STRUCTURE.split():
        if keyword in before:
            after[keyword] = before[keyword]
    after.SOPInstanceUID = other_uid(str(before.get("SOPInstanceUID", source)))
    after.StudyInstanceUID = other_uid(str(before.get("StudyInstanceUID", source)))
    after.SeriesInstanceUID = other_uid(str(before.get("SeriesInstanceUID", source)))
    after.PatientID = "S" + other_uid(str(before.get("PatientID", "")))[-10:] if before.get("PatientID") else ""
    after.PatientName, after.PatientBirthDate, after.PatientSex, after.AccessionNumber = "Subject", "", "", ""
    after.PatientIdentityRemoved = "YES"
    declare(after, ("113100", "Basic Application Confidentiality Profile"), ("113101", "Clean Pixel Data Option"))
    _save(before, after, target, change)


def declare(dataset: Dataset, *methods: tuple[str, str]) -> None:
    """Write codes into (0012,0064)."""
    items = []
    for value, meaning in methods:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
        items.append(item)
    dataset.DeidentificationMethodCodeSequence = Sequence(items)


def keep_plant(path: str) -> Change:
    """A change that puts one element of the original back where it was."""

    def change(before: Dataset, after: Dataset) -> None:
        *parents, leaf = path.split("/")
        for parent in parents:
            tag, number = re.fullmatch(r"(.+)\[(\d+)\]", parent).groups()  # type: ignore[union-attr] # the planter's form
            before = before[_tag(tag)][int(number) - 1]
            if _tag(tag) not in after:
                after.add_new(_tag(tag), "SQ", Sequence([Dataset() for _ in range(int(number))]))
            after = after[_tag(tag)][int(number) - 1]
        target = after.file_meta if leaf.startswith("(0002") else after
        source = before.file_meta if leaf.startswith("(0002") else before
        target[_tag(leaf)] = source[_tag(leaf)]
        if "SpecificCharacterSet" in before and not parents:
            after.SpecificCharacterSet = before.SpecificCharacterSet

    return change


def _tag(name: str) -> int:
    return int(name.strip("()").replace(",", ""), 16)


def _save(before: Any, after: Dataset, target: Path, change: Change) -> None:
    syntax = getattr(getattr(before, "file_meta", None), "TransferSyntaxUID", None) or ExplicitVRLittleEndian
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = after.get("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7")
    meta.MediaStorageSOPInstanceUID = after.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == DeflatedExplicitVRLittleEndian else syntax
    file = FileDataset("", after, preamble=b"\0" * 128, file_meta=meta)
    if "SpecificCharacterSet" in before:
        file.SpecificCharacterSet = before.SpecificCharacterSet
    change(before, file)
    target.parent.mkdir(parents=True, exist_ok=True)
    # As it is: pydicom would mend what a change has spoilt.
    file.save_as(target, enforce_file_format=False)
