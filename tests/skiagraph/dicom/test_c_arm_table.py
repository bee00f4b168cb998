"""Tables of the C-arm's geometry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydicom.uid import CTImageStorage

from skiagraph.dicom import c_arm_table, read_c_arm
from skiagraph.dicom.c_arm_table import write_c_arm_table
from tests.skiagraph.dicom.angiograms import classic_xa, enhanced_xa, isocentre_system, write


@pytest.fixture
def angiograms(tmp_path: Path) -> Path:
    """A folder with four angiograms, one of them damaged, a CT and a text."""
    root = tmp_path / "in"
    write(root / "b" / "classic.dcm", classic_xa(3))
    write(root / "a" / "enhanced.dcm", enhanced_xa([{"IsocenterReferenceSystemSequence": isocentre_system(1, 2)}] * 2))
    write(root / "doubtful.dcm", classic_xa(1, PositionerMotion=None, DistanceSourceToPatient="2000"))
    write(root / "damaged.dcm", classic_xa(NumberOfFrames=0, Rows=None))
    write(root / "ct.dcm", classic_xa(SOPClassUID=CTImageStorage))
    (root / "notes.txt").write_text("nothing")
    return root


def test_one_row_a_frame(angiograms: Path, tmp_path: Path) -> None:
    told: list[str] = []
    report = write_c_arm_table(angiograms, tmp_path / "t.csv", tell=told.append, jobs=1)
    assert (report.done, report.skipped, report.failed, report.exit_code) == (3, 2, 1, 1)
    assert [(failure.name, failure.message) for failure in report.failures] == [
        ("damaged.dcm", "Rows or Columns are missing")
    ]
    assert told == ["ct.dcm: skipped, no X-ray angiogram: CT Image Storage", "notes.txt: skipped, not a DICOM file"]
    table = pd.read_csv(tmp_path / "t.csv")
    assert sorted(table.file) == ["a/enhanced.dcm"] * 2 + ["b/classic.dcm"] * 3 + ["doubtful.dcm"]
    classic = table[table.file == "b/classic.dcm"]
    assert list(classic.frame_number) == [1, 2, 3]
    assert list(classic.time_s) == pytest.approx([0.0, 0.066, 0.132])
    assert set(classic.imager_spacing_row_mm) == {0.2}
    assert classic.notes.isna().all()
    enhanced = table[table.file == "a/enhanced.dcm"]
    assert set(enhanced.isocentre_primary_deg) == {1.0}
    assert set(enhanced.isocentre_x_px) == {7.5}
    doubtful = table[table.file == "doubtful.dcm"].iloc[0]
    assert pd.isna(doubtful.source_patient_mm)
    assert doubtful.notes.startswith("Distance Source to Patient (2000 mm) is not shorter than")


def test_json_holds_the_same(angiograms: Path, tmp_path: Path) -> None:
    for name in ("t.csv", "t.json"):
        write_c_arm_table(angiograms, tmp_path / name, tell=lambda _: None, jobs=1)
    rows: list[dict[str, Any]] = json.loads((tmp_path / "t.json").read_text())
    table = pd.read_csv(tmp_path / "t.csv", keep_default_na=False, dtype=str)
    assert list(rows[0]) == list(table.columns)
    for row, (_, line) in zip(rows, table.iterrows(), strict=True):
        assert ["; ".join(row.pop("notes")), *("" if v is None else str(v) for v in row.values())] == [
            line.pop("notes"),
            *line,
        ]


def test_rows_are_written_as_they_come(angiograms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_c_arm_table(angiograms, tmp_path / "at once.csv", tell=lambda _: None, jobs=1)
    monkeypatch.setattr(c_arm_table, "_FILES_AT_A_TIME", 2)
    report = write_c_arm_table(angiograms, tmp_path / "t.csv", tell=lambda _: None, jobs=2)
    assert (tmp_path / "t.csv").read_text() == (tmp_path / "at once.csv").read_text()
    assert sorted(outcome.result or 0 for outcome in report.outcomes) == [0, 0, 0, 1, 2, 3]


def test_one_file_and_a_table_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", classic_xa(2))
    for _ in range(2):  # the table of the first round is not read in the second
        report = write_c_arm_table(path.parent, tmp_path / "t.json", jobs=1)
        assert (report.done, report.skipped) == (1, 0)
    assert write_c_arm_table(path, tmp_path / "t.json", jobs=1).done == 1
    rows = json.loads((tmp_path / "t.json").read_text())
    assert [(row["file"], row["primary_deg"]) for row in rows] == [("a.dcm", f.primary_deg) for f in read_c_arm(path)]


def test_nothing_to_tell_is_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert write_c_arm_table(tmp_path / "in", tmp_path / "t.json", jobs=1).exit_code == 0
    assert json.loads((tmp_path / "t.json").read_text()) == []
    write_c_arm_table(tmp_path / "in", tmp_path / "t.csv", jobs=1)
    assert (tmp_path / "t.csv").read_text().startswith("file,frame_number,rows,columns,")


def test_wrong_names_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"t\.xlsx: the table is written as \.csv or \.json"):
        write_c_arm_table(tmp_path, tmp_path / "t.xlsx")
    with pytest.raises(FileNotFoundError, match="nothing: there is no such file or folder"):
        write_c_arm_table(tmp_path / "nothing", tmp_path / "t.csv")
    assert not (tmp_path / "t.csv").exists()
