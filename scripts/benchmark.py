"""Measure a bundle, or DICOM: `python -m scripts.benchmark ultrasound|keypoints|detection|dicom [--out FILE]`."""

from __future__ import annotations

from pathlib import Path

from skiagraph.bundle.benchmark_detection import detection_notes, detection_rows, run_detection_benchmark
from skiagraph.bundle.benchmark_dicom import dicom_notes, dicom_rows, run_dicom_benchmark
from skiagraph.bundle.benchmark_keypoints import keypoint_notes, keypoint_rows, run_keypoint_benchmark
from skiagraph.bundle.benchmark_ultrasound import run_ultrasound_benchmark, ultrasound_notes, ultrasound_rows
from skiagraph.bundle.ultrasound_chain import UltrasoundBenchmark
from skiagraph.folder_work import write_json
from skiagraph.report import markdown_table

from ._face import run


def ultrasound(
    bundle_root: str = "bundles/ultrasound_bone_segmentation",
    dataset_dir: str = "phantoms/ultrasound",
    data_list: str | None = None,
    weights: str | None = None,
    published_weights: str | None = None,
    frames: int = 8,
    rounds: int = 7,
    out: str = "benchmark.json",
) -> None:
    """Compare the default network with the published one: time, size and F1, in one table and as JSON.

    Args:
        bundle_root: folder of the bundle.
        dataset_dir: folder of the images; `python -m scripts.phantoms ultrasound` writes the default one.
        data_list: data list (JSON); by default data_list.json in dataset_dir.
        weights: of the default network; by default those of the bundle.
        published_weights: of the published network; without them it has no F1.
        frames: of the test part that are timed.
        rounds: of timing; more where other programs run.
        out: JSON file to write.
    """
    report = run_ultrasound_benchmark(
        UltrasoundBenchmark(
            Path(bundle_root),
            Path(dataset_dir),
            None if data_list is None else Path(data_list),
            None if weights is None else Path(weights),
            None if published_weights is None else Path(published_weights),
            frames,
            rounds,
        )
    )
    write_json(out, report)
    print(markdown_table(ultrasound_rows(report)))
    print(ultrasound_notes(report))


def keypoints(
    bundle_root: str = "bundles/interactive_vertebra_keypoints",
    dataset_dir: str = "phantoms/spine",
    weights: str | None = None,
    rounds: int = 3,
    out: str = "benchmark.json",
) -> None:
    """Compare the default network with the published ones: time to the first answer and after clicks, and size.

    Args:
        bundle_root: folder of the bundle.
        dataset_dir: folder of images; `python -m scripts.phantoms spine` writes the default one.
        weights: of the default network; by default those of the bundle.
        rounds: of timing, some minutes each; more where other programs run.
        out: JSON file to write.
    """
    own = None if weights is None else Path(weights)
    report = run_keypoint_benchmark(Path(bundle_root), Path(dataset_dir), own, rounds)
    write_json(out, report)
    print(markdown_table(keypoint_rows(report)))
    print(keypoint_notes(report))


def detection(
    bundle_root: str = "bundles/bone_xray_detection",
    dataset_dir: str = "phantoms/limb",
    weights: str | None = None,
    rounds: int = 3,
    out: str = "benchmark.json",
) -> None:
    """Compare the default detector with Faster R-CNN at three sizes: time and size; and the loading of images.

    Args:
        bundle_root: folder of the bundle.
        dataset_dir: folder of images; `python -m scripts.phantoms limb` writes the default one.
        weights: of the default network; by default those of the bundle.
        rounds: of timing, a minute or two each; more where other programs run.
        out: JSON file to write.
    """
    own = None if weights is None else Path(weights)
    report = run_detection_benchmark(Path(bundle_root), Path(dataset_dir), own, rounds)
    write_json(out, report)
    print(markdown_table(detection_rows(report)))
    print(detection_notes(report))


def dicom(files: int = 20, frames: int = 100, rounds: int = 3, out: str = "benchmark.json") -> None:
    """Compare de-identification with dicognito, deid and dicom-anonymizer, if installed: speed, memory, what is left.

    Args:
        files: of each kind: flat CR, nested enhanced CT, cine XA.
        frames: of a cine of 512 x 512 pixels.
        rounds: of timing.
        out: JSON file to write.
    """
    report = run_dicom_benchmark(files, frames, rounds)
    write_json(out, report)
    print(markdown_table(dicom_rows(report)))
    print(dicom_notes(report))


if __name__ == "__main__":
    run({"detection": detection, "dicom": dicom, "keypoints": keypoints, "ultrasound": ultrasound})
