"""A line drawn at a known place comes back at that place, whatever size the network works at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from monai.transforms import Compose, Flipd, Resized
from PIL import Image

from skiagraph.transforms import LoadFramed, SurfaceLinesd
from skiagraph.transforms.load import spacing_mm

SHAPE, SPACING = (480, 700), (0.05, 0.11)


def _true_row(x: np.ndarray) -> np.ndarray:
    return 150.3 + 0.12 * x + 12 * np.sin(x / 90)


def _write_line(path: Path, sigma_px: float) -> str:
    """A ridge of Gaussian section, its crest at a known fraction of a pixel; black outside columns 70 to 630."""
    rows, columns = np.indices(SHAPE)
    ridge = 255 * np.exp(-(((rows - _true_row(columns)) / sigma_px) ** 2) / 2)
    ridge[:, (columns[0] < 70) | (columns[0] > 630)] = 0
    Image.fromarray(ridge.round().astype(np.uint8)).save(path)
    return str(path)


@pytest.mark.parametrize("size", [(256, 256), (240, 350), (511, 300), SHAPE])
@pytest.mark.parametrize("mode", ["area", "bilinear"])
@pytest.mark.parametrize("spacing", [SPACING, None])
def test_a_resized_map_leads_back_to_the_file(
    tmp_path: Path, size: tuple[int, int], mode: str, spacing: tuple[float, float] | None
) -> None:
    item = {"image": _write_line(tmp_path / "a.png", 9.0), "spacing_mm": spacing}
    image = Compose([LoadFramed("image"), Resized("image", size, mode=mode)])(item)["image"]
    case = SurfaceLinesd("image", threshold=0.3)({"image": image / 255})
    (line,) = case["image_lines"]
    x, y = line.points_px.T
    inside = (x > 80) & (x < 620)
    assert np.abs(y - _true_row(x))[inside].mean() < 0.1
    assert np.mean((y - _true_row(x))[inside]) == pytest.approx(0, abs=0.05)
    assert (x[0], x[-1]) == pytest.approx((70, 630), abs=2.5)
    assert spacing_mm(case["image"]) == spacing


def test_a_label_is_found_where_it_is_drawn(tmp_path: Path) -> None:
    """`nearest-exact` keeps pixel centres; a thin line keeps half a pixel of the coarser grid."""
    label = np.zeros(SHAPE, np.uint8)
    columns = np.arange(70, 631)
    for step in (-1, 0, 1):
        label[np.round(_true_row(columns)).astype(int) + step, columns] = 255
    Image.fromarray(label).save(tmp_path / "label.png")
    item = {"label": str(tmp_path / "label.png"), "spacing_mm": SPACING}
    for size in (SHAPE, (256, 256)):
        steps = Compose([LoadFramed("label"), Resized("label", size, mode="nearest-exact"), SurfaceLinesd("label")])
        points = np.concatenate([line.points_px for line in steps(item)["label_lines"]])
        errors = points[:, 1] - _true_row(points[:, 0])
        assert np.mean(errors) == pytest.approx(0, abs=0.1)
        assert np.abs(errors).max() < 2.2


def test_a_prediction_keeps_the_place_of_its_image_through_a_batch(tmp_path: Path) -> None:
    items = [{"image": _write_line(tmp_path / f"{k}.png", 9.0), "spacing_mm": SPACING} for k in range(2)]
    steps = Compose([LoadFramed("image"), Resized("image", (256, 256), mode="area")])
    (batch,) = DataLoader(Dataset(items, steps), batch_size=2)
    cases = decollate_batch({"pred": batch["image"] / 255})
    for case in cases:
        (line,) = SurfaceLinesd("pred", threshold=0.3)(case)["pred_lines"]
        x, y = line.points_px.T
        assert np.abs(y - _true_row(x))[5:-5].mean() < 0.1


def test_a_mirrored_map_leads_back_as_well(tmp_path: Path) -> None:
    item = {"image": _write_line(tmp_path / "a.png", 9.0), "spacing_mm": SPACING}
    steps = Compose([LoadFramed("image"), Flipd("image", spatial_axis=1), Resized("image", (256, 256), mode="area")])
    (line,) = SurfaceLinesd("image", threshold=0.3)({"image": steps(item)["image"] / 255})["image_lines"]
    x, y = line.points_px.T
    assert np.abs(y - _true_row(x))[5:-5].mean() < 0.1


def test_threshold_and_least_length_are_passed_on() -> None:
    meta = {"spacing_mm": (float("nan"), float("nan"))}
    values = np.zeros((1, 8, 20), np.float32)
    values[0, 4, 2:12], values[0, 4, 15:17] = 0.6, 0.9
    image = MetaTensor(values, affine=np.eye(4), meta=meta)

    def found(**options: float) -> list[list[float]]:
        lines = SurfaceLinesd("pred", **options)({"pred": image})["pred_lines"]
        return [line.points_px[[0, -1], 0].tolist() for line in lines]

    assert found() == [[2, 11]]
    assert found(min_columns=2) == [[2, 11], [15, 16]]
    assert found(threshold=0.7, min_columns=1) == [[15, 16]]
    assert found(threshold=0.95) == []
    (line,) = SurfaceLinesd("pred")({"pred": image})["pred_lines"]
    assert line.confidence == pytest.approx(np.full(10, 0.6))


def test_what_is_not_a_number_is_not_an_image_without_bone() -> None:
    image = MetaTensor(np.full((1, 8, 8), np.nan, np.float32))
    with pytest.raises(ValueError, match="diverged"):
        SurfaceLinesd("pred")({"pred": image})
