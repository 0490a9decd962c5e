"""``ktlo report`` writes the report to a file or to standard output."""

from __future__ import annotations

MARCH = ("--from", "2025-03-01", "--to", "2025-03-31")


def test_a_report_is_printed_as_markdown(ktlo):
    said = ktlo("report", *MARCH)
    assert said.code == 0
    assert said.out.startswith("# ")


def test_a_report_is_written_to_a_file(ktlo, tmp_path):
    file = tmp_path / "ktlo.html"
    said = ktlo("report", "--format", "html", "-o", str(file), *MARCH)
    assert said.code == 0
    assert "bytes" in said.err
    assert file.read_text(encoding="utf-8").lower().startswith("<!doctype html>")


def test_a_file_that_cannot_be_written_ends_in_a_sentence(ktlo, tmp_path):
    said = ktlo("report", "-o", str(tmp_path / "none" / "ktlo.md"), *MARCH)
    assert said.code == 2
    assert "cannot be written" in said.err
