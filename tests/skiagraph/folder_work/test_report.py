from __future__ import annotations

import json
from pathlib import Path

import pytest

from skiagraph.folder_work import Outcome, Report, describe_error


def test_report_counts_and_names_failures_in_order() -> None:
    outcomes = (
        Outcome("a.png", "done", result=4),
        Outcome("c.png", "failed", message="c.png: empty"),
        Outcome("b.png", "skipped"),
        Outcome("d.png", "done"),
        Outcome("a2.png", "failed", message="no label"),
    )
    report = Report(outcomes)
    assert (report.done, report.skipped, report.failed) == (2, 1, 2)
    assert [failure.name for failure in report.failures] == ["c.png", "a2.png"]
    assert report.exit_code == 1
    assert report.summary().splitlines() == ["2 done, 1 skipped, 2 failed", "c.png: c.png: empty", "a2.png: no label"]


@pytest.mark.parametrize("outcomes", [(), (Outcome("a", "done"), Outcome("b", "skipped"))])
def test_exit_code_is_zero_without_failure(outcomes: tuple[Outcome, ...]) -> None:
    assert Report(outcomes).exit_code == 0
    assert len(Report(outcomes).summary().splitlines()) == 1


def test_message_of_a_users_mistake_stands_alone_in_one_line() -> None:
    assert describe_error(ValueError("a.json: bad\n   line 3")) == "a.json: bad line 3"
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads("{")
    assert "\n" not in describe_error(caught.value)


def test_missing_file_is_named_with_the_systems_words(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        (tmp_path / "a.png").read_bytes()
    assert describe_error(caught.value) == f"{tmp_path / 'a.png'}: No such file or directory"


def test_a_programs_mistake_comes_with_type_and_place() -> None:
    empty: dict[str, int] = {}
    with pytest.raises(KeyError) as caught:
        empty["spacing"]
    line = caught.traceback[-1].lineno + 1
    assert describe_error(caught.value) == f"KeyError: 'spacing' ({Path(__file__).name}, line {line})"


def test_exception_without_words_is_named_by_its_type() -> None:
    assert describe_error(ValueError()) == "ValueError"
