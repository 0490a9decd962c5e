"""Why an item has its category, who worked on it, and which part of which day that was.

The data behind the inspection page and ``ktlo classify``: the verdict, and every part of a day with its
hours, what was done, and what else the day went to. Recomputed from the records, so that it can be disputed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from ktlo.effort.activity import activities_on
from ktlo.effort.attribution import activity_names, split_days
from ktlo.effort.items import ItemKey
from ktlo.effort.people import derived_people, read_time_off
from ktlo.errors import NotFoundError
from ktlo.records.arrow import from_arrow
from ktlo.records.effort import ItemKind, Verdict
from ktlo.settings import EffortSettings
from ktlo.store import Store

_VERDICT = """
SELECT * FROM ktlo.verdicts WHERE item_kind = {kind:String} AND source = {source:String} AND item_id = {id:String}
"""
_PARTS = """
SELECT DISTINCT day FROM ktlo.effort
WHERE item_kind = {kind:String} AND source = {source:String} AND item_id = {id:String} ORDER BY day LIMIT 366
"""
_TITLES = """
SELECT item_kind, source, item_id, title FROM ktlo.verdicts WHERE item_id IN {ids:Array(String)}
"""


@dataclass(frozen=True, slots=True)
class Share:
    """One item's part of a day."""

    key: ItemKey
    title: str
    hours: float
    person_days: float
    activities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExplainedDay:
    """A person's day in which the item has a part.

    Attributes:
        day: the day.
        person: whose.
        hours: hours of all that the person did that day, by what was done.
        hours_per_day: hours that make one person-day.
        is_day_off: True when the person was away by ``time_off``.
        part: the item's part.
        others: what else the day went to, largest first.
    """

    day: dt.date
    person: str
    hours: float
    hours_per_day: float
    is_day_off: bool
    part: Share
    others: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known about an item's category and effort."""

    verdict: Verdict
    days: tuple[ExplainedDay, ...]

    @property
    def person_days(self) -> float:
        """The item's effort, person-days."""
        return sum(day.part.person_days for day in self.days)


def read_verdict(store: Store, item: ItemKey) -> Verdict:
    """The verdict on an item.

    Raises:
        NotFoundError: there is no such item.
    """
    key = {"kind": item.item_kind.value, "source": item.source, "id": item.item_id}
    found: list[Verdict] = from_arrow(store.query(_VERDICT, key), Verdict)
    if not found:
        raise NotFoundError(
            f"there is no {item.item_kind.value} {item.item_id} of source {item.source or '(none)'}",
            fix="See `ktlo classify --help` for how to name one; after a collection it may take a moment",
        )
    return found[0]


def explain(store: Store, settings: EffortSettings, item: ItemKey) -> Explanation:
    """Explain an item's category and effort.

    Args:
        store: records and what was derived from them.
        settings: hours by activity, as they were when deriving.
        item: the item.

    Raises:
        NotFoundError: there is no such item.
    """
    verdict = read_verdict(store, item)
    key = {"kind": item.item_kind.value, "source": item.source, "id": item.item_id}
    days = [row["day"] for row in store.query(_PARTS, key).to_pylist()]
    people = derived_people(store)
    work = people.join(activities_on(store, days)) if days else None
    if work is None or work.num_rows == 0:
        return Explanation(verdict, ())
    split = split_days(work, settings)
    parts = work.take(split.first).to_pylist()
    keys = [ItemKey(ItemKind(row["item_kind"]), row["source"], row["item_id"]) for row in parts]
    titles = _titles(store, keys)
    away = {(one.person, one.day) for one in people.absences(read_time_off(store))}
    explained = []
    for at in [at for at, key_at in enumerate(keys) if key_at == item]:
        person, day = parts[at]["person"], parts[at]["day"]
        same = [n for n, row in enumerate(parts) if row["person"] == person and row["day"] == day]
        shares = {
            n: Share(
                keys[n],
                titles.get(keys[n], ""),
                float(split.hours[n]),
                float(split.person_days[n]),
                activity_names(int(split.done[n])),
            )
            for n in same
        }
        others = [shares[n] for n in same if n != at]
        explained.append(
            ExplainedDay(
                day=day,
                person=person,
                hours=float(np.round(split.day_hours[at], 9)),
                hours_per_day=settings.hours_per_day,
                is_day_off=(person, day) in away,
                part=shares[at],
                others=tuple(sorted(others, key=lambda share: (-share.person_days, share.key))),
            )
        )
    return Explanation(verdict, tuple(explained))


def _titles(store: Store, keys: list[ItemKey]) -> dict[ItemKey, str]:
    rows = store.query(_TITLES, {"ids": sorted({key.item_id for key in keys})}).to_pylist()
    return {ItemKey(ItemKind(row["item_kind"]), row["source"], row["item_id"]): row["title"] for row in rows}
