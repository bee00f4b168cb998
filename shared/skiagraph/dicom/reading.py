"""The one place where DICOM files are opened, and where what is wrong with them is told."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.valuerep import VR

_PREAMBLE = 128
_HEAD = 2048
# Groups that a file without preamble can begin with: file meta, and identification.
_FIRST_GROUPS = (0x0002, 0x0008)
_VALUE_REPRESENTATIONS = {str(vr).encode() for vr in VR if len(str(vr)) == 2}
_CHUNK = 1 << 20


def is_dicom(path: str | Path) -> bool:
    """Whether the file begins as PS3.10 says (128 bytes, then 'DICM'), or with the elements of a bare data set."""
    with Path(path).open("rb") as file:
        return _begins_like_dicom(file.read(_HEAD))


def read_header(path: str | os.PathLike[str], only: Sequence[str] = ()) -> FileDataset:
    """All elements before the pixels, and the file meta information.

    A file without preamble or file meta information is read as what its first element looks like (implicit or
    explicit, little or big endian), and gets that transfer syntax in `file_meta`. Values are converted when they are
    asked for: put that into `one_line_errors` as well.

    Args:
        path: the file.
        only: keywords of elements; others are left out, which is faster.

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: it is no DICOM file, or damaged.
    """
    header, file = open_dicom(path, only)
    file.close()
    return header


def open_dicom(path: str | os.PathLike[str], only: Sequence[str] = ()) -> tuple[FileDataset, BinaryIO]:
    """The header as `read_header` gives it, and a file for the caller to close, at the element of the pixels.

    Where the pixels are missing, the file is at its end. A deflated file is inflated on the disk.

    Raises:
        OSError, ValueError: as `read_header`.
    """
    opened: BinaryIO = Path(path).open("rb")  # noqa: SIM115 closed by the caller
    try:
        with one_line_errors(path, "cannot be read as DICOM"):
            head = opened.read(_HEAD)
            if not _begins_like_dicom(head):
                raise ValueError("it does not begin like a DICOM file")
            deflated = head[_PREAMBLE:].find(DeflatedExplicitVRLittleEndian.encode()) > 0
            opened = _inflated(opened, head) if deflated else opened
            opened.seek(0)
            header = pydicom.dcmread(opened, stop_before_pixels=True, force=True, specific_tags=list(only) or None)
            header.filename, header.buffer = os.fspath(path), None
            _tell_transfer_syntax(header, deflated)
            return header, opened
    except BaseException:
        opened.close()
        raise


@contextmanager
def one_line_errors(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """Whatever a damaged file raises in here becomes ``ValueError("PATH: WHAT: reason")``, in one line.

    The reading of pydicom raises nearly anything there. Errors of the file system stay what they are, and so does an
    error that names the file already.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise
        if str(error).startswith(f"{os.fspath(path)}: "):
            raise ValueError(str(error)) from error
        lines = str(error).strip().splitlines()
        reason = lines[0].rstrip(": ") if lines else type(error).__name__
        raise ValueError(f"{os.fspath(path)}: {what}: {reason}") from error


def _begins_like_dicom(head: bytes) -> bool:
    return head[_PREAMBLE : _PREAMBLE + 4] == b"DICM" or _begins_with_elements(head)


def _begins_with_elements(head: bytes) -> bool:
    if len(head) < 16:
        return False
    groups = struct.unpack_from("<H", head)[0], struct.unpack_from(">H", head)[0]
    if head[4:6] in _VALUE_REPRESENTATIONS:
        return any(group in _FIRST_GROUPS for group in groups)
    group, element, length = struct.unpack_from("<HHL", head)
    if group not in _FIRST_GROUPS or length > len(head) - 12:
        return False
    # Anything may hold the few bytes of one implicit element; the next one confirms it.
    following = struct.unpack_from("<HH", head, 8 + length)
    return (group, element) < following <= (_FIRST_GROUPS[-1], 0xFFFF)


def _inflated(file: BinaryIO, head: bytes) -> BinaryIO:
    """The file as Explicit VR Little Endian (PS3.5 A.5), in pieces, for it may be large."""
    start = _PREAMBLE + 4
    if head[start : start + 8] != b"\x02\x00\x00\x00UL\x04\x00":
        raise ValueError("the length of its file meta information is missing, so the deflated part is not found")
    end = start + 12 + int.from_bytes(head[start + 8 : start + 12], "little")
    plain = ExplicitVRLittleEndian.encode().ljust(len(DeflatedExplicitVRLittleEndian), b"\0")
    inflated = TemporaryFile()  # noqa: SIM115 closed by the caller
    with file:
        file.seek(0)
        inflated.write(file.read(end).replace(DeflatedExplicitVRLittleEndian.encode(), plain))
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        while chunk := file.read(_CHUNK):
            while chunk and not inflate.eof:
                inflated.write(inflate.decompress(chunk, _CHUNK))
                chunk = inflate.unconsumed_tail
        inflated.write(inflate.flush())
    return inflated


def _tell_transfer_syntax(header: FileDataset, deflated: bool) -> None:
    if deflated:
        header.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    if header.file_meta.get("TransferSyntaxUID"):
        return
    implicit, little_endian = header.original_encoding
    explicit = ExplicitVRLittleEndian if little_endian else ExplicitVRBigEndian
    header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
