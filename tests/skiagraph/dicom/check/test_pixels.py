"""Pixels: equal however they are encoded, cleaned in boxes, and text in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from skiagraph.dicom.check import CheckReport, CheckSettings, check_folders
from tests.skiagraph.dicom.planted import Change, clean, declare, write_planted


def spoil(change: Change, keep_method: bool = True) -> Change:
    def both(before: Dataset, after: Dataset) -> None:
        if not keep_method:
            declare(after, ("113100", "Basic Application Confidentiality Profile"))
        change(before, after)

    return both


def run(tmp_path: Path, change: Change, pixels: str = "none") -> CheckReport:
    before, by_file = write_planted(tmp_path / "before", 9)
    for number, name in enumerate(sorted(by_file)):
        clean(before / name, tmp_path / "after" / f"{number}.dcm", change)
    return check_folders(before, tmp_path / "after", CheckSettings(jobs=1, pixels=pixels))  # type: ignore[arg-type] # given as text


def re_encode(before: Dataset, after: Dataset) -> None:
    if "PixelData" in after and not after.file_meta.TransferSyntaxUID.is_compressed and after.Modality != "SEG":
        after.compress(RLELossless, generate_instance_uid=False)


def change_a_pixel(before: Dataset, after: Dataset) -> None:
    if after.Modality == "CR":
        after.PixelData = bytes([after.PixelData[0] ^ 1]) + after.PixelData[1:]


def noise_all(before: Dataset, after: Dataset) -> None:
    if after.Modality == "CR":
        after.PixelData = np.random.default_rng(0).integers(0, 4000, after.Rows * after.Columns, np.uint16).tobytes()


def clean_boxes(before: Dataset, after: Dataset) -> None:
    if after.Modality == "US":
        pixels = after.pixel_array.copy()
        pixels[:24] = 0
        after.PixelData = pixels.tobytes()


@pytest.mark.parametrize(
    ("change", "declared", "kinds"),
    [
        (re_encode, True, set()),
        (clean_boxes, True, set()),
        (clean_boxes, False, {"pixels", "burned in"}),
        (change_a_pixel, True, set()),
        (change_a_pixel, False, {"pixels", "burned in"}),
        (noise_all, True, {"pixels"}),
        (lambda before, after: after.pop("PixelData", None), True, {"pixels"}),
    ],
)  # fmt: skip
def test_pixels_are_compared(tmp_path: Path, change: Change, declared: bool, kinds: set[str]) -> None:
    report = run(tmp_path, spoil(change, keep_method=declared))
    assert set(report.counts) == kinds
    assert "not in output" not in report.notices


def test_text_in_pixels_is_read(tmp_path: Path) -> None:
    pytest.importorskip("rapidocr", reason="text in pixels is read with rapidocr, which is not installed")
    before, by_file = write_planted(tmp_path / "before", 9)
    names = [name for name in sorted(by_file) if name.endswith(("IM003.dcm", "IM004.dcm"))]
    for name in by_file:
        if name not in names:
            (before / name).unlink()
    for name in names:
        clean(before / name, tmp_path / "after" / Path(name).name)
    report = check_folders(before, tmp_path / "after", CheckSettings(jobs=1, pixels="sample"))
    assert set(report.counts) == {"number", "name"}
    assert all(finding.path == "pixels of frame 1" for finding in report.findings if finding.level == "leak")
    after = tmp_path / "after"
    for path in after.iterdir():
        dataset = pydicom.dcmread(path)
        clean_boxes(dataset, dataset)
        dataset.save_as(path)
    again = check_folders(tmp_path / "before" / "files", after, CheckSettings(jobs=1, pixels="sample"))
    assert again.counts == {}
