"""What packing changes in a bundle's configs: the package's name, and how MONAI finds the package."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["Config", "bound_name", "find_own_package", "mentioned_names", "package_imports", "rename_package"]

Config = dict[str, Any]

_IMPORT_SYS = "$import sys"
_ADD_ROOT = "$sys.path.insert(1, @bundle_root)"
_REFERENCE = re.compile(r"@\w*(?:(?:::|#)\w*)*")


def mentioned_names(config: Config, package: str) -> set[str]:
    """Dotted names of the package that a config uses, in ``_target_`` values and ``$`` expressions.

    Args:
        config: content of a config file.
        package: name of the package as the config writes it.

    Returns:
        Names such as ``skiagraph.networks.CompactUNet``; of ``from a.b import c`` both ``a.b`` and ``a.b.c``.

    Raises:
        ValueError: a ``$`` expression cannot be read as Python.
    """
    names: set[str] = set()
    for key, value in _strings(config):
        if _is_expression(value):
            tokens = _tokens(value)
            for start in _package_tokens(tokens, package):
                names.update(_dotted_names(tokens, start))
        elif _is_target(key) and _is_in_package(value, package):
            names.add(value)
    return names


def rename_package(value: Any, package: str, new_name: str, key: str = "") -> Any:
    """A copy of a config value in which ``_target_`` values and ``$`` expressions name the package anew.

    All other text (descriptions, folder names, string literals inside expressions) stays as it is.
    """
    if isinstance(value, dict):
        return {name: rename_package(item, package, new_name, name) for name, item in value.items()}
    if isinstance(value, list):
        return [rename_package(item, package, new_name) for item in value]
    if _is_expression(value):
        tokens = _tokens(value)
        for start in reversed(_package_tokens(tokens, package)):
            position = _offset(value, tokens[start])
            value = value[:position] + new_name + value[position + len(package) :]
    elif _is_target(key) and isinstance(value, str) and _is_in_package(value, package):
        value = new_name + value[len(package) :]
    return value


def package_imports(config: Config, package: str) -> list[str]:
    """The config's ``$import`` and ``$from`` statements that import from the package, in their order."""
    return [
        value
        for _, value in _strings(config)
        if _is_expression(value) and _is_import(tokens := _tokens(value)) and _package_tokens(tokens, package)
    ]


def bound_name(import_statement: str) -> str:
    """The global that an import statement of a config makes in MONAI: for ``$import a.b`` it is "a.b"."""
    (statement,) = ast.parse(import_statement[1:].strip()).body
    assert isinstance(statement, ast.Import | ast.ImportFrom)
    return statement.names[0].asname or statement.names[0].name


def find_own_package(config: Config, imports: Sequence[str], base: Sequence[str] | None = None) -> Config:
    """A copy of a config that finds the package in the bundle's own root, from whatever folder it is run.

    MONAI puts the root on ``sys.path`` only in ``run``, after ``initialize``: so ``initialize`` has to do it
    first. MONAI evaluates all import statements before the first line of ``initialize``, when the package
    cannot be found yet, and lets a failed one pass in silence. Those that stand in ``initialize`` it forgets
    once their turn has passed, and evaluates again before the next item: so the package's imports are
    repeated there.

    Args:
        config: content of a config file; an overlay's ``initialize`` or ``imports`` would replace those of
            the config it is laid over, so it is completed where it has them.
        imports: the config's own import statements that import from the package.
        base: None for a config that can run by itself; for an overlay, the import statements that import
            from the package in the configs that it may be laid over.

    Raises:
        ValueError: a config changes a single line of ``initialize``, whose number is another when packed.
    """
    by_number = [key for key in config if re.match(r"initialize(#|::)", key)]
    if by_number:
        raise ValueError(f"'{by_number[0]}' counts lines, but packing adds some; write 'initialize' as a whole")
    defaults: Config = {"imports": [], "bundle_root": ".", "initialize": []} if base is None else {}
    packed = defaults | config
    if "bundle_root" in packed:
        packed["bundle_root"] = "."
    if "imports" in packed:
        lines = _as_list(packed["imports"])
        packed["imports"] = lines if _IMPORT_SYS in lines else [*lines, _IMPORT_SYS]
    if "initialize" in packed:
        repeated = dict.fromkeys([*(base or []), *imports])
        packed["initialize"] = [_ADD_ROOT, *repeated, *_as_list(packed["initialize"])]
    elif imports:
        packed["+initialize"] = [*imports, *_as_list(packed.get("+initialize", []))]
    return packed


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """All strings of a config with the key they stand under ("" inside a list)."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _strings(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield key, value


def _is_expression(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("$")


def _is_target(key: str) -> bool:
    return re.split("#|::", key)[-1] == "_target_"


def _is_in_package(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _tokens(expression: str) -> list[tokenize.TokenInfo]:
    """Python tokens of a ``$`` expression, its ``@references`` blanked out without moving anything."""
    source = " " + _REFERENCE.sub(lambda match: "_" * len(match.group()), expression[1:])
    try:
        return list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        raise ValueError(f"the expression '{expression}' is not valid Python") from error


def _is_import(tokens: list[tokenize.TokenInfo]) -> bool:
    return any(token.string in {"import", "from"} for token in tokens[:2])


def _package_tokens(tokens: list[tokenize.TokenInfo], package: str) -> list[int]:
    """Indices of the tokens that name the package: not an attribute or a keyword argument of that name."""
    return [
        index
        for index, token in enumerate(tokens)
        if token.type == tokenize.NAME
        and token.string == package
        and tokens[index - 1].string != "."
        and tokens[index + 1].string != "="
    ]


def _dotted_names(tokens: list[tokenize.TokenInfo], start: int) -> list[str]:
    name, end = tokens[start].string, start + 1
    while tokens[end].string == "." and tokens[end + 1].type == tokenize.NAME:
        name, end = f"{name}.{tokens[end + 1].string}", end + 2
    if tokens[end].string != "import":
        return [name]
    return [name, *(f"{name}.{token.string}" for token in tokens[end + 1 :] if token.type == tokenize.NAME)]


def _offset(text: str, token: tokenize.TokenInfo) -> int:
    row, column = token.start
    return sum(len(line) + 1 for line in text.split("\n")[: row - 1]) + column
