"""Each export style: an invented export, and the records a person worked out from it by hand.

To add a style, put NAME.csv (or .json, .jsonl) and NAME.expected into golden/: sections `# table: columns`
with one line a record. Nothing is configured: what `propose` finds is what is read.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest

from ktlo.sources.csv import CsvSource, propose

from .conftest import House

GOLDEN = Path(__file__).parent / "golden"
STYLES = sorted(path for path in GOLDEN.iterdir() if path.suffix != ".expected")


def as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list):
        return ",".join(value)
    return str(value)


def one_line(values: list[str]) -> str:
    return re.sub(r" +", " ", " | ".join(values)).strip()


@pytest.mark.parametrize("export", STYLES, ids=lambda path: path.stem)
def test_an_export_comes_in_as_a_person_would_read_it(export: Path, house: House) -> None:
    proposal = propose(export)
    assert proposal.is_ready, proposal.questions
    outcome = house.run(CsvSource(proposal.config()))
    assert (outcome.status, outcome.message) == ("complete", "")

    expected = (GOLDEN / f"{export.stem}.expected").read_text("utf-8")
    sections = [section.strip().splitlines() for section in re.split(r"\n(?=# )", expected)]
    for head, *lines in sections:
        table, columns = head.removeprefix("# ").split(": ", 1)
        names = columns.split(" | ")
        found = house.table(table).select(names).to_pylist()
        rendered = sorted(one_line([as_text(row[name]) for name in names]) for row in found)
        assert rendered == sorted(one_line([line]) for line in lines), table
    if "# rejections" not in expected:
        assert house.complaints() == []
    # What was counted before is what came.
    assert (proposal.rejected, proposal.items) == (
        outcome.rejected,
        house.table(proposal.config().noun).num_rows,
    )
