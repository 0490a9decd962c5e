"""A quarter is measured as the metrics measure it, and only what was known by its end counts."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import world

from ktlo.errors import UsageError
from ktlo.metrics.question import Dimension
from ktlo.planning.load import read_history
from ktlo.planning.load.weeks import monday
from ktlo.planning.quarter.account import account_of
from ktlo.planning.quarter.calendar import Quarter, last_complete
from ktlo.planning.quarter.outlook import ask_business
from ktlo.records.effort import Category
from ktlo.settings import Settings
from ktlo.settings.planning import PlanningSettings
from ktlo.store.protocol import Store

NOW = dt.datetime(2026, 5, 20, tzinfo=dt.UTC)


def test_a_quarter_knows_its_days_and_its_neighbours() -> None:
    quarter = Quarter.read("2026-Q3")
    assert (quarter.name, quarter.title) == ("2026-Q3", "third quarter of 2026")
    assert (quarter.start.date(), quarter.end.date()) == (dt.date(2026, 7, 1), dt.date(2026, 10, 1))
    assert Quarter(2026, 4).next() == Quarter(2027, 1)
    assert Quarter(2026, 1).before() == Quarter(2025, 4)
    assert Quarter.of(dt.date(2026, 12, 31)) == Quarter(2026, 4)
    now = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)
    assert last_complete(now, now) == quarter
    assert last_complete(dt.datetime(2025, 3, 29, tzinfo=dt.UTC), now) == Quarter(2025, 1)
    assert last_complete(dt.datetime(2026, 10, 1, tzinfo=dt.UTC), now) == quarter


@pytest.mark.parametrize("text", ["2026-Q5", "Q3", "2026", "0001-Q1", "third", "2026-Q3; drop"])
def test_what_is_no_quarter_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no quarter"):
        Quarter.read(text)


def test_the_first_quarter_of_the_small_world_is_what_was_worked_out_by_hand(world_store: Store) -> None:
    question = replace(world.PERIOD, now=NOW)
    settings = Settings(planning=PlanningSettings(labour_hour=100, currency="EUR"))
    found = account_of(world_store, question, Quarter(2026, 1), settings, budget=0.5)
    # Days: E7 1.0, E1 0.5, E2 0.5, E3 1.0, E4 0.25, E5 1.0, E6 1.0.
    assert found.total_days == pytest.approx(5.25)
    assert found.unattributed_days == pytest.approx(0.25, abs=0.01)
    assert found.kept_days.value == pytest.approx(5.0 * found.share.value)
    assert found.pieces(Category.SECURITY) == 1
    assert found.pieces(Category.DEPENDENCY) == 0
    # I1 to I5, I7 to I12 (I6 is cancelled).
    assert found.incidents.n == 11
    # Opened B3 to B8, B10, B12 and B7 in February; closed B1 to B4, B6, B11, B12, B13.
    assert (found.bugs_opened, found.bugs_closed) == (8, 8)
    # F1, F2 and F3 came up, F1 and F2 are fixed; F4 is a secret, F5 is tolerated.
    assert (found.weaknesses_found, found.weaknesses_closed, found.weaknesses_open) == (3, 2, 1)
    assert found.worth(2.0) == 2 * 8 * 100
    assert found.priced(500.0) == 500.0
    assert found.is_over
    only_shop = replace(question, only={Dimension.SERVICE: ("shop",)})
    narrowed = account_of(world_store, only_shop, Quarter(2026, 1), settings)
    assert narrowed.total_days == pytest.approx(4.0)


def test_a_quarter_that_has_not_begun_is_refused_and_one_that_runs_is_told_so_far(world_store: Store) -> None:
    question = replace(world.PERIOD, now=dt.datetime(2026, 1, 20, tzinfo=dt.UTC))
    with pytest.raises(UsageError, match="has not begun"):
        ask_business(world_store, question, Quarter(2026, 2), Settings(), lambda _: pytest.fail("not asked"))
    running = account_of(world_store, question, Quarter(2026, 1), Settings())
    assert not running.is_over
    assert running.known_until == question.now
    assert running.total_days < 4


def test_what_was_closed_after_the_end_is_still_open_then(world_store: Store) -> None:
    # B4 is closed on 18 January and B6 on 10 February: on 12 January neither is known to be.
    end = world.at("01-12 12:00")
    history = read_history(world_store, replace(world.PERIOD, end=end), Settings())
    assert monday(history.end_week) <= end.date()
    arrived = dt.datetime(2026, 1, 8, tzinfo=dt.UTC).timestamp()
    b4 = [i for i, moment in enumerate(history.items.arrived) if moment == arrived]
    assert len(b4) == 1
    assert history.items.ended[b4[0]] != history.items.ended[b4[0]]  # not a number: open
