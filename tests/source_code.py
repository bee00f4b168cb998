"""What source code imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def imported_modules(tree: ast.AST, package: list[str]) -> Iterator[list[str]]:
    """What a module of a package imports, as the parts of absolute names; `from x import y` names x.y."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            base = [*base, *(node.module or "").split(".")] if node.module else base
            yield from ([*base, alias.name] for alias in node.names)
