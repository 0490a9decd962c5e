"""``ktlo plan staffing`` answers in words, as JSON, and for teams that cannot be compared."""

from __future__ import annotations

from typing import Any


def test_it_tells_the_verdict_its_reasons_and_the_sizes(ktlo: Any) -> None:
    said = ktlo("plan", "staffing", "--to", "2025-03-31")
    assert said.code == 0, said.err
    assert "cheaper" in said.out
    assert "Both would cost the same" in said.out or "Nothing within reason" in said.out
    assert "rotation 1" in said.out


def test_it_gives_everything_as_json_and_takes_what_is_said(ktlo: Any) -> None:
    said = ktlo(
        "plan", "staffing", "--to", "2025-03-31", "--engineers", "5", "--on-duty", "2", "--json"
    ).json()
    assert said["people"] == 5
    assert said["rotation"]["size"] == 2


def test_one_engineer_cannot_rotate(ktlo: Any) -> None:
    said = ktlo("plan", "staffing", "--to", "2025-03-31", "--engineers", "1")
    assert said.code == 0
    assert "There is one engineer" in said.out
