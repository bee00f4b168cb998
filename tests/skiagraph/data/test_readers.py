"""Frames from files of many kinds, and a plain word about files that are none."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skiagraph.data.readers import count_frames, read_frame, read_grey_levels

RAMP = np.arange(20 * 12, dtype=np.uint8).reshape(12, 20)


def _saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def _png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG written by hand, for what Pillow does not write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "mit Umlaut ä und Raum.png", "名.png"])
def test_eight_bit_grey_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    frame = read_frame(_saved(tmp_path / name, Image.fromarray(RAMP)))
    assert frame.pixels.dtype == np.float32
    assert np.array_equal(frame.pixels, RAMP)
    assert frame.spacing_mm is None


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_their_whole_range(tmp_path: Path, suffix: str) -> None:
    stored = np.array([[0, 257, 65535], [1, 32768, 128]], np.uint16)
    frame = read_frame(_saved(tmp_path / f"a.{suffix}", Image.fromarray(stored)))
    assert frame.pixels == pytest.approx(stored / 65535 * 255, abs=1e-4)


def test_big_endian_sixteen_bit_png_written_by_hand(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(_png(2, 1, 16, 0, b"\0" + struct.pack(">HH", 65535, 514)))
    assert read_frame(tmp_path / "a.png").pixels == pytest.approx(np.array([[255.0, 2.0]]))


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    mask = RAMP % 3 == 0
    assert np.array_equal(read_frame(_saved(tmp_path / "a.png", Image.fromarray(mask))).pixels, mask * 255)


def test_colours_become_luminance(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    frame = read_frame(_saved(tmp_path / "a.png", Image.fromarray(rgb)))
    assert frame.pixels == pytest.approx(rgb @ np.array([0.299, 0.587, 0.114]), abs=1)


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    image = Image.fromarray((RAMP % 4).astype(np.uint8), mode="L").convert("P")
    image.putpalette([200, 200, 200, 10, 10, 10, 0, 255, 0, 90, 90, 90])
    expected = np.array([200, 10, 0.587 * 255, 90])[RAMP % 4]
    assert read_frame(_saved(tmp_path / "a.png", image)).pixels == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_what_is_transparent_is_black(tmp_path: Path, mode: str) -> None:
    alpha = np.repeat(np.array([[0, 255, 128]], np.uint8), 2, axis=0)
    grey = np.full_like(alpha, 200)
    bands = [grey] * (len(mode) - 1) + [alpha]
    image = Image.merge(mode, [Image.fromarray(band) for band in bands])
    expected = np.tile([0, 200, 200 * 128 / 255], (2, 1))
    assert read_frame(_saved(tmp_path / "a.png", image)).pixels == pytest.approx(expected, abs=1)


def test_a_transparent_grey_level_is_black(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[7, 100]], np.uint8))
    assert read_frame(_saved(tmp_path / "a.png", image, transparency=100)).pixels.tolist() == [[7, 0]]


def test_a_cmyk_jpeg_shows_its_greys(tmp_path: Path) -> None:
    rows = np.repeat(np.linspace(0, 255, 16).astype(np.uint8)[:, None], 16, axis=1)
    grey = Image.fromarray(rows).convert("CMYK")
    frame = read_frame(_saved(tmp_path / "a.jpg", grey, quality=100))
    assert frame.pixels == pytest.approx(rows.astype(float), abs=6)


def test_a_single_pixel(tmp_path: Path) -> None:
    frame = read_frame(_saved(tmp_path / "a.png", Image.fromarray(np.array([[42]], np.uint8))))
    assert frame.pixels.tolist() == [[42]]


def test_a_print_resolution_is_no_pixel_size(tmp_path: Path) -> None:
    path = _saved(tmp_path / "a.png", Image.fromarray(RAMP), dpi=(254, 254))
    assert read_frame(path).spacing_mm is None


def test_the_ending_of_the_name_does_not_matter(tmp_path: Path) -> None:
    _saved(tmp_path / "a.bmp", Image.fromarray(RAMP)).rename(tmp_path / "a.png")
    assert np.array_equal(read_frame(tmp_path / "a.png").pixels, RAMP)


def _one_line_that_names(path: Path, error: BaseException) -> None:
    assert "\n" not in str(error)
    assert str(path) in str(error)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(FileNotFoundError) as caught:
            read_frame(path)
        _one_line_that_names(path, caught.value)


@pytest.mark.parametrize("content", [b"", b"some text", b"\x89PNG\r\n\x1a\n", bytes(128) + b"DICM"])
def test_what_is_no_image_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        read_frame(path)
    _one_line_that_names(path, caught.value)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "GIF"])
def test_a_cut_or_damaged_file_is_told(tmp_path: Path, kind: str) -> None:
    whole = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (40, 50), dtype=np.uint8)
    Image.fromarray(noise).save(whole, kind)
    content, path = whole.getvalue(), tmp_path / "a.png"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError) as caught:
        read_frame(path)
    _one_line_that_names(path, caught.value)
    rng = np.random.default_rng(1)
    for _ in range(60):
        damaged = bytearray(content[: rng.integers(1, len(content))])
        damaged[rng.integers(0, min(150, len(damaged)))] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read_frame(path)
        except ValueError as error:
            _one_line_that_names(path, error)


def test_a_small_file_that_claims_a_huge_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(_png(40_000, 40_000, 8, 0, bytes(10_000)))
    with pytest.raises(ValueError, match=r"bomb\.png") as caught:
        read_frame(path)
    _one_line_that_names(path, caught.value)


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    path = _saved(tmp_path / "a.tif", Image.fromarray(np.ones((3, 3), np.float32)))
    with pytest.raises(ValueError, match="floating-point") as caught:
        read_frame(path)
    _one_line_that_names(path, caught.value)


def test_an_image_above_the_limit_of_pillow_is_refused_without_touching_the_warnings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other threads read images at the same time, and the handling of warnings belongs to all of them."""
    path, filters, opened = _saved(tmp_path / "a.png", Image.fromarray(RAMP)), list(warnings.filters), Image.open

    def watched(*arguments: object) -> Image.Image:
        assert list(warnings.filters) == filters
        with warnings.catch_warnings(action="ignore"):
            return opened(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Image, "open", watched)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", RAMP.size)
    assert np.array_equal(read_frame(path).pixels, RAMP)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", RAMP.size - 1)
    with pytest.raises(ValueError, match="20 x 12 pixels are more than 239") as caught:
        read_frame(path)
    _one_line_that_names(path, caught.value)


