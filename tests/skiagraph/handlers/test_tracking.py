from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote

import monai.bundle
import numpy as np
import pytest
import sqlalchemy
from mlflow import MlflowClient
from mlflow.utils.validation import _validate_metric, _validate_param
from PIL import Image

from skiagraph.handlers import RunDescription, TrackedRun
from tests.skiagraph.handlers import tracked_toy
from tests.skiagraph.handlers.mlflow_server import LOOPBACK, Server, free_port
from tests.skiagraph.handlers.tracked_toy import ITERATIONS_AN_EPOCH

ROOT = Path(__file__).resolve().parents[3]
TRACKING = ROOT / "shared" / "tracking.json"
PATIENT_FOLDER = "SMITH_JOHN_19500101"
LIMIT_S = 60  # far above what is needed, for a busy machine; MLflow left to itself tries for minutes


class Bundle:
    """The toy bundle under git, and a folder of data that is named after a patient."""

    def __init__(self, folder: Path) -> None:
        self.root, self.data, self.out = folder / "toy_bundle", folder / PATIENT_FOLDER, folder / "out"
        (self.root / "configs").mkdir(parents=True)
        self.data.mkdir()
        (self.data / "data_list.json").write_text('{"training": []}')
        self.write("metadata", {"name": "toy", "version": "1.2.3"})
        self.write("train", tracked_toy.TRAIN_CONFIG)
        self.write("evaluate", tracked_toy.EVALUATE_CONFIG)
        self.write("inference", tracked_toy.INFERENCE_CONFIG)
        self.git("init", "--quiet")
        self.git("add", "configs")
        self.git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-m", "toy")

    def write(self, name: str, content: dict[str, Any]) -> None:
        (self.root / "configs" / f"{name}.json").write_text(json.dumps(content))

    def git(self, *arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True).stdout

    def arguments(self, *configs: str, **changes: Any) -> dict[str, Any]:
        return {
            "config_file": [str(self.root / "configs" / f"{name}.json") for name in configs or ("train",)],
            "bundle_root": str(self.root),
            "dataset_dir": str(self.data),
            "output_dir": str(self.out),
            "tracking": str(TRACKING),
            **changes,
        }

    def run(self, *configs: str, **changes: Any) -> None:
        monai.bundle.run(**self.arguments(*configs, **changes))

    def witnessed(self, name: str) -> list[float]:
        return list(json.loads((self.out / f"{name}.json").read_text()))


def numbered(values: list[float]) -> list[tuple[int, float]]:
    return [(step, pytest.approx(value)) for step, value in enumerate(values, start=1)]


def warnings_of_tracking(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("skiagraph.handlers")]


@pytest.fixture(scope="module")
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: MLflow needs several times as long to lay out a database on a disk."""
    shared_memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared_memory if shared_memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module", autouse=True)
def booting_server(memory: Path) -> Iterator[Server]:
    """A server that starts while the first tests do without it."""
    server = Server(memory)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def server(booting_server: Server) -> Server:
    booting_server.wait()
    return booting_server


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bundle]:
    monkeypatch.setattr(sys, "path", [*sys.path])  # MONAI's runner adds to it
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "MLFLOW_"))}
    with mock.patch.dict(os.environ, clean, clear=True):
        yield Bundle(tmp_path)


@pytest.fixture
def tracked(bundle: Bundle, server: Server) -> Bundle:
    os.environ["MLFLOW_TRACKING_URI"] = server.uri
    return bundle


def test_sqlite_is_the_default_of_a_plain_command(bundle: Bundle, tmp_path: Path, memory: Path) -> None:
    bundle.out = memory / "out with 100%25 ? of it"
    arguments = bundle.arguments(epochs=1)
    arguments["config_file"] = str(arguments["config_file"])
    command = [sys.executable, "-m", "monai.bundle", "run"]
    command += [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "shared")])
    subprocess.run(command, check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths})

    client = MlflowClient(tracking_uri=f"sqlite+pysqlite:///{quote(str(bundle.out))}/mlruns.db")
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    history = client.get_metric_history(run.info.run_id, "train_loss")
    assert [(point.step, point.value) for point in history] == numbered(bundle.witnessed("losses"))
    (config,) = (bundle.out / "mlruns").rglob("config.json")
    assert json.loads(config.read_text())["epochs"] == 1
    assert not list(tmp_path.glob("mlruns*"))
    assert [path.name for path in memory.glob("out*")] == [bundle.out.name]


@pytest.mark.parametrize("name", ["a b", "what?", "no#1", "100%", "100%25", "ä+b&c=@d:e", "[x]"])
def test_the_default_database_lies_in_the_output_folder_whatever_its_name(bundle: Bundle, name: str) -> None:
    uri = TrackedRun(RunDescription({}, {}, bundle.root, bundle.out / name)).tracking_uri
    bundle.out.joinpath(name).mkdir(parents=True)
    engine = sqlalchemy.create_engine(uri)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE t (x INTEGER)"))
    engine.dispose()
    assert [path.relative_to(bundle.out) for path in bundle.out.rglob("*.db")] == [Path(name, "mlruns.db")]


def test_without_mlflow_the_package_imports_and_tracking_says_what_to_do() -> None:
    program = """
