"""Texts brought to one form, so that a name is found however it is written, and dates read out of running text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from pydicom.datadict import DicomDictionary
from pydicom.uid import UID_dictionary

# Letters that Unicode does not take apart.
_FOLDED = str.maketrans(
    {
        "ø": "o",
        "æ": "ae",
        "œ": "oe",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "\u0131": "i",
        "ħ": "h",
        "ŀ": "l",
        "\u03c2": "\u03c3",
    }
)
_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
# A word is a run of East Asian letters, of digits, or of other letters.
_EAST_ASIAN = "\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[{_EAST_ASIAN}\U00020000-\U0003134f]+|\d+|[^\W\d_{_EAST_ASIAN}]+")
_IDEOGRAPHS = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_EAST = re.compile(rf"[{_EAST_ASIAN}\U00020000-\U0003134f]")

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier enero ene gennaio gen januari janeiro",
            "feb february februar fevrier fev fevr febrero febbraio februari fevereiro",
            "mar march marz maerz mars marzo mrz maart marco",
            "apr april avril avr abril abr aprile",
            "may mai mayo maggio mag mei maio",
            "jun june juni juin junio giugno giu junho",
            "jul july juli juillet julio luglio lug julho",
            "aug august aout agosto ago augustus",
            "sep sept september septembre septiembre settembre set setembro",
            "oct october oktober okt octobre octubre ottobre ott outubro",
            "nov november novembre noviembre novembro",
            "dec december dezember dez decembre diciembre dic dicembre dezembro",
        ),
        start=1,
    )
    for name in names.split()
}
_SEP = r"\s*[-./ ,\u5e74\u6708\ub144\uc6d4]\s*"
_YMD = re.compile(rf"(?<!\d)(\d{{4}}){_SEP}(\d{{1,2}}){_SEP}(\d{{1,2}})(?!\d)")
_DMY = re.compile(rf"(?<!\d)(\d{{1,2}}){_SEP}(\d{{1,2}}){_SEP}(\d{{4}}|\d{{2}})(?!\d)")
_COMPACT = re.compile(r"(?<!\d)(\d{4})(\d{2})(\d{2})(?=(?:\d{2}|\d{4}|\d{6})?(?!\d))")
_SHORT = re.compile(r"(?<!\d)(\d{2})(\d{2})(\d{2})(?!\d)")
_D_MONTH_Y = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)?[-. ]*(?:de )?([^\W\d_]{3,10})[-., ]*(?:de )?(\d{4}|\d{2})(?!\d)"
)
_MONTH_D_Y = re.compile(r"([^\W\d_]{3,10})[-. ]*(\d{1,2})(?:st|nd|rd|th)?[-., ]+(\d{4})(?!\d)")

UID_IN_TEXT = re.compile(r"(?<![\d.])[0-2](?:\.(?:0|[1-9]\d{0,38})){4,}(?![\d])")
PHONE_IN_TEXT = re.compile(r"(?<![\w.])(?:\+\d{1,3}[ .-]?)?(?:\(\d{1,5}\)|\d{2,5})(?:[ ./-]\d{2,5}){1,4}(?![\w])")
MAIL_IN_TEXT = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_TITLES = r"Dr|Drs|Prof|Mr|Mrs|Ms|Miss|Herrn?|Frau|Mme|Mlle|Monsieur|Madame|Sra?|Srta|Sig|Sigra|MTRA|RN|MD"
_CAPITAL = r"[A-Z\u00c0-\u00de\u0391-\u03a9\u0410-\u042f][\w'\u2019-]+"
TITLED_NAME = re.compile(rf"\b(?:{_TITLES})\b\.?,? ((?:[A-Z]\. )?{_CAPITAL}(?: {_CAPITAL})?)")


def normalise(text: str) -> str:
    """Words in small letters without accents, parted and surrounded by one space.

    Letters and digits are parted too, so ``AB-1234``, ``AB1234`` and ``ab 1234`` become the same.
    """
    return f" {' '.join(_WORD.findall(_fold(text)))} "


def spelled_out(text: str) -> str:
    """``normalise`` with ä as ae and so on, for names that were written so in one place and not in another."""
    return normalise(unicodedata.normalize("NFC", text).lower().translate(_SPELLED_OUT))


def is_east_asian(text: str) -> bool:
    """Whether a text has Chinese, Japanese or Korean letters, which stand in words without gaps."""
    return bool(_EAST.search(text))


def has_ideographs(text: str) -> bool:
    """Whether a text has Chinese letters."""
    return bool(_IDEOGRAPHS.search(text))


def dates_in(text: str) -> set[date]:
    """All dates that a text may name; one that can be read in two ways is two dates."""
    if not any(letter.isdigit() for letter in text):
        return set()
    folded = _fold(text)
    return {day for numbers in _numbers_of_dates(folded) for day in _valid(*numbers)}


def date_of(value: str) -> date | None:
    """The day of a DA or DT value, also in the old form 2024.01.31; None where there is none."""
    digits = value.strip(" \0").replace(".", "", 2) if value[4:5] == "." else value.strip(" \0")
    for day in _valid(digits[:4], digits[4:6], digits[6:8]) if digits[:8].isdigit() and len(digits) >= 8 else ():
        return day
    return None


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """Words of DICOM's own dictionaries and a few more: alone they identify nobody."""
    names = [entry[2] for entry in DicomDictionary.values()] + [entry[0] for entry in UID_dictionary.values()]
    return frozenset(word for name in (*names, _BODY_PARTS, _PLAIN_WORDS) for word in normalise(name).split())


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in parts if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", bare).casefold().translate(_FOLDED)