def test_every_page_of_a_tiff_file_is_a_frame(tmp_path: Path) -> None:
    pages = [Image.fromarray(RAMP), Image.fromarray(RAMP[::-1].copy()), Image.fromarray(RAMP[:5, :4].copy())]
    path = _saved(tmp_path / "a.tif", pages[0], save_all=True, append_images=pages[1:])
    assert count_frames(path) == 3
    for index, page in enumerate(pages):
        assert np.array_equal(read_frame(path, index).pixels, np.asarray(page))
    with pytest.raises(ValueError, match=r"a\.tif") as caught:
        read_frame(path, 3)
    _one_line_that_names(path, caught.value)
    path.write_bytes(b"no image")
    assert count_frames(path) == count_frames(tmp_path / "missing.tiff") == 1


def test_a_picture_that_stands_alone_is_the_label_of_any_frame(tmp_path: Path) -> None:
    for name in ("a.png", "a.tif"):
        path = _saved(tmp_path / name, Image.fromarray(RAMP))
        assert count_frames(path) == 1
        assert np.array_equal(read_frame(path, 7).pixels, RAMP)


def test_thirty_two_bits_are_read_as_sixteen(tmp_path: Path) -> None:
    stored = np.array([[0, 257, 65535, 70_000, -5]], np.int32)
    frame = read_frame(_saved(tmp_path / "a.tif", Image.fromarray(stored)))
    assert frame.pixels == pytest.approx(np.array([[0.0, 1.0, 255.0, 255.0, 0.0]]))


def test_grey_levels_are_rounded(tmp_path: Path) -> None:
    stored = np.array([[0, 300, 400, 65535]], np.uint16)
    levels = read_grey_levels(_saved(tmp_path / "a.png", Image.fromarray(stored)))
    assert (levels.dtype, levels.tolist()) == (np.uint8, [[0, 1, 2, 255]])
