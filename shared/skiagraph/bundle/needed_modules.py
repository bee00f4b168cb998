"""Which files of a package some dotted names need, found by reading the source, never by importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

__all__ = ["check_names", "needed_files"]

# Calls that look a module up by a name in a string: under another package name they would find nothing, or,
# worse, a package that happens to be installed.
_LOOKUPS_BY_NAME = {"__import__", "import_module", "files", "find_spec", "locate", "optional_import", "version"}


def needed_files(package_dir: Path, names: Iterable[str]) -> list[Path]:
    """Files of a package that dotted names need: their modules, what these import, and the data beside them.

    A name is followed as far as it names modules, the rest is taken for attributes:
    ``skiagraph.networks.Net`` needs ``skiagraph/networks/__init__.py`` and whatever that imports. Imports
    anywhere in a module count, also those inside functions. Files that are not Python source are data; they
    come along with their folder's modules.

    Args:
        package_dir: folder of the package; its name is the package's name.
        names: dotted names that start with the package's name.

    Returns:
        Paths below `package_dir`, sorted; empty if there are no names.

    Raises:
        ValueError: a module cannot be parsed, imports what the package does not have, or refers to its own
            package by an absolute name, which would not survive renaming the package.
    """
    modules: set[Path] = set()
    waiting = [module for name in names for module in _modules_along(package_dir, name.split(".")[1:])]
    while waiting:
        module = waiting.pop()
        if module not in modules:
            modules.add(module)
            waiting.extend(_imported_modules(package_dir, module))
    data = {file for folder in {module.parent for module in modules} for file in _data_files(folder)}
    return sorted(modules | data)


def check_names(package_dir: Path, names: Iterable[str]) -> None:
    """Raise `ValueError` for a dotted name whose second part is no module of the package, such as a misspelt one."""
    for name in names:
        parts = name.split(".")[1:]
        if parts and not parts[0].startswith("__") and len(_modules_along(package_dir, parts)) == 1:
            raise ValueError(f"names {name}, but {package_dir} has no module '{parts[0]}'")


def _modules_along(package_dir: Path, parts: Sequence[str]) -> list[Path]:
    """Files that ``import package.part.part`` executes, up to the first part that is not a module."""
    folder, found = package_dir, [package_dir / "__init__.py"]
    for part in parts:
        if (folder / part / "__init__.py").is_file():
            folder = folder / part
            found.append(folder / "__init__.py")
        elif (folder / f"{part}.py").is_file():
            return [*found, folder / f"{part}.py"]
        else:
            break
    return found


def _data_files(folder: Path) -> Iterator[Path]:
    for file in folder.iterdir():
        if file.is_file() and not file.name.startswith(".") and file.suffix not in {".py", ".pyc"}:
            yield file


def _imported_modules(package_dir: Path, module: Path) -> Iterator[Path]:
    try:
        tree = ast.parse(module.read_bytes(), filename=str(module))
    except SyntaxError as error:
        raise ValueError(f"{module}: not valid Python, which cannot be packed (line {error.lineno})") from error
    for node in ast.walk(tree):
        _refuse_absolute_name(node, package_dir.name, module)
        if isinstance(node, ast.ImportFrom) and node.level > 0:
            yield from _relatively_imported(node, package_dir, module)


def _relatively_imported(node: ast.ImportFrom, package_dir: Path, module: Path) -> Iterator[Path]:
    here = module.relative_to(package_dir).parent.parts
    levels_kept = len(here) - (node.level - 1)
    if levels_kept < 0:
        raise ValueError(f"{module}: line {node.lineno} imports from above the package; stay inside it")
    parts = [*here[:levels_kept], *(node.module.split(".") if node.module else [])]
    found = _modules_along(package_dir, parts)
    if len(found) <= len(parts):
        name = ".".join([package_dir.name, *parts])
        raise ValueError(f"{module}: line {node.lineno} imports {name}, which the package does not have")
    for alias in node.names:
        yield from _modules_along(package_dir, [*parts, alias.name])


def _refuse_absolute_name(node: ast.AST, package: str, module: Path) -> None:
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        names = [node.module]
    elif isinstance(node, ast.Call) and _called_name(node) in _LOOKUPS_BY_NAME:
        names = [str(value.value) for value in node.args if isinstance(value, ast.Constant)]
    if any(name == package or name.startswith(f"{package}.") for name in names):
        line = getattr(node, "lineno", 0)
        raise ValueError(
            f"{module}: line {line} names '{package}' absolutely; write a relative import, "
            "for a bundle packs the package under another name"
        )


def _called_name(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
