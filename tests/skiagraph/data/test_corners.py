from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

from skiagraph.data.corners import count_rows, read_corners

WIDTH, HEIGHT = 900, 2400
# In no order that could be got right by accident, and in whole pixels as the MATLAB files have them.
POINTS = np.random.default_rng(0).permutation(np.arange(136)).reshape(68, 2).astype(np.uint16) * 6


def write_table(path: Path, *spines: NDArray[np.generic]) -> Path:
    """All x divided by the width, then all y divided by the height."""
    lines = [[*(x / WIDTH for x in spine[:, 0]), *(y / HEIGHT for y in spine[:, 1])] for spine in spines]
    path.write_text("".join(",".join(map(repr, map(float, line))) + "\n" for line in lines))
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path / "landmarks.csv", POINTS[::-1], POINTS, POINTS + 7)


@pytest.fixture
def matlab_file(tmp_path: Path) -> Path:
    savemat(tmp_path / "A AP.jpg.mat", {"p2": POINTS})
    return tmp_path / "A AP.jpg.mat"


def test_the_table_and_the_file_of_an_image_tell_the_same(table: Path, matlab_file: Path) -> None:
    from_table = read_corners(table, (WIDTH, HEIGHT), row=1)
    from_file = read_corners(matlab_file, (WIDTH, HEIGHT))
    assert from_table.shape == from_file.shape == (68, 2)
    assert from_table.dtype == from_file.dtype == np.float64
    np.testing.assert_array_equal(from_file, POINTS)
    np.testing.assert_allclose(from_table, POINTS, atol=1e-9)


def test_rows_are_counted_from_zero(table: Path) -> None:
    assert count_rows(table) == 3
    np.testing.assert_allclose(read_corners(str(table), (WIDTH, HEIGHT), row=0), POINTS[::-1], atol=1e-9)
    np.testing.assert_allclose(read_corners(table, (WIDTH, HEIGHT), row=2), POINTS + 7, atol=1e-9)


@pytest.mark.parametrize("first", [0, 1, 16])
def test_the_topmost_vertebra_comes_first(table: Path, matlab_file: Path, first: int) -> None:
    vertebrae = [POINTS[4 * number : 4 * number + 4] for number in range(17)]
    expected = np.concatenate([vertebrae[(first + number) % 17] for number in range(17)])
    np.testing.assert_allclose(read_corners(table, (WIDTH, HEIGHT), 1, first), expected, atol=1e-9)
    np.testing.assert_array_equal(read_corners(matlab_file, (WIDTH, HEIGHT), first=first), expected)


def test_a_table_that_has_changed_is_read_again(table: Path) -> None:
    before = read_corners(table, (WIDTH, HEIGHT), row=1)
    time_ns = table.stat().st_mtime_ns
    write_table(table, POINTS, POINTS + 1)
    os.utime(table, ns=(time_ns, time_ns + 10_000_000))
    np.testing.assert_allclose(read_corners(table, (WIDTH, HEIGHT), row=1), before + 1, atol=1e-9)
    assert count_rows(table) == 2


def test_a_table_is_read_once(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count_rows(table)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: pytest.fail("read again"))
    read_corners(table, (WIDTH, HEIGHT), row=1)


def test_blank_lines_are_no_rows(table: Path) -> None:
    table.write_text("\n" + table.read_text().replace("\n", "\n\n"))
    assert count_rows(table) == 3
    np.testing.assert_allclose(read_corners(table, (WIDTH, HEIGHT), row=1), POINTS, atol=1e-9)


@pytest.mark.parametrize(("row", "message"), [(3, "has 3 rows, so there is no row 3"), (-1, "there is no row -1")])
def test_a_row_that_is_not_there_is_named(table: Path, row: int, message: str) -> None:
    with pytest.raises(ValueError, match=rf"landmarks\.csv: .*{message}"):
        read_corners(table, (WIDTH, HEIGHT), row=row)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.1,0.2\n", "row 0 has 2 numbers instead of 136"),
        (",".join(["0.5"] * 135 + ["nan"]), "not a finite number"),
        (",".join(["0.5"] * 135 + [" "]), "not a finite number"),
        (",".join(["0.5"] * 135 + ["inf"]), "not a finite number"),
        (",".join(["x1"] + ["0.5"] * 135), "row 0: a coordinate is not a finite number"),
    ],
)
def test_a_damaged_table_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "landmarks.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"landmarks\.csv: .*{message}"):
        read_corners(tmp_path / "landmarks.csv", (WIDTH, HEIGHT), row=0)


def test_a_table_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "landmarks.csv").write_bytes(b"\xff\xfe\x81")
    with pytest.raises(ValueError, match=r"landmarks\.csv: unreadable .* UTF-8"):
        count_rows(tmp_path / "landmarks.csv")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"p1": POINTS}, "has no variable p2"),
        ({"p2": POINTS[:67]}, r"p2 is \(67, 2\) instead of \(68, 2\)"),
        ({"p2": POINTS.T}, r"p2 is \(2, 68\)"),
        ({"p2": np.where(POINTS > 0, POINTS, np.nan)}, "not a finite number"),
        ({"p2": "text"}, "not a MATLAB file that can be read"),
    ],
)
def test_a_matlab_file_without_corners_is_named(tmp_path: Path, variables: dict[str, object], message: str) -> None:
    savemat(tmp_path / "a.mat", variables)
    with pytest.raises(ValueError, match=rf"a\.mat: .*{message}"):
        read_corners(tmp_path / "a.mat", (WIDTH, HEIGHT))


def test_a_file_that_is_cut_off_or_missing_is_named(matlab_file: Path, tmp_path: Path) -> None:
    matlab_file.write_bytes(matlab_file.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"A AP\.jpg\.mat: not a MATLAB file that can be read"):
        read_corners(matlab_file, (WIDTH, HEIGHT))
    for row in (None, 0):
        with pytest.raises(FileNotFoundError, match="absent: no such file"):
            read_corners(tmp_path / "absent", (WIDTH, HEIGHT), row)
    with pytest.raises(FileNotFoundError, match="absent"):
        count_rows(tmp_path / "absent")
