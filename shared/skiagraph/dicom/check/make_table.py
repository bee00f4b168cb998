"""Makes `profile_table.csv` of Table E.1-1 of PS3.15, as the project innolitics/dicom-standard reads it into JSON.

`python -m skiagraph.dicom.check.make_table confidentiality_profile_attributes.json`, from the folder that holds
`skiagraph`. The table in this folder comes from that project's commit 7f4749d of 28 January 2025, the edition current
then (2025a). The de-identifier has a table and a generator of its own: a slip in one is found by the other.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from ...folder_work import whole_file

# CID 7050 of PS3.16, by the columns of the table.
_CODE_OF_COLUMN = {
    "cleanPixelDataOpt": 113101,
    "cleanGraphOpt": 113103,
    "cleanStructContOpt": 113104,
    "cleanDescOpt": 113105,
    "rtnLongFullDatesOpt": 113106,
    "rtnLongModifDatesOpt": 113107,
    "rtnPatCharsOpt": 113108,
    "rtnDevIdOpt": 113109,
    "rtnUIDsOpt": 113110,
    "rtnSafePrivOpt": 113111,
    "rtnInstIdOpt": 113112,
}
_PLAIN_COLUMNS = {"name", "tag", "stdCompIOD", "basicProfile", "id"}


def make_table(source: Path, table: Path) -> int:
    """Write the table: a line for each row, with the codes of the options that keep or clean it.

    Args:
        source: the JSON file.
        table: the CSV file to write.

    Returns:
        number of rows.

    Raises:
        ValueError: the source has a column that is not known here.
    """
    rows = [_row(record) for record in json.loads(source.read_bytes())]
    with whole_file(table) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["tag", "name", "action", "kept_by", "cleaned_by"])
        writer.writerows(sorted(rows))
    return len(rows)


def _row(record: Mapping[str, str]) -> tuple[str, str, str, str, str]:
    options = {column: value for column, value in record.items() if column not in _PLAIN_COLUMNS}
    if unknown := options.keys() - _CODE_OF_COLUMN.keys():
        raise ValueError(f"{record['tag']}: unknown columns {sorted(unknown)}; the table's form has changed")
    kept, cleaned = (
        " ".join(str(_CODE_OF_COLUMN[column]) for column, value in options.items() if value == action)
        for action in ("K", "C")
    )
    # The row of all private attributes has words in place of a tag.
    tag = "PRIVATE" if "ODD" in record["tag"] else record["tag"].strip("()").replace(",", "").upper()
    name = " ".join(record["name"].split("(see")[0].split())
    return tag, name, record["basicProfile"], kept, cleaned


if __name__ == "__main__":
    print(make_table(Path(sys.argv[1]), Path(__file__).with_name("profile_table.csv")), "rows")
