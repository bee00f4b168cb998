"""The last line of a failed run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
from skiagraph.engines import explain_errors
explain_errors()
explain_errors()
try:
    raise FileNotFoundError("frame.png: no such file")
except FileNotFoundError as error:
    raise RuntimeError("Failed to evaluate ConfigExpression") from error
"""


def test_the_cause_stands_last_and_once(tmp_path: Path) -> None:
    script = tmp_path / "fails.py"
    script.write_text(CODE)
    failed = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    lines = failed.stderr.strip().splitlines()
    assert lines[-1] == "FileNotFoundError: frame.png: no such file"
    assert sum("Failed to evaluate" in line and line.startswith("RuntimeError") for line in lines) == 1
