"""The DICOMDIR of a folder of outputs (PS3.3 F)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.fileset import FileSet
from pydicom.uid import UID

from ...folder_work import whole_file
from .keys import Key

_NAME = "DICOMDIR"
# Keys of directory records, PS3.3 F.5; these are of Type 1 there, but may be empty in the object.
_DUMMIES = {"StudyDate": "19000101", "StudyTime": "000000", "StudyID": "0", "SeriesNumber": "0", "InstanceNumber": "0"}


def write_directory(out: Path, outputs: Iterable[str], key: Key) -> Path:
    """Write the DICOMDIR of outputs that are named by File IDs, four folders deep.

    The records come from the de-identified headers, never from an old DICOMDIR; what a record needs and the object
    does not have is a dummy.

    Args:
        out: folder of the outputs.
        outputs: paths below it.
        key: for the UID of the file-set.

    Raises:
        ValueError: an object has no place in a DICOMDIR.
    """
    places: dict[str, str] = {}
    file_set = FileSet()
    outputs = list(outputs)
    file_set.UID = UID(key.uid("\n".join(["file-set", *sorted(outputs)])))
    for output in outputs:
        header = _header(out / output)
        header.PatientID = header.get("PatientID") or Path(output).parts[0]
        places[header.SOPInstanceUID] = output
        try:
            file_set.add(header)
        except (ValueError, KeyError, NotImplementedError, AttributeError) as error:
            raise ValueError(f"{_NAME} cannot be rebuilt: {output}: {error}") from error
    content = _directory(file_set, places)
    with whole_file(out / _NAME) as temporary:
        temporary.write_bytes(content)
    return out / _NAME


def _directory(file_set: FileSet, places: dict[str, str]) -> bytes:
    """Content of the DICOMDIR, with the places of objects by their UID in the place of those that pydicom chose."""
    with tempfile.TemporaryDirectory() as folder:
        file_set.write(folder)
        content = (Path(folder) / _NAME).read_bytes()
        for instance in FileSet(Path(folder) / _NAME):
            content = _placed(content, instance.FileID, places[instance.SOPInstanceUID])
    return content


def _header(path: Path) -> FileDataset:
    header = dcmread(path, stop_before_pixels=True)
    for keyword, dummy in _DUMMIES.items():
        if not header.get(keyword):
            setattr(header, keyword, dummy)
    return header


def _placed(content: bytes, old: str, new: str) -> bytes:
    """Put a File ID in the place of another of the same length, so that no offset changes."""
    old_bytes, new_bytes = (name.replace("/", "\\").encode("ascii") for name in (old, new))
    if len(old_bytes) != len(new_bytes) or content.count(old_bytes) != 1:
        raise ValueError(f"{_NAME} cannot be rebuilt: {new} has no record of four levels")
    return content.replace(old_bytes, new_bytes)
