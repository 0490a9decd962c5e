"""Puts records together as pieces of work: each with its class, its life, its hours, and its time down.

Takes what :mod:`ktlo.planning.load.reading` fetched; nothing here knows the store. Rules: a fix belongs to the
issue that it closes; where a place has a tracker, hours that close no issue belong to the class but are no
further item; where it has none, each change (or commit, or group of commits that name one number) is an item;
duplicates are no items; an outage without an incident is an incident.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ktlo.effort.items import ItemKey
from ktlo.planning.demand import WorkClass
from ktlo.planning.load.classes import NOUNS, ORDER, PLACE
from ktlo.planning.load.filed import Filed, Ints, Part, Parts, Tracked, key_of, key_text
from ktlo.planning.load.history import Days, History, Spent, Stretches, WorkItems
from ktlo.planning.load.unfiled import Outage, Root, time_down, unfiled
from ktlo.planning.load.weeks import DAY, monday, weeks_of_days
from ktlo.records.effort import ItemKind
from ktlo.wording import counted

TRACKED_AT_LEAST = 0.25
"""A place has a tracker for a class when it filed at least so many items for each fix that closes none."""

FILED_AT_LEAST = 5
"""And at least so many in all: two reports in a year are no tracker."""

SILENT, FREQUENT = 8, 20
"""Weeks without any arrival that are remarked on, where so many had to be expected in them."""


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

    tracked: Filed
    outages: Sequence[Outage]
    parts: Parts
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
        named = {*self.tracked.group.names} | {one.group for one in self.outages}
        names += sorted(named - set(names))
        place = {name: index for index, name in enumerate(names)}
        filed = self.tracked.taken(np.flatnonzero(self.tracked.work_class >= 0))
        roots, at = self._belonging(filed)
        since = self._filed_since(filed, roots, at)
        items: dict[Root, Tracked] = {}
        owner: dict[int, Root] = {}
        for row in np.flatnonzero(at < 0).tolist():
            part = self.parts.one(row)
            if not _is_filed(part, since):
                root = (key_of(roots[row].as_py()), part.work_class)
                items[root] = unfiled(items.get(root), root, part, self.began, self.ended)
                owner[row] = root
        incidents = np.flatnonzero(filed.work_class == PLACE[WorkClass.INCIDENT]).tolist()
        order = {(key_of(filed.keys[row].as_py()), WorkClass.INCIDENT): row for row in incidents}
        known = {root: filed.one(row) for root, row in order.items()} | items
        stretches, untold = time_down(known, self.outages)
        loose = {root: one for root, one in (known | untold).items() if root not in order}
        order |= {root: len(filed) + index for index, root in enumerate(loose)}
        found = _columns(filed, list(loose.values()), place)
        first_week, end_week = _extent(days, found)
        history = History(
            groups=tuple(names),
            items=found,
            spent=self._spent(filed, at, {row: order[root] for row, root in owner.items()}, found, place),
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

    def _belonging(self, filed: Filed) -> tuple[Any, Ints]:
        """The key of each part's root, and the place of that among what is filed; -1 where it is not there."""
        roots = self.parts.keys
        if self.roots:
            linked = {key_text(key): key_text(root) for key, root in self.roots.items() if key != root}
            roots = pa.array([linked.get(key, key) for key in roots.to_pylist()], pa.string())
        found = pc.index_in(roots, value_set=filed.keys).fill_null(-1)
        return roots, found.to_numpy(zero_copy_only=False).astype(np.int64)

    def _spent(
        self,
        filed: Filed,
        at: Ints,
        loose: Mapping[int, int],
        items: WorkItems,
        place: dict[str, int],
    ) -> Spent:
        """Hours by item; those of a root that is filed count as the class and group of that."""
        item = at.copy()
        item[list(loose)] = list(loose.values())
        group = self.parts.group.among(place)
        own = item >= 0
        group[own] = items.group[item[own]]
        work_class = self.parts.work_class.copy()
        work_class[at >= 0] = filed.work_class[at[at >= 0]]
        return Spent(self.parts.day, item, work_class, group, self.parts.hours)

    def _filed_since(self, filed: Filed, roots: Any, at: Ints) -> dict[_Place, float]:
        """Since when each place files items of a class in a tracker; only places that do so usually."""
        repositories, services = filed.repository.names, filed.service.names
        has_repository = np.array([bool(name) for name in repositories], dtype=np.bool_)[
            filed.repository.place
        ]
        where = np.where(has_repository, filed.repository.place, len(repositories) + filed.service.place)
        different, inverse = np.unique(where * len(ORDER) + filed.work_class, return_inverse=True)
        earliest = np.full(different.size, math.inf)
        np.minimum.at(earliest, inverse, filed.arrived)
        first: dict[_Place, float] = {}
        count: dict[_Place, int] = {}
        for code, since, filings in zip(
            different.tolist(), earliest.tolist(), np.bincount(inverse).tolist(), strict=True
        ):
            at_place, work_class = divmod(code, len(ORDER))
            named = repositories[at_place] if at_place < len(repositories) else ""
            place = _place(named, "" if named else services[at_place - len(repositories)], ORDER[work_class])
            first[place], count[place] = since, filings
        loose: dict[_Place, set[str]] = {place: set() for place in first}
        for row in np.flatnonzero(at < 0).tolist():
            part = self.parts.one(row)
            for place in _places(part):
                if place in first and part.day * DAY >= first[place]:
                    loose[place].add(roots[row].as_py())
        return {
            place: since
            for place, since in first.items()
            if count[place] >= TRACKED_AT_LEAST * len(loose[place]) and count[place] >= FILED_AT_LEAST
        }


