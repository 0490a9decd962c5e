"""Every sentence that the staffing page shows says what the numbers say."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import worlds
from crews import crew, terms

from ktlo.planning.assumptions import Prices
from ktlo.planning.staffing.answer import StaffingAnswer, answer_staffing
from ktlo.planning.staffing.terms import draw_terms
from ktlo.report.sections import NoLinks
from ktlo.report.staffing import staffing_section
from ktlo.report.staffing_words import certainty, headline, saving, sentences
from ktlo.settings.planning import StaffingSettings

EUROS = Prices("EUR", 80.0, 500.0, 20.0, 12.5 / 60)
HOURS = Prices("h", 1.0, None, None, 12.5 / 60)


def answered(prices: Prices = EUROS, people: int = 8, **said: float) -> StaffingAnswer:
    settings = StaffingSettings(**said)  # type: ignore[arg-type]
    drawn = draw_terms(settings, prices, interruption_said=False, draws=40, seed=1)
    team = crew(people, places=3, knowledge=np.linspace(0, 0.9, 3 * people).reshape(3, people))
    return answer_staffing(worlds.team(draws=40), team, prices, drawn, settings, seed=1)


@pytest.fixture(scope="module")
def answer() -> StaffingAnswer:
    return answered()


def numbers(text: str) -> list[float]:
    found = re.findall(r"(\u2212?)([\d,]*\.?\d+)(k|M)?", text)
    scale = {"": 1.0, "k": 1e3, "M": 1e6}
    return [
        (-1 if sign else 1) * float(body.replace(",", "")) * scale[letter] for sign, body, letter in found
    ]


def one(told: tuple[str, ...], begins: str) -> str:
    return next(sentence for sentence in told if sentence.startswith(begins))


def about(value: float | None) -> object:
    return pytest.approx(value, rel=0.06, abs=0.06)


def test_the_headline_names_the_cheaper_one_as_surely_as_the_quarters_do(answer: StaffingAnswer) -> None:
    compared = answer.comparison
    assert compared is not None
    for probability, difference, said in (
        (0.97, 5.0, f"A rotation with {compared.rotation.staffing.size} on duty is cheaper than"),
        (0.03, -5.0, f"A dedicated team of {compared.dedicated.staffing.size} is cheaper than"),
        (0.85, 5.0, "is probably cheaper than a dedicated team"),
        (0.15, -5.0, "is probably cheaper than a rotation"),
        (0.6, 5.0, "cannot be told yet"),
    ):
        changed = replace(
            compared,
            probability=replace(compared.probability, value=probability, low=None, high=None),
            difference=replace(compared.difference, value=difference, low=-99.0, high=99.0),
        )
        assert said in headline(replace(answer, comparison=changed))


def test_certainty_and_saving_are_those_of_the_comparison(answer: StaffingAnswer) -> None:
    compared = answer.comparison
    assert compared is not None
    assert numbers(certainty(answer)) == [about(100 * compared.certainty)]
    amount, level, low, high = numbers(saving(answer))
    sign = 1 if compared.cheaper is compared.rotation else -1
    assert amount == about(abs(compared.difference.value or 0))
    assert level == 95
    assert [low, high] == [
        about(end) for end in sorted((sign * compared.difference.low, sign * compared.difference.high))
    ]
    assert "EUR" in saving(answer)


def test_the_parts_of_the_cost_add_up_to_the_cost(answer: StaffingAnswer) -> None:
    told = one(sentences(answer), "A week costs")
    for said, outcome in zip(
        told.split("; and "), (answer.comparison.rotation, answer.comparison.dedicated), strict=True
    ):
        total, *parts = numbers(said)
        assert total == about(outcome.cost.value)
        assert sum(parts) == pytest.approx(total, rel=0.02)


def test_what_it_is_like_is_told_as_it_was(answer: StaffingAnswer) -> None:
    told, compared = sentences(answer), answer.comparison
    assert compared is not None
    rotation, dedicated, ad_hoc = compared.rotation, compared.dedicated, compared.ad_hoc
    people, size, share, team = numbers(one(told, "Of 8"))
    assert (people, size, team) == (8, rotation.staffing.size, dedicated.staffing.size)
    assert share == about(100 * rotation.on_call)
    busiest = numbers(one(told, "The busiest"))
    assert busiest == [about(100 * rotation.busiest), about(100 * dedicated.busiest), about(100 / 8)]
    known = numbers(one(told, "Today"))
    assert known == [
        about(answer.knowledge.knowers), about(rotation.knowledge.knowers), about(dedicated.knowledge.knowers),
        rotation.knowledge.bus_factor, dedicated.knowledge.bus_factor, answer.knowledge.bus_factor,
    ]  # fmt: skip
    broken = numbers(one(told, "With everybody"))
    assert broken == [
        about(ad_hoc.cost.value), about(ad_hoc.interruptions), about(rotation.interruptions),
        about(dedicated.interruptions),
    ]  # fmt: skip
    is_cheapest = ad_hoc.cost.value < min(rotation.cost.value, dedicated.cost.value)
    assert ("less than either" in one(told, "With everybody")) is is_cheapest
    outside = numbers(next(sentence for sentence in told if "Calls outside" in sentence))
    assert outside == [
        about(100 * answer.outside_hours), about(rotation.woken), about(rotation.woken_each), about(dedicated.woken),
        about(dedicated.woken_each),
    ]  # fmt: skip


def test_smaller_sizes_that_need_too_much_help_are_named(answer: StaffingAnswer) -> None:
    compared = answer.comparison
    assert compared is not None
    needy = replace(compared.rotation, staffing=replace(compared.rotation.staffing, size=1), helped=0.37)
    grown = replace(compared.rotation, staffing=replace(compared.rotation.staffing, size=2))
    told = sentences(replace(answer, comparison=replace(compared, rotation=grown, others=(needy,))))
    assert one(told, "Smaller ones").endswith("a rotation with 1 on duty for 37% of them.")
    able = replace(compared, rotation=grown, others=(replace(needy, helped=0.1),))
    assert not any(said.startswith("Smaller") for said in sentences(replace(answer, comparison=able)))


def test_the_waiting_times_are_those_of_the_items(answer: StaffingAnswer) -> None:
    compared = answer.comparison
    assert compared is not None
    told = one(sentences(answer), "Nine in ten")
    days = {"h": 1, "d": 24, "min": 1 / 60}
    said = [float(n) * days[unit] for n, unit in re.findall(r"([\d.]+) (h|d|min)\b", told)]
    there = [
        value
        for outcome in (compared.rotation, compared.dedicated, compared.ad_hoc)
        for value in (outcome.wait_most, outcome.wait_median)
        if value is not None and value >= 1 / 60
    ]
    assert said == [about(value) for value in there[: len(said)]]
    # Work arrives at any hour, and all work the same 40 of 168.
    assert "for 76% of the items arrive when nobody is in working hours" in told


def test_the_turn_that_is_told_is_the_nearest_and_turns(answer: StaffingAnswer) -> None:
    told = next(sentence for sentence in sentences(answer) if sentence.startswith(("Both", "Nothing")))
    there = [flip for flip in answer.comparison.flips if flip.at is not None]
    assert told.startswith("Both") is bool(there)
    for flip in there:
        assert flip.low <= flip.at <= flip.high
    none = replace(answer.comparison, flips=tuple(replace(flip, at=None) for flip in answer.comparison.flips))
    assert any(s.startswith("Nothing within reason") for s in sentences(replace(answer, comparison=none)))


def test_without_prices_everything_is_in_hours_of_labour() -> None:
    answer = answered(HOURS)
    assert "h of labour a week" in saving(answer)
    assert not any("EUR" in sentence for sentence in sentences(answer))
    titles = [name for name, value in answer.comparison.rotation.parts if value.value]
    assert "Downtime" not in titles
    assert "Open items" not in titles


def test_limits_that_are_broken_are_named() -> None:
    told = sentences(answered(people=3))
    assert any(
        "breaks limits of on-call work" in sentence and "would need 8" in sentence for sentence in told
    )


def test_what_a_team_has_said_is_no_longer_called_a_range() -> None:
    section = staffing_section(answered(hand_over_hours=3.0), NoLinks())
    assumed = next(listing for listing in section.listings if listing.name == "assumptions").table
    row = next(row.cells for row in assumed.rows if row.cells[0] == "The hours of a change of shift")
    assert row[1:3] == ("3 h", "you")


def test_a_team_of_one_gets_a_statement_and_no_numbers() -> None:
    answer = answer_staffing(worlds.team(), crew(1), HOURS, terms(), StaffingSettings(), seed=1)
    section = staffing_section(answer, NoLinks())
    assert section.nothing is not None
    assert "one engineer" in section.nothing.why
    assert not section.figures
    assert section.answer.said == "There is nothing to compare"


def test_every_table_of_the_section_shows_all_staffings(answer: StaffingAnswer) -> None:
    section = staffing_section(answer, NoLinks())
    count = 3 + len(answer.comparison.others)
    assert len(section.figures[0].chart.table().rows) == count
    for name in ("costs", "what-it-is-like"):
        assert len(next(listing for listing in section.listings if listing.name == name).table.rows) == count
    assert len(section.figures[0].chart.svg()) > 1000
