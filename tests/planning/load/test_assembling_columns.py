"""A load put together from columns is the one that was put together record by record."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from assembling_by_row import Assembly as ByRow
from hypothesis import given, settings
from hypothesis import strategies as st
from load_columns import filed, parts

from ktlo.effort.items import ItemKey
from ktlo.planning.demand import WorkClass
from ktlo.planning.load.assembling import Assembly
from ktlo.planning.load.filed import Part, Tracked
from ktlo.planning.load.history import Days
from ktlo.planning.load.unfiled import Outage
from ktlo.planning.load.weeks import DAY
from ktlo.records.effort import ItemKind

FIRST_DAY, DAYS = 20_000, 90
# Few places and classes, so that some of them have enough reports to count as a tracker.
PLACES = st.sampled_from(["", "acme/shop"])
SERVICES = st.sampled_from(["", "shop"])
CLASSES = st.sampled_from([WorkClass.BUG, WorkClass.INCIDENT])
NAMES = st.sampled_from([f"{n}" for n in range(12)])
MOMENTS = st.integers(FIRST_DAY * 24, (FIRST_DAY + DAYS) * 24).map(lambda hour: hour * 3600.0)
NEVER = st.just(math.nan)


def keys(*kinds: ItemKind) -> st.SearchStrategy[ItemKey]:
    return st.builds(ItemKey, st.sampled_from(kinds), st.just("s"), NAMES)


TRACKED = st.lists(
    st.builds(
        Tracked, keys(ItemKind.ISSUE, ItemKind.INCIDENT), PLACES, SERVICES, SERVICES, st.none() | CLASSES,
        MOMENTS, MOMENTS | NEVER, MOMENTS, st.booleans(), st.booleans(), st.booleans(),
    ),
    min_size=10, max_size=24, unique_by=lambda one: one.key,
)  # fmt: skip
PARTS = st.lists(
    st.builds(
        Part, keys(*ItemKind), st.integers(FIRST_DAY, FIRST_DAY + DAYS), CLASSES, PLACES, SERVICES, SERVICES,
        st.floats(0.1, 8),
    ),
    min_size=4, max_size=24,
)  # fmt: skip
OUTAGES = st.lists(
    st.builds(
        Outage, keys(ItemKind.INCIDENT).map(lambda key: dataclasses.replace(key, item_id=f"outage {key.item_id}")),
        NAMES | st.just(""), SERVICES, SERVICES, MOMENTS, NEVER, MOMENTS,
    ),
    max_size=6, unique_by=lambda one: one.key,
)  # fmt: skip
ROOTS = st.dictionaries(
    keys(ItemKind.COMMIT, ItemKind.CHANGE),
    keys(ItemKind.ISSUE, ItemKind.INCIDENT, ItemKind.CHANGE),
    max_size=12,
)
BEGAN = st.dictionaries(keys(ItemKind.COMMIT, ItemKind.CHANGE), MOMENTS, max_size=12)
ENDED = st.dictionaries(keys(ItemKind.CHANGE), MOMENTS | NEVER, max_size=12)


def arrays(of: Any) -> dict[str, Any]:
    return {field.name: getattr(of, field.name) for field in dataclasses.fields(of)}


@settings(max_examples=300, deadline=None)
@given(TRACKED, PARTS, OUTAGES, ROOTS, BEGAN, ENDED)
def test_columns_and_records_give_the_same_history(
    tracked: list[Tracked],
    spent: list[Part],
    outages: list[Outage],
    roots: dict[ItemKey, ItemKey],
    began: dict[ItemKey, float],
    ended: dict[ItemKey, float],
) -> None:
    every = np.arange(FIRST_DAY, FIRST_DAY + DAYS)
    days = Days(every, np.zeros_like(every), np.full(every.size, 8.0), np.zeros(DAYS), np.zeros(DAYS))
    groups = sorted({one.group for one in spent} | {""})
    people = {int(week): 3 for week in range(int(FIRST_DAY // 7), int((FIRST_DAY + DAYS) // 7))}
    known = bool(outages)
    old = ByRow(tracked, outages, spent, roots, began, ended, known).history(days, groups, people)
    new = Assembly(filed(tracked), outages, parts(spent), roots, began, ended, known).history(
        days, groups, people
    )
    assert (new.groups, new.first_week, new.end_week, new.notes) == (
        old.groups,
        old.first_week,
        old.end_week,
        old.notes,
    )
    assert len(new.items) == len(old.items)
    for one, other in ((old.items, new.items), (old.spent, new.spent), (old.stretches, new.stretches)):
        for name, column in arrays(one).items():
            np.testing.assert_array_equal(column, arrays(other)[name], err_msg=name)
            assert column.dtype == arrays(other)[name].dtype, name
    assert (new.items.arrived.min() if len(new.items) else math.inf) >= DAY * FIRST_DAY
