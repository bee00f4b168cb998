"""Arm radiographs: the boxes hold what the picture shows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from skiagraph.phantoms import LimbImage, draw_limb, limb
from skiagraph.phantoms.implants import _DRAWN
from skiagraph.phantoms.limb_plan import draw_patient
from skiagraph.phantoms.limb_view import take_view

SIZE_PX = 256


@pytest.fixture(scope="module")
def images() -> list[LimbImage]:
    return [draw_limb(2, patient, size_px=SIZE_PX) for patient in range(1, 37)]


def _kinds(kind: str, count: int, seed: int = 0) -> list[int]:
    return [patient for patient in range(1, 200) if draw_patient(seed, patient).kind == kind][:count]


def _before_the_detector(monkeypatch: pytest.MonkeyPatch, patient: int) -> tuple[NDArray[np.float32], LimbImage, Any]:
    """All that is in the way of the rays, the image, and how it was taken."""
    seen: list[Any] = []
    develop = limb._develop

    def note(rng: Any, body: Any, view: Any, metal: Any) -> Any:
        seen[:] = [body.total.copy(), view]
        return develop(rng, body, view, metal)

    with monkeypatch.context() as patched:
        patched.setattr(limb, "_develop", note)
        image = draw_limb(0, patient, size_px=SIZE_PX)
    return seen[0], image, seen[1]


@pytest.mark.parametrize("patient", _kinds("implant", 10) + _kinds("both", 2))
def test_boxes_hold_all_metal_and_no_more(monkeypatch: pytest.MonkeyPatch, patient: int) -> None:
    """Measured on what the image lacks if the implants are not drawn, letters and clips being drawn in either case."""
    with_metal, image, view = _before_the_detector(monkeypatch, patient)
    monkeypatch.setattr(limb, "draw_implant", lambda *_: None)
    without, bare, _ = _before_the_detector(monkeypatch, patient)
    assert "implant" not in bare.classes
    rows, columns = np.nonzero(with_metal - without > 0.09)
    held = view.field.holds(np.column_stack([columns, rows]) / view.px_per_mm)
    rows, columns = rows[held], columns[held]
    boxes = [box for box, name in zip(image.boxes, image.classes, strict=True) if name == "implant"]
    around = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    together = np.concatenate([np.min(boxes, axis=0)[:2], np.max(boxes, axis=0)[2:]])
    assert np.abs(around - together).max() <= 1
    left, top, right, bottom = np.array(boxes)[..., None].transpose(1, 0, 2)
    inside = (columns >= left) & (columns < right) & (rows >= top) & (rows < bottom)
    assert inside.any(axis=0).all()


def test_metal_stands_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brighter than what is round it in a plain image, darker in fluoroscopy."""
    differences = []
    for patient in _kinds("implant", 12, seed=0):
        with_metal, image, view = _before_the_detector(monkeypatch, patient)
        with monkeypatch.context() as patched:
            patched.setattr(limb, "draw_implant", lambda *_: None)
            without, _, _ = _before_the_detector(monkeypatch, patient)
        x, y = np.meshgrid(*(np.arange(size) / view.px_per_mm for size in view.shape[::-1]))
        held = view.field.holds(np.column_stack([x.ravel(), y.ravel()])).reshape(view.shape)
        left, top, right, bottom = image.boxes[0].astype(int)
        box = np.zeros(view.shape, bool)
        box[top:bottom, left:right] = True
        metal, beside = with_metal - without > 0.5, with_metal - without == 0
        difference = image.pixels[metal & held & box].mean() - image.pixels[beside & held & box].mean()
        differences.append(-difference if view.fluoroscopy else difference)
    assert np.mean(np.array(differences) > 5) >= 0.8


def test_images_without_findings_have_no_boxes_though_they_have_bright_letters(images: list[LimbImage]) -> None:
    empty = [image for patient, image in enumerate(images, 1) if draw_patient(2, patient).kind == "none"]
    assert len(empty) == 12
    assert all(image.boxes.shape == (0, 4) and image.classes == () for image in empty)
    assert sum((image.pixels > 230).sum() > 20 for image in empty) >= 4


def test_every_twelve_patients_have_what_they_shall() -> None:
    for first in (1, 13, 61):
        kinds = Counter(draw_patient(7, patient).kind for patient in range(first, first + 12))
        assert kinds == {"none": 4, "implant": 5, "fracture": 2, "both": 1}
    orders = {tuple(draw_patient(seed, patient).kind for patient in range(1, 13)) for seed in range(5)}
    assert len(orders) == 5


