"""Write the de-identifier's table from the standard's: `python -m scripts.build_profile_table SOURCE`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from skiagraph.folder_work import whole_file

from ._face import run

_OUT = Path(__file__).resolve().parents[1] / "shared" / "skiagraph" / "dicom" / "deidentify" / "profile.json"
_SOURCE_FILE = "confidentiality_profile_attributes.json"
# Columns of the standard's table, and what they are called here.
_OPTIONS = {
    "rtnUIDsOpt": "uids",
    "rtnDevIdOpt": "device",
    "rtnInstIdOpt": "institution",
    "rtnPatCharsOpt": "patient_characteristics",
    "rtnLongModifDatesOpt": "modified_dates",
    "cleanDescOpt": "descriptors",
    "cleanGraphOpt": "graphics",
}
_EDITION = (
    "DICOM PS3.15 Table E.1-1 as github.com/innolitics/dicom-standard reads it, commit 7f4749d of 28 January 2025 (MIT)"
)


def build_profile_table(source: str, out: str = str(_OUT)) -> None:
    """Write the table of the confidentiality profile that the package ships, from the standard's own table.

    Args:
        source: folder with confidentiality_profile_attributes.json, one record for each row of PS3.15 Table E.1-1.
        out: table (JSON) to write: by tag, the action of the basic profile and of the options that have one.
    """
    path = Path(source) / _SOURCE_FILE
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        lines = [json.dumps(_short_tag(row["id"])) + ": " + json.dumps(_actions(row)) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not the standard's table as JSON ({error}); see the docstring") from error
    body = ",\n".join(sorted(lines))
    with whole_file(out) as temporary:
        temporary.write_text(f'{{"source": {json.dumps(_EDITION)},\n"rows": {{\n{body}\n}}}}\n', encoding="utf-8")


def _short_tag(text: str) -> str:
    return "private" if "where" in text else text


def _actions(row: dict[str, Any]) -> dict[str, str]:
    return {"basic": row["basicProfile"], **{ours: row[theirs] for theirs, ours in _OPTIONS.items() if theirs in row}}


if __name__ == "__main__":
    run(build_profile_table)
