"""A folder with bad files: the rest is done, the table tells all, the end is a failure."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.handlers import StatsHandler
from monai.transforms import Compose, Lambdad, Resized, SelectItemsd
from PIL import Image
from torch.multiprocessing.spawn import start_processes

from skiagraph.engines.errors import root_cause
from skiagraph.handlers import FolderSummary
from skiagraph.transforms import LoadFramed


def _ignore(_pred: Any) -> None:
    """Let nothing go wrong."""


def _run(
    tmp_path: Path, good: list[str], bad: list[str], accident: Callable[[Any], object] = _ignore, batch_size: int = 2
) -> list[str]:
    """Evaluate an identity network over the files and answer the names that went through it.

    `accident` is called with each prediction.
    """
    for name in good:
        Image.fromarray(np.full((4, 4), ord(name[0]), np.uint8)).save(tmp_path / f"{name}.png")
    for name in bad:
        (tmp_path / f"{name}.png").write_bytes(b"no image")
    items = [{"image": str(tmp_path / f"{name}.png"), "name": name} for name in [*bad, *good]]
    load = [LoadFramed("image", on_error="report"), Resized("image", (4, 4), mode="area"), SelectItemsd("image")]
    seen: list[str] = []

    def describe(case: dict[str, Any]) -> dict[str, Any]:
        seen.append(case["image"].meta["name"])
        return {"message": "fine", "grey": float(case["pred"].mean()), "lines": len(seen)}

    def post(pred: Any) -> Any:
        accident(pred)
        return pred

    summary = FolderSummary(tmp_path / "out", describe)
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items, Compose(load)), batch_size=batch_size),
        network=torch.nn.Identity(),
        postprocessing=Lambdad("pred", post),
        # An ignite engine calls no handler of an exception after one that raises it, as this one does.
        val_handlers=[StatsHandler(iteration_log=False, epoch_log=False), summary],
    )
    evaluator.logger.setLevel(logging.CRITICAL)
    evaluator.run()
    summary.conclude()
    return seen


def _at(name: str, happen: Callable[[], object]) -> Callable[[Any], None]:
    """An accident that befalls one image."""

    def accident(pred: Any) -> None:
        if pred.meta["name"] == name:
            happen()

    return accident


def _raise(error: BaseException) -> None:
    raise error


def test_every_image_has_a_row_sorted_by_name(tmp_path: Path) -> None:
    assert sorted(_run(tmp_path, ["c", "a", "b"], [])) == ["a", "b", "c"]
    table = pd.read_csv(tmp_path / "out" / "summary.csv")
    assert table["name"].tolist() == ["a", "b", "c"]
    assert table["status"].tolist() == ["done"] * 3
    assert table["grey"].tolist() == [97, 98, 99]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["summary.csv"]


def test_bad_files_fail_at_the_end_after_the_rest_is_done(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^2 of 4 images failed: ") as caught:
        _run(tmp_path, ["a", "d"], ["b", "c"])
    assert "\n" not in str(caught.value)
    assert all(f"{name}.png: not an image" in str(caught.value) for name in "bc")
    table = pd.read_csv(tmp_path / "out" / "summary.csv")
    assert table["name"].tolist() == ["a", "b", "c", "d"]
    assert table["status"].tolist() == ["done", "failed", "failed", "done"]
    assert table["grey"].isna().tolist() == [False, True, True, False]
    assert "b.png: not an image" in table["message"][1]


def test_whole_numbers_stay_whole_beside_a_failure(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        _run(tmp_path, ["a", "b"], ["c"])
    lines = (tmp_path / "out" / "summary.csv").read_text().splitlines()
    assert lines[0].split(",")[-1] == "lines"
    assert [line.split(",")[-1] for line in lines[1:]] == ["1", "2", ""]


def test_an_error_after_the_network_is_the_failure_of_its_image(tmp_path: Path) -> None:
    def report(pred: Any) -> None:
        if pred.meta["name"] == "b":
            pred.meta["error"] = "b.png: results not written: disk full"

    with pytest.raises(SystemExit, match=r"^1 of 3 images failed: b\.png: results not written: disk full$"):
        _run(tmp_path, ["a", "b", "c"], [], report)
    assert pd.read_csv(tmp_path / "out" / "summary.csv")["status"].tolist() == ["done", "failed", "done"]


@pytest.mark.parametrize(
    ("happen", "raised"),
    [
        (lambda: _raise(RuntimeError("out of memory")), RuntimeError),
        (lambda: _raise(KeyboardInterrupt()), KeyboardInterrupt),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), SystemExit),
    ],
)
def test_what_was_done_before_the_end_is_kept(
    tmp_path: Path, happen: Callable[[], object], raised: type[BaseException]
) -> None:
    with pytest.raises(raised):
        _run(tmp_path, ["b", "a", "c"], [], _at("c", happen), batch_size=1)
    table = pd.read_csv(tmp_path / "out" / "summary.csv")
    assert table["name"].tolist() == ["a", "b"]
    assert table["status"].tolist() == ["done", "done"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_run_that_did_nothing_keeps_the_table_of_another(tmp_path: Path) -> None:
    _run(tmp_path, ["a"], [])
    before = (tmp_path / "out" / "summary.csv").read_bytes()
    with pytest.raises(RuntimeError) as caught:
        _run(tmp_path, ["b"], [], lambda _: _raise(RuntimeError("at once")))
    assert str(root_cause(caught.value)) == "at once"
    assert (tmp_path / "out" / "summary.csv").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    seen: list[object] = []
    with pytest.raises(FileExistsError):
        _run(tmp_path, ["a"], [], seen.append)
    assert seen == []


def test_the_end_says_where_the_results_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run(tmp_path, ["a", "b"], [])
    assert capsys.readouterr().out == f"2 images done, results in {tmp_path / 'out'}\n"


def test_what_ended_the_run_is_told_though_the_table_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out" / "summary.csv").mkdir(parents=True)
    with pytest.raises(RuntimeError) as caught:
        _run(tmp_path, ["a", "b"], [], _at("b", lambda: _raise(RuntimeError("out of memory"))), batch_size=1)
    assert str(root_cause(caught.value)) == "out of memory"


def _run_share(rank: int, folder: Path) -> None:
    torch.distributed.init_process_group("gloo", f"file://{folder / 'rendezvous'}", rank=rank, world_size=2)
    share = folder / f"images{rank}"
    share.mkdir()
    (share / "out").symlink_to(folder)
    names = [["a", "b"], ["c", "d"]][rank]
    try:
        _run(share, names, [], _at("d", lambda: _raise(RuntimeError("out of memory"))), batch_size=1)
    except RuntimeError as error:
        (folder / f"{rank}.txt").write_text(str(root_cause(error)))
    if rank == 1:
        torch.distributed.destroy_process_group()


def test_one_process_that_fails_lets_none_hang_and_each_keeps_what_it_did(tmp_path: Path) -> None:
    start_processes(_run_share, (tmp_path,), nprocs=2, start_method="spawn")
    assert (tmp_path / "1.txt").read_text() == "out of memory"
    assert (tmp_path / "0.txt").is_file()
    assert pd.read_csv(tmp_path / "summary.csv")["name"].tolist() == ["a", "b"]
    assert pd.read_csv(tmp_path / "summary_rank1.csv")["name"].tolist() == ["c"]


def test_a_whole_run_replaces_what_the_processes_of_a_broken_one_left(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "summary_rank1.csv").write_text("name,status\nc,done\n")
    _run(tmp_path, ["a"], [])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["summary.csv"]


def test_one_of_several_processes_names_the_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for rank, said in ((0, "1 of 1 images failed: "), (1, "1")):
        # As torchrun sets it; by then the group has been left.
        monkeypatch.setenv("RANK", str(rank))
        with pytest.raises(SystemExit, match=f"^{said}") as caught:
            _run(tmp_path, [], ["a"])
        assert isinstance(caught.value.code, str if rank == 0 else int)


def test_only_the_first_failures_are_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"8 of 8 images failed: .*; and 3 more$") as caught:
        _run(tmp_path, [], list("abcdefgh"))
    assert str(caught.value).count("not an image") == 5
    assert len(pd.read_csv(tmp_path / "out" / "summary.csv")) == 8
