"""Functions for the workers stand inside the tests: so they are pickled by value, as those of a notebook."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dask
import distributed
import pytest

from skiagraph.folder_work import work_through

PACKAGE = Path(__file__).resolve().parents[3] / "shared"


def crash_on_seven(number: int) -> int:
    time.sleep(0.01)
    if number == 7:
        os._exit(3)
    return 10 * number


def by_value(function: Callable[[int], int]) -> Callable[[int], int]:
    """The function without its module, which a worker cannot import."""
    function.__module__ = "__main__"
    return function


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Address of two worker processes with two threads each, which give up a call when one of them dies in it."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, processes=True, protocol="tcp://", dashboard_address=None
        ) as local,
    ):
        yield local.scheduler_address


def test_outcomes_are_in_the_order_of_the_items_and_hold_results() -> None:
    def slower_first(number: int) -> tuple[int, int]:
        time.sleep(0.3 if number == 0 else 0)
        return number, os.getpid()

    report = work_through(slower_first, range(12), jobs=2, name=lambda number: f"item {number}")
    assert [outcome.name for outcome in report.outcomes] == [f"item {number}" for number in range(12)]
    assert [outcome.result[0] for outcome in report.outcomes] == list(range(12))
    assert os.getpid() not in {outcome.result[1] for outcome in report.outcomes}
    assert (report.done, report.exit_code) == (12, 0)


def test_what_is_done_is_skipped_and_what_fails_does_not_stop_the_rest() -> None:
    def work(number: int) -> int:
        if number == 1:
            raise ValueError("1.png: no pixel")
        if number == 4:
            raise KeyError("spacing")
        if number == 5:
            sys.exit("end of the program")
        return number

    report = work_through(work, range(9), done=lambda number: number % 3 == 0, jobs=2)
    expected = ["skipped", "failed", "done", "skipped", "failed", "failed", "skipped", "done", "done"]
    assert [outcome.status for outcome in report.outcomes] == expected
    messages = [failure.message for failure in report.failures]
    assert messages[0] == "1.png: no pixel"
    assert messages[1].startswith("KeyError: 'spacing'")
    assert messages[2].startswith("SystemExit: end of the program")
    assert report.exit_code == 1


def test_a_check_that_fails_is_a_failure_of_its_item() -> None:
    def done(number: int) -> bool:
        if number == 1:
            raise PermissionError(13, "Permission denied", "1.png")
        return False

    report = work_through(str, range(3), done=done, jobs=1)
    assert report.summary() == "2 done, 0 skipped, 1 failed\n1: 1.png: Permission denied"


def test_a_worker_that_dies_costs_its_own_item_alone() -> None:
    report = work_through(by_value(crash_on_seven), range(30), jobs=2)
    assert [failure.name for failure in report.failures] == ["7"]
    assert "worker process died" in report.failures[0].message
    assert [outcome.result for outcome in report.outcomes if outcome.name != "7"] == [
        10 * number for number in range(30) if number != 7
    ]


def test_what_cannot_be_pickled_fails_alone() -> None:
    report = work_through(lambda n: (x for x in ()) if n == 2 else n, range(6), jobs=2)
    assert [failure.name for failure in report.failures] == ["2"]
    assert "pickle" in report.failures[0].message
    assert report.done == 5


def test_one_job_runs_in_this_process() -> None:
    seen: list[int] = []
    report = work_through(lambda n: seen.append(n) or os.getpid(), iter([3, 1, 2]), jobs=1)
    assert seen == [3, 1, 2]
    assert {outcome.result for outcome in report.outcomes} == {os.getpid()}


@pytest.mark.parametrize("jobs", [1, 2])
def test_items_are_taken_as_they_are_needed(tmp_path: Path, jobs: int) -> None:
    ahead = []

    def items() -> Iterator[int]:
        for number in range(80):
            ahead.append(number - len(list(tmp_path.iterdir())))
            yield number

    def work(number: int) -> None:
        time.sleep(0.002)
        (tmp_path / str(number)).touch()

    assert work_through(work, items(), jobs=jobs).done == 80
    assert max(ahead) <= 4 * jobs


@pytest.mark.parametrize("jobs", [1, 2])
def test_error_of_the_iterator_is_raised_when_the_work_before_it_is_finished(tmp_path: Path, jobs: int) -> None:
    def items() -> Iterator[Path]:
        yield from (tmp_path / str(number) for number in range(5))
        raise OSError("the folder went away")

    with pytest.raises(OSError, match="the folder went away"):
        work_through(lambda path: path.touch(), items(), jobs=jobs)
    assert len(list(tmp_path.iterdir())) == 5


def test_nothing_to_do_is_well() -> None:
    report = work_through(str, [], jobs=2)
    assert (report.summary(), report.exit_code) == ("0 done, 0 skipped, 0 failed", 0)


def test_no_jobs_are_refused() -> None:
    with pytest.raises(ValueError, match="jobs is 0"):
        work_through(str, range(3), jobs=0)


PROGRAM = """
import sys, time
from pathlib import Path
from skiagraph.folder_work import whole_file, work_through

