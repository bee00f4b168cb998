from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels import convert_color_space, get_encoder
from pydicom.sequence import Sequence

from skiagraph.dicom.burned_in import Finding, PixelCleaner, find_text
from tests.skiagraph.dicom.burned_in.drawn_text import Character, soft_tissue, write_over
from tests.skiagraph.dicom.made_files import make_image, write_compressed, write_image
from tests.skiagraph.dicom.reference_decoders import dcmtk_frames, gdcm_frames

DATA = os.environ.get("SKIAGRAPH_DATA")
SHAPE = (200, 320)
TEXTS = ("DOE^JANE", "12.03.1957")
needs_dcmtk = pytest.mark.skipif(shutil.which("dcm2pnm") is None, reason="the Debian package dcmtk is missing")


def written(contrast: int = 120, seed: int = 0) -> tuple[np.ndarray, list[Character]]:
    return write_over(soft_tissue(seed, SHAPE, noise=3), TEXTS, 20, contrast, seed=seed)


def clean(path: Path, **options: bool) -> tuple[FileDataset, list[Finding], Path]:
    """Clean a file, and write it beside itself."""
    dataset = pydicom.dcmread(path)
    findings = PixelCleaner(**options).clean(dataset, path, ["DOE^JANE"])
    out = path.with_name(f"clean_{path.name}")
    dataset.save_as(out, enforce_file_format=True)
    return pydicom.dcmread(out), findings, out


def blanked(findings: list[Finding]) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    for finding in findings:
        if finding.action == "blanked":
            top, left, bottom, right = finding.box
            mask[top:bottom, left:right] = True
    return mask


def check(path: Path, characters: list[Character], *, tolerance: int = 0) -> FileDataset:
    """All text is black for DCMTK's viewer, and all else is what an independent decoder reads in the original."""
    dataset, findings, out = clean(path)
    mask = blanked(findings)
    assert 0.01 < mask.mean() < 0.4
    assert all(character.is_within([f.box for f in findings], SHAPE) for character in characters)
    decode = gdcm_frames if "4.9" in str(dataset.file_meta.TransferSyntaxUID)[-4:] else (
        lambda file: dcmtk_frames(file, path.parent)
    )  # fmt: skip
    before, after = decode(path), decode(out)
    assert before is not None
    assert after is not None
    assert len(before) == len(after) == int(dataset.get("NumberOfFrames") or 1)
    for old, new in zip(before, after, strict=True):
        difference = np.abs(old.astype(int) - new.astype(int))
        assert difference[~mask].max() <= tolerance
        assert difference[mask].any()
    if decode is not gdcm_frames:
        assert shown(out)[mask].max() <= 1
    assert dataset.BurnedInAnnotation == "NO"
    return dataset


def shown(path: Path) -> np.ndarray:
    """What DCMTK shows of the first frame: by its window or, for words without one, between their ends."""
    plain, picture = path.with_suffix(".plain"), path.with_suffix(".pnm")
    for command in (["dcmdrle"], ["dcmdjpls"], ["dcmconv"]):
        if subprocess.run([*command, str(path), str(plain)], capture_output=True, check=False).returncode == 0:
            break
    header = pydicom.dcmread(path, stop_before_pixels=True)
    window = ["+Wi", "1"] if "WindowCenter" in header else ["+Wm"] if header.BitsAllocated > 8 else []
    subprocess.run(["dcm2pnm", *window, str(plain), str(picture)], capture_output=True, check=True)
    return np.asarray(Image.open(picture))


@needs_dcmtk
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("contrast", [120, -120])
def test_grey_bytes(tmp_path: Path, photometric: str, contrast: int) -> None:
    pixels, characters = written(contrast)
    check(write_image(tmp_path / "a.dcm", pixels, PhotometricInterpretation=photometric), characters)


@needs_dcmtk
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("slope", [1, -1])
def test_words_with_a_window(tmp_path: Path, photometric: str, slope: int) -> None:
    """A negative slope turns grey round, as MONOCHROME1 does."""
    pixels, characters = written()
    words = pixels.astype(np.int16) * 8 + 100
    window = {"WindowCenter": slope * 1100, "WindowWidth": 2000, "RescaleSlope": slope, "RescaleIntercept": 0}
    path = write_image(tmp_path / "a.dcm", words, bits=13, PhotometricInterpretation=photometric, **window)
    check(path, characters)


