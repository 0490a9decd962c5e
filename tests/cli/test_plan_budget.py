"""``ktlo plan``: the decision, scenarios and budgets in the terminal, for people and for programs."""

from __future__ import annotations

import pytest

TO = ("--to", "2025-04-30")


def test_the_decision_is_told_in_words_and_as_json(ktlo):
    answer = ktlo("plan", *TO, "--share", "40", "--downtime-hour", "900", "--json").json()
    said = ktlo("plan", *TO, "--share", "40", "--downtime-hour", "900")
    assert said.code == 0
    assert " ".join(answer["said"].split()) in " ".join(said.out.split())
    assert [option["share"] for option in answer["options"] if "asked" in option["why"]] == [0.4]
    assert answer["prices"]["downtime_hour"] == 900


def test_a_scenario_goes_through_its_life(ktlo):
    assert "Saved busy" in ktlo("plan", "save", "busy", "--demand", "150", "--note", "launch").out
    assert ktlo("plan", "scenarios", "--json").json()[0]["terms"] == {"demand": "150"}
    assert "as things are" in ktlo("plan", "compare", *TO).out
    assert ktlo("plan", "compare", "busy", *TO, "--json").json()[0]["name"] == "busy"
    assert ktlo("plan", "forget", "busy").code == 0
    assert "No scenario is saved yet" in ktlo("plan", "scenarios").out
    assert ktlo("plan", "forget", "busy").code == 2


def test_a_budget_is_recorded_and_quarters_are_told(ktlo):
    recorded = ktlo("plan", "set", "30", "--since", "2025-01-01", "--why", "agreed", "--json").json()
    assert recorded["share"] == pytest.approx(0.3)
    assert "30% were meant" in " ".join(ktlo("plan", "history", *TO).out.split())
    assert ktlo("plan", "history", *TO, "--json").json()["budgets"][-1]["why"] == "agreed"


@pytest.mark.parametrize("wrong", [("--share", "140"), ("--downtime-hour", "-3"), ("--weeks", "80")])
def test_what_cannot_be_planned_is_refused_with_exit_code_two(ktlo, wrong):
    assert ktlo("plan", *wrong).code == 2
