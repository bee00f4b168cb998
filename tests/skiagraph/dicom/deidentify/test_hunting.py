"""Planted identifiers: none is left, wherever and however it stands."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset

from skiagraph.dicom.deidentify import Options
from skiagraph.dicom.deidentify.hunting import Hunter
from tests.skiagraph.dicom.deidentify.planted import deidentify, nested, outputs, radiograph, write

# Elements that the standard's table does not name, of every VR of text.
KEPT = {
    "LO": 0x00081090, "SH": 0x00180024, "CS": 0x00180015, "LT": 0x00400400, "ST": 0x00281351,
    "UT": 0x00189917, "UC": 0x00080119,
}  # fmt: skip
EVERYTHING = Options(
    clean_descriptors=True, clean_graphics=True, modified_dates=True, retain_device=True, retain_institution=True,
    retain_patient_characteristics=True, retain_safe_private=True,
)  # fmt: skip
LONGEST = {"SH": 16, "CS": 16}
# Without vowels, for names that tell nothing (None, Unknown) are not hunted alone.
words = st.text("bcdfghjklmnpqrstvwxzBCDFGHJKLM", min_size=4, max_size=9)


def left_after(dataset: Dataset, options: Options, *secrets: str) -> list[str]:
    """Which secrets stand anywhere in the bytes or the values of the output, whatever their case."""
    with tempfile.TemporaryDirectory() as folder:
        report, out = deidentify(write(Path(folder) / "in", one=dataset), options)
        assert report.failures == ()
        (path,) = outputs(out)
        low = path.read_bytes().lower()
        values = " ".join(str(element.value) for element in dcmread(path).iterall()).lower()
    return [secret for secret in secrets if secret.lower().encode() in low or secret.lower() in values]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    family=words,
    given_name=words,
    vr=st.sampled_from(sorted(KEPT)),
    depth=st.integers(0, 12),
    form=st.sampled_from(["{f}", "{f}^{g}", "{g} {f}", "{f}, {g}", "x{f}.dcm", "{g}_{f}_1970"]),
    everything=st.booleans(),
)
def test_a_name_is_found_in_any_text_at_any_depth(
    family: str, given_name: str, vr: str, depth: int, form: str, everything: bool
) -> None:
    dataset, element = radiograph(name=f"{family}^{given_name}"), Dataset()
    text = form.format(f=family, g=given_name)[: LONGEST.get(vr, 64)]
    text = text.upper().replace("^", " ").replace(",", "").replace(".", "_") if vr == "CS" else text
    element.add_new(KEPT[vr], vr, text)
    nested(dataset, element, depth)
    planted = [name for name in (family, given_name) if name.lower() in text.lower() and len(name) >= 4]
    assert left_after(dataset, EVERYTHING if everything else Options(), *planted, text) == []


@settings(max_examples=8, deadline=None)
@given(number=st.from_regex(r"[A-Z]{0,2}[1-9]{6,8}", fullmatch=True), dashed=st.booleans(), depth=st.integers(0, 3))
def test_a_number_is_found_with_and_without_dashes(number: str, dashed: bool, depth: int) -> None:
    dataset, element = radiograph(patient=number), Dataset()
    written = f"{number[:3]}-{number[3:]}" if dashed else f"id{number}x"
    element.add_new(KEPT["UT"], "UT", f"see {written} again")
    nested(dataset, element, depth)
    assert left_after(dataset, Options(), number, f"{number[:3]}-{number[3:]}") == []


@pytest.mark.parametrize(
    "written",
    ["19700102", "1970-01-02", "2.1.1970", "01/02/1970", "2 Jan 1970", "January 2, 1970", "02JAN1970", "2.1.70"],
)
def test_a_birth_date_is_found_in_the_forms_of_people(written: str) -> None:
    dataset = radiograph()
    dataset.add_new(KEPT["ST"], "ST", f"born on {written} in Ulm")
    assert left_after(dataset, Options(), written) == []


@pytest.mark.parametrize(
    ("character_set", "name", "text"),
    [
        ("ISO_IR 192", "王^小明", "患者王的检查"),
        ("ISO_IR 192", "Li=李=", "李"),
        ("ISO_IR 100", "Müller^Jürgen", "gesehen von MULLER und Juergen"),
        ("ISO_IR 192", "Müller^Jürgen", "gesehen von Mueller"),
        ("ISO_IR 144", "Люкceмбypг^Иван", "пациент люкceмбypг"),  # noqa: RUF001 Russian
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", "山田さん"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "환자 길동"),
        ("GB18030", "Wang^XiaoDong=王^小东", "小东"),
        ("ISO_IR 101", "Wałęsa^Józef", "pan walesa"),
        ("ISO_IR 127", "قباني^لنزار", "المريض لنزار"),
    ],
)
def test_names_are_found_in_any_character_set(character_set: str | list[str], name: str, text: str) -> None:
    dataset = radiograph(name=name)
    dataset.SpecificCharacterSet = character_set
    dataset.add_new(KEPT["LT"], "LT", text)
    parts = [part for part in name.replace("=", "^").split("^") if part and part in text]
    assert left_after(dataset, Options(), text, *parts) == []


def test_a_text_without_identifiers_keeps_its_bytes(tmp_path: Path) -> None:
    dataset = radiograph()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.add_new(KEPT["LT"], "LT", "Größe 3 mm, 2,5 µm: unauffällig")
    _, out = deidentify(write(tmp_path / "in", a=dataset))
    assert dcmread(outputs(out)[0])[KEPT["LT"]].value == "Größe 3 mm, 2,5 µm: unauffällig"


def test_text_outside_of_its_character_set_is_replaced(tmp_path: Path) -> None:
    dataset = radiograph(name="Müller^A")
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.add_new(KEPT["LT"], "UN", "seen by Müller".encode())
    assert left_after(dataset, Options(), "m\u00fcller") == []


def test_uids_in_text_are_mapped_as_they_are_in_their_elements(tmp_path: Path) -> None:
    dataset = radiograph(study="1.2.3.4.5.6.77.123456")
    dataset.add_new(KEPT["LT"], "LT", "prior: 1.2.3.4.5.6.77.123456, version 1.2.3.4")
    _, out = deidentify(write(tmp_path / "in", a=dataset))
    after = dcmread(outputs(out)[0])
    assert after[KEPT["LT"]].value == f"prior: {after.StudyInstanceUID}, version 1.2.3.4"


def test_identifiers_of_one_file_are_hunted_in_the_others_of_the_study(tmp_path: Path) -> None:
    first, second = radiograph(), radiograph()
    second.OperatorsName = ""
    second.add_new(KEPT["LT"], "LT", "made by Tora Opera at St. Mary's Hospital, ACC99887")
    _, out = deidentify(write(tmp_path / "in", a=first, b=second))
    texts = [dcmread(path).get(KEPT["LT"]) for path in outputs(out)]
    assert [text.value for text in texts if text] == ["made by REMOVED at REMOVED, REMOVED"]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=12), max_size=4))
def test_no_text_breaks_the_hunter_and_nothing_is_found_twice(text: str, names: list[str]) -> None:
    hunter = Hunter([("name", name) for name in names], lambda uid: f"2.25.{len(uid)}")
    assert not hunter.finds(hunter.replaced(text).replace("REMOVED", " "))


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Dr. Smith saw it on 12.3.2020", "REMOVED saw it on REMOVED"),
        ("call +49 30 1234567", "call REMOVED"),
        ("mail a.b@c.de, MRN 00123456", "mail REMOVED MRN REMOVED"),
        ("CHEST PA 120 kV 3.5 mAs", "CHEST PA 120 kV 3.5 mAs"),
        ("patient supine", "patient supine"),
    ],
)
def test_descriptions_are_cleaned_of_what_identifies_anybody(text: str, clean: str) -> None:
    assert Hunter([], None).cleaned(text) == clean


def test_what_one_study_says_of_a_patient_is_found_in_the_next(tmp_path: Path) -> None:
    first, second, other = radiograph(), radiograph(), radiograph()
    first.StudyDate, second.StudyInstanceUID = "20141126", "1.2.3.77"
    other.StudyInstanceUID, other.PatientID = "1.2.3.78", "another"
    for dataset in (second, other):
        dataset.add_new(KEPT["LO"], "LO", "compared with 2014-11-26")
    report, out = deidentify(write(tmp_path / "in", a=first, b=second, c=other))
    assert report.failures == ()
    texts = sorted(str(dcmread(path).get(KEPT["LO"], "")) for path in outputs(out))
    assert sum("2014-11-26" in text for text in texts) == 1
    assert sum("compared with REMOVED" in text for text in texts) == 1


@pytest.mark.parametrize(
    ("number", "text"),
    [("+1 555 464-1761", "call 5554641761"), ("+49 89 1234567", "(89) 123 45 67"), ("00353 1 2345678", "1-2345678")],
)
def test_a_telephone_number_is_found_without_its_country_code(number: str, text: str) -> None:
    assert Hunter([("text", number)], None).finds(text)
    assert not Hunter([("text", number.removeprefix("+").removeprefix("00"))], None).finds(text)


def test_terms_stay_whole_and_what_is_left_of_a_word_tells_nothing(tmp_path: Path) -> None:
    dataset = radiograph(name="Smith^Mary")
    dataset.OperatorsName, dataset.ImageType = "Gina", ["ORIGINAL", "PRIMARY", "GINA"]
    dataset.add_new(KEPT["LO"], "LO", "made by smithmary for Gina's sake")
    after = dcmread(outputs(deidentify(write(tmp_path / "in", one=dataset))[1])[0])
    assert list(after.ImageType) == ["ORIGINAL", "PRIMARY", "REMOVED"]
    assert after[KEPT["LO"]].value == "made by REMOVED for REMOVED's sake"


@pytest.mark.parametrize("secret", [b"SMITH^JOHN ", b"smith, john.", b"1970-01-02", b"1.2.3.4.5.6.77.1 ", b"ID4711X "])
@pytest.mark.parametrize(("tag", "vr"), [(0x00282000, "OB"), (0x00281201, "OW")])
@pytest.mark.parametrize("wide", [False, True])
def test_bytes_in_which_something_is_found_go(tmp_path: Path, secret: bytes, tag: int, vr: str, wide: bool) -> None:
    dataset = radiograph(name="Smith^John")
    value = b"\1\2\xff " + (secret.decode().encode("utf-16-le") if wide else secret) + b" \3\4"
    dataset.add_new(tag, vr, value + bytes(len(value) % 2))
    dataset.add_new(0x00281202, "OW", bytes(range(256)))
    after = dcmread(outputs(deidentify(write(tmp_path / "in", one=dataset))[1])[0])
    assert tag not in after
    assert after[0x00281202].value == bytes(range(256))


def test_long_text_without_a_space_takes_no_time() -> None:
    assert Hunter([], None).cleaned("x" * 200_000) == "x" * 200_000
