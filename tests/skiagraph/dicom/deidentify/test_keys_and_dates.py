"""Keyed pseudonyms, and dates that move."""

from __future__ import annotations

import pickle
import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID

from skiagraph.dicom.deidentify import Key, Options, read_key, read_reidentification, write_new_key
from skiagraph.dicom.deidentify.dates import shift_date, shift_datetime
from skiagraph.dicom.deidentify.reidentification import write_reidentification
from tests.skiagraph.dicom.deidentify.planted import SECRET, deidentify, outputs, radiograph, settings, write

dates = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1))


@given(dates, dates, st.integers(1, 3650))
def test_order_and_intervals_of_dates_stay(first: datetime, second: datetime, days: int) -> None:
    moved = [shift_date(f"{day:%Y%m%d}", days) for day in (first, second)]
    back = [datetime.strptime(day or "", "%Y%m%d") for day in moved]
    assert back[1] - back[0] == timedelta(days=(second.date() - first.date()).days)
    assert back[0] == datetime.combine(first.date() - timedelta(days=days), datetime.min.time())


@given(dates, st.integers(1, 3650), st.sampled_from(["", ".5", ".123456", "+0100", ".25-0530"]))
def test_a_datetime_keeps_its_time_fraction_and_zone(day: datetime, days: int, tail: str) -> None:
    assert shift_datetime(f"{day:%Y%m%d%H%M%S}{tail}", days) == f"{day - timedelta(days=days):%Y%m%d%H%M%S}{tail}"


@pytest.mark.parametrize(
    ("text", "moved"),
    [("2020", "2019"), ("202003", "202002"), ("20200301", "20200229"), ("2020030110", "2020022910"),
     ("2020+0100", "2019+0100"), ("", None), ("2020-03-01", None), ("20201301", None), ("00010101", None)],
)  # fmt: skip
def test_partial_datetimes_keep_their_precision(text: str, moved: str | None) -> None:
    assert shift_datetime(text, 1) == moved


@pytest.mark.parametrize(
    ("text", "moved"),
    [("20200301-20200302", "20200229-20200301"), ("-20200302", "-20200301"), ("20200302-", "20200301-"),
     ("2020.03.01", "20200229"), ("2020", None), ("1-2-3", None), ("John", None)],
)  # fmt: skip
def test_ranges_move_at_both_ends(text: str, moved: str | None) -> None:
    assert shift_date(text, 1) == moved


def test_dates_of_a_patient_move_together_at_any_depth(tmp_path: Path) -> None:
    one, two = radiograph(), radiograph(study="1.2.3.4.5.6.78")
    two.StudyDate = "20210101"
    two.ReferencedStudySequence = [Dataset()]
    item = Dataset()
    item.DateTime = "20200304101112"
    two.ProcedureCodeSequence = [item]
    _, out = deidentify(write(tmp_path / "in", a=one, b=two), Options(modified_dates=True))
    first, second = sorted((dcmread(path) for path in outputs(out)), key=lambda dataset: dataset.StudyDate)
    days = Key(SECRET).days("|id4711x")

    def back(text: str) -> str:
        return f"{datetime.strptime(text, '%Y%m%d') - timedelta(days=days):%Y%m%d}"

    assert (first.StudyDate, second.StudyDate) == (back("20200304"), back("20210101"))
    assert first.AcquisitionDateTime == f"{back('20200305')}101112.250000+0100"
    assert second.ProcedureCodeSequence[0].DateTime == f"{back('20200304')}101112"
    assert (first.StudyTime, first.PatientBirthDate) == ("101112.5", "")
    assert first.LongitudinalTemporalInformationModified == "MODIFIED"


def test_without_the_option_no_date_is_left(tmp_path: Path) -> None:
    _, out = deidentify(write(tmp_path / "in", a=radiograph()))
    after = dcmread(outputs(out)[0])
    assert b"202003" not in outputs(out)[0].read_bytes()
    assert after.LongitudinalTemporalInformationModified == "REMOVED"


@given(st.from_regex(r"[1-9][0-9]{0,6}(\.(0|[1-9][0-9]{0,6})){3,6}", fullmatch=True))
def test_mapped_uids_are_valid_and_depend_on_key_and_value(original: str) -> None:
    key = Key(SECRET)
    assert UID(key.uid(original)).is_valid
    assert key.uid(original) == pickle.loads(pickle.dumps(key)).uid(original)
    assert len({key.uid(original), Key(SECRET[::-1]).uid(original), key.uid(f"{original}1")}) == 3


def test_a_new_key_is_its_owners_and_is_never_overwritten(tmp_path: Path) -> None:
    write_new_key(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert read_key(tmp_path / "key").days("x") > 0
    with pytest.raises(FileExistsError):
        write_new_key(tmp_path / "key")


@pytest.mark.parametrize(("content", "mode"), [(b"short", 0o600), (b"a" * 64, 0o600), (SECRET, 0o644)])
def test_weak_and_open_keys_are_refused(tmp_path: Path, content: bytes, mode: int) -> None:
    (tmp_path / "key").write_bytes(content)
    (tmp_path / "key").chmod(mode)
    with pytest.raises(ValueError, match="key"):
        read_key(tmp_path / "key")


def test_the_table_of_reidentification_is_read_with_its_passphrase_only(tmp_path: Path) -> None:
    (tmp_path / "good").write_text("correct horse\n")
    (tmp_path / "bad").write_text("another horse\n")
    rows = [("|id1", "ID1", "", "Doe^John", "1.2.3")]
    write_reidentification(tmp_path / "table", rows, settings(tmp_path), str(tmp_path / "good"))
    assert b"Doe" not in (tmp_path / "table").read_bytes()
    assert "Doe^John" in read_reidentification(tmp_path / "table", str(tmp_path / "good"))
    with pytest.raises(ValueError, match="passphrase"):
        read_reidentification(tmp_path / "table", str(tmp_path / "bad"))
    with pytest.raises(ValueError, match="passphrase"):
        write_reidentification(tmp_path / "table", rows, settings(tmp_path), None)
