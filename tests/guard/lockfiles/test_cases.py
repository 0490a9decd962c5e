"""Each format on a small project, against a table that was checked by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import Case, cases, table


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.path.stem)
def test_a_project_of_each_tool_is_read_as_the_table_says(case: Case, tmp_path: Path) -> None:
    found = table(case.lay_out(tmp_path))
    if os.environ.get("KTLO_WRITE_CASES"):
        parts = case.path.read_text(encoding="utf-8").partition("--- expected\n")[0]
        case.path.write_text(f"{parts}--- expected\n{found}\n", encoding="utf-8")
    assert found == case.expected or os.environ.get("KTLO_WRITE_CASES")
