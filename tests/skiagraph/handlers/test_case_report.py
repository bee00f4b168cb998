from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from ignite.engine import Engine
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator
from torch.multiprocessing.spawn import start_processes

from skiagraph.handlers import CaseReport, case_name

ROOT = Path("/images")


def case(name: str, value: float = 0.0) -> dict[str, Any]:
    return {"image": MetaTensor(torch.full((1, 2, 2), float(value)), meta={"filename_or_obj": str(ROOT / name)})}


def score(scored: dict[str, Any]) -> dict[str, float]:
    value = float(scored["image"].mean())
    return {"mean_grey": value, "root": math.sqrt(value) if value >= 0 else math.nan}


def run(report: CaseReport, *batches: list[dict[str, Any]]) -> Engine:
    evaluator = Engine(lambda _, batch: batch)
    report.attach(evaluator)
    evaluator.run(list(batches))
    return evaluator


def test_it_writes_every_case_and_their_means(tmp_path: Path) -> None:
    drawn = []
    report = CaseReport(
        tmp_path,
        score,
        plot=lambda rows, folder: drawn.append(([row["name"] for row in rows], folder)),
        facts={"data_list_sha256": "abc"},
        dataset_dir=ROOT,
    )
    evaluator = run(report, [case("b/2.png", 4), case("b/1.png", -1)], [case("a/3.png", 9)])
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics == {"data_list_sha256": "abc", "n": 3, "mean_grey": 4, "root": 2.5}
    assert evaluator.state.metrics == {"n": 3, "mean_grey": 4, "root": 2.5}
    table = pd.read_csv(tmp_path / "per_case.csv")
    assert table["name"].tolist() == ["a/3.png", "b/1.png", "b/2.png"]
    assert table["mean_grey"].tolist() == [9, -1, 4]
    assert table["root"].isna().tolist() == [False, True, False]
    assert drawn == [(["a/3.png", "b/1.png", "b/2.png"], str(tmp_path))]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.json", "per_case.csv"]


def test_what_is_nowhere_defined_is_null_and_an_own_summary_is_taken(tmp_path: Path) -> None:
    run(CaseReport(tmp_path, score), [case("a.png", -1)])
    assert json.loads((tmp_path / "metrics.json").read_text())["root"] is None
    evaluator = run(CaseReport(None, score, summarise=lambda rows: {"cases": len(rows)}), [case("a"), case("b")])
    assert evaluator.state.metrics == {"cases": 2}


def test_every_epoch_is_reported_for_itself() -> None:
    report = CaseReport(None, score)
    evaluator = run(report, [case("a.png", 1), case("b.png", 3)])
    evaluator.run([[case("a.png", 5)]])
    assert evaluator.state.metrics["mean_grey"] == 5
    assert len(report.rows) == 1


def test_it_stands_in_a_monai_evaluator(tmp_path: Path) -> None:
    items = [{"image": torch.full((1, 4, 4), float(i)), "label": torch.zeros(1)} for i in range(5)]
    items = [{**item, "image": MetaTensor(item["image"], meta={"name": f"sweep/{i}"})} for i, item in enumerate(items)]
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items), batch_size=2),
        network=torch.nn.Identity(),
        val_handlers=[CaseReport(tmp_path, lambda scored: {"pred": float(scored["pred"].max())})],
    )
    evaluator.run()
    table = pd.read_csv(tmp_path / "per_case.csv", index_col="name")
    assert table["pred"].to_dict() == {f"sweep/{i}": i for i in range(5)}


def test_a_name_is_short_where_it_can_be() -> None:
    assert case_name(case("a/1.png"), ROOT) == "a/1.png"
    assert case_name(case("a/1.png"), "/elsewhere") == "/images/a/1.png"
    assert case_name(case("a/1.png")) == "/images/a/1.png"
    assert case_name({"label": case("l.png")["image"], "image": case("i.png")["image"]}, ROOT) == "i.png"
    assert case_name({"label": case("l.png")["image"], "image": torch.zeros(1)}, ROOT) == "l.png"
    named = MetaTensor(torch.zeros(1), meta={"filename_or_obj": "/images/cine.dcm", "name": "cine_0007"})
    assert case_name({"image": named}, ROOT) == "cine_0007"


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="filename_or_obj"):
        case_name({"image": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"^a.png: two cases"):
        run(CaseReport(None, score, dataset_dir=ROOT), [case("a.png")], [case("a.png")])
    with pytest.raises(TypeError, match="decollate"):
        run(CaseReport(None, score), case("a.png"))  # type: ignore[arg-type]


def evaluate_share(rank: int, folder: Path) -> None:
    torch.distributed.init_process_group("gloo", f"file://{folder / 'rendezvous'}", rank=rank, world_size=2)
    # Five cases dealt out to two processes by a sampler that fills up with the first one.
    shares = [[("0", 0), ("2", 2), ("4", 4)], [("1", 1), ("3", 3), ("0", 0)]]
    out = folder / f"rank{rank}"
    evaluator = run(CaseReport(out, score, dataset_dir=ROOT), [case(*known) for known in shares[rank]])
    (folder / f"{rank}.json").write_text(json.dumps(evaluator.state.metrics))
    torch.distributed.destroy_process_group()


def test_two_processes_report_each_case_once_and_one_of_them_writes(tmp_path: Path) -> None:
    start_processes(evaluate_share, (tmp_path,), nprocs=2, start_method="spawn")
    for rank in range(2):
        assert json.loads((tmp_path / f"{rank}.json").read_text())["mean_grey"] == 2
    assert pd.read_csv(tmp_path / "rank0" / "per_case.csv")["name"].tolist() == [0, 1, 2, 3, 4]
    assert not (tmp_path / "rank1").exists()
