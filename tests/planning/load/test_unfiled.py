"""Work that nobody filed, and time down with the incident that it belongs to: by hand, and what always holds."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktlo.effort.items import ItemKey
from ktlo.planning.demand import WorkClass
from ktlo.planning.load.filed import Part, Tracked
from ktlo.planning.load.unfiled import Outage, Root, time_down, unfiled
from ktlo.planning.load.weeks import DAY
from ktlo.records.effort import ItemKind

NEVER = math.nan
CHANGE, COMMIT = ItemKey(ItemKind.CHANGE, "s", "#7"), ItemKey(ItemKind.COMMIT, "s", "c0ffee")
ROOT = (CHANGE, WorkClass.BUG)


def _part(key: ItemKey = COMMIT, day: int = 100) -> Part:
    return Part(key, day, WorkClass.BUG, "acme/shop", "shop", "team a", 2.0)


# Work that nobody filed


@pytest.mark.parametrize(
    ("began", "ended", "arrived", "end"),
    [
        ({}, {}, 100 * DAY, 100 * DAY),
        ({COMMIT: 90.0}, {}, 90.0, 90.0),
        ({CHANGE: 80.0}, {}, 80.0, 80.0),
        ({COMMIT: 90.0, CHANGE: 80.0}, {}, 80.0, 80.0),
        ({COMMIT: 70.0, CHANGE: 80.0}, {}, 70.0, 70.0),
        # A commit that was made after the day on which it was worked on began with itself.
        ({COMMIT: 101 * DAY}, {}, 101 * DAY, 101 * DAY),
        ({CHANGE: 101 * DAY}, {}, 100 * DAY, 100 * DAY),
        ({COMMIT: 90.0}, {CHANGE: 500.0}, 90.0, 500.0),
        ({COMMIT: 90.0}, {CHANGE: NEVER}, 90.0, NEVER),
        ({COMMIT: 90.0}, {COMMIT: 500.0}, 90.0, 90.0),
    ],
)
def test_it_begins_with_its_first_commit_and_is_over_unless_it_is_an_open_change(
    began: dict[ItemKey, float], ended: dict[ItemKey, float], arrived: float, end: float
) -> None:
    item = unfiled(None, ROOT, _part(), began, ended)
    assert (item.key, item.work_class) == ROOT
    assert (item.repository, item.service, item.group) == ("acme/shop", "shop", "team a")
    assert item.arrived == arrived
    assert item.ended == pytest.approx(end, nan_ok=True)
    assert item.is_over is not math.isnan(end)
    assert item.known_until == math.inf
    assert not item.is_duplicate
    assert not item.is_down


def test_a_further_part_moves_its_beginning_back_and_never_on_and_nothing_else() -> None:
    began = {COMMIT: 50.0}
    known = unfiled(None, ROOT, _part(CHANGE), {CHANGE: 200.0}, {CHANGE: NEVER})
    earlier = unfiled(
        known, ROOT, dataclasses.replace(_part(), repository="acme/other", group="b"), began, {}
    )
    assert earlier == dataclasses.replace(known, arrived=50.0)
    later = unfiled(earlier, ROOT, _part(day=1), {COMMIT: 300.0}, {CHANGE: 1.0})
    assert later == earlier


# Time down


def _incident(
    name: str, arrived: float, ended: float, service: str = "shop", **given: bool
) -> tuple[Root, Tracked]:
    key = ItemKey(ItemKind.INCIDENT, "pager", name)
    told = Tracked(
        key, "", service, "", WorkClass.INCIDENT, arrived, ended, 1000.0, not math.isnan(ended), **given
    )
    return (key, WorkClass.INCIDENT), told


def _outage(name: str, start: float, end: float, incident: str = "", service: str = "shop") -> Outage:
    key = ItemKey(ItemKind.INCIDENT, "status", f"outage {name}")
    return Outage(key, incident, service, "team a", start, end, 900.0)


A, B = _incident("A", 10, 20), _incident("B", 15, 40)
OPEN = _incident("OPEN", 10, NEVER)
DOWN, DOWN_STILL = _incident("DOWN", 10, 20, is_down=True), _incident("STILL", 10, NEVER, is_down=True)
TWICE = _incident("TWICE", 5, 50, is_duplicate=True, is_down=True)
OTHER = _incident("OTHER", 10, 20, service="search")
BUG = (
    (ItemKey(ItemKind.ISSUE, "t", "BUG"), WorkClass.BUG),
    dataclasses.replace(A[1], work_class=WorkClass.BUG),
)

STRETCHES: dict[str, tuple[list[tuple[Root, Tracked]], list[Outage], list[tuple[str, float, float]]]] = {
    "nothing": ([], [], []),
    "an incident is not down by itself": ([A], [], []),
    "one that is has its own time": ([DOWN], [], [("DOWN", 10, 20)]),
    "and lasts while it is open": ([DOWN_STILL], [], [("STILL", 10, NEVER)]),
    "a duplicate has none": ([TWICE], [], []),
    "a bug is no incident": ([BUG], [_outage("1", 12, 18)], [("outage 1", 12, 18)]),
    "an outage of the time of an incident": ([A], [_outage("1", 12, 30)], [("A", 12, 30)]),
    "that began as the incident ended": ([A], [_outage("1", 20, 30)], [("A", 20, 30)]),
    "that began after it": ([A], [_outage("1", 21, 30)], [("outage 1", 21, 30)]),
    "that ended as it began": ([A], [_outage("1", 2, 10)], [("A", 2, 10)]),
    "that ended before it": ([A], [_outage("1", 2, 9)], [("outage 1", 2, 9)]),
    "the first of two that were under way": ([B, A], [_outage("1", 16, 18)], [("A", 16, 18)]),
    "an incident that is open": ([OPEN], [_outage("1", 300, 400)], [("OPEN", 300, 400)]),
    "one of another service": ([OTHER], [_outage("1", 12, 18)], [("outage 1", 12, 18)]),
    "the one that the outage names, whenever that was": (
        [A, B], [_outage("1", 100, 110, "B")], [("B", 100, 110)],
    ),
    "also of another service": ([OTHER], [_outage("1", 12, 18, "OTHER")], [("OTHER", 12, 18)]),
    "a name that nobody knows": ([A], [_outage("1", 12, 18, "gone")], [("A", 12, 18)]),
    "the name of a duplicate": ([TWICE], [_outage("1", 12, 18, "TWICE")], [("outage 1", 12, 18)]),
    "overlaps count once": ([], [_outage("1", 12, 18), _outage("2", 15, 30)], [("outage 1", 12, 30)]),
    "and are of the first, in whichever order they come": (
        [], [_outage("2", 15, 30), _outage("1", 12, 18)], [("outage 1", 12, 30)],
    ),
    "one within another": ([], [_outage("1", 12, 40), _outage("2", 15, 20)], [("outage 1", 12, 40)]),
    "what touches is one": ([], [_outage("1", 12, 15), _outage("2", 15, 20)], [("outage 1", 12, 20)]),
    "what does not is two": (
        [], [_outage("1", 12, 15), _outage("2", 16, 20)], [("outage 1", 12, 15), ("outage 2", 16, 20)],
    ),
    "the same time at two services is two": (
        [], [_outage("1", 12, 15), _outage("2", 12, 15, service="api")], [("outage 2", 12, 15), ("outage 1", 12, 15)],
    ),
    "one that lasts goes on": (
        [], [_outage("1", 12, NEVER), _outage("2", 15, 20)], [("outage 1", 12, NEVER)],
    ),
    "one that ended long before one that lasts": (
        [], [_outage("1", 12, 15), _outage("2", 20, NEVER)], [("outage 1", 12, 15), ("outage 2", 20, NEVER)],
    ),
    "a name goes before what was under way": (
        [A, B], [_outage("1", 12, 18), _outage("2", 16, 30, "B")], [("B", 12, 30)],
    ),
    "an incident that was down takes what overlaps it": (
        [DOWN, B], [_outage("1", 15, 30)], [("DOWN", 10, 30)],
    ),
    "one of no length at the end of another still names": (
        [A, B], [_outage("1", 100, 120), _outage("2", 120, 120, "B")], [("B", 100, 120)],
    ),
    "one that ended before it began lasts no time": ([A], [_outage("1", 12, 11)], []),
    "and takes none from another": ([], [_outage("1", 12, 11), _outage("2", 10, 20)], [("outage 2", 10, 20)]),
}  # fmt: skip


@pytest.mark.parametrize("name", STRETCHES)
def test_time_down_belongs_to_an_incident(name: str) -> None:
    incidents, outages, expected = STRETCHES[name]
    items = dict(incidents)
    before = dict(items)
    found, made = time_down(items, outages)
    assert [root[0].item_id for root, _, _ in found] == [item_id for item_id, _, _ in expected]
    for (_, start, end), (_, first, last) in zip(found, expected, strict=True):
        assert start == first
        assert end == pytest.approx(last, nan_ok=True)
    assert items == before, "what was filed is left alone"
    assert {root for root, _, _ in found} <= items.keys() | made.keys()
    assert {root[0].item_id for root in made} == {
        item_id for item_id, _, _ in expected if item_id.startswith("outage")
    }


@pytest.mark.parametrize("end", [18.0, NEVER])
def test_an_outage_without_an_incident_is_an_incident_of_its_time(end: float) -> None:
    found, made = time_down({}, [_outage("1", 12, end), _outage("2", 14, 16)])
    ((root, item),) = made.items()
    assert found[0][0] == root == (ItemKey(ItemKind.INCIDENT, "status", "outage 1"), WorkClass.INCIDENT)
    assert (item.key, item.work_class) == root
    assert (item.repository, item.service, item.group) == ("", "shop", "team a")
    assert (item.arrived, item.known_until) == (12.0, 900.0)
    assert item.ended == pytest.approx(end, nan_ok=True)
    assert item.is_over is not math.isnan(end)


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30) | st.none()), max_size=6)


def _until(moment: float) -> float:
    return math.inf if math.isnan(moment) else moment


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[Root, Tracked], list[Outage]]:
    """Incidents and outages of one service."""
    spans = [(start, NEVER if length is None else start + length) for start, length in draw(SPANS)]
    incidents = dict(
        _incident(f"I{n}", start, end, is_down=draw(st.booleans()), is_duplicate=draw(st.booleans()))
        for n, (start, end) in enumerate(spans)
    )
    names = st.sampled_from(["", "I0", "I1", "gone"])
    spans = [(start, NEVER if length is None else start + length) for start, length in draw(SPANS)]
    return incidents, [_outage(str(n), start, end, draw(names)) for n, (start, end) in enumerate(spans)]


@settings(max_examples=200, deadline=None)
@given(worlds())
def test_each_moment_down_counts_once_and_none_is_lost(
    world: tuple[dict[Root, Tracked], list[Outage]],
) -> None:
    items, outages = world
    found, made = time_down(items, outages)
    counting = [one for one in items.values() if one.is_down and not one.is_duplicate]
    down = [(one.start, _until(one.end)) for one in outages]
    down += [(one.arrived, _until(one.ended)) for one in counting]
    stretches = [(start, _until(end)) for _, start, end in found]
    for moment in (minute + 0.5 for minute in range(120)):
        times = sum(start <= moment < end for start, end in stretches)
        assert times == any(start <= moment < end for start, end in down)
    assert stretches == sorted(stretches)
    assert not items.keys() & made.keys()
    for root, start, end in found:
        assert not (items | made)[root].is_duplicate
        # One is made only where no incident is named and none was under way.
        if root in made:
            assert not any(
                one.arrived <= _until(end) and _until(one.ended) >= start
                for one in items.values()
                if not one.is_duplicate
            )
    again = time_down(items, outages[::-1])[0]
    assert [(start, _until(end)) for _, start, end in again] == stretches
