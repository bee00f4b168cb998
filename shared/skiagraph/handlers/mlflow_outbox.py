"""The way to MLflow for one run: buffered, bounded in time, and harmless where MLflow fails."""

from __future__ import annotations

import contextlib
import logging
import os
import posixpath
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch
from monai.utils.misc import flatten_dict

from .run_description import RunDescription

__all__ = ["MLflowOutbox", "sqlite_uri"]

logger = logging.getLogger(__name__)

_SEND_EVERY_S = 5.0
_PAUSE_AFTER_FAILURE_S = 30.0
_PAUSE_PER_LOST_SECOND = 100.0  # so a server that hangs costs a training one hundredth of its time
_METRICS_KEPT = 200_000
_ARTIFACTS_KEPT = 100
_METRICS_PER_REQUEST = 1000  # this and the next two are MLflow's own limits
_PARAMS_PER_REQUEST = 100
_LONGEST_NAME = 250
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")

# MLflow would retry for minutes, and report its use to its makers. What a user has set prevails.
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "PGCONNECT_TIMEOUT": "5",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}

Artifact = Callable[[Any, str], object]


class MLflowOutbox:
    """What one MLflow run has yet to be told. No method raises what MLflow raises.

    Values wait for a few seconds and travel together: a request at every iteration would slow a training down.
    After a failure, which is warned of once, they wait until the next attempt: 30 s, or 100 times what the failed
    attempt took if that is longer. The latest 200000 values and 100 artifacts are kept.

    Args:
        description: parameters, tags and config of the run.
        tracking_uri: MLflow server or database.
        experiment_name: made if it does not exist.
        run_name: name of the run, which is made anew with the first request.
    """

    def __init__(self, description: RunDescription, tracking_uri: str, experiment_name: str, run_name: str) -> None:
        self.description = description
        self.tracking_uri = tracking_uri
        self.experiment_name = experiment_name
        self.run_name = run_name
        self._began_ms, self._ended_ms = _now_ms(), 0
        self._status: str | None = None
        self._client: Any = None
        self._run_id = ""
        self._params: list[tuple[str, str]] = []
        self._metrics: deque[tuple[str, Any, int, int]] = deque(maxlen=_METRICS_KEPT)
        self._artifacts: deque[Artifact] = deque(maxlen=_ARTIFACTS_KEPT)
        self._ended = False
        self._failing = False
        self._next_s = 0.0

    def add_metrics(self, values: Mapping[str, Any], step: int) -> None:
        """Keep the scalars among `values`, nested ones as `outer_inner`; what is no scalar is passed over."""
        scalar: torch.Tensor | np.number | float
        for name, value in flatten_dict(dict(values)).items():
            if isinstance(value, torch.Tensor) and value.ndim == 0:
                # Its number is read when it is sent: reading it now would make a training wait for its GPU.
                scalar = value.detach().clone()
            elif isinstance(value, (int, float, np.number)):
                scalar = value
            else:
                continue
            self._metrics.append((_allowed_name(str(name)), scalar, _now_ms(), step))

    def add_artifact(self, log: Artifact) -> None:
        """Keep a function of MLflow's client and the run's id, which logs an artifact."""
        self._artifacts.append(log)

    def send(self, *, now: bool = False) -> None:
        """Send all that waits, `now` or every few seconds, but not in the pause after a failure."""
        began_s = time.monotonic()
        if began_s < self._next_s and (self._failing or not now):
            return
        self._attempt(began_s)

    def close(self, status: str) -> None:
        """Send all that waits and end the run as `status`: FINISHED, FAILED or KILLED."""
        self._status, self._ended_ms = status, _now_ms()
        self._attempt(time.monotonic())
        if self._run_id and not self._ended:
            logger.warning("The end of the MLflow run %s could not be logged: it stays RUNNING there.", self.run_name)

    def _attempt(self, began_s: float) -> None:
        try:
            self._send_all()
        except Exception as error:  # noqa: BLE001 (whatever MLflow, its databases and its artifact stores raise)
            pause_s = max(_PAUSE_AFTER_FAILURE_S, _PAUSE_PER_LOST_SECOND * (time.monotonic() - began_s))
            self._next_s = time.monotonic() + pause_s
            if not self._failing:
                self._warn(error)
            self._failing = True
        else:
            self._next_s = time.monotonic() + _SEND_EVERY_S
            if self._failing:
                logger.warning("MLflow tracking works again: what had been kept is logged.")
            self._failing = False

    def _send_all(self) -> None:
        from mlflow.entities import Metric, Param

        if not self._run_id:
            self._create_run()
        while self._params:
            params = [Param(*param) for param in self._params[:_PARAMS_PER_REQUEST]]
            self._client.log_batch(self._run_id, params=params, synchronous=True)
            del self._params[: len(params)]
        while self._metrics:
            waiting = islice(self._metrics, _METRICS_PER_REQUEST)
            metrics = [Metric(name, float(value), at_ms, step) for name, value, at_ms, step in waiting]
            self._client.log_batch(self._run_id, metrics=metrics, synchronous=True)
            for _ in metrics:
                self._metrics.popleft()
        if self._status is not None:
            self._client.set_terminated(self._run_id, self._status, self._ended_ms)
            self._ended = True
        while self._artifacts:  # last, for they may have a store of their own, which fails alone
            self._artifacts[0](self._client, self._run_id)
            self._artifacts.popleft()

    def _create_run(self) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        with contextlib.suppress(ImportError):  # MLflow before 3.2 has no telemetry
            from mlflow.telemetry import set_telemetry_client

            set_telemetry_client()  # MLflow was imported, and its telemetry begun, before the environment was set
        _check_database(self.tracking_uri)
        self._client = MlflowClient(tracking_uri=self.tracking_uri)
        experiment_id = self._find_experiment() or self._create_experiment()
        # What is told is gathered before the run exists, so that no failure leaves a run without it.
        params = [(_allowed_name(name), value) for name, value in self.description.params().items()]
        config = self.description.config_text()
        run = self._client.create_run(experiment_id, self._began_ms, self.description.tags(), self.run_name)
        self._run_id, self._params = run.info.run_id, params
        if config is not None:
            self._artifacts.appendleft(lambda client, run_id: client.log_text(run_id, config, "config.json"))

    def _find_experiment(self) -> str | None:
        experiment = self._client.get_experiment_by_name(self.experiment_name)
        return None if experiment is None else str(experiment.experiment_id)

    def _create_experiment(self) -> str:
        database = _sqlite_file(self.tracking_uri)
        location = None if database is None else (database.parent / "mlruns").absolute().as_uri()
        return str(self._client.create_experiment(self.experiment_name, artifact_location=location))

    def _warn(self, error: Exception) -> None:
        address = urlsplit(self.tracking_uri)
        place = f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"  # without a password
        reason = (str(error).splitlines() or [""])[0].replace(self.tracking_uri, place)[:300]
        logger.warning(
            "MLflow tracking at %s failed (%s: %s). The run goes on; what it logs is kept, and sent if MLflow "
            "answers again before the end.",
            place,
            type(error).__name__,
            reason,
        )


