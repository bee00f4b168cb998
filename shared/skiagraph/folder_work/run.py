"""One function over many items: on all cores or on a Dask cluster, resumable."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from .report import Outcome, Report, describe_error

if TYPE_CHECKING:
    from distributed import Client, Future

# Number of an item, what the function returned, and why it failed if it did.
Answer = tuple[int, Any, "str | None"]
Function = Callable[[Any], Any]

_CONNECT_WITHIN_S = 15
_DEATH = "the worker process died while it worked on this: a crash, or too little memory"


def work_through(
    function: Function,
    items: Iterable[Any],
    *,
    done: Callable[[Any], bool] | None = None,
    name: Callable[[Any], str] = str,
    jobs: int = -1,
    cluster: str | None = None,
    description: str = "",
) -> Report:
    """Call a function on every item, in parallel, and report what became of each.

    What fails, even by killing its worker process, is reported and the rest goes on. An interrupt (Ctrl-C) ends the
    work at once. To be resumable, the function writes its files with ``whole_file`` and ``done`` looks for them.

    Items are taken from an iterator only as they are needed, a few for each job ahead, and in the order given; the
    work is finished in any order. Function and item are pickled for every call, so let them hold paths rather than
    arrays. An item whose worker process dies beside it is worked on again, so the function must not mind.

    Args:
        function: takes an item, returns what is to stand in the report, and raises where it fails.
        items: what to work on; anything that can be pickled.
        done: tells whether an item was done before and is to be skipped. Runs in this process.
        name: an item's name in the report.
        jobs: worker processes; -1 for one a core. With 1, everything runs in this process, as a debugger wants it
            (and a crash ends it).
        cluster: address of a Dask scheduler, such as ``tcp://scheduler:8786``; the calls then run on its workers,
            which need the same packages and files, and ``jobs`` is not used.
        description: stands before the progress bar.

    Raises:
        ValueError: ``jobs`` is 0, ``cluster`` is no address, or Dask is not installed.
        ConnectionError: the Dask scheduler does not answer, has no worker, or is lost on the way.
        Exception: what iterating over ``items`` or ``name`` raised.
    """
    if jobs == 0:
        raise ValueError("jobs is 0: give the number of worker processes, or -1 for one a core.")
    tasks = _Tasks(items, done, name)
    total = len(items) if isinstance(items, Sized) else None
    answers = _work_locally(function, tasks, jobs) if cluster is None else _work_on_cluster(function, tasks, cluster)
    # Without a terminal there is no bar.
    with tqdm(total=total, desc=description or None, unit="item", disable=None) as bar:
        for answer in answers:
            tasks.settle(*answer)
            bar.update(len(tasks.outcomes) - bar.n)
        bar.update(len(tasks.outcomes) - bar.n)
    if tasks.error is not None:
        raise tasks.error
    return Report(tuple(outcome for _, outcome in sorted(tasks.outcomes.items())))


class _Tasks:
    """Hands out the items that are to be worked on, and keeps what became of them.

    Attributes:
        outcomes: by the item's number.
        pending: items that were handed out and have no outcome yet, by number.
        error: what iterating over the items raised: it ends them, and what was handed out is finished first.
    """

    def __init__(self, items: Iterable[Any], done: Callable[[Any], bool] | None, name: Callable[[Any], str]) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.pending: dict[int, Any] = {}
        self.error: Exception | None = None
        self._items = enumerate(items)
        self._done = done
        self._name = name
        # joblib asks for items from a thread of its own.
        self._lock = Lock()

    def __iter__(self) -> _Tasks:
        return self

    def __next__(self) -> tuple[int, Any]:
        with self._lock:
            try:
                for number, item in self._items:
                    if not self._needs_no_work(number, item):
                        self.pending[number] = item
                        return number, item
            except Exception as error:  # noqa: BLE001 raised again when what was handed out is finished
                self.error = error
            raise StopIteration

    def settle(self, number: int, result: Any, failure: str | None) -> None:
        """Keep the outcome of an item that was handed out."""
        name = self._name(self.pending.pop(number))
        if failure is None:
            self.outcomes[number] = Outcome(name, "done", result)
        else:
            self.outcomes[number] = Outcome(name, "failed", message=failure)

    def _needs_no_work(self, number: int, item: Any) -> bool:
        if self._done is None:
            return False
        try:
            if not self._done(item):
                return False
        except Exception as error:  # noqa: BLE001 the outcome tells it
            self.outcomes[number] = Outcome(self._name(item), "failed", message=describe_error(error))
        else:
            self.outcomes[number] = Outcome(self._name(item), "skipped")
        return True


def _attempt(function: Function, number: int, item: Any) -> Answer:
    try:
        return number, function(item), None
    # A library that ends the program on bad input must not end the worker.
    except (Exception, SystemExit) as error:  # noqa: BLE001 the outcome tells it
        return number, None, describe_error(error)


def _work_locally(function: Function, tasks: _Tasks, jobs: int) -> Iterator[Answer]:
    # A worker that dies takes the calls of all others with it, and joblib stops. What was handed out without an
    # answer is then repeated one by one, which shows whose fault it was, and joblib goes on with the others.
    while True:
        try:
            yield from _in_parallel(function, tasks, jobs)
        except Exception as error:
            if not tasks.pending:
                raise
            logging.getLogger(__name__).debug("repeating %d items after: %s", len(tasks.pending), error)
        if not tasks.pending:
            return
        for number, item in list(tasks.pending.items()):
            yield _alone(function, (number, item), jobs)


def _in_parallel(function: Function, tasks: Iterable[tuple[int, Any]], jobs: int) -> Iterator[Answer]:
    # Batches of one: a call costs well below 1 ms, and no more items are taken ahead than is said above.
    parallel = Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")
    yield from parallel(delayed(_attempt)(function, number, item) for number, item in tasks)


def _alone(function: Function, task: tuple[int, Any], jobs: int) -> Answer:
    try:
        [answer] = _in_parallel(function, [task], jobs)
    except TerminatedWorkerError:
        return task[0], None, _DEATH
    except Exception as error:  # noqa: BLE001 what cannot be pickled raises anything
        return task[0], None, describe_error(error)
    return answer


def _work_on_cluster(function: Function, tasks: _Tasks, address: str) -> Iterator[Answer]:
    with _connect(address) as client:
        ahead = 2 * sum(client.nthreads().values())
        suspects = []
        for number, future in _calls_on_cluster(client, function, tasks, ahead):
            answer = _settled(number, future)
            # Dask gives up a call after some workers died in it. Their other threads may be to blame, so it is
            # repeated when nothing else runs.
            if answer is None:
                suspects.append((number, tasks.pending[number]))
            else:
                yield answer
        for number, future in _calls_on_cluster(client, function, suspects, ahead=1):
            yield _settled(number, future) or (number, None, _DEATH)


def _connect(address: str) -> Client:
    try:
        from distributed import Client
        from distributed.comm.addressing import get_address_host_port
    except ImportError as error:
        raise ValueError(
            f"work on the cluster {address} needs Dask, which is not installed: pip install distributed"
        ) from error
    try:
        get_address_host_port(address, strict=True)
    except ValueError as error:
        raise ValueError(f"cluster: {error}; give an address such as tcp://scheduler:8786.") from error
    client = None
    try:
        client = Client(address, timeout=_CONNECT_WITHIN_S, set_as_default=False)
        client.wait_for_workers(1, timeout=_CONNECT_WITHIN_S)
    except OSError as error:
        if client is not None:
            client.close()
        raise ConnectionError(
            f"no Dask scheduler with a worker answers at {address} within {_CONNECT_WITHIN_S} s; "
            "start them with `dask scheduler` and `dask worker`, or leave the cluster out."
        ) from error
    return client


def _calls_on_cluster(
    client: Client, function: Function, tasks: Iterable[tuple[int, Any]], ahead: int
) -> Iterator[tuple[int, Future]]:
    from distributed import as_completed

    waiting = iter(tasks)
    numbers: dict[Future, int] = {}
    running = as_completed(loop=client.loop)

    def submit(count: int) -> None:
        for number, item in islice(waiting, count):
            future = client.submit(_attempt, function, number, item, pure=False)
            numbers[future] = number
            running.add(future)

    submit(ahead)
    for future in running:
        yield numbers.pop(future), future
        submit(1)


def _settled(number: int, future: Future) -> Answer | None:
    """Answer of a call, waiting for it where it was lost with its worker and is repeated; None if it kills workers."""
    from distributed import CancelledError, KilledWorker

    try:
        error = future.exception()
        answer: Answer = (number, None, describe_error(error)) if error else future.result()
    except (CancelledError, OSError) as lost:
        raise ConnectionError("the Dask scheduler was lost; once it is back, run this again to go on.") from lost
    return None if isinstance(error, KilledWorker) else answer
