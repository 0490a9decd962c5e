"""A period is compared with the one before it where records reach back over three quarters of that one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import world

from ktlo.metrics.ask import ask, statistics
from ktlo.metrics.question import Question
from ktlo.metrics.registry import definition
from ktlo.store.embedded import EmbeddedStore

DAYS = 28
BEFORE = world.START - dt.timedelta(days=DAYS)
ASKED = Question(world.START, world.START + dt.timedelta(days=DAYS), world.NOW)
A_QUARTER_IN = BEFORE + dt.timedelta(days=DAYS / 4)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    made = EmbeddedStore(tmp_path_factory.mktemp("periods"))
    made.migrate()
    yield made
    made.close()


def _happened(store: EmbeddedStore, *moments: dt.datetime) -> None:
    store.forget("pager")
    world.put(
        store, [world.incident(f"I{n}", "01-06", detected_at=moment) for n, moment in enumerate(moments)]
    )


@pytest.mark.parametrize(
    ("first", "is_compared"),
    [
        (BEFORE, True),
        (A_QUARTER_IN, True),
        (A_QUARTER_IN + dt.timedelta(microseconds=1), False),
        (world.START - dt.timedelta(days=1), False),
        # Nothing in the period before, but much longer ago: then nothing happened in it, and that is known.
        (BEFORE - dt.timedelta(days=300), True),
        (world.START, False),
    ],
)
def test_how_far_records_reach_back_decides(
    store: EmbeddedStore, first: dt.datetime, is_compared: bool
) -> None:
    _happened(store, first, *(world.START + dt.timedelta(days=1, hours=n) for n in range(1, 9)))
    answer = ask(store, definition("incidents"), ASKED)
    assert (answer.comparison is not None) is is_compared


def test_an_old_row_among_young_ones_is_enough(store: EmbeddedStore) -> None:
    _happened(store, A_QUARTER_IN, *(world.START - dt.timedelta(hours=n) for n in range(1, 9)))
    assert ask(store, definition("incidents"), ASKED).comparison is not None


def test_what_is_told_without_the_period_before_is_what_is_told_with_it(store: EmbeddedStore) -> None:
    _happened(store, BEFORE, world.START, world.START + dt.timedelta(days=3))
    for name in ("incidents", "time_to_restore"):
        asked = ask(store, definition(name), ASKED)
        assert statistics(store, definition(name), ASKED) == asked.figures[0].statistics
