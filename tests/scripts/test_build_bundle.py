from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from scripts import build_bundle as face


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A house with one bundle, `toy`, and a package of one network."""
    files = {
        "bundles/toy/LICENSE": "",
        "bundles/toy/configs/metadata.json": '{"version": "1.2.3", "changelog": {"1.2.3": ""}}',
        "bundles/toy/configs/inference.json": '{"network_def": {"_target_": "skiagraph.net.Net"}}',
        "bundles/toy/models/model.pt": "",
        "shared/skiagraph/__init__.py": "",
        "shared/skiagraph/net.py": "class Net: ...\n",
        "shared/tracking.json": '{"configs": {"trainer": {"_target_": "skiagraph.net.Net"}}}',
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(face, "ROOT", tmp_path)
    return tmp_path


def test_packs_a_bundle_with_the_tracking_settings(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    face.build_bundle("toy", out=str(house / "dist"))
    zip_path = Path(capsys.readouterr().out.strip())
    assert zip_path == house / "dist" / "toy_v1.2.3.zip"
    assert zip_path.with_name("toy_v1.2.3.zip.sha256").is_file()
    with zipfile.ZipFile(zip_path) as archive:
        targets = {
            json.loads(archive.read("toy/configs/tracking.json"))["configs"]["trainer"]["_target_"],
            json.loads(archive.read("toy/configs/inference.json"))["network_def"]["_target_"],
        }
        (target,) = targets
        assert f"toy/{target.split('.')[0]}/net.py" in archive.namelist()


@pytest.mark.parametrize("name", ["nonesuch", "../toy", "."])
def test_names_the_bundles_there_are(house: Path, name: str) -> None:
    with pytest.raises(ValueError, match="choose one of: toy"):
        face.build_bundle(name, out=str(house / "dist"))
    assert not (house / "dist").exists()
