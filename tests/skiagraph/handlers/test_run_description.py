"""What an experiment tracker is not told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skiagraph.handlers import RunDescription

PATIENT = "Meier_Hans"


@pytest.fixture
def describe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunDescription]:
    """Describes a run, as MONAI's runner hands it on, in a working directory with a data list in a patient's folder."""
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "patients" / PATIENT, tmp_path / "lists"):
        folder.mkdir(parents=True)
        (folder / "list.json").write_text('{"test": []}')

    def made(**values: Any) -> RunDescription:
        (tmp_path / "config.json").write_text(json.dumps(values))
        resolved = {**values, "evaluator": object()}
        return RunDescription(resolved, {"name": "toy"}, "bundle", "out", saved_config=str(tmp_path / "config.json"))

    return made


def told(description: RunDescription) -> str:
    return json.dumps(description.params()) + str(description.config_text())


@pytest.mark.parametrize("dataset_dir", ["patients/{}", "./patients/{}", "patients//{}/", "{cwd}/patients/{}"])
@pytest.mark.parametrize("elsewhere", ["patients/{}", "./patients/{}", "{cwd}/patients/{}", "patients/../patients/{}"])
def test_the_folder_of_the_data_is_found_however_it_is_spelled(
    describe: Callable[..., RunDescription], tmp_path: Path, dataset_dir: str, elsewhere: str
) -> None:
    dataset_dir, elsewhere = (text.format(PATIENT, cwd=tmp_path) for text in (dataset_dir, elsewhere))
    description = describe(
        dataset_dir=dataset_dir,
        data_list=f"{elsewhere}/list.json",
        output_dir=f"{elsewhere}/out",
        weights=f"{elsewhere}_results/model.pt",
        nested={"paths": [f"{elsewhere}/a.png"], "expression": f"$str('{elsewhere}' + '/b.png')"},
    )
    assert PATIENT not in told(description)
    params = description.params()
    assert params["dataset_dir"] == "(withheld)"
    assert params["data_list"] == "list.json"
    assert params["output_dir"].endswith("<dataset_dir>/out")
    config = json.loads(str(description.config_text()))
    assert config["nested"]["paths"][0].endswith("<dataset_dir>/a.png")
    assert config["nested"]["expression"].endswith("<dataset_dir>' + '/b.png')")


def test_a_folder_that_is_one_word_takes_nothing_but_itself(
    describe: Callable[..., RunDescription], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "data_list.json").touch()
    others = {
        "output_dir": "data_out",
        "weights": "models/metadata/data.pt",
        "data_part": "database",
        "read": "$[data for data in @data_list]",
        "reader": {"_target_": "package.data.Reader", "data": "@dataset#data"},
    }
    description = describe(dataset_dir="data", data_list="data/data_list.json", cache="cache/data/x", **others)
    config = json.loads(str(description.config_text()))
    withheld = {"dataset_dir": "(withheld)", "data_list": "data_list.json", "cache": "cache/<dataset_dir>/x"}
    assert config == {**withheld, **others}
    assert description.params()["cache"] == "cache/<dataset_dir>/x"


@pytest.mark.parametrize("folder", ["lists", "{cwd}/lists", "patients/" + PATIENT])
def test_of_the_data_list_name_and_hash_are_told(
    describe: Callable[..., RunDescription], tmp_path: Path, folder: str
) -> None:
    data_list = f"{folder}/list.json".format(cwd=tmp_path)
    description = describe(dataset_dir="images", data_list=data_list, nested={"again": data_list})
    params, config = description.params(), json.loads(str(description.config_text()))
    assert params["data_list"] == config["data_list"] == config["nested"]["again"] == "list.json"
    assert params["data_list_sha256"] == hashlib.sha256(Path(data_list).read_bytes()).hexdigest()
    assert str(tmp_path) not in told(description)


def test_an_image_in_place_of_a_list_is_not_told(describe: Callable[..., RunDescription]) -> None:
    description = describe(dataset_dir="images", data_list=f"{PATIENT}.png", nested={"again": f"{PATIENT}.png"})
    assert PATIENT not in told(description)
    assert "data_list_sha256" not in description.params()
    assert json.loads(str(description.config_text()))["nested"] == {"again": "<data_list>"}


def test_a_list_may_be_withheld_too(tmp_path: Path) -> None:
    (tmp_path / "meier.json").write_text("{}")
    values = {"data_list": str(tmp_path / "meier.json"), "epochs": 3, "note": None}
    description = RunDescription(values, {}, ".", tmp_path, withheld=("dataset_dir", "data_list", "note", "epochs"))
    params = description.params()
    assert params["data_list"] == params["epochs"] == "(withheld)"
    assert len(params["data_list_sha256"]) == 64


@pytest.mark.parametrize("dataset_dir", [".", "..", "/", "", "$@root + '/x'", None])
def test_a_folder_without_a_name_hides_no_other(describe: Callable[..., RunDescription], dataset_dir: Any) -> None:
    description = describe(dataset_dir=dataset_dir, weights="./models/../model.pt", root="/")
    assert description.params()["weights"] == "./models/../model.pt"
