"""``ktlo errors`` and ``ktlo logs`` in the terminal."""

from __future__ import annotations

from ktlo.cli.logs import _lines


def test_a_ktlo_to_which_nothing_reported_says_so(ktlo):
    said = ktlo("errors")
    assert (said.code, "No error was reported" in said.out) == (0, True)
    assert ktlo("errors", "--json").json() == []
    said = ktlo("logs")
    assert (said.code, "No record is like that" in said.out) == (0, True)
    assert ktlo("logs", "--json").out == ""


def test_wrong_use_is_told_in_a_sentence(ktlo):
    said = ktlo("logs", "ok foo:bar")
    assert (said.code, "no foo:, at character 4" in said.err) == (2, True)
    assert ktlo("errors", "1-none").code == 2
    assert "of which error?" in ktlo("errors", "--resolved").err
    both = ktlo("errors", "1-none", "--resolved", "--ignore", "noise")
    assert "one of resolved, ignored and open" in both.err


def test_a_line_that_was_logged_moves_no_cursor():
    row = {
        "logged_at": "2026-11-26T11:00:00.123456789Z", "severity": "warn", "service": "shop",
        "body": "a\x1b[2Jb\x07\nc", "said": "ab\x07\nc", "trace_id": "0d" * 16,
    }  # fmt: skip
    (line,) = _lines([row])
    assert line == f"2026-11-26T11:00:00.123Z warn  shop: ab  c  trace={'0d' * 16}"