def _is_filed(part: Part, since: Mapping[_Place, float]) -> bool:
    """True where hours that close no issue were spent in a place that files such work."""
    return any(part.day * DAY >= since.get(place, math.inf) for place in _places(part))


def _place(repository: str, service: str, work_class: WorkClass) -> _Place:
    return (repository, "", work_class) if repository else ("", service, work_class)


def _places(part: Part) -> tuple[_Place, ...]:
    """Where work like this would be filed: under its repository, its service, or neither."""
    named = ((part.repository, "", part.work_class), ("", part.service, part.work_class))
    return (*named, ("", "", part.work_class))


def _columns(filed: Filed, loose: Sequence[Tracked], place: dict[str, int]) -> WorkItems:
    """What is filed, then what nobody filed."""

    def after(column: Any, more: list[Any]) -> Any:
        return np.concatenate((column, np.array(more, dtype=column.dtype)))

    waits = [one.key.item_kind in (ItemKind.ISSUE, ItemKind.INCIDENT) for one in loose]
    return WorkItems(
        work_class=after(filed.work_class, [PLACE[one.work_class] for one in loose if one.work_class]),
        group=after(filed.group.among(place), [place[one.group] for one in loose]),
        arrived=after(filed.arrived, [one.arrived for one in loose]),
        ended=after(filed.ended, [one.ended for one in loose]),
        known_until=after(filed.known_until, [one.known_until for one in loose]),
        is_over=after(filed.is_over, [one.is_over for one in loose]),
        waits=after(np.ones(len(filed), dtype=np.bool_), waits),
        is_duplicate=after(filed.is_duplicate, [one.is_duplicate for one in loose]),
    )


def _extent(days: Days, items: WorkItems) -> tuple[int, int]:
    """First complete week, and the week after the last complete one, by the records themselves."""
    moments = [items.arrived, items.ended[~np.isnan(items.ended)], days.day * DAY]
    everything = np.concatenate(moments)
    if not everything.size:
        return 0, 0
    first, last = int(everything.min() // DAY), int(everything.max() // DAY)
    start = int(weeks_of_days(first - 1)) + 1
    # A week is complete when something was recorded on its Sunday, or later.
    return start, max(start, int(weeks_of_days(last + 1)))


def _oddities(history: History) -> list[str]:
    """What a reader must know about the records before believing a fit."""
    notes: list[tuple[int, str]] = []
    for index, work_class in enumerate(ORDER):
        counts = history.counts(None, index)
        if counts.sum() < FREQUENT:
            continue
        last = int(np.flatnonzero(counts)[-1])
        silent = counts.size - 1 - last
        before = counts[: last + 1]
        usual = float(before[before.cumsum() > 0].mean())
        if silent >= SILENT and usual * silent > FREQUENT:
            said = (
                f"No {NOUNS[work_class]} arrived in the last {counted(silent, 'weeks')}, although {usual:.1f} a"
                " week did until"
                f" {monday(history.first_week + last):%-d %b %Y}: they have stopped, or their records end there."
            )
            notes.append((-int(counts.sum()), said))
    return [said for _, said in sorted(notes)]
