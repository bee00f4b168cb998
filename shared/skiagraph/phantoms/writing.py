"""What the writing of all phantoms has in common: a folder of one version, images in parallel, labels, a data list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..data.data_list import Item, write_data_list
from ..folder_work import Report, work_through
from .version import claim_folder, drawing_sha256

Job = TypeVar("Job")


@dataclass(frozen=True)
class PhantomSet(Generic[Job]):
    """What is particular about a set of phantoms; a job is one image to be written, and its text names it.

    Attributes:
        name: of the data list.
        description: of the data list, with {groups} for the number of patients and {seed}.
        drawn_by: modules of this room that the images depend on (see `drawing_sha256`).
        kind: what all images of a folder share, in words (see `claim_folder`).
        write: writes an image.
        is_written: whether that was done.
        write_labels: given all jobs, writes what stands in files of several images.
        read: reads the folder as one of the published layout is read.
        split: deals the items out to the parts of the data list.
    """

    name: str
    description: str
    drawn_by: Sequence[str]
    kind: str
    write: Callable[[Job], None]
    is_written: Callable[[Job], bool]
    read: Callable[..., tuple[list[Item], Any]]
    split: Callable[[list[Item]], Mapping[str, Sequence[Item]]]
    write_labels: Callable[[Sequence[Job]], None] | None = None


def write_phantoms(
    out: Path,
    phantoms: PhantomSet[Job],
    todo: Iterable[Job],
    settings: Mapping[str, Any],
    *,
    jobs: int = -1,
    cluster: str | None = None,
) -> Report:
    """Write the images that are not there, then the labels and `data_list.json` of all that are.

    Args:
        out: the folder to write, absolute, because workers of a cluster have folders of their own.
        phantoms: what is written.
        todo: the images; looked at when the settings were found to be in order.
        settings: all that every image depends on but the code, the seed among it.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler that takes the place of the processes.

    Raises:
        ValueError: the folder holds phantoms of other settings or of another version, or the seed is none.
    """
    drawing = drawing_sha256(phantoms.drawn_by)
    claim_folder(out, {**settings, "drawing_sha256": drawing}, phantoms.kind)
    work = list(todo)
    report = work_through(
        phantoms.write,
        work,
        done=phantoms.is_written,
        name=str,
        jobs=jobs,
        cluster=cluster,
        description="phantoms",
    )
    if report.done + report.skipped == 0:
        return report
    if phantoms.write_labels is not None:
        phantoms.write_labels(work)
    items, _ = phantoms.read(out, jobs=jobs, cluster=cluster)
    groups = len({item["group"] for item in items})
    write_data_list(
        out / "data_list.json",
        phantoms.split(items),
        name=phantoms.name,
        description=phantoms.description.format(groups=groups, seed=settings["seed"]),
        facts={"drawing_sha256": drawing},
    )
    return report