import sys
sys.modules["mlflow"] = None
from skiagraph.handlers import RunDescription, TrackedRun
try:
    TrackedRun(RunDescription({}, {}, ".", "."))
except ModuleNotFoundError as error:
    print(error)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "shared")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    assert "pip install mlflow" in done.stdout


def test_a_server_that_is_down_costs_a_warning(bundle: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = f"http://user:secret@{LOOPBACK}:{free_port()}"
    began = time.monotonic()
    bundle.run()
    assert time.monotonic() - began < LIMIT_S
    assert len(bundle.witnessed("losses")) == 3 * ITERATIONS_AN_EPOCH
    (warning,) = warnings_of_tracking(caplog)
    assert "The run goes on" in warning
    assert LOOPBACK in warning
    assert "secret" not in warning


def test_a_server_that_hangs_does_not_stall(bundle: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "1"  # a user's own settings prevail
    with socket.create_server((LOOPBACK, 0)) as silent:
        os.environ["MLFLOW_TRACKING_URI"] = f"http://{LOOPBACK}:{silent.getsockname()[1]}"
        bundle.run()
        silent.setblocking(False)
        connections = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                silent.accept()[0].close()
                connections += 1
    assert 1 <= connections <= 4  # at the start and at the end, each with one retry
    assert len(bundle.witnessed("losses")) == 3 * ITERATIONS_AN_EPOCH
    assert len(warnings_of_tracking(caplog)) == 1


def test_a_database_that_cannot_be_opened_costs_a_warning(bundle: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    (bundle.out / "mlruns.db").mkdir(parents=True)
    began = time.monotonic()
    bundle.run(epochs=1)
    assert time.monotonic() - began < LIMIT_S
    assert len(warnings_of_tracking(caplog)) == 1


def test_a_bundle_without_git_has_no_commit(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    bundle_root = tmp_path / "unzipped"  # in another repository, which does not track it
    (bundle_root / "configs").mkdir(parents=True)
    (bundle_root / "configs" / "metadata.json").write_text("{}")
    tags = RunDescription({}, {}, bundle_root, tmp_path).tags()
    assert tags["bundle"] == "unzipped"
    assert not [name for name in tags if "git" in name]


def test_a_training_is_logged_as_it_happened(
    tracked: Bundle, server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracked.run(learning_rate=0.01, data_list=str(tracked.data / "data_list.json"))
    assert warnings_of_tracking(caplog) == []
    first = server.runs()[-1]
    assert first.info.status == "FINISHED"
    assert server.history(first, "train_loss") == numbered(tracked.witnessed("losses"))
    assert len(tracked.witnessed("losses")) == 3 * ITERATIONS_AN_EPOCH
    assert server.history(first, "val_mae") == numbered(tracked.witnessed("metrics"))
    assert {value for _, value in server.history(first, "lr_group_0")} == {0.01}

    params = first.data.params
    assert (
        params
        | {
            "epochs": "3",
            "learning_rate": "0.01",
            "batch_size": "2",
            "device": "cpu",
            "image_size": "[4, 4]",
            "data_list": "data_list.json",
            "data_list_sha256": hashlib.sha256((tracked.data / "data_list.json").read_bytes()).hexdigest(),
        }
        == params
    )
    tags = first.data.tags
    commit = tracked.git("rev-parse", "HEAD").strip()
    expected = {"bundle": "toy", "bundle_version": "1.2.3", "git_commit": commit, "git_dirty": "false"}
    assert tags | expected == tags

    got = Path(server.client.download_artifacts(first.info.run_id, "", str(tmp_path)))
    config = json.loads((got / "config.json").read_text())
    assert (config["learning_rate"], config["epochs"]) == (0.01, 3)
    assert config["train"]["trainer"]["max_epochs"] == "@epochs"
    for epoch in (1, 2, 3):
        image = np.asarray(Image.open(got / "samples" / f"epoch_{epoch:04d}.png"))
        assert image.shape == (5, 7, 3)
        assert image[4, 6].tolist() == [epoch, 4, 6]
    assert PATIENT_FOLDER not in str(first.to_dictionary()) + (got / "config.json").read_text()


def test_the_same_command_twice_makes_two_runs(tracked: Bundle, server: Server) -> None:
    before = len(server.runs())
    tracked.run(epochs=1, run_name="baseline")
    (tracked.root / "configs" / "evaluate.json").write_text("{}")
    tracked.run(epochs=1, run_name="baseline")
    first, second = server.runs()[before:]
    assert first.info.run_name != second.info.run_name
    assert first.info.run_name.startswith("baseline_")
    assert second.info.run_name.startswith("baseline_")
    assert (first.data.tags["git_dirty"], second.data.tags["git_dirty"]) == ("false", "true")
    for run in (first, second):
        assert len(server.history(run, "train_loss")) == ITERATIONS_AN_EPOCH


@pytest.mark.parametrize(
    ("accident", "raised", "status"),
    [
        ("crash", RuntimeError, "FAILED"),
        ("interrupt", KeyboardInterrupt, "KILLED"),
        ("terminate", SystemExit, "KILLED"),
    ],
)
def test_a_run_that_ends_badly_says_so(
    tracked: Bundle, server: Server, accident: str, raised: type[BaseException], status: str
) -> None:
    with pytest.raises(BaseException) as error:
        tracked.run(accident=accident)
    causes = [error.value, error.value.__cause__]  # MONAI's parser wraps an exception of an expression
    assert any(isinstance(cause, raised) for cause in causes)
    run = server.runs()[-1]
    assert run.info.status == status
    assert server.history(run, "train_loss") == numbered(tracked.witnessed("losses"))
    assert "config.json" in [file.path for file in server.client.list_artifacts(run.info.run_id)]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_evaluation_and_inference_are_runs_of_their_own(tracked: Bundle, server: Server) -> None:
    before = len(server.runs())
    tracked.run("train", "evaluate")
    evaluated = tracked.witnessed("metrics")
    tracked.run("inference", experiment_name="others", data_list=str(tracked.data / "image.png"))
    tracked.run(epochs=1, **{"train#handlers#0#exec_at_start": True})
    evaluation, training = server.runs()[before:]
    (inference,) = server.runs("others")
    assert [run.info.status for run in (evaluation, inference, training)] == ["FINISHED"] * 3
    assert evaluation.info.run_name.startswith("evaluate_")
    assert inference.info.run_name.startswith("inference_")
    assert training.info.run_name.startswith("train_")
    assert server.history(evaluation, "val_mae") == numbered(evaluated)
    assert [step for step, _ in server.history(training, "val_mae")] == [0, 1]
    assert inference.data.params["data_list"] == "(withheld)"  # the name of an image


def test_only_rank_0_logs(tracked: Bundle, server: Server) -> None:
    before = len(server.runs())
    os.environ["RANK"] = "1"
    tracked.run(epochs=1)
    assert len(server.runs()) == before


def test_what_a_server_misses_is_sent_when_it_is_back(
    tracked: Bundle, server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(iteration: int) -> None:
        if iteration == ITERATIONS_AN_EPOCH + 2:
            server.kill()

    monkeypatch.setitem(tracked_toy.ACCIDENTS, "die", die)
    tracked.run(accident="die")  # it dies, and stays dead
    assert len(tracked.witnessed("losses")) == 3 * ITERATIONS_AN_EPOCH
    failed, left_open = warnings_of_tracking(caplog)
    assert "The run goes on" in failed
    assert "stays RUNNING" in left_open

    def revive(iteration: int) -> None:
        if iteration == ITERATIONS_AN_EPOCH + 2:
            server.start()
            server.wait()

    monkeypatch.setitem(tracked_toy.ACCIDENTS, "revive", revive)
    tracked.run(accident="revive")  # it is dead at the start, and comes back
    torn, whole = server.runs()[-2:]
    assert torn.info.status == "RUNNING"
    assert len(server.history(torn, "train_loss")) == ITERATIONS_AN_EPOCH
    assert whole.info.status == "FINISHED"
    assert server.history(whole, "train_loss") == numbered(tracked.witnessed("losses"))
    assert server.history(whole, "val_mae") == numbered(tracked.witnessed("metrics"))
    assert whole.data.params["epochs"] == "3"


def test_names_and_values_that_mlflow_refuses_lose_nothing(bundle: Bundle, server: Server) -> None:
    description = RunDescription({"odd:name?": 1, "long": "x" * 10_000}, {"name": "odd"}, bundle.root, bundle.out)
    run = TrackedRun(description, tracking_uri=server.uri)
    values = {"a@b": 1.0, "../up": 2.0, "end/": np.float32(3), "part": {"x": 4}, "many": np.arange(3), "word": "no"}
    with run.running("train"):
        run.log_metrics({**values, "nan": float("nan"), "inf": float("inf")}, step=1)
    (logged,) = server.runs("odd")
    assert logged.info.status == "FINISHED"
    for name, value in logged.data.metrics.items():
        _validate_metric(name, value, 0, 1)
    for name, text in logged.data.params.items():
        _validate_param(name, text)
    finite = [value for value in logged.data.metrics.values() if np.isfinite(value)]
    assert {1.0, 2.0, 3.0, 4.0} <= set(finite)
    assert {"odd_name_", "long"} <= set(logged.data.params)


def test_a_sample_that_fails_costs_a_warning(tracked: Bundle, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    tracked.run(tracking_sample="$lambda engine: np.zeros((3, 3))")
    assert server.runs()[-1].info.status == "FINISHED"
    (warning,) = [text for text in warnings_of_tracking(caplog) if "sample" in text]
    assert "uint8" in warning


def test_a_store_of_artifacts_that_fails_spares_the_rest(
    tracked: Bundle, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.client.create_experiment("storeless", artifact_location="file:///dev/null/artifacts")
    tracked.run(epochs=1, experiment_name="storeless")
    (run,) = server.runs("storeless")
    assert run.info.status == "FINISHED"
    assert server.history(run, "train_loss") == numbered(tracked.witnessed("losses"))
    assert len(warnings_of_tracking(caplog)) == 1
