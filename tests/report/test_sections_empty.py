"""Sections of a store with nothing in it: each says so, and what would fill it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from test_sections import SECTIONS, Make, Recorded, _assert_reads_well, _words
from world import PERIOD

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
