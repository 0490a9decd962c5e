"""Sections of a store with nothing in it: each says so, and what would fill it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import world
from test_sections import SECTIONS, Make, Recorded, _assert_reads_well, _words
from world import PERIOD

from ktlo.records.collection import Collection, Rejection
from ktlo.report.bugs import bugs
from ktlo.report.reliability import reliability
from ktlo.store.embedded import EmbeddedStore


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path_factory.mktemp("empty"))
    store.migrate()
    yield store
    store.close()


@pytest.mark.parametrize("make", SECTIONS)
def test_an_empty_section_says_so_and_how_to_fill_it(make: Make, empty_store: EmbeddedStore) -> None:
    section = make(empty_store, PERIOD, Recorded())
    _assert_reads_well(section)
    assert section.nothing is not None
    assert section.nothing.command.startswith("ktlo ")
    assert section.nothing.href.startswith(f"/{section.key}?")
    assert section.figures == ()
    assert section.listings == ()
    assert section.known.freshness == "nothing collected yet"
    assert not any(re.search(r"\d% of (effort|bugs)", text) for text in _words(section))


def test_sources_that_were_read_and_know_of_no_issue_are_not_called_uncollected(
    empty_store: EmbeddedStore,
) -> None:
    run = world.made(
        Collection, source="git:shop", started_at=world.START, finished_at=world.START, status="complete"
    )
    world.put(empty_store, [run])
    known = bugs(empty_store, PERIOD, Recorded()).known
    assert known.freshness == "no connected source has delivered issues yet"


def test_rows_turned_away_are_told_by_source_and_warnings_are_not(empty_store: EmbeddedStore) -> None:
    def turned_away(source: str, place: str, reason: str, *, is_kept: bool = False) -> object:
        return world.made(
            Rejection, source=source, place=place, reason=reason, seen_at=world.START, is_kept=is_kept
        )

    world.put(
        empty_store,
        [
            world.outage("O1", "shop", "01-10 00:00", "01-10 01:00", source="csv:outages"),
            turned_away("csv:outages", "outages.csv:3", "no start"),
            turned_away("csv:outages", "outages.csv:3", "no service"),
            turned_away("csv:outages", "outages.csv:4", "no severity", is_kept=True),
            turned_away("git:shop", "a1b2", "no date"),
        ],
    )
    missing = reliability(empty_store, PERIOD, Recorded()).known.missing
    assert [text for text in missing if "turned away" in text] == [
        "1 row of csv:outages was turned away; see Sources."
    ]
