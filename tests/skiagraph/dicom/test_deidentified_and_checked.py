"""The de-identifier and the checker, which know nothing of each other: nothing is left, and any slip is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from skiagraph.dicom.check import CheckReport, CheckSettings, check_folders
from skiagraph.dicom.deidentify import Key, Options, Settings, deidentify_folder, one_file, values
from skiagraph.dicom.deidentify.hunting import Hunter
from skiagraph.dicom.deidentify.profile import Action, Profile, Rule
from skiagraph.dicom.deidentify.values import Replacer
from tests.skiagraph.dicom.planted import write_planted

ALL = Options(
    clean_descriptors=True, clean_graphics=True, modified_dates=True, retain_device=True, retain_institution=True,
    retain_patient_characteristics=True, retain_safe_private=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, _ = write_planted(tmp_path_factory.mktemp("corpus"), files=27)
    return folder


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """The functions below are spoilt one by one; what they gave before must not be used again."""
    caches = (one_file.profile_of, one_file._replacer, one_file.hunter_of)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def checked(corpus: Path, out: Path, options: Options | None = None) -> CheckReport:
    settings = Settings(corpus, out, Key(b"a key for tests, which is no secret at all"), options or Options())
    report = deidentify_folder(settings, jobs=1)
    # Three of the files say that text is in their pixels, which nobody cleans here.
    assert [failure.message.split(":")[0] for failure in report.failures] == ["refused"] * 3
    return check_folders(corpus, out, CheckSettings(jobs=1))


@pytest.mark.parametrize(
    "options",
    [Options(), ALL, Options(modified_dates=True), Options(clean_descriptors=True), Options(retain_uids=True)],
)
def test_nothing_is_left(corpus: Path, tmp_path: Path, options: Options) -> None:
    report = checked(corpus, tmp_path / "out", options)
    assert report.findings == [] or {finding.kind for finding in report.findings} == {"not in output"}
    assert report.outputs == report.originals - 3
    assert report.clean


def keep(*tags: int) -> Callable[[pytest.MonkeyPatch], None]:
    """One rule of the profile is dropped."""
    rule = Profile.rule

    def spoil(patch: pytest.MonkeyPatch) -> None:
        def spoilt(self: Profile, tag: int, vr: bytes) -> Rule:
            found = rule(self, tag, vr)
            return replace(found, action=Action.KEEP) if tag in tags or (not tags and tag >> 16 & 1) else found

        patch.setattr(Profile, "rule", spoilt)

    return spoil


def become(owner: Any, name: str, value: Any) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(owner, name, value)


start = one_file.file_start
SLIPS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], set[str]]] = {
    "patient's name": (keep(0x00100010), {"name"}),
    "patient's ID": (keep(0x00100020), {"number", "patient"}),
    "study date": (keep(0x00080020), {"date"}),
    "acquisition date and time": (keep(0x0008002A), {"date"}),
    "accession number": (keep(0x00080050), {"number"}),
    "referring physician": (keep(0x00080090), {"name"}),
    "institution": (keep(0x00080080), {"profile", "text", "name"}),
    "series UID": (keep(0x0020000E), {"uid"}),
    "private elements": (keep(), {"private"}),
    "overlay": (keep(0x60003000, 0x60000010, 0x60000011, 0x60000040, 0x60000050, 0x60000100, 0x60000102), {"profile"}),
    "hunting": (become(Hunter, "replaced", lambda self, text, marker="": text), {"name", "number", "date"}),
    "preamble": (become(one_file, "file_start", lambda *uids: b"MZ" + start(*uids)[2:]), {"bytes"}),
    "declaration": (become(one_file, "declarations", lambda *given, **named: []), {"method"}),
    "two patients in one": (become(Replacer, "_patient", lambda *given: b"SAME"), {"patient"}),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_of_the_de_identifier_is_found(
    slip: str, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, kinds = SLIPS[slip]
    spoil(monkeypatch)
    report = checked(corpus, tmp_path / "out")
    assert not report.clean
    assert kinds & set(report.counts)


def test_dates_that_are_not_moved_alike_are_found(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted, days = values._shifted_value, count(40, 40)
    monkeypatch.setattr(values, "_shifted_value", lambda vr, raw, _: shifted(vr, raw, next(days)))
    assert "shift" in checked(corpus, tmp_path / "out", Options(modified_dates=True)).counts


def test_a_file_that_is_lost_is_named(corpus: Path, tmp_path: Path) -> None:
    checked(corpus, tmp_path / "out")
    lost = max((tmp_path / "out").rglob("*"))
    lost.unlink()
    report = check_folders(corpus, tmp_path / "out", CheckSettings(jobs=1))
    assert report.notices["not in output"] == 4
