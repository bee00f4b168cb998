from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from skiagraph.dicom import burned_in
from skiagraph.dicom.burned_in import find_text, text_detection
from skiagraph.phantoms import draw_frame, draw_limb, draw_scanner
from tests.skiagraph.dicom.burned_in.drawn_text import CHINESE_JAPANESE, TEXTS, soft_tissue, write_over


def share_covered(boxes: list[tuple[int, int, int, int]], shape: tuple[int, ...]) -> float:
    covered = np.zeros(shape[:2], dtype=bool)
    for top, left, bottom, right in boxes:
        covered[top:bottom, left:right] = True
    return float(covered.mean())


@pytest.mark.parametrize("size_px", [12, 16, 24, 48])
@pytest.mark.parametrize("contrast", [80, -80])
def test_every_character_is_within_a_box(size_px: int, contrast: int) -> None:
    texts = TEXTS if size_px < 48 else TEXTS[:3]
    picture, characters = write_over(soft_tissue(size_px), texts, size_px, contrast, seed=size_px)
    boxes = find_text(picture)
    assert len(characters) > 20
    assert [c for c in characters if not c.is_within(boxes, picture.shape)] == []
    assert share_covered(boxes, picture.shape) < 0.4, "whatever covers everything finds all"


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
@pytest.mark.parametrize("size_px", [16, 24])
def test_turned_text_is_found(quarter_turns: int, size_px: int) -> None:
    picture, characters = write_over(soft_tissue(3), TEXTS, size_px, 80, quarter_turns=quarter_turns, seed=1)
    boxes = find_text(picture)
    assert [c for c in characters if not c.is_within(boxes, picture.shape)] == []


@pytest.mark.skipif(not CHINESE_JAPANESE.exists(), reason="the Debian package fonts-droid-fallback is missing")
def test_chinese_and_japanese_are_found() -> None:
    picture, characters = write_over(soft_tissue(4), ("山田太郎", "王小明 男", "けんさ"), 20, 80, font=CHINESE_JAPANESE)
    boxes = find_text(picture)
    assert len(characters) >= 10
    assert [c for c in characters if not c.is_within(boxes, picture.shape)] == []


def test_text_on_ultrasound_is_found() -> None:
    rng = np.random.default_rng(0)
    frame = draw_frame(rng, draw_scanner(rng)).image
    picture, characters = write_over(frame, TEXTS, 16, 100)
    boxes = find_text(picture)
    assert [c for c in characters if not c.is_within(boxes, picture.shape)] == []


def test_colour_on_colour_of_the_same_luminance_is_found() -> None:
    ink, characters = write_over(np.zeros((200, 400), np.uint8), ("DOE^JANE", "12.03.1957"), 20, 255)
    # Red 150 and green 76 look the same in grey (ITU-R BT.601).
    picture = np.stack([150 - (ink / 255 * 150), ink / 255 * 76, np.zeros_like(ink)], axis=2).astype(np.uint8)
    boxes = find_text(picture)
    assert [c for c in characters if not c.is_within(boxes, ink.shape)] == []


def test_large_pictures_are_searched_across_the_borders_of_tiles() -> None:
    background = soft_tissue(5, (1500, 1500))
    picture, characters = write_over(background, TEXTS * 6, 24, 80, seed=2)
    boxes = find_text(picture)
    assert len(characters) > 200
    assert [c for c in characters if not c.is_within(boxes, picture.shape)] == []


def test_very_large_text_is_found() -> None:
    picture, characters = write_over(soft_tissue(6, (600, 1000)), ("JANE DOE",), 150, 80)
    boxes = find_text(picture)
    assert [c for c in characters if not c.is_within(boxes, picture.shape)] == []


@pytest.mark.parametrize("seed", range(3))
def test_little_is_blanked_where_there_is_no_text(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for picture in (draw_limb(seed, size_px=512).pixels, draw_frame(rng, draw_scanner(rng)).image, soft_tissue(seed)):
        assert share_covered(find_text(picture), picture.shape) < 0.03


def test_markers_can_be_kept_but_not_words() -> None:
    picture, characters = write_over(soft_tissue(7, noise=2), ("DOE^JANE", "R"), 40, 100)
    kept = find_text(picture, keep_markers=True)
    *word, marker = characters
    assert all(c.is_within(kept, picture.shape) for c in word)
    assert not marker.is_within(kept, picture.shape)
    assert marker.is_within(find_text(picture), picture.shape)


@pytest.mark.parametrize("shape", [(1, 1), (5, 700), (16, 16), (33, 31, 3)])
def test_any_size_can_be_searched(shape: tuple[int, ...]) -> None:
    assert find_text(np.zeros(shape, np.uint8)) == []


def test_boxes_lie_within_the_picture_and_none_within_another() -> None:
    picture, _ = write_over(soft_tissue(8), TEXTS, 14, 90)
    boxes = find_text(picture)
    assert boxes
    for box in boxes:
        assert 0 <= box[0] < box[2] <= picture.shape[0]
        assert 0 <= box[1] < box[3] <= picture.shape[1]
        assert not any(
            o != box and o[0] <= box[0] and o[1] <= box[1] and o[2] >= box[2] and o[3] >= box[3] for o in boxes
        )


def test_a_network_that_cannot_be_loaded_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    monkeypatch.setattr(text_detection, "_MODEL", broken)
    text_detection._session.cache_clear()
    with pytest.raises(
        OSError, match=r"broken\.onnx: the network that finds text cannot be loaded .*reinstall"
    ) as told:
        find_text(np.zeros((64, 64), np.uint8))
    assert "\n" not in str(told.value)
    monkeypatch.undo()
    text_detection._session.cache_clear()


def test_the_network_is_the_one_that_its_note_names() -> None:
    folder = Path(burned_in.__file__).parent
    assert hashlib.sha256((folder / "text_detection.onnx").read_bytes()).hexdigest() in (
        folder / "TEXT_DETECTION.md"
    ).read_text(encoding="utf-8")
