"""Packs a bundle as one self-contained zip in the form of the MONAI Model Zoo."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..folder_work import whole_file
from .needed_modules import check_names, needed_files
from .packed_configs import Config, bound_name, find_own_package, mentioned_names, package_imports, rename_package

__all__ = ["MAX_WEIGHTS_BYTES", "pack", "read_version"]

MAX_WEIGHTS_BYTES = 8_000_000

_REQUIRED = ("LICENSE", "configs/metadata.json", "configs/inference.json", "models/model.pt")
_SELF_STANDING = ("configs/train.json", "configs/inference.json")
_METADATA = "configs/metadata.json"


def pack(bundle_dir: Path, package_dir: Path, out_dir: Path, extra_files: Mapping[str, Path] | None = None) -> Path:
    """Pack a bundle, with the part of a package that its configs need, into ``NAME_vX.Y.Z.zip``.

    The package is packed as ``<package>_<first 10 hex digits of the SHA-256 of its packed files>``, and the
    configs name it so: bundles packed from different versions run in one process, also beside an installed
    package. The same files give the same bytes, whatever their dates, permissions and folder. The SHA-256 of
    the zip is written beside it, in the form that ``sha256sum --check`` reads.

    Args:
        bundle_dir: folder of the bundle; its name is the zip's root folder. Packed are ``LICENSE``,
            ``configs/``, ``docs/``, ``models/model.pt`` and what JSON there is beside it, without hidden files and
            caches.
        package_dir: folder of the package, with the name that the configs use.
        out_dir: folder for the zip; made if it is missing. An older build of the same version is replaced.
        extra_files: further files, by their path in the bundle; JSON under ``configs/`` may name the package.

    Returns:
        Path of the zip.

    Raises:
        FileNotFoundError: a file is missing that a bundle must have.
        ValueError: the metadata, a config, the weights or a module of the package cannot be packed.
    """
    sources = dict(_bundle_sources(bundle_dir))
    _check_required(bundle_dir, sources)
    version = read_version(bundle_dir / _METADATA)
    for name, source in (extra_files or {}).items():
        if not source.is_file():
            raise FileNotFoundError(f"{source}: missing, it is to be packed as {name}")
        if name in sources:
            raise ValueError(f"{sources[name]}: would hide {source}, which is packed under this name; rename it")
        sources[name] = source
    entries = {name: source.read_bytes() for name, source in sources.items()}
    entries |= _with_own_package(sources, set(extra_files or {}), package_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    zip_path = out_dir / f"{bundle_dir.name}_v{version}.zip"
    _write_zip(zip_path, {f"{bundle_dir.name}/{name}": content for name, content in entries.items()})
    return zip_path


def read_version(metadata_path: Path) -> str:
    """The version in a bundle's metadata, which has to be the newest one of its changelog.

    Raises:
        ValueError: the file is not valid JSON, or its ``version`` and ``changelog`` do not agree.
    """
    metadata = _read_json(metadata_path)
    version, changelog = metadata.get("version"), metadata.get("changelog")
    if not isinstance(changelog, dict) or not isinstance(version, str) or version not in changelog:
        raise ValueError(f"{metadata_path}: version {version!r} is not in 'changelog'; add it there")
    wrong = [entry for entry in changelog if not re.fullmatch(r"\d+\.\d+\.\d+", entry)]
    if wrong:
        raise ValueError(f"{metadata_path}: version {wrong[0]!r} in 'changelog' is not of the form 1.2.3")
    newest = max(changelog, key=lambda entry: [int(number) for number in entry.split(".")])
    if version != newest:
        raise ValueError(f"{metadata_path}: version is {version}, but 'changelog' goes up to {newest}")
    return version


def _bundle_sources(bundle_dir: Path) -> Iterator[tuple[str, Path]]:
    """Path in the bundle and file of what is packed; logs, runs and other weights lie elsewhere in the bundle."""
    for name in ("LICENSE", "models/model.pt"):
        if (bundle_dir / name).is_file():
            yield name, bundle_dir / name
    for file in (bundle_dir / "models").glob("[!.]*.json"):
        yield f"models/{file.name}", file
    for folder in ("configs", "docs"):
        for file in (bundle_dir / folder).rglob("*"):
            path = file.relative_to(bundle_dir)
            if file.is_file() and not any(part.startswith((".", "__pycache__")) for part in path.parts):
                yield path.as_posix(), file


def _check_required(bundle_dir: Path, sources: Mapping[str, Path]) -> None:
    missing = [name for name in _REQUIRED if name not in sources]
    if missing:
        raise FileNotFoundError(f"{bundle_dir / missing[0]}: missing, a bundle cannot be packed without it")
    weights = sources["models/model.pt"]
    if weights.stat().st_size > MAX_WEIGHTS_BYTES:
        size = weights.stat().st_size / 1e6
        raise ValueError(
            f"{weights}: {size:.1f} MB, over the {MAX_WEIGHTS_BYTES / 1e6:.0f} MB that a bundle may ship; "
            "save the weights in half precision or train a smaller network"
        )


def _with_own_package(sources: Mapping[str, Path], extra: set[str], package_dir: Path) -> dict[str, bytes]:
    """Entries for the package's files and for the configs; none if no config names the package."""
    package = package_dir.name
    configs = {name: _read_json(source) for name, source in sources.items() if _is_config(name)}
    mentioned: set[str] = set()
    for name, config in configs.items():
        with _naming(sources[name]):
            names = mentioned_names(config, package)
            check_names(package_dir, names)
            mentioned |= names
    needed = needed_files(package_dir, mentioned)
    if not needed:
        return {}
    files = {file.relative_to(package_dir).as_posix(): file.read_bytes() for file in needed}
    new_name = f"{package}_{_digest(files)[:10]}"
    renamed = {name: rename_package(config, package, new_name) for name, config in configs.items()}
    own = {name: config for name, config in renamed.items() if name not in extra}
    packed = renamed | _finding_own_package(own, sources, new_name)
    entries = {name: f"{json.dumps(config, indent=4)}\n".encode() for name, config in packed.items()}
    return entries | {f"{new_name}/{path}": content for path, content in files.items()}


