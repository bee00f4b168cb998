"""Versions of the code that draws."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from skiagraph.phantoms import aasce, mura, ultrabones, version
from skiagraph.phantoms.version import claim_folder, drawing_sha256

ROOM = Path(version.__file__).parent


def _plain(*modules: str) -> str:
    return sha256(b"".join((ROOM / f"{module}.py").read_bytes() for module in modules)).hexdigest()


def test_a_version_depends_on_the_modules_that_are_named() -> None:
    assert drawing_sha256(["noise", "tissue"]) == _plain("noise", "tissue")
    assert drawing_sha256(["noise"]) != drawing_sha256(["noise", "tissue"])


def test_every_module_that_draws_is_named() -> None:
    """What a writer's modules import from this room is named as well, but for what only keeps the folder."""
    for drawn_by in (aasce._DRAWN_BY, ultrabones._DRAWN_BY, mura._DRAWN_BY):
        for module in drawn_by:
            lines = (ROOM / f"{module}.py").read_text().splitlines()
            imported = {line.split()[1][1:] for line in lines if line.startswith("from .") and line[6] != "."}
            assert imported - {"writing"} <= set(drawn_by)


def test_a_folder_belongs_to_its_first_settings(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a seed is 0 or more, not -1"):
        claim_folder(tmp_path / "new", {"seed": -1}, "seed")
    assert not (tmp_path / "new").exists()
    claim_folder(tmp_path, {"seed": 0}, "seed")
    claim_folder(tmp_path, {"seed": 0}, "seed")
    with pytest.raises(ValueError, match="phantoms of another seed") as caught:
        claim_folder(tmp_path, {"seed": 1}, "seed")
    assert "\n" not in str(caught.value)
