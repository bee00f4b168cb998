"""What is the same for all files of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .declaring import IMPLEMENTATION_VERSION
from .keys import Key
from .options import Options
from .pixels import PixelCleaner
from .profile import load_table


def check_apart(secret: Path, *folders: Path) -> None:
    """Refuse a secret file in a folder of inputs, outputs or ledgers.

    Raises:
        ValueError: it is in one of them.
    """
    for folder in folders:
        if folder.resolve() in secret.resolve().parents:
            raise ValueError(f"{secret}: this file is secret; keep it outside of {folder}")


@dataclass(frozen=True)
class Settings:
    """What is the same for all files of a run.

    Attributes:
        root: folder of the inputs.
        out: folder of the outputs.
        key: for pseudonyms.
        options: of the profile.
        cleaner: for the pixels, with the option that asks for it.
        keep_burned_in: whether files are done that say that there is text in their pixels.
        dry_run: nothing is written but the ledger.
    """

    root: Path
    out: Path
    key: Key = field(repr=False)
    options: Options = field(default_factory=Options)
    cleaner: PixelCleaner | None = None
    keep_burned_in: bool = False
    dry_run: bool = False

    @property
    def ledger(self) -> Path:
        """Folder of the ledgers, beside that of the outputs; a dry run has its own."""
        return self.out.with_name(f"{self.out.name}_{'dry_run_' if self.dry_run else ''}ledger")

    def check(self, *secrets: str | None) -> None:
        """Refuse folders within each other, and secret files among the outputs.

        Raises:
            ValueError: something is where it should not be.
        """
        root, out = self.root.resolve(), self.out.resolve()
        if not root.is_dir():
            raise ValueError(f"{self.root}: there is no such folder")
        if root == out or root in out.parents or out in root.parents:
            raise ValueError(f"{self.root} and {self.out}: one folder is in the other; choose another OUT")
        if self.ledger.resolve() == root:
            raise ValueError(f"{self.root}: the ledger of {self.out} would be written there; choose another OUT")
        for secret in filter(None, secrets):
            check_apart(Path(secret), root, out, self.ledger.resolve())

    @cached_property
    def digest(self) -> str:
        """Changes when an output would."""
        tables = (load_table("profile"), load_table("safe_private"))
        parts = (repr(self.options), repr(self.cleaner), str(self.keep_burned_in), repr(tables), IMPLEMENTATION_VERSION)
        return self.key.digest("settings", "\0".join(parts).encode()).hex()[:32]
