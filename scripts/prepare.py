"""Write data lists: `python -m scripts.prepare LAYOUT ROOT --out LIST`; layouts are aasce, mura, sweep, ultrabones."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from skiagraph.data import split_by_position, write_data_list
from skiagraph.data.layouts.aasce import read_aasce, split_aasce
from skiagraph.data.layouts.findings import Finding
from skiagraph.data.layouts.mura import read_mura
from skiagraph.data.layouts.mura_files import MuraRequest
from skiagraph.data.layouts.mura_split import split_mura
from skiagraph.data.layouts.sweep_items import read_sweep_items
from skiagraph.data.layouts.ultrabones import read_ultrabones, split_ultrabones
from skiagraph.geometry.box_sizes import fit_anchors

from ._face import run

_SHOWN_OF_A_KIND = 5
# How many anchors a cell has in the RetinaNet overlay, and on which levels.
_ANCHORS, _ANCHOR_SCALES = 3, (1.0, 2.0, 4.0)


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
    unused = _unused(items, parts)
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


def mura(
    root: str,
    out: str,
    classes: str = "implant,fracture",
    passed_over: str = "",
    parts: str = "",
    number: int | None = None,
    only_positives: bool = False,
    unlabelled: Literal["refuse", "normal", "keep"] = "refuse",
    annotations: str | None = None,
    image_size: int = 384,
    strict: bool = False,
    jobs: int = -1,
    cluster: str | None = None,
) -> None:
    """Write the data list of radiographs with boxes, in the layout of MURA or in any folders; every image is opened.

    Boxes are in Pascal VOC files beside the images or apart, or in COCO files. Patients stay together, and images
    that are copies of each other, exactly or nearly.

    Args:
        root: folder that holds the images.
        out: data list (JSON) to write.
        classes: what the boxes are of, with commas between; a box of any other class leaves its image out.
        passed_over: further classes, whose boxes are left out and nothing else.
        parts: parts of the body as MURA names them, such as HUMERUS,FOREARM; all without it.
        number: how many images of each folder of patients at most.
        only_positives: only images with "positive" in their path, in MURA those of abnormal studies.
        unlabelled: images without a label are left out (refuse), or kept without boxes if MURA calls their study
            negative (normal), or kept without boxes in any case (keep).
        annotations: folder of labels, or a COCO file; ROOT/annotations without it, if it is there.
        image_size: longer side of the images in the network, for which sizes of anchors are fitted to the boxes.
        strict: end with an error if an image had to be left out; the list is written all the same.
        jobs: processes, -1 for all cores.
        cluster: address of a Dask scheduler, such as tcp://scheduler:8786.
    """
    request = MuraRequest(
        classes=_words(classes),
        passed_over=_words(passed_over),
        parts=_words(parts),
        number=number,
        only_positives=only_positives,
        unlabelled=unlabelled,
        annotations=annotations,
    )
    items, findings = read_mura(str(root), request, jobs=jobs, cluster=cluster)
    _print_kinds(findings)
    _print_findings(root, (), items)
    dealt = split_mura(items)
    left_out = _left_out(findings)
    write_data_list(
        out,
        dealt,
        name="radiographs with boxes",
        description="Split by group, by the hash of its name: the patient, or images that are near duplicates or "
        "neighbours in the published sets. 22 % of the images of each class test, 12 % validate; where there are "
        "folders valid or test, they are the test.",
        facts={
            "classes": request.classes,
            "left_out": {finding.file: finding.message for finding in left_out},
            "in_no_part": _unused(items, dealt),
        },
    )
    _print_boxes(root, dealt, image_size)
    _print_counts(out, dealt)
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


def _print_kinds(findings: Sequence[Finding]) -> None:
    """A few of each sort, for a folder of many thousands may lack as many labels; the list names what is left out."""
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.kind] += 1
        if counts[finding.kind] <= _SHOWN_OF_A_KIND:
            print(finding)
    for kind, count in counts.items():
        print(f"{count} x {kind}")


def _print_boxes(root: str, parts: Mapping[str, Sequence[Mapping[str, Any]]], image_size: int) -> None:
    for part, items in parts.items():
        counts = Counter(name for item in items for name in item["classes"])
        told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"
        print(f"{part}: boxes: {told}; images without: {sum(not item['boxes'] for item in items)}")
    boxes = [box for item in parts["training"] for box in _boxes_in_network(root, item, image_size)]
    if boxes:
        # Training turns images by quarters of a circle.
        fit = fit_anchors(np.concatenate([boxes, np.array(boxes)[:, [1, 0, 3, 2]]]), _ANCHORS, _ANCHOR_SCALES)
        shapes = ", ".join(f"[{height:.0f}, {width:.0f}]" for width, height in fit.sizes)
        scales = ", ".join(f"{scale:g}" for scale in _ANCHOR_SCALES)
        print(f"anchor_shapes for configs/retinanet.json at image_size {image_size}: [{shapes}];")
        print(f"of a box and the best of these, times {scales}, the mean IoU is {fit.mean_best_iou:.2f}")


def _boxes_in_network(root: str, item: Mapping[str, Any], image_size: int) -> list[list[float]]:
    """The boxes of an image whose longer side becomes so many pixels."""
    if not item["boxes"]:
        return []
    with Image.open(Path(root) / item["image"]) as image:
        scale = image_size / max(image.size)
    return [[scale * value for value in box] for box in item["boxes"]]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _left_out(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.left_out]


def _unused(items: Sequence[Mapping[str, Any]], parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    used = {item["image"] for part in parts.values() for item in part}
    return sorted(item["image"] for item in items if item["image"] not in used)


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
    run({"aasce": aasce, "mura": mura, "ultrabones": ultrabones, "sweep": sweep})
