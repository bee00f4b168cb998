"""A table that leads from pseudonyms back to patients, written only where somebody asks for it."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path

from ...folder_work import whole_file
from .settings import Settings

_MAGIC = b"SKIAGRAPH-REID-1\n"
_SALT, _NONCE = 16, 12
# RFC 7914: memory of 64 MiB, about 0.2 s; the passphrase is asked for once.
_SCRYPT = {"length": 32, "n": 1 << 16, "r": 8, "p": 1}
_COLUMNS = (
    "patient_pseudonym", "patient_id", "issuer", "name", "days_back", "study_folder", "study_uid", "new_study_uid"
)  # fmt: skip


def write_reidentification(
    path: str | os.PathLike[str],
    patients: Iterable[tuple[str, str, str, str, str]],
    settings: Settings,
    passphrase_file: str | None,
) -> None:
    """Write the table: a line for each study of each patient.

    Args:
        path: file to write, readable by its owner only; CSV in plain text if it ends in .csv, else encrypted
            (scrypt and AES-256-GCM).
        patients: as `Index.patients` gives them.
        settings: with the key.
        passphrase_file: file whose first line is the passphrase.

    Raises:
        ValueError: no passphrase is given where one is needed.
    """
    content = _table(patients, settings)
    if Path(path).suffix != ".csv":
        content = _encrypted(content, _passphrase(passphrase_file))
    with whole_file(path) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_bytes(content)


def _table(patients: Iterable[tuple[str, str, str, str, str]], settings: Settings) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    key = settings.key
    for patient, patient_id, issuer, name, study in patients:
        folder = f"{key.code('folder patient', patient, 8)}/{key.code('folder study', study, 8)}"
        new_uid = study if settings.options.retain_uids or not study else key.uid(study)
        code = key.code("patient", patient, 12)
        writer.writerow((code, patient_id, issuer, name, key.days(patient), folder, study, new_uid))
    return text.getvalue().encode()


def read_reidentification(path: str | os.PathLike[str], passphrase_file: str) -> str:
    """The table as CSV.

    Raises:
        ValueError: it is no such table, or the passphrase is another.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    content = Path(path).read_bytes()
    start = len(_MAGIC)
    salt, nonce = content[start : start + _SALT], content[start + _SALT : start + _SALT + _NONCE]
    try:
        if not content.startswith(_MAGIC):
            raise InvalidTag
        cipher = AESGCM(_derived(_passphrase(passphrase_file), salt))
        return cipher.decrypt(nonce, content[start + _SALT + _NONCE :], _MAGIC).decode()
    except InvalidTag:
        raise ValueError(f"{path}: not a table of re-identification, or the passphrase is another one") from None


def _encrypted(content: bytes, passphrase: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    return _MAGIC + salt + nonce + AESGCM(_derived(passphrase, salt)).encrypt(nonce, content, _MAGIC)


def _derived(passphrase: bytes, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, **_SCRYPT).derive(passphrase)


def _passphrase(path: str | None) -> bytes:
    if path is None:
        raise ValueError("an encrypted table of re-identification needs --passphrase-file; or name a .csv file.")
    lines = Path(path).read_bytes().splitlines()
    if not lines or len(lines[0]) < 8:
        raise ValueError(f"{path}: a passphrase has at least 8 letters, in the first line of the file")
    return lines[0]
