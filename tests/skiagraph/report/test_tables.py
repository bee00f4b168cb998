from __future__ import annotations

from skiagraph.report import markdown_table


def test_a_table_is_aligned_and_complete() -> None:
    rows = [{"set": "all", "n": 12, "f1": 0.12345}, {"set": "high|low", "n": 3, "hd95_mm": 1.0}]
    assert markdown_table(rows, digits=2) == (
        "| set       |   n |   f1 | hd95_mm |\n"
        "| --------- | --: | ---: | ------: |\n"
        "| all       |  12 | 0.12 |         |\n"
        "| high\\|low |   3 |      |    1.00 |\n"
    )


def test_no_rows_no_table() -> None:
    assert markdown_table([]) == ""
