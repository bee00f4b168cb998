"""Tools that de-identify DICOM files, each with its defaults; others than the own one are not required."""

from __future__ import annotations

import resource
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pydicom

from ..dicom.deidentify import Key, Options, Settings, deidentify_folder

Tool = Callable[[Path, Path], None]
"""De-identifies the files of a folder into another one."""

OURS = "skiagraph"


def _skiagraph(root: Path, out: Path) -> None:
    settings = Settings(root, out, Key(b"of a benchmark, which is no secret"), Options(), keep_burned_in=True)
    failures = deidentify_folder(settings, jobs=1).failures
    if failures:
        raise ValueError(failures[0].message)


def _dicognito(root: Path, out: Path) -> None:
    from dicognito.anonymizer import Anonymizer

    anonymizer = Anonymizer()
    for path in sorted(root.iterdir()):
        dataset = pydicom.dcmread(path)
        anonymizer.anonymize(dataset)
        dataset.save_as(out / path.name)


def _deid(root: Path, out: Path) -> None:
    from deid.dicom import get_identifiers, replace_identifiers

    paths = [str(path) for path in sorted(root.iterdir())]
    identifiers = get_identifiers(paths)
    replace_identifiers(paths, ids=identifiers, save=True, output_folder=str(out), remove_private=True, overwrite=True)


def _dicom_anonymizer(root: Path, out: Path) -> None:
    from dicomanonymizer import anonymize_dicom_file

    for path in sorted(root.iterdir()):
        anonymize_dicom_file(str(path), str(out / path.name))


TOOLS: Mapping[str, tuple[str, Tool]] = {
    OURS: ("pydicom", _skiagraph),
    "dicognito": ("dicognito", _dicognito),
    "deid": ("deid", _deid),
    "dicom-anonymizer": ("dicomanonymizer", _dicom_anonymizer),
}


def peak_mb(name: str, root: Path) -> float:
    """Most memory that this process ever had, in MB, after a tool has worked through a folder."""
    with warnings.catch_warnings(), TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        (out := Path(folder, "out")).mkdir()
        TOOLS[name][1](root, out)
    return _peak_kb() / (1 << 10)


def _peak_kb() -> float:
    """Linux hands the peak of a process down to the one that it starts, but for the line of /proc."""
    status = Path("/proc/self/status")
    if status.is_file():
        return float(status.read_text().split("VmHWM:")[1].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 10 if sys.platform == "darwin" else 1)
