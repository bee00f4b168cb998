"""Corners put right one after another, with the weights of the bundle."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from skiagraph.bundle.annotate_keypoints import KeypointAnnotator, OpenedSpine, annotate_keypoints
from skiagraph.geometry.vertebrae import POINT_NAMES
from skiagraph.phantoms import draw_spine

ROOT = Path(__file__).resolve().parents[3]
BUNDLE = ROOT / "bundles" / "interactive_vertebra_keypoints"
CLICKED = POINT_NAMES.index("T8_br")


@pytest.fixture(scope="module")
def annotator() -> KeypointAnnotator:
    return KeypointAnnotator(BUNDLE)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spine ü") / "a b.png"
    Image.fromarray(draw_spine(3, height_px=640).pixels).save(path)
    return path


@pytest.fixture(scope="module")
def spine(annotator: KeypointAnnotator, image: Path) -> OpenedSpine:
    return annotator.open(image)


def test_a_click_stays_where_it_was_put_and_moves_other_points(spine: OpenedSpine) -> None:
    before = spine.corners()
    place = before.points_px[CLICKED] + np.array([0.0, 40.0])
    after = spine.corners({"T8_br": tuple(place)})
    np.testing.assert_allclose(after.points_px[CLICKED], place)
    assert after.clicked.nonzero()[0].tolist() == [CLICKED]
    others = np.arange(len(POINT_NAMES)) != CLICKED
    assert np.linalg.norm((after.points_px - before.points_px)[others], axis=1).max() > 1


def test_a_question_leaves_nothing_behind(spine: OpenedSpine) -> None:
    before = spine.corners().points_px
    spine.corners({"L1_tl": (30, 300)})
    np.testing.assert_array_equal(spine.corners().points_px, before)
    np.testing.assert_array_equal(spine.corners({}).points_px, before)


@pytest.mark.parametrize("clicks", [{}, {"T8_br": [100, 300], "L1_tl": [90, 420]}])
def test_answer_is_that_of_the_bundles_inference(
    annotator: KeypointAnnotator, image: Path, tmp_path: Path, clicks: dict[str, list[float]]
) -> None:
    (tmp_path / "list.json").write_text(json.dumps({"test": [{"image": image.name, "clicks": clicks}]}))
    command = [sys.executable, "-m", "monai.bundle", "run", "--bundle_root", str(BUNDLE)]
    command += ["--config_file", str(BUNDLE / "configs" / "inference.json")]
    command += ["--dataset_dir", str(image.parent), "--data_list", str(tmp_path / "list.json")]
    command += ["--output_dir", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    points = json.loads((tmp_path / "a b_keypoints.json").read_text())["points"]
    inferred = np.array([(point["x_px"], point["y_px"]) for point in points.values()])
    np.testing.assert_allclose(annotator.open(image).corners(clicks).points_px, inferred, atol=0.02)


def test_refinement_does_not_keep_a_person_waiting(spine: OpenedSpine) -> None:
    clicks = {"T5_tl": (100, 200), "L2_br": (120, 400)}
    spine.corners(clicks)
    waits = []
    for _ in range(5):
        start = time.perf_counter()
        spine.corners(clicks)
        waits.append(time.perf_counter() - start)
    # The goal is 0.1 s on two cores; this allows for whatever else runs.
    assert min(waits) < 0.5


def test_files_before_and_after(annotator: KeypointAnnotator, image: Path, tmp_path: Path) -> None:
    written = annotate_keypoints(annotator, image, '{"T5_tl": [110.5, 202]}', tmp_path / "out")
    assert [path.name for path in written] == ["a b_before_overlay.jpg", "a b_after_overlay.jpg", "a b_keypoints.json"]
    content = json.loads(written[2].read_text())
    assert (content["points"]["T5_tl"]["x_px"], content["points"]["T5_tl"]["y_px"]) == (110.5, 202)
    assert content["points"]["T5_tl"]["clicked"] is True
    before, after = (np.asarray(Image.open(path)).astype(int) for path in written[:2])
    assert before.shape == after.shape == (*Image.open(image).size[::-1], 3)
    assert np.abs(before - after).max() > 60


@pytest.mark.parametrize(
    ("clicks", "told"),
    [
        ('{"T5_xx": [1, 2]}', "T5_xx: no such point"),
        ('{"T5_tl": [99999, 2]}', "outside the image"),
        ("{T5_tl: 3}", "not JSON"),
        ("[1, 2]", "by their name"),
        ('{"T5_tl": "12"}', "a pair of numbers"),
        ('{"T5_tl": [true, 2]}', "a pair of numbers"),
        ('{"T5_tl": [1, 2, 3]}', "a pair of numbers"),
        ('{"T5_tl": {"3": 1, "4": 2}}', "a pair of numbers"),
        (f'{{"T5_tl": [1{"0" * 400}, 2]}}', "outside the image"),
        ('{"T5_tl": [NaN, 2]}', "outside the image"),
        ('{"T5_tl": [1, 2], "T5_tl": [3, 4]}', "T5_tl more than once"),
    ],
)
def test_wrong_clicks_are_told_and_nothing_is_written(
    annotator: KeypointAnnotator, image: Path, tmp_path: Path, clicks: str, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        annotate_keypoints(annotator, image, clicks, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_image_that_cannot_be_read_and_a_missing_bundle_are_told(
    annotator: KeypointAnnotator, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(b"text")
    with pytest.raises(ValueError, match=r"a\.png: not an image"):
        annotator.open(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match=r"none\.png: no such file"):
        annotator.open(tmp_path / "none.png")
    with pytest.raises(ValueError, match="is a folder; give one image"):
        annotator.open(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such config"):
        KeypointAnnotator(tmp_path)


def test_every_frame_of_a_file_can_be_asked_for(annotator: KeypointAnnotator, image: Path, tmp_path: Path) -> None:
    page = Image.open(image)
    page.save(tmp_path / "pages.tif", save_all=True, append_images=[page.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
    first, second = (annotator.open(tmp_path / "pages.tif", frame).frame.as_tensor() for frame in (0, 1))
    torch.testing.assert_close(second.flip(-1), first)
    with pytest.raises(ValueError, match="no frame 2; its frames are 0 to 1"):
        annotator.open(tmp_path / "pages.tif", 2)


@pytest.mark.parametrize("overlay", ["unet_ikem.json", "hrnet_ocr_ikem.json"])
def test_published_networks_answer_through_their_overlays(overlay: str, image: Path) -> None:
    torch.manual_seed(0)
    with pytest.raises(ValueError, match="does not fit"):  # those of the bundle
        KeypointAnnotator(BUNDLE, [overlay])
    corners = KeypointAnnotator(BUNDLE, [overlay], {"weights": ""}).open(image).corners({"T8_br": (100, 300)})
    assert np.isfinite(corners.points_px).all()
    np.testing.assert_array_equal(corners.points_px[CLICKED], [100, 300])