def _check_database(tracking_uri: str) -> None:
    """Raise at once if a database cannot be opened, for which MLflow would try for 100 s."""
    if urlsplit(tracking_uri).scheme.split("+")[0] in _DATABASES:
        import sqlalchemy

        if (database := _sqlite_file(tracking_uri)) is not None:
            database.parent.mkdir(parents=True, exist_ok=True)
        engine = sqlalchemy.create_engine(tracking_uri)
        try:
            engine.connect().close()
        finally:
            engine.dispose()


def sqlite_uri(database: Path) -> str:
    """Address of an SQLite database for MLflow; the file may have any name, with `?`, `#` and `%` too.

    Without the driver in the address, MLflow would also make the folder of its path as it is quoted there.
    """
    import sqlalchemy

    path = database.absolute().as_posix()
    return sqlalchemy.URL.create("sqlite+pysqlite", database=path).render_as_string(hide_password=False)


def _sqlite_file(tracking_uri: str) -> Path | None:
    """The file of an SQLite database; None for a server, which has its own place for artifacts."""
    if urlsplit(tracking_uri).scheme.split("+")[0] != "sqlite":
        return None
    import sqlalchemy

    database = sqlalchemy.make_url(tracking_uri).database
    return None if database is None else Path(database)


def _allowed_name(name: str) -> str:
    """The name with what MLflow refuses replaced: one refused name would lose all that is sent with it."""
    plain = re.sub(r"[^\w./ -]", "_", name)
    return posixpath.normpath(f"/{plain}").lstrip("/")[:_LONGEST_NAME] or "_"


def _now_ms() -> int:
    return int(time.time() * 1000)
