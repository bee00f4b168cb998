from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.skiagraph.dicom.angiograms import classic_xa, write

ROOT = Path(__file__).resolve().parents[2]


def c_arm(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.c_arm", *map(str, arguments), "--jobs", "1"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_exit_code_tells_of_files_that_failed(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.dcm", classic_xa())
    (tmp_path / "in" / "b.txt").write_text("nothing")
    well = c_arm(tmp_path / "in", "--out", tmp_path / "t.csv")
    assert (well.returncode, well.stderr) == (0, "")
    assert well.stdout == "b.txt: skipped, not a DICOM file\n1 done, 1 skipped, 0 failed\n"
    write(tmp_path / "in" / "c.dcm", classic_xa(Columns=None))
    failed = c_arm(tmp_path / "in", "--out", tmp_path / "t.csv")
    assert failed.returncode == 1
    assert failed.stdout.endswith("1 done, 1 skipped, 1 failed\nc.dcm: Rows or Columns are missing\n")
    assert (tmp_path / "t.csv").read_text().count("a.dcm") == 4


def test_a_wrong_name_is_one_line(tmp_path: Path) -> None:
    said = c_arm(tmp_path / "nothing", "--out", tmp_path / "t.csv")
    assert (said.returncode, said.stderr.count("\n")) == (1, 1)
    assert "there is no such file or folder" in said.stderr
