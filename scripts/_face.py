"""What every command line here has in common: arguments, help, messages, exit codes.

Exit codes: 0 well, 1 a user's mistake or an item that failed, 2 wrong arguments, 130 interrupted. A user's mistake
(``ValueError``, ``OSError``) is one line on stderr; ``python -X dev -m scripts.<verb>`` shows where it was raised.
"""

from __future__ import annotations

import functools
import inspect
import io
import shlex
import sys
import typing
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NoReturn

import fire
from fire.core import FireError, FireExit
from fire.decorators import SetParseFns
from fire.helptext import HelpText
from fire.parser import DefaultParseValue
from fire.trace import FireTrace

from skiagraph.folder_work import Report, describe_error

Function = Callable[..., Any]

_KINDS = {int: "a whole number", float: "a number", bool: "True or False (alone, it means True)"}
_HELP = {"-h", "--help"}


def run(commands: Function | Mapping[str, Function]) -> NoReturn:
    """Call a function with the arguments of the command line, as ``fire.Fire`` does, and end the program.

    Other than with ``fire.Fire``, nothing runs unless every argument is understood; text stays text (a folder
    ``0012`` is not the number 12); a number is a number; and no pager opens. A ``Report`` that the function returns
    is printed as its summary and gives the exit code; anything else but None is printed.

    Args:
        commands: the function, with annotations and a Google-style docstring; or functions by their command's name.
    """
    arguments, name = sys.argv[1:], _program()
    if isinstance(commands, Mapping):
        if not arguments or arguments[0] not in commands:
            sys.exit(_show_commands(commands, arguments, name))
        verb = arguments.pop(0)
        commands, name = commands[verb], f"{name} {verb}"
    if _HELP & set(arguments):
        print(_help(_recorder(commands, []), name))
        sys.exit(0)
    try:
        call = _parse(commands, arguments, name)
    except FireError as error:
        print(f"{error}\nSee: {name} --help", file=sys.stderr)
        sys.exit(2)
    sys.exit(_finish(call))


def _show_commands(commands: Mapping[str, Function], arguments: list[str], name: str) -> int:
    asked = bool(_HELP & set(arguments[:1]))
    if arguments and not asked:
        print(f"there is no command '{arguments[0]}'; choose one of: {', '.join(commands)}", file=sys.stderr)
    else:
        text = _help({verb: _recorder(function, []) for verb, function in commands.items()}, name)
        print(text, file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


def _finish(call: Callable[[], Any]) -> int:
    try:
        result = call()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        if sys.flags.dev_mode:
            raise
        print(describe_error(error), file=sys.stderr)
        return 1
    if isinstance(result, Report):
        print(result.summary())
        return result.exit_code
    if result is not None:
        print(result)
    return 0


def _parse(function: Function, arguments: list[str], name: str) -> Callable[[], Any]:
    """Let Fire read the arguments without calling the function.

    Raises:
        FireError: an argument is missing, unknown or of the wrong kind.
    """
    calls: list[Callable[[], Any]] = []
    readers = {argument: _reader(argument, parameter) for argument, parameter in _parameters(function).items()}
    try:
        # Fire explains itself at length; what is wrong is in the trace.
        with redirect_stderr(io.StringIO()):
            fire.Fire(SetParseFns(**readers)(_recorder(function, calls)), command=arguments, name=name)
    except FireExit as end:
        problem = end.trace.elements[-1].ErrorAsStr() if end.code else "nothing to run"
        raise FireError(problem.replace("Could not consume arg:", "unknown argument:")) from end
    return calls[0]


def _recorder(function: Function, calls: list[Callable[[], Any]]) -> Function:
    """Stand-in with the function's signature that keeps the call for later: Fire finds unknown arguments after it."""

    @functools.wraps(function)
    def record(*args: Any, **kwargs: Any) -> None:
        calls.append(functools.partial(function, *args, **kwargs))

    # A function takes this attribute, which `inspect` documents and mypy does not know.
    record.__signature__ = inspect.Signature(list(_parameters(function).values()))  # type: ignore[attr-defined]
    return record


def _parameters(function: Function) -> dict[str, inspect.Parameter]:
    """Parameters with types in place of their names, for Fire shows the names as text."""
    hints = typing.get_type_hints(function)
    signature = inspect.signature(function)
    return {
        name: parameter.replace(annotation=_without_none(hints[name]) if name in hints else parameter.annotation)
        for name, parameter in signature.parameters.items()
    }


def _without_none(hint: Any) -> Any:
    kinds = [kind for kind in typing.get_args(hint) if kind is not NoneType]
    return kinds[0] if NoneType in typing.get_args(hint) and len(kinds) == 1 else hint


def _reader(name: str, parameter: inspect.Parameter) -> Callable[[str], Any]:
    kind, flag = parameter.annotation, f"--{name}"

    def read(text: str) -> Any:
        value = DefaultParseValue(text)
        if value is None and parameter.default is None:
            return None
        if kind in (str, Path):
            # This is what Fire puts in for a flag without a value.
            if text == "True":
                raise FireError(f"{flag} needs a value")
            return kind(text)
        if kind is float and type(value) is int:
            return float(value)
        if kind in _KINDS and type(value) is not kind:
            raise FireError(f"{flag} takes {_KINDS[kind]}, not '{text}'")
        if typing.get_origin(kind) is Literal and value not in typing.get_args(kind):
            raise FireError(f"{flag} takes one of {', '.join(map(str, typing.get_args(kind)))}, not '{text}'")
        return value

    return read


def _help(component: Function | Mapping[str, Function], name: str) -> str:
    text: str = HelpText(component, FireTrace(component, name=name))
    # Fire quotes a name with spaces.
    return text.replace(shlex.quote(name), name)


def _program() -> str:
    """What the user typed to start the program: ``python -m scripts.<verb>``."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return f"python -m {spec.name}" if spec else Path(sys.argv[0]).name
