"""Labels cut from CT, checked against the formula of the section."""

from __future__ import annotations

import contextlib
import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from skiagraph.data import ct_labels
from skiagraph.data.ct_labels import LabelSettings, label_sweep
from skiagraph.folder_work import work_through


def settings(sweep, **changes):
    return LabelSettings(image_to_marker=sweep.image_to_marker, **changes)


def read_label(out, name):
    with Image.open(out / "Labels" / f"{name}_label.png") as image:
        assert image.mode == "L"
        return np.asarray(image)


def read_rows(out):
    with (out / "alignment.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def label_points(label):
    return np.stack(np.nonzero(label)[::-1], axis=1).astype(float)


def files_of(out):
    return {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.parent != out and path.is_file()}


def test_labels_lie_on_the_near_side_of_the_known_section(ellipse_sweep, tmp_path):
    report = label_sweep(ellipse_sweep.root, tmp_path / "out", settings(ellipse_sweep), jobs=1)
    assert report.exit_code == 0
    for name, z_mm in zip(ellipse_sweep.names, ellipse_sweep.z_mm, strict=True):
        label = read_label(tmp_path / "out", name)
        assert label.shape == ellipse_sweep.shape
        assert set(np.unique(label)) == {0, 255}
        away_px = ellipse_sweep.ellipse_distance_mm(label_points(label), z_mm) / ellipse_sweep.spacing_mm
        assert np.abs(away_px).max() < 2.0
        thickness = np.count_nonzero(label[:, 90:115], axis=0)  # where the ellipse is flattest
        assert 3 <= thickness.min() <= thickness.max() <= 5
        columns, middle = np.flatnonzero(label.any(axis=0)), ellipse_sweep.middle_mm[1] / ellipse_sweep.spacing_mm
        assert len(columns) > 0.85 * 2 * 12.5 / ellipse_sweep.spacing_mm
        assert np.median(label_points(label)[:, 1]) < middle
        with Image.open(tmp_path / "out" / "overlays" / f"{name}.jpg") as overlay:
            assert (overlay.mode, overlay.size[::-1]) == ("RGB", ellipse_sweep.shape)


def test_the_whole_outline_closes_round_the_section(ellipse_sweep, tmp_path):
    label_sweep(ellipse_sweep.root, tmp_path / "out", settings(ellipse_sweep, whole=True), jobs=1)
    label, (row,) = read_label(tmp_path / "out", ellipse_sweep.names[1]), read_rows(tmp_path / "out")[1:2]
    points = (label_points(label) + 0.5) * ellipse_sweep.spacing_mm - ellipse_sweep.middle_mm
    angles = np.rad2deg(np.arctan2(points[:, 1], points[:, 0]))
    assert len(np.unique(angles // 10)) == 36
    long, short, _ = ellipse_sweep.half_axes_mm
    ramanujan_mm = np.pi * (3 * (long + short) - np.sqrt((3 * long + short) * (long + 3 * short)))
    assert float(row["length_mm"]) == pytest.approx(ramanujan_mm, rel=0.005)


def test_a_smaller_angle_of_incidence_labels_less(ellipse_sweep, tmp_path):
    for angle in (30.0, 75.0):
        chosen = settings(ellipse_sweep, max_incidence_deg=angle)
        label_sweep(ellipse_sweep.root, tmp_path / f"{angle}", chosen, jobs=1)
    narrow, wide = (read_rows(tmp_path / folder)[0]["length_mm"] for folder in ("30.0", "75.0"))
    assert float(narrow) < 0.8 * float(wide)


@pytest.mark.parametrize("refine", ["sweep", "frame"])
def test_refined_labels_lie_on_the_displaced_echo(ellipse_sweep, tmp_path, refine):
    label_sweep(ellipse_sweep.root, tmp_path / "out", settings(ellipse_sweep, refine=refine), jobs=1)
    rows = read_rows(tmp_path / "out")
    for row, z_mm in zip(rows, ellipse_sweep.z_mm, strict=True):
        points = label_points(read_label(tmp_path / "out", row["frame"]))
        assert abs(ellipse_sweep.ellipse_distance_mm(points, z_mm, displaced=True).mean()) < 0.15
        assert float(row["score_after"]) > float(row["score_before"]) + 0.1
        assert abs(float(row["echo_offset_after_mm"])) < abs(float(row["echo_offset_before_mm"]))
        assert float(row["x_mm"]) == pytest.approx(0.5, abs=0.15)
        assert float(row["y_mm"]) == pytest.approx(-0.4, abs=0.15)
    assert len({row["x_mm"] for row in rows}) == (1 if refine == "sweep" else len(rows))


def test_a_plane_beside_the_bone_gets_an_empty_label_and_says_so(ellipse_sweep, tmp_path, caplog):
    beside = replace(ellipse_sweep, root=tmp_path / "beside", z_mm=(0.0, 70.0)).write()
    label_sweep(beside.root, tmp_path / "out", settings(beside, refine="frame"), jobs=1)
    assert not read_label(tmp_path / "out", beside.names[1]).any()
    assert f"{beside.names[1]}: the image plane misses the bone" in caplog.text
    hit, missed = read_rows(tmp_path / "out")
    assert hit["note"] == ""
    assert missed["note"].startswith("the image plane misses the bone")
    assert (float(missed["length_mm"]), missed["echo_offset_after_mm"]) == (0.0, "")


def test_bone_that_does_not_face_the_probe_is_no_missed_bone(ellipse_sweep, tmp_path):
    label_sweep(ellipse_sweep.root, tmp_path / "out", settings(ellipse_sweep, max_incidence_deg=1e-6), jobs=1)
    for row in read_rows(tmp_path / "out"):
        assert not read_label(tmp_path / "out", row["frame"]).any()
        assert row["note"] == "the bone in the image does not face the probe; its label is empty"


def test_relative_folders_serve_workers_that_run_elsewhere(ellipse_sweep, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)

    def elsewhere(*arguments, **options):
        with contextlib.chdir(tmp_path / "elsewhere"):
            return work_through(*arguments, **options)

    monkeypatch.setattr(ct_labels, "work_through", elsewhere)
    report = label_sweep(ellipse_sweep.root.name, "out", settings(ellipse_sweep), jobs=1)
    assert report.exit_code == 0
    assert read_label(tmp_path / "out", ellipse_sweep.names[0]).any()
    assert len(read_rows(tmp_path / "out")) == len(ellipse_sweep.names)


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"name": "foreign"}', '{"sweep_correction": [1, 2]}'])
def test_settings_that_are_damaged_or_foreign_are_named(ellipse_sweep, tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "settings.json").write_text(content)
    with pytest.raises(ValueError, match=r"out/settings\.json: damaged, or not of the labelling of a sweep") as caught:
        label_sweep(ellipse_sweep.root, tmp_path / "out", settings(ellipse_sweep), jobs=1)
    assert "\n" not in str(caught.value)


def test_the_calibration_may_be_an_array(ellipse_sweep, tmp_path):
    chosen = LabelSettings(image_to_marker=np.array(ellipse_sweep.image_to_marker))
    assert chosen == settings(ellipse_sweep)
    label_sweep(ellipse_sweep.root, tmp_path / "out", chosen, jobs=1)
    kept = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert kept["image_to_marker"] == list(ellipse_sweep.image_to_marker)


def test_a_second_run_makes_only_what_is_missing(ellipse_sweep, tmp_path):
    chosen = settings(ellipse_sweep, refine="frame")
    label_sweep(ellipse_sweep.root, tmp_path / "out", chosen, jobs=1)
    before, table = files_of(tmp_path / "out"), (tmp_path / "out" / "alignment.csv").read_text()
    removed = tmp_path / "out" / "Labels" / f"{ellipse_sweep.names[2]}_label.png"
    removed.unlink()
    (tmp_path / "out" / "alignment.csv").unlink()
    label_sweep(ellipse_sweep.root, tmp_path / "out", chosen, jobs=1)
    after = files_of(tmp_path / "out")
    assert {path.stem.split("_")[0] for path in after if after[path] != before[path]} == {ellipse_sweep.names[2]}
    assert (tmp_path / "out" / "alignment.csv").read_text() == table


def test_labels_of_other_settings_are_not_mixed(ellipse_sweep, tmp_path):
    label_sweep(ellipse_sweep.root, tmp_path / "out", settings(ellipse_sweep), jobs=1)
    with pytest.raises(ValueError, match=r"settings\.json: made for another sweep or with other settings"):
        label_sweep(ellipse_sweep.root, tmp_path / "out", settings(ellipse_sweep, whole=True), jobs=1)


@pytest.mark.parametrize("refine", ["none", "sweep"])
def test_one_unreadable_image_does_not_stop_the_others(ellipse_sweep, tmp_path, refine):
    (ellipse_sweep.root / "UltrasoundImages" / f"{ellipse_sweep.names[1]}.png").write_bytes(b"no image")
    report = label_sweep(ellipse_sweep.root, tmp_path / "out", settings(ellipse_sweep, refine=refine), jobs=1)
    assert report.exit_code != 0
    assert [row["frame"] for row in read_rows(tmp_path / "out")] == ellipse_sweep.names[:1] + ellipse_sweep.names[2:]


def test_a_bad_surface_is_one_error_and_nothing_is_written(ellipse_sweep, tmp_path):
    (ellipse_sweep.root / "CT_models" / "Ellipsoid.stl").write_bytes(b"no surface")
    with pytest.raises(ValueError, match=r"Ellipsoid\.stl: "):
        label_sweep(ellipse_sweep.root, tmp_path / "out", settings(ellipse_sweep, refine="sweep"), jobs=1)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"refine": "both"}, "refine must be one of none, sweep, frame, got 'both'"),
        ({"max_incidence_deg": 90.0}, "max_incidence_deg must be between 0 and 90"),
        ({"image_to_marker": (1.0, 2.0)}, "image_to_marker must be six numbers"),
        ({"image_to_marker": "abc"}, "image_to_marker must be six numbers"),
        ({"image_to_marker": (1, 2, 3, 4, 5, float("nan"))}, "image_to_marker must be six numbers"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        LabelSettings(**change)
