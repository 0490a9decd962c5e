"""Roots, hours and trackers worked out one object a record, with which the columns of a load must agree.

What that does record by record itself (``planning/load/unfiled``) is not repeated here and has tests of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ktlo.effort.items import ItemKey
from ktlo.planning.demand import WorkClass
from ktlo.planning.load.assembling import (
    FILED_AT_LEAST,
    TRACKED_AT_LEAST,
    _extent,
    _is_filed,
    _oddities,
    _place,
    _places,
)
from ktlo.planning.load.classes import PLACE
from ktlo.planning.load.filed import Part, Tracked
from ktlo.planning.load.history import Days, History, Spent, Stretches, WorkItems
from ktlo.planning.load.unfiled import Outage, Root, time_down, unfiled
from ktlo.planning.load.weeks import DAY

_Place = tuple[str, str, WorkClass]


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything that a history is made of.

    Attributes:
        tracked: issues and incidents of every category.
        outages: unplanned ones.
        parts: effort of the classes.
        roots: root of each commit and change.
        began: when each commit and change was made, seconds since 1970.
        ended: when each change was closed; NaN while it is open.
        known_downtime: any outage, or a severity that means down, is known.
    """

    tracked: Sequence[Tracked]
    outages: Sequence[Outage]
    parts: Sequence[Part]
    roots: Mapping[ItemKey, ItemKey]
    began: Mapping[ItemKey, float]
    ended: Mapping[ItemKey, float]
    known_downtime: bool

    def history(self, days: Days, groups: Sequence[str], people: Mapping[int, int]) -> History:
        """Put it together.

        Args:
            days: all effort.
            groups: names of its groups.
            people: persons by week.
        """
        names = list(groups)
        named = {one.group for one in self.tracked} | {one.group for one in self.outages}
        names += sorted(named - set(names))
        place = {name: index for index, name in enumerate(names)}
        filed = {one.key: one.work_class for one in self.tracked if one.work_class is not None}
        items: dict[Root, Tracked] = {
            (one.key, one.work_class): one for one in self.tracked if one.work_class is not None
        }
        since = self._filed_since(filed)
        spent: list[tuple[int, Root | None, WorkClass, int, float]] = []
        for part in self.parts:
            root = self._root(part, filed)
            if root[0] not in filed and _is_filed(part, since):
                spent.append((part.day, None, part.work_class, place[part.group], part.hours))
                continue
            if root[0] not in filed:
                items[root] = unfiled(items.get(root), root, part, self.began, self.ended)
            spent.append((part.day, root, root[1], place[items[root].group], part.hours))
        stretches, made = time_down(items, self.outages)
        items |= made
        order = {root: index for index, root in enumerate(items)}
        found = _columns(list(items.values()), place)
        first_week, end_week = _extent(days, found)
        history = History(
            groups=tuple(names),
            items=found,
            spent=Spent(
                np.array([row[0] for row in spent], dtype=np.int64),
                np.array([-1 if row[1] is None else order[row[1]] for row in spent], dtype=np.int64),
                np.array([PLACE[row[2]] for row in spent], dtype=np.int64),
                np.array([row[3] for row in spent], dtype=np.int64),
                np.array([row[4] for row in spent], dtype=np.float64),
            ),
            days=days,
            stretches=Stretches(
                np.array([order[row[0]] for row in stretches], dtype=np.int64),
                np.array([row[1] for row in stretches], dtype=np.float64),
                np.array([row[2] for row in stretches], dtype=np.float64),
            ),
            people=np.array([people.get(week, 0) for week in range(first_week, end_week)], dtype=np.int64),
            first_week=first_week,
            end_week=end_week,
            knows_downtime=self.known_downtime,
        )
        return replace(history, notes=tuple(_oddities(history)))

    def _root(self, part: Part, filed: Mapping[ItemKey, WorkClass]) -> Root:
        key = self.roots.get(part.key, part.key)
        return key, filed.get(key, part.work_class)

    def _filed_since(self, filed: Mapping[ItemKey, WorkClass]) -> dict[_Place, float]:
        """Since when each place files items of a class in a tracker; only places that do so usually."""
        first: dict[_Place, float] = {}
        count: dict[_Place, int] = {}
        for one in self.tracked:
            if one.work_class is not None:
                place = _place(one.repository, one.service, one.work_class)
                first[place] = min(first.get(place, math.inf), one.arrived)
                count[place] = count.get(place, 0) + 1
        loose: dict[_Place, set[ItemKey]] = {place: set() for place in first}
        for part in self.parts:
            root, _ = self._root(part, filed)
            if root not in filed:
                for place in _places(part):
                    if place in first and part.day * DAY >= first[place]:
                        loose[place].add(root)
        return {
            place: since
            for place, since in first.items()
            if count[place] >= TRACKED_AT_LEAST * len(loose[place]) and count[place] >= FILED_AT_LEAST
        }


def _columns(items: Sequence[Tracked], place: Mapping[str, int]) -> WorkItems:
    def column(values: list[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array(values, dtype=np.float64)

    waits = [one.key.item_kind.value in ("issue", "incident") for one in items]
    return WorkItems(
        work_class=np.array([PLACE[one.work_class] for one in items if one.work_class], dtype=np.int64),
        group=np.array([place[one.group] for one in items], dtype=np.int64),
        arrived=column([one.arrived for one in items]),
        ended=column([one.ended for one in items]),
        known_until=column([one.known_until for one in items]),
        is_over=np.array([one.is_over for one in items], dtype=np.bool_),
        waits=np.array(waits, dtype=np.bool_),
        is_duplicate=np.array([one.is_duplicate for one in items], dtype=np.bool_),
    )
