"""Every format and every limit has its row in docs/check-lockfiles.md."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from ktlo.guard.lockfiles.protocol import Limits
from ktlo.guard.lockfiles.registry import FORMATS

PAGE = (Path(__file__).parents[3] / "docs" / "check-lockfiles.md").read_text(encoding="utf-8")


def test_every_format_has_a_row() -> None:
    rows = [line.partition(" |")[0] for line in PAGE.splitlines() if line.startswith("| ")]
    missing = {form.name for form in FORMATS if not any(form.name in row for row in rows)}
    assert missing == set()


def test_every_limit_has_a_row() -> None:
    table = PAGE.partition("## Limits")[2].partition("\n\nYAML")[0]
    assert len([line for line in table.splitlines() if line.startswith("| ")]) - 1 == len(fields(Limits))
