"""Radiographs of arms with implants and fractures, and the exact boxes around them.

What is in the way of the rays is added up (flesh, trunk, bones, metal); scatter, noise and the response of a detector
make an image of it. All lengths are in mm, so that the same patient can be imaged at any size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from .attenuation import Attenuation
from .detector import Exposure, expose
from .field import cover
from .fracture import Piece, break_box
from .implants import draw_implant
from .limb_body import (
    add_cast,
    add_chest,
    add_flesh,
    add_hand,
    add_shoulder,
    skin_of_forearm,
    skin_of_upper_arm,
)
from .limb_plan import FRACTURE, IMPLANT, Patient, draw_patient
from .limb_shape import ELBOW_MM, add_bone, add_elbow_details
from .limb_view import View, take_view
from .markers import add_cable, add_snap, add_staples, lead_letter, stamp_text
from .noise import FloatArray
from .profile_body import Pose, Profile, aim

Points = NDArray[np.float64]

SIZE_PX = 512
# Attenuation from which metal is told from what is behind it, and the least of it that is an implant, in pixels.
SEEN = 0.08
_LEAST_PX = 20


@dataclass(frozen=True)
class LimbImage:
    """A radiograph and its truth.

    Attributes:
        pixels: (rows, columns) uint8.
        boxes: (N, 4) xmin, ymin, xmax, ymax in pixels, whole numbers; 0 is the left or upper edge of the image.
        classes: what is in each box, `IMPLANT` or `FRACTURE`.
    """

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float64]
    classes: tuple[str, ...]


def draw_limb(seed: int, patient: int = 1, image: int = 0, size_px: int | None = None) -> LimbImage:
    """Draw one radiograph; the same arguments give the same bytes.

    Args:
        seed: of all that is random, 0 or more.
        patient: number of the patient, 1 or more; each has an arm, implants and fractures of its own.
        image: number of the patient's image, 0 or more; each has a view, a field and an exposure of its own.
        size_px: longer side of the image, 512 by default as in the published set.
    """
    person = draw_patient(seed, patient)
    rng = np.random.default_rng([seed, patient, image + 1])
    view = take_view(rng, person, size_px or SIZE_PX)
    body = Attenuation(np.zeros(view.shape, dtype=np.float32), view.px_per_mm)
    inside_mm = view.field.inside(body)
    metal, boxes = _draw_metal(person, view, inside_mm)
    _draw_arm(rng, body, person, view)
    _add_distractors(rng, body, person, view)
    body.total[...] += metal
    letter = _lay_letter(rng, body, person, view)
    pixels = _develop(rng, body, view, metal)
    np.maximum(pixels, letter, out=pixels)
    cover(rng, pixels, view.field, inside_mm)
    _finish(rng, pixels, person, view)
    classes = (IMPLANT,) * len(boxes)
    fractures = _fracture_boxes(person, view)
    return LimbImage(pixels, np.array([*boxes, *fractures]).reshape(-1, 4), classes + (FRACTURE,) * len(fractures))


def _draw_metal(person: Patient, view: View, inside_mm: FloatArray) -> tuple[FloatArray, list[Points]]:
    """The attenuation of all implants, and the box of each that is seen."""
    total = np.zeros(view.shape, dtype=np.float32)
    boxes = []
    for plan in person.implants:
        layer = Attenuation(np.zeros(view.shape, dtype=np.float32), view.px_per_mm)
        draw_implant(layer, view.site, plan)
        seen = (layer.total > SEEN) & (inside_mm > 0)
        if seen.sum() >= _LEAST_PX:
            boxes.append(_extent_px(seen))
            total += layer.total
    return total, boxes


def _extent_px(seen: NDArray[np.bool_]) -> Points:
    rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=float)


def _fracture_boxes(person: Patient, view: View) -> list[Points]:
    """Boxes round the breaks, whole pixels within the image."""
    rows, columns = view.shape
    boxes = []
    for edges in view.broken.edges:
        # Pixel centres at whole numbers become edges at whole numbers.
        low_high = break_box(view.site.profiles[person.bone], edges) * view.px_per_mm + 0.5
        whole = np.concatenate([np.floor(low_high[:2]), np.ceil(low_high[2:])])
        boxes.append(np.clip(whole, 0, [columns, rows, columns, rows]))
    return boxes


def _draw_arm(rng: np.random.Generator, body: Attenuation, person: Patient, view: View) -> None:
    """Add all that is of flesh and bone, and the plaster."""
    site, build = view.site, person.build
    skin = _skin(rng, person, view)
    add_flesh(rng, body, skin, rng.uniform(3, 9) * build.flesh**2, site.shoulder)
    if not person.forearm:
        add_chest(rng, body, site.shoulder, build.density)
        add_shoulder(rng, body, site.shoulder, build)
    for bone, profile in site.profiles.items():
        pieces = view.broken.pieces if bone == person.bone else [Piece(site.poses[bone])]
        add_bone(rng, body, profile, pieces, build.density)
    lower = site.poses["humerus"] if person.forearm else view.broken.pieces[-1].pose
    add_elbow_details(body, build, lower, site.sideways)
    add_hand(rng, body, site.forearm.pose.at((0.0, 246 * build.size)), build, site.spread)
    if person.cast:
        start, end = rng.uniform(20, 180) * build.size, rng.uniform(60, 300) * build.size
        (upper, arm), (fore, hand) = skin
        add_cast(rng, body, [(upper, arm.part(start, 400)), (fore, hand.part(-50, end))])


def _skin(rng: np.random.Generator, person: Patient, view: View) -> list[tuple[Pose, Profile]]:
    """The flesh of the upper arm, that is straight from shoulder to elbow even if the bone is not, and of the rest."""
    site = view.site
    elbow = site.poses["humerus"] if person.forearm else view.broken.pieces[-1].pose
    along = aim(site.shoulder.origin, elbow.at((0.0, ELBOW_MM * person.build.size)).origin, person.build.mirrored)
    head = along.at((0.0, -22.0 * person.build.size))
    return [(head, skin_of_upper_arm(rng, person.build)), (site.forearm.pose, skin_of_forearm(rng, person.build))]


def _add_distractors(rng: np.random.Generator, body: Attenuation, person: Patient, view: View) -> None:
    """Add what is neither implant nor fracture, but bright and sharp."""
    width, height = view.shape[1] / view.px_per_mm, view.shape[0] / view.px_per_mm

    def anywhere() -> Points:
        return rng.uniform(0.05, 0.95, 2) * [width, height]

    if person.staples:
        v = np.linspace(*person.focus_mm, 12)
        u = rng.choice([-1, 1]) * rng.uniform(15, 34) + rng.normal(0, 2)
        add_staples(rng, body, view.site.poses[person.bone].place(np.column_stack([np.full(12, u), v])))
    if rng.random() < 0.15:
        add_cable(rng, body, anywhere(), anywhere())
    for _ in range(rng.choice([0, 1, 2, 4], p=[0.82, 0.1, 0.05, 0.03])):
        add_snap(rng, body, anywhere())


def _lay_letter(rng: np.random.Generator, body: Attenuation, person: Patient, view: View) -> NDArray[np.uint8]:
    """Lay a letter of lead beside the arm: it is as bright as metal, or, as it is returned, white in the picture."""
    if view.fluoroscopy or rng.random() < 0.2:
        return np.zeros(view.shape, dtype=np.uint8)
    place = np.array([-rng.uniform(0.6, 0.95), rng.uniform(-0.92, 0.92)]) * view.field.half_mm
    letter = lead_letter(rng, body, person.side, view.field.pose.at((float(place[0]), float(place[1]))))
    if rng.random() < 0.5:
        body.total[...] += rng.uniform(1.5, 5) * letter
        letter[...] = 0
    return np.asarray(255 * letter, dtype=np.uint8)


def _develop(rng: np.random.Generator, body: Attenuation, view: View, metal: FloatArray) -> NDArray[np.uint8]:
    """The picture that a detector and its machine make of what is in the way."""
    dim = not view.fluoroscopy and rng.random() < 0.8
    exposure = Exposure(
        scatter=rng.uniform(0.08, 0.35),
        noise=rng.uniform(0.004, 0.024),
        blur_px=rng.uniform(0.4, 0.8),
        centre=rng.uniform(0.6, 0.9),
        latitude=rng.uniform(1.2, 1.8) if view.fluoroscopy else rng.uniform(1.5, 3.6),
        darkest=rng.uniform(-30, 5),
        brightest=rng.uniform(100, 175) if dim else rng.uniform(190, 275),
        flattening=rng.uniform(0.2, 0.6) if rng.random() < 0.3 else 0.0,
        stitched=0.0,
    )
    pixels = expose(rng, body, exposure)
    if rng.random() < 0.4:
        level = pixels.astype(np.float32)
        level += rng.uniform(0.3, 1.3) * (level - gaussian_filter(level, rng.uniform(1.5, 5)))
        pixels = np.clip(level, 0, 255).round().astype(np.uint8)
    if dim and metal.any() and rng.random() < 0.25:
        _burn(rng, pixels, metal)
    return np.asarray(255 - pixels if view.fluoroscopy else pixels, dtype=np.uint8)


def _burn(rng: np.random.Generator, pixels: NDArray[np.uint8], metal: FloatArray) -> None:
    """Make the most opaque metal white in place, or its edges: some machines leave it out of their contrast."""
    opaque = 1 - np.exp(-metal)
    sharp = opaque - rng.uniform(0, 0.9) * gaussian_filter(opaque, rng.uniform(2, 5))
    pixels[sharp > rng.uniform(0.35, 0.9) * sharp.max()] = 255


def _finish(rng: np.random.Generator, pixels: NDArray[np.uint8], person: Patient, view: View) -> None:
    """Write into the finished picture in place, and turn some to negatives."""
    if rng.random() < 0.25 and not view.fluoroscopy:
        stamp_text(rng, pixels, person.side, int(rng.uniform(90, 255) if rng.random() < 0.5 else 255))
    if rng.random() < 0.035 and not view.fluoroscopy:
        pixels[...] = 255 - np.minimum(pixels.astype(np.float32) * rng.uniform(1.0, 2.0), 255)
