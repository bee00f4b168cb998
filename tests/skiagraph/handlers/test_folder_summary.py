"""A folder with bad files: the rest is done, the table tells all, the end is a failure."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.transforms import Compose, Lambdad, Resized, SelectItemsd
from PIL import Image

from skiagraph.handlers import FolderSummary
from skiagraph.transforms import LoadFramed


def _run(tmp_path: Path, good: list[str], bad: list[str], *, conclude: bool = True) -> list[str]:
    """Evaluate an identity network over the files and answer the names that went through it."""
    for name in good:
        Image.fromarray(np.full((4, 4), ord(name[0]), np.uint8)).save(tmp_path / f"{name}.png")
    for name in bad:
        (tmp_path / f"{name}.png").write_bytes(b"no image")
    items = [{"image": str(tmp_path / f"{name}.png"), "name": name} for name in [*bad, *good]]
    load = [LoadFramed("image", on_error="report"), Resized("image", (4, 4), mode="area"), SelectItemsd("image")]
    seen: list[str] = []

    def describe(case: dict[str, Any]) -> dict[str, Any]:
        seen.append(case["image"].meta["name"])
        return {"message": "fine", "grey": float(case["pred"].mean())}

    summary = FolderSummary(tmp_path / "out", describe)
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items, Compose(load)), batch_size=2),
        network=torch.nn.Identity(),
        postprocessing=Lambdad("pred", lambda pred: pred),
        val_handlers=[summary],
    )
    evaluator.logger.setLevel(logging.CRITICAL)
    evaluator.run()
    if conclude:
        summary.conclude()
    return seen


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


def test_only_the_first_failures_are_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"8 of 8 images failed: .*; and 3 more$") as caught:
        _run(tmp_path, [], list("abcdefgh"))
    assert str(caught.value).count("not an image") == 5
    assert len(pd.read_csv(tmp_path / "out" / "summary.csv")) == 8
