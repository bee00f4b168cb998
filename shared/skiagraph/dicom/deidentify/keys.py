"""Keyed pseudonyms (HMAC-SHA-256): the same key gives the same ones in every file, run and machine."""

from __future__ import annotations

import base64
import hmac
import os
import secrets
import stat
from functools import lru_cache
from pathlib import Path

_SHORTEST = 32
# At most ten years back: dates stay plausible, and a year's seasons give nothing away.
_MOST_DAYS = 3650


class Key:
    """A secret, and what is derived from it.

    Args:
        secret: at least 32 bytes.

    Raises:
        ValueError: it is too short to keep anything secret.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < _SHORTEST or len(set(secret)) < 8:
            raise ValueError(f"a key has at least {_SHORTEST} random bytes; make one with --new-key.")
        self._secret = secret
        self.uid = lru_cache(maxsize=65536)(self._uid)

    def __reduce__(self) -> tuple[object, tuple[bytes]]:
        return _one_key, (self._secret,)

    def digest(self, purpose: str, value: bytes) -> bytes:
        """32 bytes that nobody without the key can tell from random ones, other ones for each purpose."""
        return hmac.digest(self._secret, purpose.encode() + b"\0" + value, "sha256")

    def hash(self, value: bytes) -> str:
        """Keyed hash of a value that was replaced, as it stands in a ledger."""
        return self.digest("ledger", value).hex()[:32]

    def code(self, purpose: str, value: str, length: int) -> str:
        """Letters and digits (A-Z, 2-7) that stand for a value; 5 bits each."""
        return base64.b32encode(self.digest(purpose, value.encode()))[:length].decode()

    def days(self, patient: str) -> int:
        """By how many days the dates of a patient move back, 1 to 3650."""
        return 1 + int.from_bytes(self.digest("days", patient.encode())[:8]) % _MOST_DAYS

    def _uid(self, original: str) -> str:
        """UID below 2.25, which needs no registration: a UUID as a number (PS3.5 B.2)."""
        number = int.from_bytes(self.digest("uid", original.encode())[:16])
        # Version and variant of RFC 9562, version 8: a UUID of one's own making.
        number = number & ~(0xF << 76) | (8 << 76)
        return f"2.25.{number & ~(3 << 62) | (2 << 62)}"


@lru_cache(maxsize=4)
def _one_key(secret: bytes) -> Key:
    """A key that comes into a process many times is the same one, and what it has derived is kept."""
    return Key(secret)


def read_key(path: str | os.PathLike[str]) -> Key:
    """Read a key file: 32 bytes or more, or text of such a length.

    Raises:
        ValueError: it is too short, or others than its owner may read it.
        OSError: it cannot be read.
    """
    path = Path(path)
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ValueError(f"{path}: others may read this key; run: chmod 600 {path}")
    try:
        content = path.read_bytes()
        return Key(content.strip() if content.isascii() else content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def write_new_key(path: str | os.PathLike[str]) -> None:
    """Write a new key that only its owner may read.

    Raises:
        OSError: the file exists (a key is never overwritten), or cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
