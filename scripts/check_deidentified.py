"""Look for what a de-identifier left: `python -m scripts.check_deidentified IN OUT [--report R.csv]`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from skiagraph.dicom.check import KINDS, CheckReport, CheckSettings, Finding, check_folders

from ._face import run

_SHOWN = 100


def check_deidentified(
    original: str,
    output: str,
    report: str | None = None,
    show: bool = False,
    pixels: Literal["none", "sample", "all"] = "none",
    work: str | None = None,
    jobs: int = -1,
    cluster: str | None = None,
) -> None:
    """Report what can still be found of the originals in what a de-identifier made of them; exit code 1 if anything.

    Looks for names, numbers, texts, dates and UIDs of the originals in all elements, bytes and file names of the
    output, for rows of PS3.15 Table E.1-1 that are not honoured, and for files that no longer fit together.

    Args:
        original: folder before de-identification.
        output: folder after it.
        report: CSV or JSON file to write, with all findings.
        show: tell values as they are; without it only their first letter and length.
        pixels: read text in the pixels too, of all frames or of a sample of eight in each file (needs rapidocr).
        work: folder for what is kept on the way; with a cluster, one that all its workers see.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler, such as tcp://scheduler:8786.
    """
    settings = CheckSettings(
        pixels=pixels,
        show=show,
        report=Path(report) if report else None,
        work=Path(work) if work else None,
        jobs=jobs,
        cluster=cluster,
    )
    found = check_folders(Path(original), Path(output), settings)
    _tell(found, show=show)
    if not found.clean:
        sys.exit(1)


def _tell(found: CheckReport, *, show: bool) -> None:
    for finding in found.findings[:_SHOWN]:
        print(_line(finding, show=show))
    if len(found.findings) > _SHOWN:
        print("... and more; --report FILE.csv has all")
    for kind, number in found.counts.items():
        print(f"{number} x {kind}: {KINDS[kind]}")
    for kind, number in found.notices.items():
        print(f"notice, {number} x {kind}: {KINDS[kind]}")
    word = "clean" if found.clean else f"{sum(found.counts.values())} leaks"
    print(f"{word}: {found.outputs} files against {found.originals} originals, {found.values} values looked for")


def _line(finding: Finding, *, show: bool) -> str:
    what = finding.what if show else finding.masked()
    parts = [finding.level, finding.kind, finding.file, finding.path, what, finding.origin, finding.note]
    return " | ".join(part for part in parts if part)


if __name__ == "__main__":
    run(check_deidentified)
