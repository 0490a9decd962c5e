"""Each section on the small world of ``tests/metrics/world.py``: its words agree with the metrics' numbers."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest
import world
from world import END, NOW, PERIOD

from ktlo.metrics.ask import ask
from ktlo.metrics.estimate import Estimate
from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.registry import definition
from ktlo.report.bugs import bugs
from ktlo.report.charts import picture, written
from ktlo.report.effort import effort
from ktlo.report.grain import fitting_grain
from ktlo.report.hotspots import hotspots
from ktlo.report.overview import overview
from ktlo.report.reliability import reliability
from ktlo.report.sections import NoLinks, Section
from ktlo.report.words import unit_of
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

SECTIONS = (overview, effort, reliability, bugs, hotspots)
Make = Callable[[Queryable, Question, "Recorded | NoLinks"], Section]


class Recorded:
    """Links that say what they were asked for."""

    def rows(self, metric: str, narrowed: Mapping[str, str]) -> str:
        definition(metric)
        return f"/rows/{metric}?{dict(narrowed)}"

    def page(self, name: str, narrowed: Mapping[str, str]) -> str:
        return f"/{name}?{dict(narrowed)}"

    def data(self, metric: str, narrowed: Mapping[str, str], form: str) -> str:
        return f"/data/{metric}.{form}?{dict(narrowed)}"

    def definition(self, metric: str) -> str:
        return f"/definitions/{definition(metric).name}"


@pytest.fixture(scope="module")
def world_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path_factory.mktemp("world"))
    store.migrate()
    world.fill(store)
    yield store
    store.close()


def _number(store: EmbeddedStore, metric: str, question: Question = PERIOD) -> Estimate:
    return ask(store, definition(metric), question).headline(definition(metric))


def _shown(store: EmbeddedStore, metric: str, question: Question = PERIOD) -> str:
    defined = definition(metric)
    return written(_number(store, metric, question).value, unit_of(defined.unit, defined.headline))


def _words(section: Section) -> list[str]:
    """Every text that a reader of the section meets."""
    answer, known = section.answer, section.known
    texts = [answer.question, answer.said, answer.interval, answer.change]
    texts += [known.definition, known.sample, known.freshness, known.source, *known.missing]
    for card in section.cards:
        texts += [card.title, card.value, card.interval, card.sample, card.change]
    for figure in section.figures:
        texts += [figure.definition, picture(figure.chart).wide]
    for listing in section.listings:
        texts += [listing.title, listing.note]
        texts += itertools.chain.from_iterable(listing.table.words(row) for row in listing.table.rows)
    if section.nothing:
        texts += [section.nothing.title, section.nothing.why]
    return texts


def _assert_reads_well(section: Section) -> None:
    for text in _words(section):
        assert not re.search(r"\b(nan|None|inf)\b", text), text
        assert ".." not in text, text
        assert not re.search(r"(?<![\d,.])1 (incidents|bugs|files|outages|weeks|days with)\b", text), text
        assert "with 0 " not in text, text
        assert "0 incidents" not in re.sub(r"\d0 incidents", "", text), text
    assert section.answer.said[0].isupper() or section.answer.said[0].isdigit()
    assert not section.answer.said.endswith(".")
    for sentence in section.known.missing:
        assert sentence.endswith("."), sentence


@pytest.mark.parametrize("make", SECTIONS)
def test_a_section_reads_well_and_leads_somewhere(make: Make, world_store: EmbeddedStore) -> None:
    section = make(world_store, PERIOD, Recorded())
    _assert_reads_well(section)
    assert section.nothing is None
    assert section.key == make.__name__  # type: ignore[attr-defined]
    assert section.figures
    assert all(card.href for card in section.cards)
    assert all(figure.csv_href and figure.json_href for figure in section.figures)
    assert section.known.definition_href.startswith("/definitions/")
    assert re.fullmatch(r"collected 12 h ago; newest record (1|2|10) Feb 2026", section.known.freshness)


@pytest.mark.parametrize("make", SECTIONS)
def test_a_document_gets_the_same_words_and_leads_nowhere(make: Make, world_store: EmbeddedStore) -> None:
    with_links, without = make(world_store, PERIOD, Recorded()), make(world_store, PERIOD, NoLinks())
    assert with_links.answer == without.answer
    assert [card.value for card in with_links.cards] == [card.value for card in without.cards]
    assert {card.href for card in without.cards} == {""}


@pytest.mark.parametrize("make", SECTIONS)
def test_a_future_and_a_single_day_are_answered_too(make: Make, world_store: EmbeddedStore) -> None:
    day = replace(PERIOD, start=world.at("01-14"), end=world.at("01-15"))
    coming = replace(PERIOD, start=NOW + dt.timedelta(days=1), end=NOW + dt.timedelta(days=8))
    for question in (day, coming):
        _assert_reads_well(make(world_store, question, Recorded()))
    assert make(world_store, coming, Recorded()).nothing is not None


def test_the_overview_says_the_share_and_the_median(world_store: EmbeddedStore) -> None:
    section = overview(world_store, PERIOD, Recorded())
    share, median = _shown(world_store, "ktlo_share"), _shown(world_store, "time_to_restore")
    assert (share, median) == ("50%", "4 h")
    assert section.answer.said == (
        "50% of effort kept the lights on, and half of the incidents were restored within 4 h"
    )
    cards = {card.title: card for card in section.cards}
    assert cards["Incidents"].value == "9"
    assert cards["Incidents"].sample == "9 incidents, 2 still open"
    assert cards["Downtime"].value == _shown(world_store, "downtime")
    assert cards["Downtime"].sample == "6 outages, 1 still open"
    assert cards["Downtime"].interval.startswith("another such period could bring ")
    assert cards["Person-days of work"].sample == "5 parts of a day"
    assert cards["Age of to-dos, median"].sample == "3 to-dos"


def test_the_overview_is_not_empty_where_only_outages_or_bugs_are(world_store: EmbeddedStore) -> None:
    old = replace(PERIOD, start=world.at("2025-11-01"), end=world.at("2025-11-08"))
    section = overview(world_store, old, Recorded())
    assert section.cards
    assert section.nothing is not None
    assert (section.nothing.title, section.nothing.button) == (
        "No effort in this period",
        "Show the whole period",
    )
    assert section.answer.said == "No work and no incident is recorded in this period"


def test_the_effort_section_says_what_the_share_of_all_could_be(world_store: EmbeddedStore) -> None:
    section = effort(world_store, PERIOD, Recorded())
    assert section.answer.said == "50% of effort kept the lights on"
    assert any(
        "7.7% of person-days" in text and "46%" in text and "54%" in text for text in section.known.missing
    )
    items = section.listings[0].table.rows
    assert items[0].cells[0] in ("What c5 was for", "c3")
    assert sum(float(str(row.cells[-1])) for row in items) == pytest.approx(3.25)


def test_the_reliability_section_names_what_is_left_out(world_store: EmbeddedStore) -> None:
    section = reliability(world_store, PERIOD, Recorded())
    assert section.answer.said == "Half of the incidents were restored within 4 h"
    missing = " ".join(section.known.missing)
    assert "1 incident ended nobody knows when" in missing
    assert "1 incident with an end before the detection" in missing
    assert "2 incidents still open when last seen" in missing
    phases = {row.cells[0]: row.cells for row in section.listings[0].table.rows}
    assert phases["Time to acknowledge"][-2:] == (6, 1)


def test_an_outage_that_has_not_ended_is_told_with_how_long_it_counts(world_store: EmbeddedStore) -> None:
    said = "1 outage has not ended; it counts until it was last known."
    assert said in reliability(world_store, PERIOD, Recorded()).known.missing
    before = replace(PERIOD, end=world.at("02-01"))
    assert said not in reliability(world_store, before, Recorded()).known.missing


def test_only_the_newest_record_that_has_happened_tells_how_new_records_are(
    world_store: EmbeddedStore,
) -> None:
    assert bugs(world_store, PERIOD, Recorded()).known.freshness.endswith("newest record 10 Feb 2026")
    asked = replace(PERIOD, now=world.at("02-09"))
    assert bugs(world_store, asked, Recorded()).known.freshness.endswith("newest record 2 Feb 2026")


def test_the_bugs_section_says_rate_and_flow(world_store: EmbeddedStore) -> None:
    section = bugs(world_store, PERIOD, Recorded())
    assert (
        section.answer.said
        == f"{_shown(world_store, 'bug_resolution_rate')} of bugs are closed within 30 days"
    )
    assert section.answer.said.startswith("73%")
    assert section.answer.change.startswith("7 opened and 5 closed in the period")


def test_the_hotspots_section_says_how_few_files_carry_half(world_store: EmbeddedStore) -> None:
    section = hotspots(world_store, PERIOD, Recorded())
    assert section.answer.said == "1 of 4 changed source files carries half of the maintenance risk"
    listed = section.listings[0].table.rows
    assert [row.cells[0] for row in listed] == ["c.py", "a.py", "b.py", "s.py"]
    assert listed[1].cells[2:4] == (3, 1)


def test_one_incident_is_not_called_half_of_them(world_store: EmbeddedStore) -> None:
    only = replace(PERIOD, only={Dimension.SEVERITY: ("sev1",), Dimension.SERVICE: ("shop",)})
    assert (
        reliability(world_store, only, Recorded()).answer.said
        == "The only incident was restored within 60 min"
    )
    desk = replace(PERIOD, only={Dimension.SOURCE: ("desk",)})
    assert reliability(world_store, desk, Recorded()).answer.said == "The only incident is still open"


def test_incidents_without_a_usable_end_are_not_none(world_store: EmbeddedStore) -> None:
    last_week = replace(PERIOD, start=world.at("01-26"))
    section = reliability(world_store, last_week, Recorded())
    assert section.answer.said == "How fast 1 incident ended is not recorded"


def test_a_filter_that_a_number_does_not_have_is_told_beside_it(world_store: EmbeddedStore) -> None:
    severe = replace(PERIOD, only={Dimension.SEVERITY: ("sev1",)})
    section = overview(world_store, severe, Recorded())
    cards = {card.title: card.sample for card in section.cards}
    assert cards["KTLO share"].endswith(", not narrowed by severity")
    assert "narrowed" not in cards["Incidents"]
    assert "KTLO share is not narrowed by severity: its records do not tell." in section.known.missing


def test_a_picture_has_as_many_buckets_as_it_can_show() -> None:
    for days in (1, 20, 30, 90, 400, 800, 3000):
        question = replace(PERIOD, start=END - dt.timedelta(days=days))
        for most in (60, 106):
            grain = fitting_grain(question, most)
            length = {"day": 1, "week": 7, "month": 28, "quarter": 90}[grain.value]
            assert days / length + 2 <= most


def test_a_count_agrees_with_its_noun() -> None:
    assert counted(1, "incidents") == "1 incident"
    assert counted(0, "closed bugs") == "no closed bugs"
    assert counted(1, "dependencies") == "1 dependency"
    assert counted(1, "openings or closings") == "1 opening or closing"
    assert counted(1, "parts of a day") == "1 part of a day"
    assert counted(1_200, "to-dos") == "1,200 to-dos"


def test_one_of_a_unit_is_singular_and_more_are_not() -> None:
    from ktlo.report.charts import PERSON_DAYS, unit_named, written

    assert written(1.0, PERSON_DAYS) == "1 person-day"
    assert written(1.5, PERSON_DAYS) == "1.5 person-days"
    assert written(1.0, unit_named("lines")) == "1 line"


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (1, "processes", "1 process"),
        (2, "processes", "2 processes"),
        (1, "queries", "1 query"),
        (1, "days", "1 day"),
    ],
)
def test_one_thing_is_said_in_the_singular(number, noun, said):
    assert counted(number, noun) == said