@needs_dcmtk
def test_text_beyond_the_window_is_found(tmp_path: Path) -> None:
    """White text on what the window shows white."""
    pixels, characters = written()
    words = pixels.astype(np.uint16) * 16
    check(write_image(tmp_path / "a.dcm", words, bits=12, WindowCenter=200, WindowWidth=100), characters)


@needs_dcmtk
def test_palette(tmp_path: Path) -> None:
    """The table begins with yellow, and black is its entry 7."""
    pixels, characters = written()
    red, blue = np.roll(np.arange(256, dtype=np.uint16), 7), np.roll(np.arange(256, dtype=np.uint16), 7)
    tables = {
        f"{c}PaletteColorLookupTableData": (t * 257).tobytes()
        for c, t in (("Red", red), ("Green", red), ("Blue", blue))
    }
    descriptors = {f"{colour}PaletteColorLookupTableDescriptor": [256, 0, 16] for colour in ("Red", "Green", "Blue")}
    shifted = (pixels.astype(int) + 7).clip(7, 255).astype(np.uint8)
    path = write_image(tmp_path / "a.dcm", shifted, PhotometricInterpretation="PALETTE COLOR", **tables, **descriptors)
    dataset = check(path, characters)
    assert (np.frombuffer(dataset.PixelData, np.uint8) == 7).any()


