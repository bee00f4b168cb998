"""Read a table of re-identification: `python -m scripts.reidentification TABLE --passphrase-file FILE`."""

from __future__ import annotations

from skiagraph.dicom.deidentify import read_reidentification

from ._face import run


def reidentification(table: str, passphrase_file: str) -> str:
    """Print the encrypted table that `scripts.deidentify` wrote as CSV.

    Args:
        table: the encrypted file.
        passphrase_file: file whose first line is the passphrase.
    """
    return read_reidentification(table, passphrase_file).rstrip("\n")


if __name__ == "__main__":
    run(reidentification)