def _numbers_of_dates(text: str) -> Iterator[tuple[str, str, str]]:
    """Year, month and day, in every order that may be meant."""
    for pattern in (_YMD, _COMPACT):
        yield from (match.groups() for match in pattern.finditer(text))  # type: ignore[misc] # each has three groups
    for day, month, year in _DMY.findall(text):
        yield from ((year, month, day), (year, day, month))
        if len(year) == 2:
            yield day, month, year
    for first, second, third in _SHORT.findall(text):
        yield from ((first, second, third), (third, second, first), (third, first, second))
    for day, month, year in _D_MONTH_Y.findall(text):
        yield year, str(_MONTHS.get(month, 0)), day
    for month, day, year in _MONTH_D_Y.findall(text):
        yield year, str(_MONTHS.get(month, 0)), day


def _valid(year: str, month: str, day: str) -> Iterator[date]:
    centuries = (1900, 2000) if len(year) == 2 else (0,)
    for century in centuries:
        if 1850 <= century + int(year) <= 2150:
            try:
                yield date(century + int(year), int(month), int(day))
            except ValueError:
                continue


_BODY_PARTS = """abdomen abdominal adrenal ankle aorta arm artery bladder bone bowel brain breast bronchus carotid
cerebral cervical cervix chest clavicle coccyx colon cornea coronary cranial duodenum ear elbow entire body esophagus
extremity eye face facial femoral femur fibula finger foot forearm gallbladder groin hand head heart hip humerus ileum
iliac jaw joint kidney knee larynx leg limb liver lower lumbar lung mandible maxilla mediastinum mouth neck nose orbit
ovary pancreas parotid patella pelvis penis pharynx phantom prostate radius rectum renal rib sacrum scapula shoulder
skull spine spleen sternum stomach testis thigh thorax thoracic thumb thyroid tibia toe tongue trachea ulna ureter
urethra uterus vagina vein vertebra wrist upper left right bilateral anterior posterior lateral medial oblique"""
_PLAIN_WORDS = """a an and are as at be been but by can did do does done for from had has have he her him his in into
is it its male female man woman no none normal not now of off ok on or other out over own per she since so some test
than that the their them then there these they this those to under until up very was were when where which while who
will with without yes you your ct mr us xa rf cr dx pt nm ot sc sr seg mg ap pa lat der die das und mit le la les un
une el los de du des y et anonymous anonymized anonymised anon removed unknown dummy deidentified identified
original primary secondary derived axial localizer screening report study exam routine protocol scan contrast"""