def _finding_own_package(configs: Mapping[str, Config], sources: Mapping[str, Path], package: str) -> dict[str, Config]:
    imports = {name: package_imports(config, package) for name, config in configs.items()}
    base = list(dict.fromkeys(line for name in _SELF_STANDING for line in imports.get(name, [])))
    bound = [bound_name(line) for line in base]
    twice = [name for name in bound if bound.count(name) > 1]
    if twice:
        where = " and ".join(str(sources[name]) for name in _SELF_STANDING if name in sources)
        raise ValueError(
            f"{where}: import '{twice[0]}' from two places; give one of them another name, "
            "for an overlay can be laid over either"
        )
    packed = {}
    for name, config in configs.items():
        with _naming(sources[name]):
            packed[name] = find_own_package(config, imports[name], None if name in _SELF_STANDING else base)
    return packed


def _is_config(name: str) -> bool:
    return name.startswith("configs/") and name.endswith(".json") and name != _METADATA


def _read_json(path: Path) -> Config:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: holds a {type(content).__name__}; write a JSON object")
    return content


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Puts the file's name before the message of a `ValueError`."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _write_zip(path: Path, entries: Mapping[str, bytes]) -> None:
    with whole_file(path) as unfinished, zipfile.ZipFile(unfinished, "w") as archive:
        for name, content in sorted(entries.items()):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, on whatever system it is packed, so that the permissions count
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_STORED  # what deflate writes differs between builds of zlib
            archive.writestr(entry, content)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with whole_file(path.with_name(f"{path.name}.sha256")) as unfinished:
        Path(unfinished).write_text(f"{digest}  {path.name}\n", encoding="utf-8")
