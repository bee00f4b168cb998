"""Corners on their way into the network, checked by where a dot in the image goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.transforms import Compose, RandAffined, RandFlipd, Resized
from PIL import Image

from skiagraph.geometry.vertebrae import MIRRORED, POINT_NAMES
from skiagraph.transforms import CornersToGridd, HintMapsd, LoadCornersd, LoadFramed
from skiagraph.transforms.corners import fill_maps, input_stride, read_clicks
from skiagraph.transforms.grid import file_to_grid, grid_to_file, move_points

WIDTH, HEIGHT = 150, 320
POINT = 9


@pytest.fixture(scope="module")
def item(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A radiograph that is black but for a dot at one of its points, which the table of labels holds."""
    folder = tmp_path_factory.mktemp("corners")
    points = np.random.default_rng(5).uniform(0.35, 0.65, (len(POINT_NAMES), 2)) * (WIDTH, HEIGHT)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    dot = 255 * np.exp(-0.5 * ((x - points[POINT, 0]) ** 2 + (y - points[POINT, 1]) ** 2) / 4.0**2)
    Image.fromarray(dot.astype(np.uint8)).save(folder / "a.png")
    row = (points / (WIDTH, HEIGHT)).T.ravel()
    (folder / "landmarks.csv").write_text("\n".join([",".join(["0.5"] * len(row)), ",".join(map(str, row))]))
    return {"image": str(folder / "a.png"), "label": str(folder / "landmarks.csv"), "row": 1, "points": points}


def centroid(image: torch.Tensor) -> np.ndarray:
    grey = image[0].double()
    grey = torch.where(grey > 0.2 * grey.max(), grey, 0.0)
    y, x = torch.meshgrid(*(torch.arange(size, dtype=torch.float64) for size in grey.shape), indexing="ij")
    return np.array([(grey * x).sum() / grey.sum(), (grey * y).sum() / grey.sum()])


def test_labels_are_read_in_pixels_of_the_file(item: dict[str, Any]) -> None:
    case = Compose([LoadFramed("image"), LoadCornersd("label")])(item)
    np.testing.assert_allclose(case["label"].numpy(), item["points"], atol=1e-3)
    np.testing.assert_allclose(centroid(case["image"]), item["points"][POINT], atol=0.2)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), spacing=st.sampled_from([None, 0.4, (0.3, 0.5)]))
def test_corners_follow_whatever_is_done_to_the_image(item: dict[str, Any], seed: int, spacing: Any) -> None:
    augment = [
        RandFlipd("image", prob=0.5, spatial_axis=1).set_random_state(seed),
        RandAffined(
            "image", prob=1.0, rotate_range=0.3, shear_range=0.1, translate_range=8, scale_range=0.2
        ).set_random_state(seed),
    ]
    load = [LoadFramed("image", spacing=spacing), LoadCornersd("label"), Resized("image", (256, 128), mode="area")]
    case = Compose([*load, *augment, CornersToGridd("label")])(item)
    mirrored = np.linalg.det(file_to_grid(case["image"])[:, :2]) < 0
    point = MIRRORED[POINT] if mirrored else POINT
    np.testing.assert_allclose(case["label"][point].numpy(), centroid(case["image"]), atol=0.35)


def test_mirroring_swaps_left_and_right(item: dict[str, Any]) -> None:
    load = [LoadFramed("image"), LoadCornersd("label")]
    plain = Compose([*load, CornersToGridd("label")])(item)["label"]
    flipped = Compose([*load, RandFlipd("image", prob=1.0, spatial_axis=1), CornersToGridd("label")])(item)["label"]
    expected = plain[list(MIRRORED)].clone()
    expected[:, 0] = WIDTH - 1 - expected[:, 0]
    torch.testing.assert_close(flipped, expected, atol=1e-3, rtol=0)


def test_way_to_the_file_is_the_reverse_of_the_way_to_the_grid(item: dict[str, Any]) -> None:
    case = Compose([LoadFramed("image", spacing=(0.2, 0.7)), Resized("image", (64, 48), mode="area")])(item)
    points = item["points"]
    there = move_points(points, file_to_grid(case["image"]))
    np.testing.assert_allclose(move_points(there, grid_to_file(case["image"])), points, atol=1e-8)
    # The file's outer edges are those of the grid.
    np.testing.assert_allclose(move_points(np.array([[-0.5, -0.5]]), file_to_grid(case["image"])), [[-0.5, -0.5]])
    corner = move_points(np.array([[WIDTH - 0.5, HEIGHT - 0.5]]), file_to_grid(case["image"]))
    np.testing.assert_allclose(corner, [[47.5, 63.5]])


