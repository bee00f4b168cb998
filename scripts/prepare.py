"""Write data lists: `python -m scripts.prepare LAYOUT ROOT --out LIST`; a layout is aasce, ultrabones or sweep."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from skiagraph.data import split_by_position, write_data_list
from skiagraph.data.layouts.aasce import read_aasce, split_aasce
from skiagraph.data.layouts.findings import Finding
from skiagraph.data.layouts.sweep_items import read_sweep_items
from skiagraph.data.layouts.ultrabones import read_ultrabones, split_ultrabones

from ._face import run


def ultrabones(
    root: str,
    out: str,
    by: Literal["specimen", "donor"] = "specimen",
    leave_out: int | None = None,
    strict: bool = False,
    jobs: int = -1,
    cluster: str | None = None,
) -> None:
    """Write the data list of a folder in the layout of UltraBones100k; every image and label is opened once.

    Args:
        root: folder that holds the specimens.
        out: data list (JSON) to write.
        by: specimen (the published split) or donor (both legs of a donor in one part).
        leave_out: test on this specimen instead of the published 2, 7 and 8.
        strict: end with an error if a file had to be left out; the list is written all the same.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler, such as tcp://scheduler:8786.
    """
    split_ultrabones([], by)  # a wrong word is told before the files are opened
    items, findings = read_ultrabones(str(root), jobs=jobs, cluster=cluster)
    _print_findings(root, findings, items)
    parts = split_ultrabones(items, by, leave_out)
    left_out = _left_out(findings)
    tested = "2, 7 and 8" if leave_out is None else f"{leave_out}"
    write_data_list(
        out,
        parts,
        name=f"UltraBones100k by {by}",
        description=f"Tested on specimens {tested}{' and other legs of their donors' * (by == 'donor')}.",
        facts={"specimens": {part: _groups(parts[part]) for part in parts}, "left_out": len(left_out)},
    )
    _print_counts(out, parts)
    _insist(root, left_out, strict)


def aasce(
    root: str,
    out: str,
    strict: bool = False,
    jobs: int = -1,
    cluster: str | None = None,
) -> None:
    """Write the data list of a folder in the layout of AASCE; every image is opened, the order of its corners checked.

    Patients stay together. Labels that begin with the wrong vertebra are mended and train only; what is wrong in any
    other way is in no part, and named in the list.

    Args:
        root: folder that holds data and labels.
        out: data list (JSON) to write.
        strict: end with an error if an image had to be left out; the list is written all the same.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler, such as tcp://scheduler:8786.
    """
    items, findings = read_aasce(str(root), jobs=jobs, cluster=cluster)
    _print_findings(root, findings, items)
    parts = split_aasce(items)
    left_out = _left_out(findings)
    used = {item["image"] for part in parts.values() for item in part}
    unused = sorted(item["image"] for item in items if item["image"] not in used)
    for image in unused:
        print(f"{image}: in no part, for other images of its patient are measured on")
    write_data_list(
        out,
        parts,
        name="AASCE by patient",
        description="Split by the group of an image (the patient), by the hash of its name: 23 % of the images test, "
        "12 % validate; where the published test part is there, it is the test.",
        facts={"left_out": {finding.file: finding.message for finding in left_out}, "in_no_part": unused},
    )
    _print_counts(out, parts)
    _insist(root, left_out, strict)


def sweep(root: str, out: str, bone: str = "fibula") -> None:
    """Write the data list of one tracked sweep: a stretch of the bone is tested, and another one validates.

    Its paths are UltrasoundImages/<t>.png and Labels/<t>_label.png: the dataset_dir is the sweep's folder if
    the labels are written there, or else a folder with Labels and a link to the sweep's UltrasoundImages.

    Args:
        root: folder of the sweep, with UltrasoundImages, tracking.csv and CT_models.
        out: data list (JSON) to write.
        bone: which bone the CT models show; the labels show no other.
    """
    parts = split_by_position(read_sweep_items(str(root), bone))
    write_data_list(
        out,
        parts,
        name=f"sweep of a {bone}",
        description="One tracked sweep, split by where along the z axis of the CT the frames show the bone: "
        "the fifth between the quantiles 0.4 and 0.6 is tested, the tenth above 0.9 validates, and what is "
        "within 10 mm of them is in no part.",
    )
    _print_counts(out, parts)


def _print_findings(root: str, findings: Sequence[Finding], items: Sequence[Mapping[str, Any]]) -> None:
    for finding in findings:
        print(finding)
    if not items:
        raise ValueError(f"{root}: no usable image; see the lines above")


def _left_out(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.left_out]


def _insist(root: str, left_out: Sequence[Finding], strict: bool) -> None:
    if strict and left_out:
        raise ValueError(f"{root}: {len(left_out)} left out, see the lines above; mend them or omit --strict")


def _groups(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted({str(item["group"]) for item in items}, key=int)


def _print_counts(out: str, parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    print(f"{out}: " + ", ".join(f"{len(items)} {part}" for part, items in parts.items()))
    if empty := [part for part, items in parts.items() if not items]:
        print(f"{out}: nothing for {' and '.join(empty)}; a run on that part will be refused", file=sys.stderr)


if __name__ == "__main__":
    run({"aasce": aasce, "ultrabones": ultrabones, "sweep": sweep})
