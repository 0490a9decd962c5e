"""Who could be on duty, what they know and when they work is read as it was worked out by hand."""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "metrics"))

import world

from ktlo.metrics.question import Dimension
from ktlo.planning.staffing.people import read_crew
from ktlo.records import table_of
from ktlo.records.arrow import from_arrow, to_arrow
from ktlo.records.code import Commit
from ktlo.records.effort import Category, EffortShare
from ktlo.records.people import Alias
from ktlo.settings import Settings
from ktlo.store.embedded import EmbeddedStore


def commits(mail: str, hour: int, offset: int, count: int) -> list[Commit]:
    """So many commits of somebody on workdays at one hour, UTC."""
    first = world.at("2025-12-01")
    days = [
        first + dt.timedelta(days=day) for day in range(200) if (first + dt.timedelta(days=day)).weekday() < 5
    ]
    return [
        world.made(
            Commit, source="git", repository="acme/shop", sha=f"{mail}-{i}", author_email=mail, dated_by="author",
            authored_at=days[i].replace(hour=hour), committed_at=days[i].replace(hour=hour), authored_offset=offset,
        )
        for i in range(count)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    made = EmbeddedStore(tmp_path_factory.mktemp("people"))
    made.migrate()
    world.fill(made)
    # Ann works around 10:30 UTC; of Bob there are too few commits, at night of a zone seven hours behind.
    rows = [*commits("ann@acme.test", 10, 60, 40), *commits("bob@acme.test", 8, -420, 3)]
    made.insert(table_of(Commit), to_arrow(rows, Commit))
    # The world's effort knows people by their first name.
    aliases = [
        Alias(kind="mail", alias=mail, person=person)
        for mail, person in (("ann@acme.test", "ann"), ("ann@home.test", "ann"), ("bob@acme.test", "bob"))
    ]
    made.replace(table_of(Alias), [to_arrow(aliases, Alias)])
    yield made
    made.close()


def test_the_crew_of_the_small_world(store: EmbeddedStore) -> None:
    crew = read_crew(store, world.PERIOD, Settings())
    assert crew.names == ("ann", "bob")
    assert crew.places[:2] == ("search", "shop")
    # c2 mends a bug of shop, c3 a weakness of search; nothing reactive happened elsewhere.
    assert crew.share.tolist() == [0.5, 0.5, 0.0]
    # Ann wrote all of shop that has an author, Bob the others (degrees of authorship worked out by hand).
    assert crew.knowledge.round(2).tolist() == [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    assert crew.handled_by.tolist() == [1.0, 1.0, 0.5]
    # Ann 3.0 and Bob 1.25 days, in three weeks in which anybody was seen.
    assert crew.hours_per_week == pytest.approx(4.25 * 8 / 3 / 2)


def test_the_day_is_around_the_middle_of_the_commits_or_from_nine_in_their_zone(store: EmbeddedStore) -> None:
    crew = read_crew(store, world.PERIOD, Settings())
    ann, bob = crew.week.starts
    assert ann == pytest.approx(6.5)  # eight hours around 10:30
    assert (bob + 24) % 24 == pytest.approx(16.0)  # 9:00, seven hours behind
    assert crew.sites == 2


def test_who_has_not_worked_lately_is_not_in_it_and_filters_narrow_the_crew(store: EmbeddedStore) -> None:
    later = replace(world.PERIOD, end=world.at("2027-01-20"), now=world.at("2027-01-20"))
    crew = read_crew(store, later, Settings())
    assert crew.size == 0
    soon = replace(world.PERIOD, only={Dimension.SERVICE: ("shop",)})
    narrowed = read_crew(store, soon, Settings())
    assert narrowed.places == ("shop",)
    assert narrowed.names == ("ann",)


def test_arrivals_spread_over_the_week_as_recorded(store: EmbeddedStore) -> None:
    crew = read_crew(store, world.PERIOD, Settings())
    for profile in (crew.incident_hours, crew.other_hours):
        assert profile.shape == (168,)
        assert profile.sum() == pytest.approx(1.0)
        assert profile.min() > 0
    # I1 at Monday 00:00; nothing at Sunday 12:00.
    assert crew.incident_hours[0] > crew.incident_hours[6 * 24 + 12]


def test_what_somebody_has_handled_is_known_without_any_code(store: EmbeddedStore) -> None:
    effort = table_of(EffortShare)
    usual = store.query("SELECT * FROM ktlo.effort")
    part = next(row for row in from_arrow(usual, EffortShare) if row.person == "bob")
    desk = [
        replace(
            part,
            item_id=f"d{i}",
            repository="acme/desk",
            service="",
            category=Category.BUG_FIX,
            person_days=0.01,
        )
        for i in range(5)
    ]
    store.replace(effort, [to_arrow([*from_arrow(usual, EffortShare), *desk], EffortShare)])
    try:
        crew = read_crew(store, world.PERIOD, Settings())
    finally:
        store.replace(effort, [to_arrow(list(from_arrow(usual, EffortShare)), EffortShare)])
    assert crew.places[0] == "acme/desk"
    assert crew.share[0] == pytest.approx(5 / 7)
    # Five items of the ten after which 63% is known.
    assert crew.knowledge[0].tolist() == pytest.approx([0.0, 1 - math.exp(-0.5)])
    assert crew.handled_by[0] == pytest.approx(1 - math.exp(-0.5))
