"""Names, numbers and dates are found however they are written, and common words are not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skiagraph.dicom.check.profile import row_of
from skiagraph.dicom.check.reading import open_dicom
from skiagraph.dicom.check.search import Hunter
from skiagraph.dicom.check.secrets import Secret, secrets_of
from skiagraph.dicom.check.text import dates_in
from skiagraph.phantoms.dicom_people import dates_in_text

CHARSETS = sorted((Path(pydicom.data.__file__).parent / "charset_files").glob("*.dcm"))


def hunter(*values: tuple[str, str]) -> Hunter:
    return Hunter([Secret(kind, text, 0x00100010, "(0010,0010)", strong=True) for kind, text in values])  # type: ignore[arg-type] # kinds are given as text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DOE^JOHN", "Doe, John"),
        ("DOE^JOHN", "john  DOE was seen"),
        ("Doe^John", "J. Doe"),
        ("Doe^John", "x_DOE_y"),
        ("Doe^John", "johndoe@mail.example"),
        ("Doe^John", "mrs.Doe1970"),
        ("Müller^Jürgen", "MULLER"),
        ("Müller^Jürgen", "Mueller"),
        ("Mueller^Hans", "Müller"),
        ("Ørsted^Zoë", "orsted"),
        ("O'Neil^Ann", "ONeil, Ann"),
        ("Wang^X=王^小東", "患者王先生"),
        ("Wang^X=王^小東", "王小東"),
        ("Kim^H=金^喜=김^희", "김 씨"),
        ("Hong=洪=홍^길동", "홍길동은"),
        ("Yamada^T=山田^太郎=やまだ^たろう", "ヤマダやまだ"),
        ("Жуков^Иван", "ЖУКОВА жуков"),
        ("Hand^Anna", "Anna Hand"),
        ("Σωκράτης^Πέτρος", "ΣΩΚΡΆΤΗΣ"),
    ],
)
def test_a_name_is_found(name: str, text: str) -> None:
    assert any(hit.sure for hit in hunter(("name", name)).in_text(text))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Doe^John", "does johnny"),
        ("Hand^Anna", "left hand"),
        ("Lee^Ann", "bleeding sleeve annual"),
        ("Kim^H=김^희", "김치는"),
        ("Doe^John^M", "M 045Y CHEST"),
        ("Anonymous", "Anonymous"),
        ("Test^1", "1"),
    ],
)
def test_other_words_are_no_names(name: str, text: str) -> None:
    assert not any(hit.sure for hit in hunter(("name", name)).in_text(text))


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("number", "AB-12345", "id ab12345."),
        ("number", "MR 998877", "(mr998877)"),
        ("number", "123-456", "no.123456"),
        ("phone", "+1 (555) 123-4567", "call 555.123.4567"),
        ("phone", "030/1234567", "tel:0301234567"),
        ("text", "Saint Mary Infirmary", "at saint-mary infirmary"),
    ],
)
def test_a_number_is_found(kind: str, value: str, text: str) -> None:
    assert list(hunter((kind, value)).in_text(text))
    assert not list(hunter((kind, value)).in_text("id ab1234567, no. 1234567, call 9555 1234"))


@given(st.dates(date(1900, 1, 1), date(2049, 12, 31)))
def test_a_date_is_read_in_all_ways_of_writing_it(day: date) -> None:
    assert all(day in dates_in(text) for text in dates_in_text(day))
    assert day in dates_in(f"am {day.day}.{day.month}.{day.year} um 10 Uhr")
    assert day in dates_in(f"{day.year}年{day.month}月{day.day}日")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_name_is_found_in_bytes(encoding: str) -> None:
    raw = b"\0\1\xff\2" + " Müller, Jürgen ".encode(encoding) + b"\0\3"
    assert list(hunter(("name", "Müller^Jürgen")).in_bytes(raw))
    assert not list(hunter(("name", "Schmidt^Jens")).in_bytes(raw))


@pytest.mark.parametrize("path", CHARSETS, ids=lambda path: path.stem)
def test_names_in_all_character_sets_are_read_and_found(path: Path) -> None:
    file = open_dicom(path)
    assert file is not None
    names = [secret.text for secret in secrets_of(file) if secret.kind == "name"]
    said = (str(element.value) for element in pydicom.dcmread(path).iterall() if element.VR == "PN")
    wanted = next(name for name in said if name.strip("^"))
    assert wanted in names
    looks = Hunter(secrets_of(file))
    for group in filter(None, wanted.split("=")):
        family, _, given_name = group.partition("^")
        assert any(hit.sure for hit in looks.in_text(f"{given_name.split('^')[0]} {family}"))
        assert any(hit.sure for hit in looks.in_text(f"... {family.upper()} ..."))


@pytest.mark.parametrize(
    ("tag", "options", "action"),
    [
        (0x00100010, (), "Z"),
        (0x00080080, (), "X/Z/D"),
        (0x00080080, (113112,), "K"),
        (0x00080018, (113110,), "K"),
        (0x00080020, (113106,), "K"),
        (0x00080020, (113107,), "C"),
        (0x00091001, (), "X"),
        (0x60023000, (), "X"),
        (0x50000005, (), "X"),
        (0x0008103E, (113105,), "C"),
        (0x00101010, (113108,), "K"),
    ],
)
def test_rows_are_those_of_the_standard(tag: int, options: tuple[int, ...], action: str) -> None:
    row = row_of(tag)
    assert row is not None
    assert row.action_under(options) == action


def test_what_the_profile_leaves_alone_has_no_row() -> None:
    assert [row_of(tag) for tag in (0x00080060, 0x00280010, 0x7FE00010, 0x60000010, 0x00080016)] == [None] * 5


def test_dark_pixels_are_not_taken_for_a_short_name() -> None:
    pixels = np.array([90, 102, 101, 97, 90, 40], dtype="<u2").tobytes()
    assert list(hunter(("name", "2e2884fea560")).in_file(b"\0\0" + pixels)) == []
    assert list(hunter(("name", "Doherty^Fea")).in_file("Doherty".encode("utf-16-le"))) != []
