"""What the base tests run on: every folder in bundles/, and small phantoms for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import scripts.phantoms
from tests.bundles.collection import BUNDLES, Bundle

# Small enough to train on in seconds, large enough to have all parts.
SMALL_PHANTOMS: dict[str, dict[str, Any]] = {
    "limb": {"patients": 12, "images": 1, "size": 192},
    "spine": {"patients": 12, "images": 1, "height": 320},
    "ultrasound": {"specimens": 12, "frames": 1, "spacing": 0.2},
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "bundle" in metafunc.fixturenames:
        metafunc.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.root.name, scope="session")


@pytest.fixture(scope="session")
def dataset(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small phantoms, in a folder whose name is not easy."""
    folder = tmp_path_factory.mktemp("phantoms") / f"{bundle.phantoms} für alle"
    write = getattr(scripts.phantoms, bundle.phantoms)
    report = write(str(folder), **SMALL_PHANTOMS[bundle.phantoms])
    assert report.exit_code == 0
    return folder
