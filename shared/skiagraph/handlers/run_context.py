"""What surrounds the run of an engine: the processes beside it, and how it comes to its end."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch.distributed
from ignite.engine import Engine

__all__ = ["around_runs", "in_group", "process_rank", "sigterm_as_exit"]


def in_group() -> bool:
    """Whether this process belongs to a group of `torch.distributed`."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def process_rank() -> int:
    """Rank of this process; outside its group, before it is joined and after it is left, the one torchrun gave it."""
    return int(torch.distributed.get_rank()) if in_group() else int(os.environ.get("RANK", "0"))


def around_runs(engine: Engine, context: Callable[[], AbstractContextManager[None]]) -> None:
    """Let every run of an engine happen within a context, which sees how it ends.

    By events alone, the end could be missed: of the handlers of EXCEPTION_RAISED only those before the first one
    that raises are called (MONAI's StatsHandler raises), and a validation at the start of a training comes before
    the handlers of its STARTED.
    """
    run_engine = engine.run

    @functools.wraps(run_engine)
    def run(*args: Any, **kwargs: Any) -> Any:
        with context():
            return run_engine(*args, **kwargs)

    engine.run = run  # type: ignore[method-assign]


@contextmanager
def sigterm_as_exit() -> Iterator[None]:
    """Let SIGTERM, by which schedulers stop a job, unwind the stack as Ctrl-C does, unless it is handled already."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
