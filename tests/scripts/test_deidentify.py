"""The command line of the de-identification, with its key, its table, and pixels."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pydicom import dcmread

from tests.skiagraph.dicom.planted import write_planted


def run(verb: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"scripts.{verb}", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_a_folder_is_done_with_its_pixels_and_nothing_is_left(tmp_path: Path) -> None:
    before, _ = write_planted(tmp_path / "corpus ü", 9)
    out, key, table = tmp_path / "out", tmp_path / "key", tmp_path / "table"
    (tmp_path / "passphrase").write_text("correct horse battery staple\n")
    arguments = [before, out, "--key-file", key, "--clean-pixels", "--jobs", "1"]
    done = run(
        "deidentify", *arguments, "--new-key", "--reidentification", table, "--passphrase-file", tmp_path / "passphrase"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("9 done, 0 skipped, 0 failed")
    assert key.stat().st_mode & 0o777 == 0o600
    assert run("check_deidentified", before, out, "--jobs", "1").returncode == 0
    burned = [path for path in out.rglob("*.dcm") if dcmread(path, stop_before_pixels=True).Modality == "US"]
    assert [dcmread(path).BurnedInAnnotation for path in burned] == ["NO"]
    patient = dcmread(next(before.rglob("*.dcm")), stop_before_pixels=True).PatientID
    assert patient.encode() not in table.read_bytes()
    assert patient in run("reidentification", table, "--passphrase-file", tmp_path / "passphrase").stdout
    again = run("deidentify", *arguments)
    assert again.stdout.startswith("0 done, 9 skipped, 0 failed")


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    missing = run("deidentify", tmp_path / "in", tmp_path / "out", "--key-file", tmp_path / "no key")
    assert missing.returncode == 1
    assert missing.stderr.count("\n") == 1
    assert "no key" in missing.stderr
    inside = run("deidentify", tmp_path / "in", tmp_path / "in" / "out", "--key-file", tmp_path / "key", "--new-key")
    assert inside.returncode == 1
    assert "one folder is in the other" in inside.stderr
    secret = run("deidentify", tmp_path / "in", tmp_path / "out", "--key-file", tmp_path / "out" / "key", "--new-key")
    assert secret.returncode == 1
    assert "this file is secret" in secret.stderr
    assert not (tmp_path / "out").exists()
