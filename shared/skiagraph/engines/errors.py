"""Plain words at the end of a failed run."""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Iterator
from types import TracebackType

_USER_ERRORS = (ValueError, OSError)
# The line in which a traceback names its error: not indented.
_RAISED = re.compile(r"^(\w+): (.+)$", re.MULTILINE)


def explain_errors() -> None:
    """Let the last line of an uncaught error name its cause.

    MONAI's runner wraps what went wrong in 'Failed to evaluate ConfigExpression', and Python prints that last. First
    step of a config's ``initialize``.
    """
    if not isinstance(sys.excepthook, _CauseLast):
        sys.excepthook = _CauseLast()


def root_cause(error: BaseException) -> BaseException:
    """What the user can put right: the first ValueError or OSError in the chain of `raise ... from`.

    What wraps it says less (MONAI's RuntimeError of a transform or an expression), and what it was raised from is the
    complaint of a library that does not know the file. Without any, it is the last link of the chain.

    An error in a worker process of a data loader comes as text, from which it is read.
    """
    links = list(_chain(error))
    told = [link for link in map(_out_of_worker, links) if isinstance(link, _USER_ERRORS)]
    return told[0] if told else links[-1]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _out_of_worker(error: BaseException) -> BaseException:
    """The error behind one that `torch.utils.data` raises in the place of a worker's, whose traceback it quotes."""
    if not str(error).startswith("Caught ") or "Original Traceback" not in str(error):
        return error
    for name, message in reversed(_RAISED.findall(str(error))):
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, _USER_ERRORS) and not issubclass(kind, UnicodeError):
            return kind(message)
    return error


class _CauseLast:
    def __init__(self) -> None:
        self.usual = sys.excepthook

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self.usual(kind, error, trace)
        cause = root_cause(error)
        if cause is not error:
            print(f"\n{type(cause).__name__}: {cause}", file=sys.stderr)
