"""What became of every item of a folder."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

# Raised for what the user can put right, so the message alone says enough.
USER_ERRORS = (ValueError, OSError)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item.

    Attributes:
        name: the item's name.
        status: ``"done"``, ``"skipped"`` (was done before), or ``"failed"``.
        result: what the function returned; None unless done.
        message: one line on why it failed; empty unless failed.
    """

    name: str
    status: Literal["done", "skipped", "failed"]
    result: Any = None
    message: str = ""


@dataclass(frozen=True)
class Report:
    """Outcomes of a piece of work over many items.

    Attributes:
        outcomes: one for each item, in the order of the items.
    """

    outcomes: tuple[Outcome, ...]

    @property
    def done(self) -> int:
        """Number of items that were done now."""
        return self._count("done")

    @property
    def skipped(self) -> int:
        """Number of items that had been done before."""
        return self._count("skipped")

    @property
    def failed(self) -> int:
        """Number of items that failed."""
        return self._count("failed")

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """The outcomes that failed, in the order of the items."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "failed")

    @property
    def exit_code(self) -> int:
        """1 if an item failed, else 0."""
        return int(self.failed > 0)

    def summary(self) -> str:
        """The counts in one line, such as ``12 done, 3 skipped, 1 failed``, then one line for each failure."""
        counts = f"{self.done} done, {self.skipped} skipped, {self.failed} failed"
        return "\n".join([counts, *(f"{failure.name}: {failure.message}" for failure in self.failures)])

    def _count(self, status: str) -> int:
        return sum(outcome.status == status for outcome in self.outcomes)


def describe_error(error: BaseException) -> str:
    """Put an exception into one line.

    A user's mistake (``ValueError``, ``OSError``) is its message alone. Any other is a mistake in a program, so the
    line gives its type and where it was raised, too.
    """
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    message = " ".join(str(error).split())
    if isinstance(error, USER_ERRORS) and message:
        return message
    kind = type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{kind}: {message}{place}" if message else f"{kind}{place}"
