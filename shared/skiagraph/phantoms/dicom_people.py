"""Invented patients, and the many ways in which people write about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

# Specific Character Set (PS3.3 C.12.1.1.2) and names that can be written in it; single letters of Chinese and Korean
# among them, for they are whole names.
_NAMES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("Doe^John^Q", "Fnordson^Abigail", "Quimby^Zebulon^^Dr.", "Okonkwo-Barnes^Ifeoma")),
    ("ISO_IR 100", ("Müller^Jürgen", "Østergård^Søren", "Peñaloza^Iñigo", "Lefèvre^Zoë")),
    ("ISO_IR 101", ("Wałęsowski^Łukasz", "Dvořáček^Jiří")),
    ("ISO_IR 144", ("Жуковский^Тимофей", "Щербакова^Юлия")),
    ("ISO_IR 126", ("Παπαδόπουλος^Νικηφόρος",)),
    ("ISO_IR 127", ("قباني^لنزار",)),
    ("ISO_IR 138", ("שרוןשפר^דבורה",)),
    ("ISO_IR 166", ("สมหวัง^ประเสริฐ",)),
    ("ISO_IR 192", ("Wang^XiaoDong=王^小東", "Buc^Jérôme", "Li^Na=李^娜", "Ngô^Thúy=吳^翠")),
    ("GB18030", ("Ouyang^Xi=欧阳^曦", "Zhao^Qian=赵^谦")),
    ("\\ISO 2022 IR 87", ("Yamada^Tarou=山田^太郎=やまだ^たろう",)),
    ("\\ISO 2022 IR 149", ("Hong^Gildong=洪^吉洞=홍^길동", "Kim^Huijung=金^喜中=김^희중")),
)
_TOWNS = ("Brackwater", "Ostrenholm", "Vellingby", "Tarnspike")
_STREETS = ("Quillon Street", "Harrowgate Lane", "Pendle Mews", "Ashfold Row")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Person:
    """A patient.

    Attributes:
        charset: Specific Character Set of the patient's files.
        name: value of a PN.
        patient_id: number of the hospital.
        other_ids: further numbers.
        birth: day.
        first_study: day.
        phone: number.
        address: street and town.
        physician: value of a PN, in ASCII.
        operators: values of a PN, in ASCII.
        institution: of the study.
        accession: number of the order.
    """

    charset: str
    name: str
    patient_id: str
    other_ids: tuple[str, str]
    birth: date
    first_study: date
    phone: str
    address: str
    physician: str
    operators: tuple[str, str]
    institution: str
    accession: str


def draw_person(seed: int, number: int) -> Person:
    """Invent a patient; the same arguments give the same one."""
    rng = np.random.default_rng([seed, number, 0])
    charset, names = _NAMES[number % len(_NAMES)]
    name = names[int(rng.integers(len(names)))]
    digits = [int(value) for value in rng.integers(10**6, 10**7, 6)]
    town, street = _TOWNS[int(rng.integers(4))], _STREETS[int(rng.integers(4))]
    # The number makes families of different patients different, as far as ASCII has them.
    own = "".join(chr(ord("a") + int(digit)) for digit in f"{number:03d}")
    return Person(
        charset=charset,
        name=name.replace("Doe^", f"Doe{own}^"),
        patient_id=f"MR{digits[0]}{number:04d}",
        other_ids=(f"{digits[1]}{number:03d}", f"X-{digits[2]}"),
        birth=date(1930, 1, 1) + timedelta(days=int(rng.integers(25000))),
        first_study=date(2005, 1, 1) + timedelta(days=int(rng.integers(6000))),
        phone=f"+1 555 {digits[3] % 900 + 100}-{digits[4] % 9000 + 1000}",
        address=f"{digits[5] % 900 + 10} {street}, {town}",
        physician=f"Tharn{own}^Petra^^Dr.",
        operators=(f"Wex{own}^Ulla", f"Birk{own}^Oddvar"),
        institution=f"{town} Memorial Infirmary",
        accession=f"ACC{digits[5]}{number:03d}",
    )


def names_in_text(name: str) -> list[str]:
    """A PN as it stands in running text: other orders, cases, initials, an address of mail."""
    latin, *others = name.split("=")
    family, given, *_ = (*latin.split("^"), "")
    ways = [f"{given} {family}", f"{family.upper()}, {given}", f"{family}^{given}", f"{given[:1]}. {family}", family]
    if latin.isascii():
        ways.append(f"{given}.{family}@mail.example".lower())
        ways.append(f"{family}{given}".lower())
    for other in others:
        parts = other.split("^")
        ways += ["".join(parts), parts[0], " ".join(parts)]
    return ways


def dates_in_text(day: date) -> list[str]:
    """A date as it stands in running text."""
    month = _MONTHS[day.month - 1]
    return [
        f"{day:%Y%m%d}",
        f"{day:%Y-%m-%d}",
        f"{day:%d.%m.%Y}",
        f"{day:%m/%d/%Y}",
        f"{day:%d}-{month.upper()}-{day:%Y}",
        f"{month} {day.day}, {day:%Y}",
        f"{day:%Y/%m/%d}",
    ]


def ids_in_text(number: str) -> list[str]:
    """A number as it stands in running text."""
    return [number, f"MRN {number}", f"#{number};", f"(ID:{number})", number.lower()]


def phones_in_text(phone: str) -> list[str]:
    """A telephone number as it stands in running text."""
    digits = "".join(letter for letter in phone if letter.isdigit())
    local = digits[1:]
    return [phone, f"{local[:3]}-{local[3:6]}-{local[6:]}", f"{local[:3]}.{local[3:6]}.{local[6:]}", local]
