"""``ktlo plan load`` and ``ktlo plan backtest``."""

from __future__ import annotations

UNTIL = ("--to", "2025-03-31")


def test_the_load_is_printed_with_its_intervals_and_its_cautions(ktlo):
    said = ktlo("plan", "load", *UNTIL)
    assert said.code == 0
    assert "arrive by themselves" in said.out
    assert "incident" in said.out
    assert "3 complete weeks" in said.out.replace("\n", " ")


def test_the_load_for_programs_is_the_apis_and_the_seed_gives_it_again(ktlo):
    one, again, other = (
        ktlo("plan", "load", *UNTIL, "--seed", seed, "--json").json() for seed in ("3", "3", "4")
    )
    assert one == again
    assert one["seed"] == 3
    assert one["demanded"] != other["demanded"]


def test_the_load_by_service_names_the_services(ktlo):
    assert "search" in ktlo("plan", "load", *UNTIL, "--by", "service").out


def test_a_backtest_without_a_past_says_what_it_needs(ktlo):
    said = ktlo("plan", "backtest", *UNTIL)
    assert said.code == 0
    assert "95 weeks" in said.out.replace("\n", " ")
    assert ktlo("plan", "backtest", *UNTIL, "--json").json()["trust"] == "unknown"


def test_a_wrong_grouping_is_a_sentence_and_not_a_traceback(ktlo):
    said = ktlo("plan", "load", "--by", "category")
    assert said.code == 2
    assert "cannot be narrowed or grouped by category" in said.err
