"""Folders of DICOM files with planted identifiers, and a record of every one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom.fileset import FileSet
from pydicom.uid import UID

from ..folder_work import Report, whole_file, work_through, write_json
from .dicom_file import FILES_OF_A_PATIENT, DrawnFile, corpus_uid, draw_file, file_name
from .dicom_kinds import KINDS, Look
from .dicom_planting import Plant
from .version import claim_folder, drawing_sha256

_DRAWN_BY = ["dicom_corpus", "dicom_file", "dicom_kinds", "dicom_people", "dicom_planting"]
# Kinds of the first patient that lie on a medium with a DICOMDIR.
_ON_MEDIUM = ("cr", "xa", "us", "ct")


@dataclass(frozen=True)
class _Job:
    folder: Path
    seed: int
    number: int
    look: Look

    @cached_property
    def path(self) -> Path:
        return self.folder / "files" / file_name(self.seed, self.number)

    def __str__(self) -> str:
        return f"file {self.number}"


def write_dicom_corpus(
    out: str | Path,
    *,
    seed: int = 0,
    files: int = 90,
    look: Look | None = None,
    jobs: int = -1,
    cluster: str | None = None,
) -> Report:
    """Write `files/`, a folder as a hospital might export it, and `manifest.json`, which names what was planted.

    The manifest is a list of ``{"file", "path", "value", "kind"}``. Every file depends on (seed, number, look) alone,
    so a larger corpus contains the smaller one. Nine kinds of files take turns, nine files make a patient: flat CR
    with text in an overlay, enhanced CT nested deeply, cine XA as it is and encapsulated, US with a name burned in,
    SR, SEG, CT, secondary capture. If there are enough files, some of the first patient's lie on a medium with a
    DICOMDIR.

    Args:
        out: the folder to write.
        seed: of all that is random.
        files: number of DICOM files, a DICOMDIR not counted.
        look: of the images.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler that takes the place of the processes.

    Raises:
        ValueError: an argument is out of range, or the folder holds phantoms of another seed, size or version.
    """
    if files < 1:
        raise ValueError(f"there is nothing to write with {files} files; give 1 or more")
    folder, look = Path(out).absolute(), look or Look()
    settings = {"seed": seed, "files": files, **asdict(look), "drawing_sha256": drawing_sha256(_DRAWN_BY)}
    claim_folder(folder, settings, "seed, size or version")
    on_medium = _numbers_on_medium(files)
    todo = (_Job(folder, seed, number, look) for number in range(files) if number not in on_medium)
    report = work_through(_write, todo, jobs=jobs, cluster=cluster, description="phantoms")
    planted = [entry for outcome in report.outcomes if outcome.result for entry in outcome.result]
    if on_medium:
        planted += _write_medium(folder / "files" / "MEDIUM", seed, on_medium, look)
    write_json(folder / "manifest.json", planted)
    return report


def write_files_of_kind(folder: Path, kind: str, *, files: int, size_px: int, frames: int) -> None:
    """Write so many files of one of `dicom_kinds.KINDS`, each of another patient, as `folder`/<number>.dcm."""
    for number in range(files):
        drawn = draw_file(0, number * FILES_OF_A_PATIENT + KINDS.index(kind), Look(size_px, frames))
        _save(drawn, folder / f"{number}.dcm")


def _write(job: _Job) -> list[dict[str, str]]:
    drawn = draw_file(job.seed, job.number, job.look)
    _save(drawn, job.path)
    return list(_entries(drawn.plants, job.path.relative_to(job.folder / "files").as_posix()))


def _save(drawn: DrawnFile, path: Path) -> None:
    with whole_file(path) as temporary:
        drawn.dataset.save_as(temporary, enforce_file_format=True)


def _entries(plants: tuple[Plant, ...], name: str) -> Iterator[dict[str, str]]:
    for plant in plants:
        if plant.path != "file name" or plant.value in name:
            yield {"file": name, **asdict(plant)}


def _numbers_on_medium(files: int) -> list[int]:
    wanted = [number for number, kind in enumerate(KINDS) if kind in _ON_MEDIUM]
    return wanted if files >= 2 * FILES_OF_A_PATIENT else []


def _write_medium(folder: Path, seed: int, numbers: list[int], look: Look) -> list[dict[str, str]]:
    drawn = {number: draw_file(seed, number, look) for number in numbers}
    medium = FileSet()
    medium.UID, medium.ID = UID(corpus_uid(seed, 9, 9, 9)), "PHANTOM"
    with TemporaryDirectory() as folder_of_parts:
        for number, file in drawn.items():
            _save(file, part := Path(folder_of_parts) / f"{number}.dcm")
            medium.add(part)
        medium.write(folder)
    by_uid = {file.dataset.SOPInstanceUID: file for file in drawn.values()}
    name = folder.name
    entries = []
    for instance in FileSet(folder / "DICOMDIR"):
        place = Path(instance.path).relative_to(folder.parent).as_posix()
        entries += list(_entries(by_uid[instance.SOPInstanceUID].plants, place))
    first = drawn[numbers[0]].dataset
    for path, value, kind in (
        ("(0010,0010)", str(first.PatientName), "name"),
        ("(0010,0020)", first.PatientID, "number"),
    ):
        entries.append({"file": f"{name}/DICOMDIR", "path": f"(0004,1220)[1]/{path}", "value": value, "kind": kind})
    return entries
