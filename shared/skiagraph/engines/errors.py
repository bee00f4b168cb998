"""Plain words at the end of a failed run."""

from __future__ import annotations

import sys
from types import TracebackType


def explain_errors() -> None:
    """Let the last line of an uncaught error name its cause.

    MONAI's runner wraps what went wrong in 'Failed to evaluate ConfigExpression', and Python prints that last. First
    step of a config's ``initialize``.
    """
    if not isinstance(sys.excepthook, _CauseLast):
        sys.excepthook = _CauseLast()


class _CauseLast:
    def __init__(self) -> None:
        self.usual = sys.excepthook

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self.usual(kind, error, trace)
        cause = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        if cause is not error:
            print(f"\n{type(cause).__name__}: {cause}", file=sys.stderr)
