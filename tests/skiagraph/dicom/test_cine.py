"""What a run shows together, on runs whose contrast agent is known."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from skiagraph.dicom import DicomFrames, best_opacified_frame, minimum_intensity, opacification, to_grey
from tests.skiagraph.dicom.made_files import write_image

CURVE = np.array([0, 0, 0.1, 0.35, 0.7, 0.95, 1, 0.8, 0.55, 0.3, 0.15, 0.05])
SHAPE = (96, 128)


def _vessels() -> NDArray[np.bool_]:
    """Two bands that cover a twentieth of the frame."""
    rows, columns = np.indices(SHAPE)
    return (np.abs(rows - 30 - 10 * np.sin(columns / 20)) < 1.6) | (np.abs(columns - 40 - rows / 4) < 1.6)


def _run(seed: int = 0, *, breathing: float = 0.0, exposure: float = 0.0, noise: float = 2.0) -> NDArray[np.uint8]:
    """A bright chest with ribs and a catheter that are always there, through which contrast agent runs."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(SHAPE)
    frames = []
    for time, amount in enumerate(CURVE):
        down = breathing * np.sin(time / 2)
        frame = 160 + 30 * np.sin((rows + down) / 9) - 60 * (np.abs(columns - 100) < 2)
        frame = (frame - 55 * amount * _vessels()) * (1 + exposure * np.sin(time))
        frames.append(frame + rng.normal(0, noise, SHAPE))
    return np.clip(np.rint(frames), 0, 255).astype(np.uint8)


def _write(path: Path, frames: NDArray[Any], **tags: Any) -> Path:
    return write_image(path, frames, NumberOfFrames=len(frames), **tags)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("breathing", "exposure"), [(0, 0), (0.5, 0), (0, 0.2)])
def test_the_frame_with_the_most_contrast_agent_is_found(
    tmp_path: Path, seed: int, breathing: float, exposure: float
) -> None:
    frames = _run(seed, breathing=breathing, exposure=exposure)
    with DicomFrames(_write(tmp_path / "a.dcm", frames)) as run:
        assert abs(best_opacified_frame(run) - int(CURVE.argmax())) <= (1 if breathing else 0)


def test_the_score_follows_the_curve_of_the_contrast_agent(tmp_path: Path) -> None:
    with DicomFrames(_write(tmp_path / "a.dcm", _run())) as run:
        assert np.corrcoef(opacification(run), CURVE)[0, 1] > 0.98


@pytest.mark.parametrize("tags", [{"PhotometricInterpretation": "MONOCHROME1"}, {"PixelIntensityRelationshipSign": -1}])
def test_contrast_agent_may_be_stored_as_high_values(tmp_path: Path, tags: dict[str, Any]) -> None:
    turned = _write(tmp_path / "a.dcm", 255 - _run(), **tags)
    plain = _write(tmp_path / "b.dcm", _run())
    with DicomFrames(turned) as run, DicomFrames(plain) as expected:
        assert opacification(run) == pytest.approx(opacification(expected))
        assert np.array_equal(minimum_intensity(run).values, 255 - minimum_intensity(expected).values)


def test_the_projection_is_the_minimum_of_all_frames(tmp_path: Path) -> None:
    frames = _run()
    with DicomFrames(_write(tmp_path / "a.dcm", frames)) as run:
        projection = minimum_intensity(run)
        assert np.array_equal(projection.values, frames.min(axis=0))
        assert np.array_equal(to_grey(projection, run), frames.min(axis=0))


def test_a_few_frames_are_in_memory(tmp_path: Path) -> None:
    """60 frames of 512 x 512 pixels: 16 MB as bytes, 63 MB as numbers to compute with."""
    path = _write(tmp_path / "a.dcm", np.random.default_rng(0).integers(0, 256, (60, 512, 512), dtype=np.uint8))
    with DicomFrames(path) as run:
        tracemalloc.start()
        best_opacified_frame(run)
        minimum_intensity(run)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 * 512 * 512 * 4


def test_colours_are_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.dcm", np.zeros((2, 4, 4, 3), np.uint8))
    with DicomFrames(path) as run:
        for function in (best_opacified_frame, minimum_intensity):
            with pytest.raises(ValueError, match=r"a\.dcm: its frames have colours \(RGB\)"):
                function(run)