def test_images_show_what_their_patients_have(images: list[LimbImage]) -> None:
    for patient, image in enumerate(images, 1):
        person = draw_patient(2, patient)
        assert image.classes.count("fracture") == len(person.breaks)
        assert image.classes.count("implant") <= len(person.implants)
        assert bool(image.classes) == (person.kind != "none")


def test_boxes_are_whole_pixels_within_the_image(images: list[LimbImage]) -> None:
    for image in images:
        rows, columns = image.pixels.shape
        assert image.pixels.dtype == np.uint8
        assert max(rows, columns) == SIZE_PX
        assert len(image.boxes) == len(image.classes)
        assert np.array_equal(image.boxes, image.boxes.round())
        low, high = image.boxes[:, :2], image.boxes[:, 2:]
        assert (low >= 0).all()
        assert (high <= [columns, rows]).all()
        assert (high - low >= 3).all()


def test_boxes_are_as_large_as_those_of_the_published_images(images: list[LimbImage]) -> None:
    """Their medians are 8 % of the image for implants and 3 % for fractures; implants go from 0.6 % to 44 %."""
    shares: dict[str, list[float]] = {"implant": [], "fracture": []}
    for image in images:
        for (left, top, right, bottom), name in zip(image.boxes, image.classes, strict=True):
            shares[name].append((right - left) * (bottom - top) / image.pixels.size)
    assert 0.05 < np.median(shares["implant"]) < 0.11
    assert 0.02 < np.median(shares["fracture"]) < 0.05
    assert max(shares["implant"]) < 0.6


def test_implants_differ() -> None:
    kinds = Counter(plan.kind for patient in range(1, 900) for plan in draw_patient(0, patient).implants)
    assert set(kinds) == set(_DRAWN)
    assert kinds["plate"] == max(kinds.values())
    bones = Counter(plan.bone for patient in range(1, 400) for plan in draw_patient(0, patient).implants)
    assert bones["humerus"] > 4 * (bones["radius"] + bones["ulna"])


@pytest.mark.parametrize("patient", _kinds("both", 3, seed=4) + _kinds("fracture", 3, seed=4))
def test_the_size_changes_nothing_but_the_size(patient: int) -> None:
    small, large = (draw_limb(4, patient, size_px=size_px) for size_px in (256, 512))
    assert small.classes == large.classes
    assert np.abs(2 * small.boxes - large.boxes).max() <= 5
    assert np.abs(2 * np.array(small.pixels.shape) - large.pixels.shape).max() <= 1


def test_the_same_numbers_give_the_same_image_and_others_do_not() -> None:
    first, again = (draw_limb(3, 2, 1, size_px=200) for _ in range(2))
    assert first.pixels.tobytes() == again.pixels.tobytes()
    assert np.array_equal(first.boxes, again.boxes)
    for other in ((4, 2, 1), (3, 3, 1), (3, 2, 2)):
        image = draw_limb(*other, size_px=200)
        assert image.pixels.shape != first.pixels.shape or (image.pixels != first.pixels).mean() > 0.2


def test_images_of_a_patient_show_the_same_arm_from_other_places() -> None:
    person = draw_patient(0, 5)
    views = [take_view(np.random.default_rng(seed), person, 300) for seed in range(4)]
    lengths = [[profile.end_mm for profile in view.site.profiles.values()] for view in views]
    assert np.ptp(lengths, axis=0).max() == 0
    assert len({view.site.poses["humerus"].turn for view in views}) == 4
    assert len({view.site.poses["humerus"].mirrored for view in views}) == 1


@pytest.mark.parametrize("seed", range(8))
def test_breaks_and_implants_are_in_the_picture(seed: int) -> None:
    for patient in _kinds("fracture", 2, seed) + _kinds("implant", 3, seed):
        person = draw_patient(seed, patient)
        view = take_view(np.random.default_rng([seed, patient, 1]), person, 300)
        rows, columns = view.shape
        for place in person.breaks:
            point = view.site.poses[person.bone].place([(0.0, place.at_mm)])
            assert view.field.holds(point).all()
            assert ((point * view.px_per_mm > 0) & (point * view.px_per_mm < [columns, rows])).all()
