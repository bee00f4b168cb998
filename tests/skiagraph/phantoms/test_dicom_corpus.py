"""Planted corpora: what the manifest says stands in the files, and the seed decides all."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet

from skiagraph.phantoms import CorpusLook, write_dicom_corpus
from tests.skiagraph.dicom.planted import SMALL, DrawnFile, planted_files


def _value(dataset: Dataset, path: str) -> str:
    """What an element says, found by its path; bytes and items of an unknown sequence as Latin-1."""
    *parents, leaf = path.split("/")
    for parent in parents:
        tag, number = re.fullmatch(r"\((.{9})\)\[(\d+)\]", parent).groups()  # type: ignore[union-attr] # the planter's form
        element = dataset[int(tag.replace(",", ""), 16)]
        if element.VR == "UN":
            return element.value.decode("latin-1")
        dataset = element.value[int(number) - 1]
    meta = leaf.startswith("(0002")
    value = (dataset.file_meta if meta else dataset)[int(leaf[1:10].replace(",", ""), 16)].value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "\\".join(map(str, value)) if isinstance(value, list | pydicom.multival.MultiValue) else str(value)


def test_what_the_manifest_says_stands_in_the_files(tmp_path: Path) -> None:
    report = write_dicom_corpus(tmp_path, files=27, look=SMALL, jobs=1)
    assert report.failed == 0
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    files = {
        path.relative_to(tmp_path / "files").as_posix() for path in (tmp_path / "files").rglob("*") if path.is_file()
    }
    assert {entry["file"] for entry in manifest} == files
    assert len(files) == 28, "27 files and a DICOMDIR"
    assert {entry["kind"] for entry in manifest} == {"name", "number", "phone", "date", "uid", "text"}
    for entry in manifest:
        path = tmp_path / "files" / entry["file"]
        if entry["path"] == "file name":
            assert entry["value"] in entry["file"]
        elif entry["path"] == "preamble":
            assert path.read_bytes()[:128].rstrip(b"\0").decode() == entry["value"]
        elif entry["path"] not in ("pixels", "(6000,3000)") and not entry["file"].endswith("DICOMDIR"):
            said = _value(pydicom.dcmread(path), entry["path"])
            assert entry["value"] in said or not entry["value"].isascii(), entry


def test_the_seed_decides_all_and_more_files_change_none(tmp_path: Path) -> None:
    for folder, seed, files in (("a", 1, 20), ("b", 1, 20), ("c", 1, 24), ("d", 2, 20)):
        write_dicom_corpus(tmp_path / folder, seed=seed, files=files, look=SMALL, jobs=1)
    contents = {
        folder: {
            p.relative_to(tmp_path / folder).as_posix(): p.read_bytes()
            for p in (tmp_path / folder / "files").rglob("*.dcm")
        }
        for folder in "abcd"
    }
    assert contents["a"] == contents["b"]
    assert contents["a"].items() <= contents["c"].items()
    assert not contents["a"].items() & contents["d"].items()


def test_a_medium_has_a_dicomdir(tmp_path: Path) -> None:
    write_dicom_corpus(tmp_path, files=18, look=SMALL, jobs=1)
    instances = list(FileSet(tmp_path / "files" / "MEDIUM" / "DICOMDIR"))
    assert {instance.Modality for instance in instances} == {"CR", "XA", "US", "CT"}
    assert all(Path(instance.path).is_file() for instance in instances)


def test_references_lead_to_files_of_the_corpus(tmp_path: Path) -> None:
    write_dicom_corpus(tmp_path, files=27, look=CorpusLook(size_px=8, frames=2), jobs=1)
    datasets = [pydicom.dcmread(path) for path in (tmp_path / "files").rglob("IM*")]
    instances = {dataset.SOPInstanceUID for dataset in datasets}
    referred = {
        element.value
        for dataset in datasets
        for element in dataset.iterall()
        if element.keyword == "ReferencedSOPInstanceUID"
    }
    assert len(referred) == 3
    assert referred <= instances


@given(planted_files())
@settings(max_examples=15, deadline=None)
def test_every_file_has_identifiers_of_every_kind(drawn: DrawnFile) -> None:
    assert {plant.kind for plant in drawn.plants} >= {"name", "number", "phone", "date", "uid", "text"}
    assert any("/" in plant.path for plant in drawn.plants)
    assert any(int(plant.path[1:5], 16) % 2 for plant in drawn.plants if plant.path.startswith("("))


def test_a_number_of_files_that_makes_no_sense_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 files"):
        write_dicom_corpus(tmp_path, files=0)
