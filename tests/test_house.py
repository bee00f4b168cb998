"""Promises of the house as a whole."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.source_code import imported_modules

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "shared" / "skiagraph"

FLOORS = (
    {"folder_work", "geometry", "dicom", "report"},
    {"data", "phantoms", "transforms", "networks", "losses", "metrics", "handlers"},
    {"engines", "bundle", "label"},
)


def imports_of_rooms() -> dict[str, set[str]]:
    """Which rooms the files of each room import."""
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        inside = path.relative_to(PACKAGE)
        if len(inside.parts) == 1:
            continue
        targets = imported_modules(ast.parse(path.read_text()), ["skiagraph", *inside.parent.parts])
        rooms = {target[1] for target in targets if target[0] == "skiagraph" and len(target) > 1}
        found.setdefault(inside.parts[0], set()).update(rooms - {inside.parts[0]})
    return found


@pytest.mark.parametrize(
    "line",
    ["from .. import engines", "from ..engines import x", "from ..engines.errors import x", "import skiagraph.engines",
     "from skiagraph.engines import x", "from skiagraph import engines"],
)  # fmt: skip
def test_an_import_is_seen_in_whatever_form(line: str) -> None:
    (target,) = imported_modules(ast.parse(line), ["skiagraph", "geometry"])
    assert target[:2] == ["skiagraph", "engines"]


def test_the_package_imports_itself_by_relative_names_only() -> None:
    """It is packed into bundles under other names."""
    absolute = [
        path.name
        for path in PACKAGE.rglob("*.py")
        for target in imported_modules(ast.parse(path.read_text()), ["relative"] * 4)
        if target[0] == "skiagraph"
    ]
    assert absolute == []


def test_rooms_import_only_from_their_floor_and_below() -> None:
    floor_of = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    imported = imports_of_rooms()
    assert imported["bundle"] >= {"networks", "folder_work"}, "the test reads no imports"
    upward = [
        (room, other) for room, others in imported.items() for other in others if floor_of[other] > floor_of[room]
    ]
    assert upward == []


def test_rooms_of_one_floor_do_not_import_in_a_circle() -> None:
    imported = imports_of_rooms()

    def reaches(start: str, goal: str, seen: frozenset[str] = frozenset()) -> bool:
        return any(o == goal or (o not in seen and reaches(o, goal, seen | {o})) for o in imported.get(start, ()))

    assert [room for room in imported if reaches(room, room)] == []


def test_the_package_and_requirements_name_the_same_dependencies() -> None:
    wanted = [line.strip() for line in (ROOT / "requirements.txt").read_text().splitlines() if line.strip()]
    declared = tomllib.loads((ROOT / "shared" / "pyproject.toml").read_text())["project"]["dependencies"]
    assert declared == wanted


@pytest.mark.parametrize("listed", ["requirements.txt", "requirements-dev.txt"])
def test_every_dependency_has_a_tested_version(listed: str) -> None:
    def names(path: Path) -> set[str]:
        lines = (line.strip() for line in path.read_text().splitlines())
        return {re.split(r"[\[<>=]", line)[0].lower() for line in lines if line and not line.startswith("#")}

    assert names(ROOT / listed) <= names(ROOT / "constraints.txt")


def test_readme_names_commands_that_exist() -> None:
    text = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"scripts\.(\w+)", text))
    assert named
    assert all((ROOT / "scripts" / f"{name}.py").is_file() for name in named)
