"""The angiograms that tests are made of, by David Clunie's checker."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from tests.skiagraph.dicom.angiograms import classic_xa, enhanced_xa, isocentre_system, positioner, write

needs_dciodvfy = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="Debian's dicom3tools are not installed")

# It looks for Isocenter Reference System Sequence beside this attribute, where PS3.3 C.8.19.6.13 does not have it.
MISTAKEN = "<PositionOfIsocenterProjection> Module=<XRayDetector>"


@needs_dciodvfy
@pytest.mark.parametrize(
    "header",
    [
        classic_xa(),
        classic_xa(1, PositionerMotion=None),
        classic_xa(PositionerMotion="DYNAMIC", PositionerPrimaryAngleIncrement=["0", "5", "10", "15"],
                   PositionerSecondaryAngleIncrement="0"),
        enhanced_xa([{}, {}]),
        enhanced_xa([{"PositionerPositionSequence": positioner(10 * k, 5),
                      "IsocenterReferenceSystemSequence": isocentre_system(10 * k, 5)} for k in range(3)]),
    ],
    ids=["classic", "one frame", "rotation", "enhanced", "enhanced rotation"],
)  # fmt: skip
def test_they_are_valid(header: Dataset, tmp_path: Path) -> None:
    said = subprocess.run(
        ["dciodvfy", str(write(tmp_path / "a.dcm", header))], capture_output=True, text=True, check=False
    ).stderr
    assert any(line in said.splitlines() for line in ("XAImage", "EnhancedXAImage"))
    assert [line for line in said.splitlines() if line.startswith("Error") and MISTAKEN not in line] == []


@needs_dciodvfy
def test_the_checker_sees_what_is_missing(tmp_path: Path) -> None:
    header = enhanced_xa([{}], shared={"XRayGeometrySequence": None})
    path = write(tmp_path / "a.dcm", header)
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False).stderr
    assert "<XRayGeometrySequence>" in said
