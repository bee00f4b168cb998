"""What a look through a dataset finds out about its files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """Something about a file that whoever uses the images should know.

    Attributes:
        file: its path below the dataset's folder, in POSIX form.
        message: what is wrong with it, or odd about it.
        left_out: whether the image was therefore left out.
    """

    file: str
    message: str
    left_out: bool = True

    @property
    def kind(self) -> str:
        """What findings of one sort have in common: the message up to its first colon."""
        return self.message.partition(":")[0]

    def __str__(self) -> str:
        return f"{self.file}: {self.message}" + ("; left out" if self.left_out else "")