root = Path(sys.argv[1])

def path_of(number):
    return root / "out" / f"{number}.txt"

def work(number):
    with (root / "log").open("a") as file:
        file.write(f"{number}\\n")
    with whole_file(path_of(number)) as temporary, temporary.open("w") as file:
        print("first half", file=file, flush=True)
        while number >= 8 and not (root / "go_on").exists():
            time.sleep(0.01)
        print("second half", file=file)

try:
    report = work_through(work, range(16), done=lambda number: path_of(number).exists(), jobs=2)
except KeyboardInterrupt:
    sys.exit(130)
print(report.summary())
"""


def start(tmp_path: Path) -> subprocess.Popen[str]:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, str(tmp_path / "program.py"), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)


def wait_until_two_are_half_written(process: subprocess.Popen[str], out: Path) -> None:
    while len(list(out.glob("*.txt"))) < 8 or sum(path.stat().st_size > 0 for path in out.glob(".*.part")) < 2:
        assert process.poll() is None
        time.sleep(0.02)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_a_run_that_was_stopped_leaves_whole_files_and_goes_on(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    out, log, whole = tmp_path / "out", tmp_path / "log", "first half\nsecond half\n"
    process = start(tmp_path)
    wait_until_two_are_half_written(process, out)
    os.killpg(process.pid, number)
    assert process.wait(timeout=60) == code
    written = {path: path.stat().st_mtime_ns for path in out.glob("*.txt")}
    assert {path.stem for path in written} == set(map(str, range(8)))
    assert {path.read_text() for path in written} == {whole}

    log.unlink()
    (tmp_path / "go_on").touch()
    text, _ = start(tmp_path).communicate()
    assert text == "8 done, 8 skipped, 0 failed\n"
    assert sorted(map(int, log.read_text().split())) == list(range(8, 16))
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert [(out / f"{number}.txt").read_text() for number in range(16)] == [whole] * 16


def test_cluster_does_the_same_on_its_workers(cluster: str) -> None:
    handed_out = []

    def items() -> Iterator[int]:
        for number in range(40):
            handed_out.append(time.monotonic())
            yield number

    def work(number: int) -> tuple[int, str]:
        from distributed import get_worker

        time.sleep(0.02)
        if number == 5:
            raise ValueError("5.png: no pixel")
        return number, get_worker().address

    report = work_through(work, items(), done=lambda number: number % 10 == 0, cluster=cluster)
    assert report.summary() == "35 done, 4 skipped, 1 failed\n5: 5.png: no pixel"
    results = {outcome.name: outcome.result for outcome in report.outcomes if outcome.status == "done"}
    assert list(results) == [str(number) for number in range(40) if number % 10 and number != 5]
    assert all(result[0] == int(name) for name, result in results.items())
    assert len({address for _, address in results.values()}) == 2
    # 36 calls of 20 ms on 4 threads: the last items can only be handed out late if they are taken as needed.
    assert handed_out[-1] - handed_out[0] > 0.02 * 5


def test_a_cluster_worker_that_dies_costs_its_own_item_alone(cluster: str) -> None:
    report = work_through(by_value(crash_on_seven), range(30), cluster=cluster)
    assert [failure.name for failure in report.failures] == ["7"]
    assert "worker process died" in report.failures[0].message
    assert report.done == 29


def test_cluster_without_dask_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match="pip install distributed"):
        work_through(str, range(3), cluster="tcp://127.0.0.1:8786")


@pytest.mark.parametrize("address", ["scheduler", "localhost:8786", "tcp://scheduler", "fax://scheduler:1"])
def test_cluster_that_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"cluster: .* such as tcp://scheduler:8786"):
        work_through(str, range(3), cluster=address)


def test_cluster_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skiagraph.folder_work.run._CONNECT_WITHIN_S", 0.5)
    with pytest.raises(ConnectionError, match=r"answers at tcp://127\.0\.0\.1:9 "):
        work_through(str, range(3), cluster="tcp://127.0.0.1:9")


def test_dask_is_imported_for_a_cluster_alone() -> None:
    program = (
        "import skiagraph.folder_work as f, sys; f.work_through(str, 'ab', jobs=1); print('distributed' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
