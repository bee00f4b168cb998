from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import skiagraph
from skiagraph.bundle.needed_modules import needed_files

_LOADED = """
import importlib, json, sys
from pathlib import Path
loaded = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:  # an optional dependency of one room
        if error.name.partition(".")[0] == "skiagraph":
            raise
    ours = [module for module in sys.modules if module.partition(".")[0] == "skiagraph"]
    loaded[name] = [sys.modules.pop(module).__file__ for module in ours]
print(json.dumps(loaded))
"""


def package(root: Path, **sources: str) -> Path:
    """A package `pkg`; `a__b` in a keyword stands for `a/b`."""
    for name, source in sources.items():
        file = root / "pkg" / (name.replace("__", "/").replace("INIT", "__init__") + ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    return root / "pkg"


def needed(package_dir: Path, *names: str) -> set[str]:
    return {file.relative_to(package_dir).as_posix() for file in needed_files(package_dir, names)}


def test_real_rooms_need_every_module_that_importing_them_loads() -> None:
    package_dir = Path(skiagraph.__file__).parent
    rooms = [f"skiagraph.{init.parent.name}" for init in sorted(package_dir.glob("*/__init__.py"))]
    result = subprocess.run([sys.executable, "-c", _LOADED, *rooms], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    loaded = json.loads(result.stdout)
    for room in rooms:
        assert {Path(file) for file in loaded[room]} <= set(needed_files(package_dir, [room]))


def test_imports_are_followed_wherever_they_stand(tmp_path: Path) -> None:
    folder = package(
        tmp_path, INIT="", a__INIT="", a__one="from . import two\nfrom ..b import x\nfrom ..b.c import *\n",
        a__two="def f():\n    from ..d import g\n", a__other="", b__INIT="x = 1", b__c="", d="g = 1", e="",
    )  # fmt: skip
    expected = {"__init__.py", "a/__init__.py", "a/one.py", "a/two.py", "b/__init__.py", "b/c.py", "d.py"}
    assert needed(folder, "pkg.a.one.Class.method") == expected
    assert needed(folder, "pkg") == {"__init__.py"}
    assert needed(folder) == set()


def test_data_comes_along_with_its_folder(tmp_path: Path) -> None:
    folder = package(tmp_path, INIT="", a__INIT="", a__x="", b__INIT="")
    for name in ("a/table.json", "a/.hidden", "a/old.pyc", "b/table.json"):
        (folder / name).write_text("")
    assert needed(folder, "pkg.a") == {"__init__.py", "a/__init__.py", "a/table.json"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import os, pkg.a", "line 1 names 'pkg' absolutely"),
        ("if True:\n    from pkg import a", "line 2 names 'pkg' absolutely"),
        ("import importlib\nimportlib.import_module('pkg.a')", "line 2 names 'pkg' absolutely"),
        ("from .missing import x", "imports pkg.a.missing, which"),
        ("from ... import x", "imports from above the package"),
        ("def f(:", "not valid Python"),
    ],
)
def test_refuses_with_file_and_line(tmp_path: Path, source: str, message: str) -> None:
    folder = package(tmp_path, INIT="", a__INIT="", a__bad=source)
    with pytest.raises(ValueError, match=message) as refusal:
        needed(folder, "pkg.a.bad")
    assert str(folder / "a" / "bad.py") in str(refusal.value)


def test_similar_names_are_not_refused(tmp_path: Path) -> None:
    source = "import logging\nimport pkgutil\nfrom pkg_other import x\nlogging.getLogger('pkg')\n"
    assert needed(package(tmp_path, INIT=source), "pkg") == {"__init__.py"}
