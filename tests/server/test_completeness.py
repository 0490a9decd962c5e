"""Gaps of a source: what is too quiet to be chance, and what is not."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.records import TABLES, service_levels, work
from ktlo.records.arrow import blank, to_arrow
from ktlo.records.collection import Collection
from ktlo.records.schema import Kind, Life
from ktlo.server.completeness import _DATED, UNDATED, find_gaps, gaps_in
from ktlo.store.embedded import EmbeddedStore

MONDAY = dt.date(2026, 1, 5)


def days(*numbers: int) -> list[dt.date]:
    return [MONDAY + dt.timedelta(days=number) for number in numbers]


WEEKDAYS = [number for number in range(140) if number % 7 < 5]
UNTIL = MONDAY + dt.timedelta(days=139)


def test_weekends_of_a_team_that_rests_are_no_gaps() -> None:
    assert gaps_in(days(*WEEKDAYS), UNTIL) == []


def test_a_week_without_rows_between_full_weeks_is_one_gap_with_its_ends() -> None:
    quiet = set(range(70, 75))
    (gap,) = gaps_in(days(*(number for number in WEEKDAYS if number not in quiet)), UNTIL)
    assert (gap.first, gap.last, gap.days) == (*days(68, 76), 9)  # with the weekends beside it
    assert gap.chance < 0.001


def test_one_holiday_is_no_gap() -> None:
    assert gaps_in(days(*(number for number in WEEKDAYS if number != 70)), UNTIL) == []


def test_a_source_that_fell_silent_has_a_gap_until_it_was_last_read() -> None:
    (gap,) = gaps_in(days(*(number for number in WEEKDAYS if number < 120)), UNTIL)
    assert gap.last == UNTIL


def test_a_source_with_few_rows_is_not_judged() -> None:
    assert gaps_in(days(*range(0, 140, 7)), UNTIL) == []


def test_days_after_the_last_reading_are_not_looked_at() -> None:
    assert gaps_in(days(*WEEKDAYS), MONDAY + dt.timedelta(days=100)) == []


@settings(max_examples=60, deadline=None)
@given(seed=st.randoms(use_true_random=False))
def test_a_source_that_is_quiet_every_second_day_by_chance_hardly_ever_has_a_gap(seed) -> None:
    rows = [number for number in range(140) if seed.random() < 0.5]
    assert all(gap.days >= 10 for gap in gaps_in(days(*rows), UNTIL))


def test_of_every_table_with_a_source_and_times_it_is_said_whether_quiet_days_are_gaps() -> None:
    timed = {
        table.name
        for table in TABLES.values()
        if table.life is Life.OBSERVED
        and any(column.name == "source" for column in table.columns)
        and any(column.kind in (Kind.INSTANT, Kind.DATE) for column in table.columns)
    }
    assert timed == _DATED.keys() | UNDATED.keys()
    assert not _DATED.keys() & UNDATED.keys()


@pytest.mark.parametrize(
    ("noun", "named"),
    [
        (work.Review, "change_id"),
        (work.Release, "external_id"),
        (service_levels.SlaCycle, "item_id"),
    ],
)
def test_days_without_rows_of_any_dated_table_are_told_up_to_the_last_reading(noun, named, tmp_path) -> None:
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    store = EmbeddedStore(tmp_path / "store")
    store.migrate()
    (table,) = [one for one in TABLES.values() if one.record is noun]
    rows = [
        blank(
            noun,
            source="s",
            **{named: str(day), _DATED[table.name]: now - dt.timedelta(days=day)},
        )
        for day in range(20, 90)
    ]
    store.insert(table, to_arrow(rows, noun))
    read = Collection(
        source="s", started_at=now, finished_at=now, status="complete", rows=70, rejected=0, message=""
    )
    store.insert(TABLES["collections"], to_arrow([read], Collection))
    (gap,) = find_gaps(store)["s"]
    store.close()
    assert (gap.first, gap.last) == (
        (now - dt.timedelta(days=19)).date(),
        (now - dt.timedelta(days=1)).date(),
    )


def test_the_sources_page_says_whether_anything_speaks_against_the_numbers(house):
    page = house.page("/sources")
    assert (
        "No source failed, stopped half-way, lacks days, hides items, holds what another holds,"
        " or had input turned away"
        in page
        or "Mind today" in page
    )
    assert "metrics rest on it" in page
