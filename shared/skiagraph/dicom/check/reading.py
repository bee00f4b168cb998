"""Every element of a DICOM file as text and bytes, as far as it can be read."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.values import convert_SQ

PIXEL_TAGS = (0x7FE00010, 0x7FE00009, 0x7FE00008)
TEXT_VRS = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
)
_BYTE_VRS = frozenset(("OB", "OW", "OD", "OF", "OL", "OV", "UN"))
_UNDEFINED = 0xFFFFFFFF
# Larger values are read in pieces where they are needed.
_DEFERRED_FROM = 1 << 20
_LARGEST_VALUE = 1 << 24
_CHUNK = 1 << 20
_ITEM = (0xFFFE, 0xE000)
_ITEM_BYTES = b"\xfe\xff\x00\xe0"
# One of these is in everything that is meant to be a data set.
_TELLING = (0x00080016, 0x00080018, 0x00080060, 0x00100010, 0x00100020, 0x0020000D, 0x00041220, 0x00280010)


@dataclass(frozen=True, slots=True)
class Leaf:
    """An element.

    Attributes:
        path: where it is, such as ``(0040,A730)[1]/(0040,A123)``, items counted from 1.
        tag: group and element.
        vr: value representation, ``SQ`` for a sequence, whose items follow.
        texts: its values as text; of a sequence the number of its items.
        raw: its bytes, where text alone does not tell all: binary ones, and text that is not ASCII.
    """

    path: str
    tag: int
    vr: str
    texts: tuple[str, ...] = ()
    raw: bytes = b""

    @property
    def text(self) -> str:
        """All values, with backslashes between."""
        return "\\".join(self.texts)

    @property
    def private(self) -> bool:
        """Whether it belongs to a private block."""
        return bool((self.tag >> 16) & 1)


@dataclass(frozen=True)
class DicomFile:
    """A DICOM file that was opened; its pixels stay where they are.

    Attributes:
        path: the file.
        dataset: its elements, as they were read.
        end: where reading ended; bytes beyond it are no elements.
    """

    path: Path
    dataset: FileDataset
    end: int

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """All elements, file meta first, sequences before their items; pixel data has no bytes."""
        with warnings.catch_warnings(), config.disable_value_validation():
            warnings.simplefilter("ignore")
            meta = getattr(self.dataset, "file_meta", None)
            return (*_leaves(meta if meta is not None else Dataset(), ""), *_leaves(self.dataset, ""))

    @cached_property
    def first(self) -> dict[str, Leaf]:
        """Elements by path."""
        return {leaf.path: leaf for leaf in self.leaves}

    def text(self, tag: int) -> str:
        """Value of a top-level element, empty where there is none."""
        leaf = self.first.get(tag_name(tag))
        return leaf.text.strip(" \0") if leaf else ""

    @property
    def pixel_element(self) -> RawDataElement | DataElement | None:
        """The pixel data, maybe without its value."""
        for tag in PIXEL_TAGS:
            if tag in self.dataset:
                return self.dataset.get_item(tag, keep_deferred=True)
        return None

    def pixel_payload(self) -> Iterator[bytes]:
        """The bytes of the pixel data in pieces, without offset table and item headers."""
        element = self.pixel_element
        if element is None:
            return
        length = getattr(element, "length", _UNDEFINED)
        encapsulated = length == _UNDEFINED and self.dataset.file_meta.get("TransferSyntaxUID", "") != ""
        if element.value is not None:
            yield from _payload(BytesIO(element.value), len(element.value), encapsulated=encapsulated)
        elif isinstance(element, RawDataElement):
            with self.path.open("rb") as file:
                file.seek(element.value_tell)
                yield from _payload(file, length, encapsulated=encapsulated)


def tag_name(tag: int) -> str:
    """``(gggg,eeee)``."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def open_dicom(path: Path) -> DicomFile | None:
    """Read a file, or return None if it is none of DICOM.

    Raises:
        ValueError: it says that it is DICOM, and cannot be read.
        OSError: there is no such file.
    """
    with path.open("rb") as file:
        claims = file.read(132)[128:] == b"DICM"
        file.seek(0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset = pydicom.dcmread(file, force=True, defer_size=_defer_size(path, claims=claims))
                end = file.tell()
                file_meta = getattr(dataset, "file_meta", None)
        except Exception as error:
            if claims:
                raise ValueError(f"{path}: cannot be read as DICOM ({type(error).__name__}: {error})") from error
            return None
    if not claims and not any(tag in dataset for tag in _TELLING):
        return None
    if claims and not len(dataset) and not file_meta:
        raise ValueError(f"{path}: has the mark of DICOM and no elements")
    return DicomFile(path, dataset, end)


def _defer_size(path: Path, *, claims: bool) -> int | None:
    """Values of a deflated file cannot be found in the file again; what seems no DICOM at all is not read whole."""
    if not claims:
        return _DEFERRED_FROM
    syntax = pydicom.filereader.read_file_meta_info(path).get("TransferSyntaxUID", "")
    return None if syntax == pydicom.uid.DeflatedExplicitVRLittleEndian else _DEFERRED_FROM


def _leaves(dataset: Dataset, prefix: str) -> Iterator[Leaf]:
    # Private elements and others whose reading changes the data set come in while it is walked through.
    for tag in list(dataset.keys()):
        path = prefix + tag_name(tag)
        raw = dataset.get_item(tag, keep_deferred=True)
        length = getattr(raw, "length", 0)
        if tag in PIXEL_TAGS and not prefix:
            yield Leaf(path, tag, "OW", (str(length),))
        elif getattr(raw, "value", None) is None and length > _LARGEST_VALUE:
            yield Leaf(path, tag, "UN")
        else:
            yield from _element(dataset, tag, path)


def _element(dataset: Dataset, tag: int, path: str) -> Iterator[Leaf]:
    raw = dataset.get_item(tag, keep_deferred=True)
    stored = raw.value if isinstance(raw, RawDataElement) and isinstance(raw.value, bytes) else b""
    try:
        element = dataset[tag]
        items = element.value if element.VR == "SQ" else _hidden_items(dataset, element)
        leaf = _leaf(element, path, stored) if items is None else Leaf(path, tag, "SQ", (str(len(items or ())),))
    except Exception:  # noqa: BLE001 what cannot be read is looked through as bytes
        yield Leaf(path, tag, "UN", (stored.decode("latin-1"),), stored)
        return
    yield leaf
    for number, item in enumerate(items or (), start=1):
        yield from _leaves(item, f"{path}[{number}]/")


def _hidden_items(dataset: Dataset, element: DataElement) -> Sequence | None:
    """Items in bytes: a sequence whose private creator nobody knows is UN, encoded as implicit VR (PS3.5 6.2.2)."""
    if element.VR != "UN" or not isinstance(element.value, bytes) or element.value[:4] != _ITEM_BYTES:
        return None
    charset = dataset.original_character_set
    encodings = [charset] if isinstance(charset, str) else list(charset)
    return convert_SQ(element.value, True, True, encodings)  # noqa: FBT003 pydicom's signature


def _leaf(element: DataElement, path: str, stored: bytes) -> Leaf:
    value, vr = element.value, element.VR
    if isinstance(value, bytes):
        return Leaf(path, element.tag, vr, (), value)
    if vr in _BYTE_VRS and stored:
        return Leaf(path, element.tag, vr, (), stored)
    values = value if isinstance(value, MultiValue | list | tuple) and not isinstance(value, Sequence) else [value]
    texts = tuple("" if entry is None else str(entry) for entry in values)
    return Leaf(path, element.tag, vr, texts, b"" if stored.isascii() or vr not in TEXT_VRS else stored)


def _payload(file: BinaryIO, length: int, *, encapsulated: bool) -> Iterator[bytes]:
    if not encapsulated:
        yield from _pieces(file, length)
        return
    first = True
    while len(header := file.read(8)) == 8:
        group, element, size = struct.unpack("<HHL", header)
        if (group, element) != _ITEM:
            return
        if first:
            file.seek(size, 1)
        else:
            yield from _pieces(file, size)
        first = False


def _pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (piece := file.read(min(_CHUNK, length))):
        length -= len(piece)
        yield piece
