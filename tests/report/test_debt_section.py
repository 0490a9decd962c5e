"""The debt section's sentences against the numbers behind them, on the world of ``tests/planning/debt``."""

from __future__ import annotations

import dataclasses
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ktlo.metrics.estimate import Estimate
from ktlo.planning.debt import Register, register
from ktlo.planning.debt.outlook import outlook_of
from ktlo.planning.debt.paid import paid_entries
from ktlo.planning.debt.schedule import schedule
from ktlo.report.charts import picture
from ktlo.report.debt import Debt, debt
from ktlo.report.debt_words import hours_words, span_words
from ktlo.report.sections import NoLinks, Section
from ktlo.store.embedded import EmbeddedStore

sys.path[:0] = [
    str(Path(__file__).parents[1] / "planning" / "debt"),
    str(Path(__file__).parents[1] / "metrics"),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    import debt_world

    opened = EmbeddedStore(tmp_path_factory.mktemp("debt"))
    opened.migrate()
    debt_world.fill(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def found(store: EmbeddedStore) -> Register:
    import debt_world

    return register(store, None, debt_world.QUESTION, debt_world.SETTINGS)


def section_of(store: EmbeddedStore, found: Register, hours: float, least: float) -> tuple[Section, Debt]:
    import debt_world

    plan = schedule(found.entries, start=debt_world.NOW.date(), weeks=13, hours_per_week=hours, basis="as you say",
                    least=least)  # fmt: skip
    told = Debt(found, found.entries, outlook_of(found.entries, found.period.draws), plan,
                tuple(paid_entries(store, None, found)))  # fmt: skip
    return debt(store, debt_world.QUESTION, NoLinks(), told), told


def words_of(section: Section) -> list[str]:
    texts = [section.answer.said, section.known.definition, section.known.sample, *section.known.missing]
    for card in section.cards:
        texts += [card.title, card.value, card.interval, card.sample]
    for figure in section.figures:
        texts += [figure.definition, picture(figure.chart).wide]
    for listing in section.listings:
        texts += [listing.title, listing.note]
        texts += itertools.chain.from_iterable(listing.table.words(row) for row in listing.table.rows)
    return texts


def test_the_answer_says_the_sum_of_what_is_shown_and_when_the_first_entries_are_back(
    store: EmbeddedStore, found: Register
) -> None:
    section, told = section_of(store, found, 8, 0.0)
    shown = [e for e in found.entries if e.interest.is_shown]
    monthly = sum(e.interest.estimate.value or 0 for e in shown)
    assert told.outlook.costing == len(shown) == 2
    assert told.outlook.interest.value == pytest.approx(monthly, rel=0.01)
    assert f"about {hours_words(told.outlook.interest.value, 8)} a month" in section.answer.said
    takes = sum(e.principal.estimate.value or 0 for e in shown)
    assert told.outlook.first_hours == pytest.approx(takes)
    # One hour a month of 1.38, of which half goes, and .32: some 17 hours come back in about a year and a half.
    assert told.outlook.first_months is not None
    back = takes / (monthly - 1.38 / 2)
    assert told.outlook.first_months == pytest.approx(back, rel=0.1)
    assert "bring" in section.answer.said


def test_it_reads_well_with_hours_and_without(store: EmbeddedStore, found: Register) -> None:
    for hours, least in ((8, 0.0), (8, 1.0), (0, 1.0), (0.5, 0.0)):
        for text in words_of(section_of(store, found, hours, least)[0]):
            assert not re.search(r"\b(nan|None|inf)\b", text), text
            assert ".." not in text, text
            assert not re.search(
                r"(?<![\d,.])1 (entries|hours|days|weeks|months|fixes|refactorings)\b", text
            ), text


def test_repositories_are_a_column_only_where_there_are_several(
    store: EmbeddedStore, found: Register
) -> None:
    def columns(register: Register) -> list[bool]:
        section, _ = section_of(store, register, 8, 0.0)
        return [any(h.title == "Repository" for h in one.table.headings) for one in section.listings]

    first = dataclasses.replace(found.entries[0], repository="acme/another")
    several = dataclasses.replace(found, entries=(first, *found.entries[1:]))
    assert len({entry.repository for entry in found.entries} - {""}) == 1
    assert columns(found) == [False, False]
    assert columns(several) == [True, True]


def test_a_schedule_without_hours_or_worth_says_why(store: EmbeddedStore, found: Register) -> None:
    from ktlo.report.debt_words import schedule_words

    _, none = section_of(store, found, 0, 1.0)
    assert schedule_words(found, none.plan).startswith("There are no hours")
    _, poor = section_of(store, found, 8, 50.0)
    assert schedule_words(found, poor.plan).endswith(
        "2 entries are not expected to bring back as much as you ask for."
    )


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0, "0 hours"), (0.004, "1 min"), (0.5, "30 min"), (1.2, "1.2 hours"), (15.9, "15.9 hours"), (24, "3 days"),
     (None, "not estimable")],
)  # fmt: skip
def test_hours_are_told_as_people_say_them(hours: float | None, words: str) -> None:
    assert hours_words(hours, 8) == words


def test_an_interval_names_its_unit_once_where_both_ends_share_it() -> None:
    assert span_words(Estimate(1, 0.0, 2.5, 1), 8) == "0 to 2.5 hours"
    assert span_words(Estimate(2, 1.5, 2.5, 1), 8) == "1.5 to 2.5 hours"
    assert span_words(Estimate(9, 4, 40, 1), 8) == "4 hours to 5 days"
