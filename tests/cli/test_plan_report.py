"""``ktlo plan report`` writes the report to the business in every form."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_it_writes_a_pdf_to_a_file(ktlo: Any, tmp_path: Path) -> None:
    said = ktlo("plan", "report", "--quarter", "2025-Q1", "--format", "pdf", "-o", str(tmp_path / "b.pdf"))
    assert said.code == 0, said.err
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF")


def test_it_prints_markdown_and_json(ktlo: Any) -> None:
    said = ktlo("plan", "report", "--quarter", "2025-Q1")
    assert said.out.startswith("# Report to the business")
    told = ktlo("plan", "report", "--quarter", "2025-Q1", "--json").json()
    assert told["lead"] in said.out.replace("\\", "")


def test_a_wrong_quarter_is_refused(ktlo: Any) -> None:
    said = ktlo("plan", "report", "--quarter", "Q9")
    assert said.code == 2
    assert "2026-Q3" in said.err
