"""``ktlo metrics explain`` says why two tools disagree, and what can be explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_one_dialect_is_explained_with_its_causes_and_traps(ktlo: Callable[..., Any]) -> None:
    said = ktlo("metrics", "explain", "time_to_restore", "--from", "all", "--dialect", "gitlab")
    assert said.code == 0
    assert "Why GitLab differs" in said.out
    assert "What counts" in said.out
    assert "Mind:" in said.out
    assert "Why Middleware differs" not in said.out
    answer = ktlo("metrics", "explain", "mttr", "--from", "2026-03-01", "--to", "2026-03-31", "--json").json()
    assert next(one["dialect"] for one in answer["dialects"]) == "ktlo"


def test_without_a_metric_those_that_can_be_explained_are_listed(ktlo: Callable[..., Any]) -> None:
    assert "change_failure_rate" in ktlo("metrics", "explain").out
    assert ktlo("metrics", "explain", "mood").code != 0
    refused = ktlo("metrics", "bug_age", "mttr")
    assert refused.code == 2
    assert "one word too many" in refused.err


def test_where_nothing_counts_it_says_why_and_what_to_do_and_explains_no_difference(
    ktlo: Callable[..., Any],
) -> None:
    said = ktlo("metrics", "explain", "time_to_restore", "--from", "1999-01-01", "--to", "1999-02-01")
    assert said.code == 0
    words = " ".join(said.out.split())
    assert "Not estimable by ktlo: " in words
    assert "--from all" in words
    assert "`ktlo sources list`" in words
    assert "`ktlo sources add`" in words
    assert "differs" not in words
