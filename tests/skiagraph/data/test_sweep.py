"""Reading a tracked sweep: what is there, and one clear line for what is not."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import trimesh
from PIL import Image

from skiagraph.data.layouts.sweep import IMAGE_TO_MARKER, read_surfaces, read_sweep
from skiagraph.geometry import rigid_matrix


def test_frames_come_in_the_order_of_the_table(ellipse_sweep):
    sweep = read_sweep(ellipse_sweep.root)
    assert [frame.name for frame in sweep.frames] == ellipse_sweep.names
    assert [path.name for path in sweep.surfaces] == ["Ellipsoid.stl"]
    assert sweep.frames[0].read_image().shape == ellipse_sweep.shape


def test_a_pixel_lies_where_marker_and_calibration_put_it(ellipse_sweep):
    frame = read_sweep(ellipse_sweep.root).frames[2]
    scale = np.diag([frame.spacing_mm, frame.spacing_mm, 1.0, 1.0])
    marker = rigid_matrix(frame.marker_pose[:3], frame.marker_pose[3:])
    calibration = rigid_matrix(IMAGE_TO_MARKER[:3], IMAGE_TO_MARKER[3:])
    column, row = 31, 77
    point = marker @ calibration @ scale @ (column + 0.5, row + 0.5, 0.0, 1.0)
    plane = frame.plane(IMAGE_TO_MARKER, ellipse_sweep.shape)
    np.testing.assert_allclose(plane.to_pixels(point[:3]), (column, row), atol=1e-6)
    assert plane.to_image_mm(point[:3])[2] == pytest.approx(0.0, abs=1e-9)


def test_several_surfaces_are_read_as_one(ellipse_sweep):
    trimesh.creation.box((1.0, 2.0, 3.0)).export(ellipse_sweep.root / "CT_models" / "Box.stl")
    paths = read_sweep(ellipse_sweep.root).surfaces
    assert len(read_surfaces(paths).faces) == 12 + len(read_surfaces(paths[1:]).faces)


def test_missing_surfaces_are_named(ellipse_sweep):
    (ellipse_sweep.root / "CT_models" / "Ellipsoid.stl").unlink()
    with pytest.raises(FileNotFoundError, match=r"CT_models: no \*\.stl"):
        read_sweep(ellipse_sweep.root)


def test_a_missing_image_is_named(ellipse_sweep):
    (ellipse_sweep.root / "UltrasoundImages" / "1040.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1040\.png: missing, but .*tracking\.csv, line 3 lists it"):
        read_sweep(ellipse_sweep.root)


def test_missing_tracking_is_named(ellipse_sweep):
    (ellipse_sweep.root / "tracking.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"tracking\.csv: missing"):
        read_sweep(ellipse_sweep.root)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("euler_z", "yaw"), "column euler_z missing"),
        (lambda text: text.splitlines()[0], "no rows"),
        (lambda text: text.replace("1040,0.25", "1040,0"), "line 3: space_factor must be above zero"),
        (lambda text: text.replace("1040,0.25", "1040,wide"), "line 3: expected numbers .*wide"),
        (lambda text: text.replace("1040,0.25", "1040,nan"), "line 3: space_factor"),
        (lambda text: text.replace("1040,", "../1040,"), "line 3: timestamp '../1040' is not a whole number"),
        (lambda text: text.replace("1040,", "1000,"), "timestamp 1000 stands twice"),
        (lambda text: "\n".join([*text.splitlines()[:2], "1040,0.25,1"]), "line 3: expected numbers"),
    ],
)
def test_a_bad_table_is_named_with_its_line(ellipse_sweep, change, message):
    table = ellipse_sweep.root / "tracking.csv"
    table.write_text(change(table.read_text()))
    with pytest.raises(ValueError, match=re.escape(str(table)) + f".*{message}"):
        read_sweep(ellipse_sweep.root)


@pytest.mark.parametrize("content", [b"", b"not a surface", b"solid empty\nendsolid empty\n"])
def test_a_bad_surface_is_named(ellipse_sweep, content):
    path = ellipse_sweep.root / "CT_models" / "Ellipsoid.stl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"Ellipsoid\.stl: "):
        read_surfaces([path])


def test_a_bad_image_is_named(ellipse_sweep):
    frame = read_sweep(ellipse_sweep.root).frames[0]
    frame.image.write_bytes(frame.image.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"1000\.png: the image cannot be decoded"):
        frame.read_image()


def test_a_png_with_a_damaged_later_chunk_is_named(ellipse_sweep):
    frame, noise = read_sweep(ellipse_sweep.root).frames[0], io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (500, 500), dtype=np.uint8)).save(noise, "PNG")
    parts = noise.getvalue().split(b"IDAT")
    assert len(parts) > 2
    frame.image.write_bytes(b"IDAT".join(parts[:2]) + b"\1\2\3\4" + b"IDAT".join(parts[2:]))
    with pytest.raises(ValueError, match=r"1000\.png: the image cannot be decoded"):
        frame.read_image()


def test_sixteen_bits_and_transparency_are_shown_in_eight(ellipse_sweep):
    frame = read_sweep(ellipse_sweep.root).frames[0]
    grey = frame.read_image()
    Image.fromarray(grey.astype(np.uint16) * 257).save(frame.image)
    np.testing.assert_array_equal(frame.read_image(), grey)
    seen = np.arange(grey.shape[1]) % 2 == np.zeros((len(grey), 1))
    Image.merge("LA", [Image.fromarray(grey), Image.fromarray(seen.astype(np.uint8) * 255)]).save(frame.image)
    np.testing.assert_array_equal(frame.read_image(), np.where(seen, grey, 0))


def test_surfaces_are_found_whatever_the_case_of_their_ending(ellipse_sweep):
    folder = ellipse_sweep.root / "CT_models"
    (folder / "Ellipsoid.stl").rename(folder / "Fibula.STL")
    (folder / "._Fibula.STL").write_bytes(b"left by a file manager")
    assert [path.name for path in read_sweep(ellipse_sweep.root).surfaces] == ["Fibula.STL"]


def test_paths_mean_the_same_in_another_folder(ellipse_sweep, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep = read_sweep(ellipse_sweep.root.name)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert sweep.frames[0].read_image().shape == ellipse_sweep.shape
    assert len(read_surfaces(sweep.surfaces).faces) > 0


@pytest.mark.parametrize("content", [b"timestamp,space_factor,M\xfcller\n1,2,3\n", b"timestamp," + b"1" * 200_000])
def test_an_unreadable_table_is_named(ellipse_sweep, content):
    table = ellipse_sweep.root / "tracking.csv"
    table.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(table)) + ": unreadable"):
        read_sweep(ellipse_sweep.root)