@pytest.mark.parametrize("stride", [1, 4])
def test_input_holds_the_whole_image_and_a_map_of_each_click(item: dict[str, Any], stride: int) -> None:
    clicks = {POINT_NAMES[3]: (40.0, 100.0)}
    load = [LoadFramed("image"), Resized("image", (64, 32), mode="area")]
    image = Compose(load)(item)["image"]
    case = Compose([*load, HintMapsd("image", stride=stride)])({**item, "clicks": clicks})
    joined = case["image"]
    assert joined.shape == (stride**2 + 136, 64 // stride, 32 // stride)
    assert input_stride(joined[None]) == stride
    for row in range(stride):
        for column in range(stride):
            torch.testing.assert_close(
                joined[row * stride + column].as_tensor(), image[0, row::stride, column::stride].as_tensor()
            )
    maps = joined[stride**2 :].as_tensor()
    assert (maps[3] > 0.5).any()
    assert not maps[[*range(3), *range(4, 136)]].any()
    highest = np.unravel_index(int(maps[3].argmax()), maps[3].shape)
    place = move_points(np.array([[40.0, 100.0]]), file_to_grid(image))[0]
    np.testing.assert_allclose((np.array(highest[::-1]) + 0.5) * stride - 0.5, place, atol=stride / 2 + 0.01)
    np.testing.assert_allclose(case["clicked"][3], [40, 100])
    assert np.isnan(np.delete(case["clicked"], 3, axis=0)).all()


def test_a_click_on_a_mirrored_image_goes_to_the_other_side(item: dict[str, Any]) -> None:
    load = [LoadFramed("image"), Resized("image", (64, 32), mode="area")]
    mirrored = [*load, RandFlipd("image", prob=1.0, spatial_axis=1)]
    clicks = {POINT_NAMES[POINT]: (40.0, 100.0)}
    plain, flipped = (
        Compose([*before, HintMapsd("image")])({**item, "clicks": clicks})["image"][16:] for before in (load, mirrored)
    )
    torch.testing.assert_close(flipped[MIRRORED[POINT]].flip(-1), plain[POINT], atol=1e-5, rtol=0)
    assert not flipped[POINT].any()


def test_a_click_that_cannot_be_is_reported_on_the_case(item: dict[str, Any], tmp_path: Path) -> None:
    load = [LoadFramed("image", on_error="report"), Resized("image", (64, 32), mode="area")]
    clicks = {POINT_NAMES[3]: (4000.0, 100.0)}
    with pytest.raises(ValueError, match="outside the image"):
        HintMapsd("image")({**Compose(load)(item), "clicks": clicks})
    case = Compose([*load, HintMapsd("image", on_error="report")])({**item, "clicks": clicks})
    assert "a.png: T1_br: the click (4000, 100) lies outside the image" in case["image"].meta["error"]
    assert not np.isfinite(case["clicked"]).any()
    # Of an image that cannot be read, that is what is said.
    (tmp_path / "broken.png").write_bytes(b"text")
    broken = {"image": str(tmp_path / "broken.png"), "clicks": clicks}
    error = Compose([*load, HintMapsd("image")])(broken)["image"].meta["error"]
    assert "broken.png: not an image" in error


def test_previous_maps_of_another_size_are_brought_to_that_of_the_input() -> None:
    image = torch.rand(2, 1 + 136, 32, 16)
    hints = torch.full((2, 68, 2), torch.nan)
    previous = torch.rand(2, 68, 8, 4)
    filled = fill_maps(image, hints, previous)
    assert filled.shape == image.shape
    torch.testing.assert_close(filled[:, :1], image[:, :1])
    assert not filled[:, 1:69].any()
    torch.testing.assert_close(filled[:, 69:].mean(), previous.mean(), atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("clicks", "told"),
    [
        ({"T13_tl": (1, 1)}, "T13_tl: no such point"),
        ({"T5_tl": (-1, 1)}, r"T5_tl: the click \(-1, 1\) lies outside the image of 150 x 320"),
        ({"T5_tl": (1, 320)}, "lies outside the image"),
        ({"T5_tl": (float("nan"), 1)}, "lies outside the image"),
        ({"T5_tl": 7}, "pair of numbers"),
        ({"T5_tl": ["a", "b"]}, "pair of numbers"),
        ({"T5_tl": [1, 2, 3]}, "pair of numbers"),
    ],
)
def test_a_wrong_click_is_told_plainly(clicks: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_clicks(clicks, (WIDTH, HEIGHT))


def test_an_unreadable_image_passes_through_as_a_black_one(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"no image")
    steps = [LoadFramed("image", on_error="report"), Resized("image", (64, 32), mode="area"), HintMapsd("image")]
    case = Compose(steps)({"image": str(tmp_path / "b.png")})
    assert case["image"].shape == (152, 16, 8)
    assert "b.png" in case["image"].meta["error"]