@needs_dcmtk
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("planar", [0, 1])
def test_colours(tmp_path: Path, photometric: str, planar: int) -> None:
    grey, characters = written()
    pixels = np.stack([grey, grey // 2, grey // 3], axis=2)
    if photometric == "YBR_FULL":
        pixels = convert_color_space(pixels, "RGB", "YBR_FULL")
    image = make_image(pixels, PhotometricInterpretation=photometric, PlanarConfiguration=planar)
    image.PixelData = (pixels.transpose(2, 0, 1) if planar else pixels).tobytes()
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert check(tmp_path / "a.dcm", characters).PhotometricInterpretation == photometric


@needs_dcmtk
@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless])
@pytest.mark.parametrize("kind", ["grey", "words", "signed", "colours"])
def test_compressed_without_loss_stays_so(tmp_path: Path, syntax: uid.UID, kind: str) -> None:
    grey, characters = written()
    pixels: np.ndarray = grey
    if kind in ("words", "signed"):
        pixels = grey.astype(np.uint16) * 16 if kind == "words" else grey.astype(np.int16) * 16 - 2000
    if kind == "colours":
        pixels = np.stack([grey, grey // 2, grey // 3], axis=2)
    image = make_image(pixels, bits=None if pixels.dtype == np.uint8 else 13)
    if kind == "colours" and syntax == uid.JPEG2000Lossless:
        image.PhotometricInterpretation = "YBR_RCT"
    photometric = image.PhotometricInterpretation
    path = write_compressed(tmp_path / "a.dcm", image, syntax, [get_encoder(syntax).encode(image)])
    dataset = check(path, characters)
    assert dataset.file_meta.TransferSyntaxUID == syntax
    assert dataset.PhotometricInterpretation == photometric
    assert dataset["PixelData"].is_undefined_length


@needs_dcmtk
@pytest.mark.parametrize(
    "syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian]
)
def test_uncompressed_stays_in_its_order_of_bytes(tmp_path: Path, syntax: uid.UID) -> None:
    pixels, characters = written()
    words = pixels.astype(np.uint16) * 16
    image = make_image(words, bits=12)
    image.file_meta.TransferSyntaxUID = syntax
    image.PixelData = words.astype(">u2" if syntax == uid.ExplicitVRBigEndian else "<u2").tobytes()
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert check(tmp_path / "a.dcm", characters).file_meta.TransferSyntaxUID == syntax


@needs_dcmtk
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "YBR_FULL", "YBR_FULL_422"])
def test_compressed_with_loss_becomes_native_and_says_so(tmp_path: Path, photometric: str) -> None:
    grey, characters = written()
    colours, halved = photometric != "MONOCHROME2", photometric == "YBR_FULL_422"
    pixels = np.stack([grey, grey // 2, grey // 3], axis=2) if colours else grey
    stored = convert_color_space(pixels, "RGB", "YBR_FULL") if colours else pixels
    jpeg = tmp_path / "a.jpg"
    Image.fromarray(pixels).save(jpeg, quality=95, subsampling=int(halved))
    image = make_image(stored, PhotometricInterpretation=photometric)
    path = write_compressed(tmp_path / "a.dcm", image, uid.JPEGBaseline8Bit, [jpeg.read_bytes()])
    dataset = check(path, characters, tolerance=8 if halved else 2)  # decoders round differently
    assert dataset.file_meta.TransferSyntaxUID == uid.ExplicitVRLittleEndian
    assert dataset.LossyImageCompression == "01"
    assert dataset.LossyImageCompressionMethod == "ISO_10918_1"
    assert dataset.PhotometricInterpretation == ("YBR_FULL" if colours else photometric)
    size = stored.size * (2 / 3 if halved else 1) / len(jpeg.read_bytes())
    assert float(dataset.LossyImageCompressionRatio) == pytest.approx(size, rel=0.01)


@needs_dcmtk
def test_text_in_one_frame_is_blanked_in_all(tmp_path: Path) -> None:
    pixels, characters = written()
    cine = np.stack([soft_tissue(0, SHAPE, noise=3)] * 2 + [pixels] + [soft_tissue(1, SHAPE, noise=3)])
    path = write_image(tmp_path / "a.dcm", cine, NumberOfFrames=4)
    _, findings, _ = clean(path)
    assert {frame for finding in findings for frame in finding.frames} >= {2}
    assert all(c.is_within([f.box for f in findings if 2 in f.frames], SHAPE) for c in characters)
    check(path, characters)


def test_equal_frames_are_searched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that runs where text is blanked anyway makes no frame different."""
    pixels, _ = written()
    searched = []

    def counting(frame: np.ndarray, *, keep_markers: bool) -> list[Any]:
        searched.append(frame)
        return find_text(frame, keep_markers=keep_markers)

    monkeypatch.setattr("skiagraph.dicom.burned_in.search.find_text", counting)
    boxes = find_text(pixels)
    cine = np.stack([pixels] * 5)
    for index, frame in enumerate(cine):
        frame[(boxes[0][0] + boxes[0][2]) // 2, (boxes[0][1] + boxes[0][3]) // 2] = 100 + index
    clean(write_image(tmp_path / "a.dcm", cine, NumberOfFrames=5))
    assert len(searched) < 2 * 2  # two looks: as it is meant, and stretched
    different = cine.copy()
    different[3, -1, -1] ^= 255
    searched.clear()
    clean(write_image(tmp_path / "b.dcm", different, NumberOfFrames=5))
    assert any(frame[-1, -1] == different[3, -1, -1] for frame in searched)


def test_what_has_no_text_keeps_its_pixels_byte_for_byte(tmp_path: Path) -> None:
    image = make_image(np.full(SHAPE, 90, np.uint8))
    data = get_encoder(uid.JPEGLSLossless).encode(image)
    path = write_compressed(tmp_path / "a.dcm", image, uid.JPEGLSLossless, [data])
    before = pydicom.dcmread(path).PixelData
    dataset, findings, _ = clean(path)
    assert findings == []
    assert dataset.PixelData == before
    assert dataset.BurnedInAnnotation == "NO"


def test_without_the_search_only_rules_are_followed(tmp_path: Path) -> None:
    pixels, _ = written()
    path = write_image(tmp_path / "a.dcm", pixels)
    dataset, findings, _ = clean(path, search_text=False)
    assert findings == []
    assert dataset.PixelData == pixels.tobytes()
    assert "BurnedInAnnotation" not in dataset
    machine = {"Modality": "US", "Manufacturer": "Philips", "ManufacturerModelName": "CX50"}
    dataset, findings, _ = clean(write_image(tmp_path / "b.dcm", pixels, **machine), search_text=False)
    assert findings == [Finding((0,), (0, 0, 59, SHAPE[1]), "CX50 (deid)", "blanked")]
    after = np.frombuffer(dataset.PixelData, np.uint8).reshape(SHAPE)
    assert after[:59].max() == 0
    np.testing.assert_array_equal(after[59:], pixels[59:])


def test_all_outside_of_ultrasound_regions_is_blanked(tmp_path: Path) -> None:
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 50, 20
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 249, 179
    path = write_image(tmp_path / "a.dcm", np.full(SHAPE, 90, np.uint8), SequenceOfUltrasoundRegions=Sequence([region]))
    dataset, findings, _ = clean(path)
    expected = np.zeros(SHAPE, np.uint8)
    expected[20:180, 50:250] = 90
    np.testing.assert_array_equal(np.frombuffer(dataset.PixelData, np.uint8).reshape(SHAPE), expected)
    assert {finding.rule for finding in findings} == {"outside of the ultrasound regions"}


def test_bits_that_belong_to_no_pixel_are_cleared(tmp_path: Path) -> None:
    grey = np.full(SHAPE, 90 * 16, np.uint16)
    words = grey.copy()
    words[50:60, 100:150] |= 1 << 12
    path = write_image(tmp_path / "a.dcm", words, bits=12)
    dataset, findings, _ = clean(path)
    assert [(finding.rule, finding.action) for finding in findings] == [("unused bits", "cleared")]
    assert dataset.PixelData == grey.tobytes()
    assert clean(write_image(tmp_path / "b.dcm", grey, bits=12))[1] == []


def test_signs_are_no_unused_bits(tmp_path: Path) -> None:
    words = np.full(SHAPE, -90, np.int16)
    assert clean(write_image(tmp_path / "a.dcm", words, bits=12))[1] == []


def test_icons_go_and_overlays_are_told(tmp_path: Path) -> None:
    icon, holder = make_image(np.full((8, 9), 7, np.uint8)), Dataset()
    del icon.file_meta
    holder.IconImageSequence = Sequence([icon])
    image = make_image(np.full(SHAPE, 90, np.uint8), IconImageSequence=Sequence([icon]))
    image.ReferencedImageSequence = Sequence([holder])
    image.add_new((0x6002, 0x0010), "US", 20)
    image.add_new((0x6002, 0x0011), "US", 30)
    image.add_new((0x6002, 0x3000), "OW", bytes(76))
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    dataset, findings, _ = clean(tmp_path / "a.dcm")
    assert findings == [Finding((), (0, 0, 8, 9), "icon", "removed")] * 2 + [
        Finding((), (0, 0, 20, 30), "overlay plane", "left")
    ]
    assert "IconImageSequence" not in dataset
    assert "IconImageSequence" not in dataset.ReferencedImageSequence[0]


def test_segmentations_are_no_pictures(tmp_path: Path) -> None:
    pixels, _ = written()
    dataset, findings, _ = clean(write_image(tmp_path / "a.dcm", pixels, SOPClassUID=uid.SegmentationStorage))
    assert findings == []
    assert dataset.PixelData == pixels.tobytes()


def test_single_bits_are_packed_again(tmp_path: Path) -> None:
    pixels, _ = write_over(np.zeros(SHAPE, np.uint8), TEXTS, 20, 255)
    image = make_image((pixels > 127).astype(np.uint8))
    image.BitsAllocated = image.BitsStored = 1
    image.HighBit, image.PixelData = 0, np.packbits(pixels > 127, bitorder="little").tobytes()
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    dataset, findings, _ = clean(tmp_path / "a.dcm")
    after = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little").reshape(SHAPE)
    mask = blanked(findings)
    assert after[mask].max() == 0
    np.testing.assert_array_equal(after[~mask], (pixels > 127)[~mask])


def test_pixels_that_cannot_be_decoded_are_refused_in_one_line(tmp_path: Path) -> None:
    image = make_image(np.zeros(SHAPE, np.uint8))
    path = write_compressed(tmp_path / "a.dcm", image, uid.JPEG2000Lossless, [b"no codestream at all"])
    with pytest.raises(ValueError, match=r"a\.dcm: ") as told:
        clean(path)
    assert "\n" not in str(told.value)


def test_a_file_without_pixels_is_left_alone(tmp_path: Path) -> None:
    image = make_image(np.zeros(SHAPE, np.uint8))
    del image.PixelData
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    dataset, findings, _ = clean(tmp_path / "a.dcm")
    assert findings == []
    assert "BurnedInAnnotation" not in dataset


@pytest.mark.skipif(DATA is None, reason="SKIAGRAPH_DATA names no folder: not run on real images")
def test_the_name_on_a_real_ultrasound_image_is_gone(tmp_path: Path) -> None:
    path = shutil.copy(Path(str(DATA)) / "dicom/us/YBR_FULL-RLE.dcm", tmp_path / "a.dcm")
    before, after = (dcmtk_frames(file, tmp_path) for file in (path, clean(path)[2]))
    assert before is not None
    assert after is not None
    # "DOE, JOHN" and the hospital stand in the first 30 rows, the date at the right, "DOE" again within the picture.
    for inside in (np.s_[:30], np.s_[:, 500:], np.s_[370:392, 112:150]):
        assert before[0][inside][..., 0].max() > 150
        assert after[0][inside][..., 0].max() == 0
    assert (before[0] == after[0])[60:230, 100:480].all(), "tissue"
