from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from scripts._face import run
from skiagraph.folder_work import Outcome, Report

ROOT = Path(__file__).resolve().parents[2]

called: list[dict[str, Any]] = []


def convert(
    folder: str,
    out: Path | None = None,
    spacing: float | None = None,
    by: Literal["patient", "trial"] = "patient",
    overwrite: bool = False,
    jobs: int = -1,
) -> None:
    """Convert the images of a folder.

    They keep their names.

    Args:
        folder: folder of the images.
        out: where to write.
        spacing: pixel size in mm.
        by: what forms a group.
        overwrite: do again what was done.
        jobs: processes, -1 for all cores.
    """
    called.append(locals())


@pytest.fixture
def face(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs commands with arguments; gives exit code, stdout and stderr."""
    called.clear()

    def start(commands: Any, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scripts/convert.py", *arguments])
        with pytest.raises(SystemExit) as end:
            run(commands)
        return (end.value.code, *capsys.readouterr())

    return start


Face = Callable[..., tuple[int, str, str]]


def test_arguments_arrive_as_what_the_signature_says(face: Face) -> None:
    arguments = ["0012", "--out", "1,2", "--spacing=1", "--by", "trial", "--overwrite", "--jobs", "-2"]
    assert face(convert, *arguments) == (0, "", "")
    assert called == [
        {"folder": "0012", "out": Path("1,2"), "spacing": 1.0, "by": "trial", "overwrite": True, "jobs": -2}
    ]
    assert type(called[0]["spacing"]) is float


def test_defaults_and_none(face: Face) -> None:
    assert face(convert, "--folder", "a b", "--out=None", "--nooverwrite")[0] == 0
    assert called[0] == {
        "folder": "a b", "out": None, "spacing": None, "by": "patient", "overwrite": False, "jobs": -1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["a", "--nope", "3"], "--nope"),
        (["a", "--nope=3"], "--nope"),
        (["a", "b", "1", "trial", "True", "2", "extra"], "extra"),
        ([], "folder"),
        (["a", "--out"], "--out needs a value"),
        (["a", "--jobs", "two"], "--jobs takes a whole number, not 'two'"),
        (["a", "--jobs"], "--jobs takes a whole number"),
        (["a", "--jobs", "1.5"], "--jobs takes a whole number, not '1.5'"),
        (["a", "--spacing", "wide"], "--spacing takes a number, not 'wide'"),
        (["a", "--by", "hospital"], "--by takes one of patient, trial, not 'hospital'"),
        (["--overwrite", "a"], "folder"),
        (["b", "--overwrite", "a"], "--overwrite takes True or False"),
    ],
)
def test_wrong_arguments_are_named_and_nothing_runs(face: Face, arguments: list[str], named: str) -> None:
    code, out, error = face(convert, *arguments)
    assert (code, out) == (2, "")
    lines = error.splitlines()
    assert named in lines[0]
    assert lines[1].endswith(" --help")
    assert len(lines) == 2
    assert called == []


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["a", "--help"]])
def test_help_is_plain_text_with_every_argument(face: Face, arguments: list[str]) -> None:
    code, out, error = face(convert, *arguments)
    assert (code, error, called) == (0, "", [])
    for words in (
        "Convert the images of a folder.", "They keep their names.", "FOLDER", "folder of the images.", "--out=OUT",
        "where to write.", "--jobs=JOBS", "-1 for all cores", "Type: Optional[float]", "do again what was done.",
    ):  # fmt: skip
        assert words in out
    assert "\x1b" not in out
    assert "FIRE" not in out


def test_commands_by_name(face: Face) -> None:
    commands = {"convert": convert, "count": lambda: 3}
    assert face(commands, "convert", "a")[0] == 0
    assert called[0]["folder"] == "a"
    assert face(commands, "count") == (0, "3\n", "")
    code, out, error = face(commands, "keys")
    assert (code, out) == (2, "")
    assert error == "there is no command 'keys'; choose one of: convert, count\n"
    code, out, error = face(commands)
    assert (code, out) == (2, "")
    assert "Convert the images of a folder." in error
    code, out, error = face(commands, "--help")
    assert (code, error) == (0, "")
    assert "count" in out
    assert "-1 for all cores" in face(commands, "convert", "--help")[1]


def failing(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("a.json: no key 'test';\n add one"), "a.json: no key 'test'; add one"),
        (FileNotFoundError(2, "No such file or directory", "a.png"), "a.png: No such file or directory"),
        (ConnectionError("no scheduler"), "no scheduler"),
    ],
)
def test_a_users_mistake_is_one_line(face: Face, error: Exception, line: str) -> None:
    assert face(failing(error)) == (1, "", f"{line}\n")


def test_interrupt(face: Face) -> None:
    assert face(failing(KeyboardInterrupt())) == (130, "", "interrupted\n")


def test_a_report_is_printed_and_gives_the_exit_code(face: Face) -> None:
    good = Outcome("a", "done")
    assert face(lambda: Report((good,))) == (0, "1 done, 0 skipped, 0 failed\n", "")
    report = Report((good, Outcome("b", "failed", message="no pixel")))
    assert face(lambda: report) == (1, "1 done, 0 skipped, 1 failed\nb: no pixel\n", "")


def test_a_programs_mistake_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["scripts/convert.py"])
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 // 0)


PROGRAM = """
from scripts._face import run

def fail(name: str) -> None:
    raise ValueError(f"{name} is bad")

if __name__ == "__main__":
    run(fail)
"""


def test_as_a_program_the_help_names_it_and_developers_see_the_place(tmp_path: Path) -> None:
    (tmp_path / "demo.py").write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [tmp_path, ROOT, ROOT / "shared"]))}

    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
        )

    shown = start("-m", "demo", "--help")
    assert shown.returncode == 0
    assert "python -m demo NAME" in shown.stdout
    plain = start("-m", "demo", "a.png")
    assert (plain.returncode, plain.stderr) == (1, "a.png is bad\n")
    developer = start("-X", "dev", "-W", "ignore", "-m", "demo", "a.png")
    assert 'raise ValueError(f"{name} is bad")' in developer.stderr
