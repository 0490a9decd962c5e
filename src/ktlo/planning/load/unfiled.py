"""Work and time down that nobody filed: what a commit or change tells of itself, and the incident of an outage.

Pure; used by :mod:`ktlo.planning.load.assembling`. Downtime of a service counts once (``metrics/intervals``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ktlo.effort.items import ItemKey
from ktlo.metrics.intervals import union
from ktlo.planning.demand import WorkClass
from ktlo.planning.load.filed import Part, Tracked
from ktlo.planning.load.weeks import DAY

Root = tuple[ItemKey, WorkClass]
"""A piece of work: the record that it belongs to, and its class."""

Stretch = tuple[Root, float, float]
"""Time down: the incident that it belongs to, its start and its end in seconds since 1970, NaN while it lasts."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch in which a service was down; ``end`` is NaN while it lasts."""

    key: ItemKey
    incident_id: str
    service: str
    group: str
    start: float
    end: float
    known_until: float


def unfiled(
    known: Tracked | None,
    root: Root,
    part: Part,
    began: Mapping[ItemKey, float],
    ended: Mapping[ItemKey, float],
) -> Tracked:
    """An item that nobody filed: it begins with its first commit, and is over unless it is an open change.

    Args:
        known: the item as earlier parts of it tell; ``None`` at the first.
        root: the record that it is, and its class.
        part: hours of a day that went to it.
        began: when each commit and change was made, seconds since 1970; a part whose record is not there begins with
            its day.
        ended: when each change was closed, NaN while it is open; what is not there ended as it began.
    """
    first = min(began.get(root[0], math.inf), began.get(part.key, part.day * DAY))
    if known is not None:
        return replace(known, arrived=min(known.arrived, first))
    end = ended.get(root[0], first)
    return Tracked(
        key=root[0],
        repository=part.repository,
        service=part.service,
        group=part.group,
        work_class=root[1],
        arrived=first,
        ended=end,
        known_until=math.inf,
        is_over=not math.isnan(end),
    )


def time_down(
    items: Mapping[Root, Tracked], outages: Sequence[Outage]
) -> tuple[list[Stretch], dict[Root, Tracked]]:
    """Time down, overlaps of a service merged, each stretch with the incident that it belongs to.

    That is the incident which one of its outages names or which was itself time down; else the first that was under way
    at the service meanwhile; else one that is made for it.

    Args:
        items: all work; duplicates of incidents have no time down and are given none.
        outages: unplanned ones.

    Returns:
        The stretches, by service and then by start; and the incidents that were made, one a stretch without any.
    """
    incidents = [
        (root, one) for root, one in items.items() if root[1] is WorkClass.INCIDENT and not one.is_duplicate
    ]
    by_name = {one.key.item_id: root for root, one in incidents}
    spans: list[tuple[str, float, float, Root | None, Outage | None]] = [
        (o.service, o.start, o.end, by_name.get(o.incident_id) if o.incident_id else None, o) for o in outages
    ]
    spans += [(i.service, i.arrived, i.ended, root, None) for root, i in incidents if i.is_down]
    found: list[Stretch] = []
    made: dict[Root, Tracked] = {}
    for service in sorted({span[0] for span in spans}):
        own = sorted((span for span in spans if span[0] == service), key=lambda span: span[1])
        latest = max(_end(span[2]) for span in own)
        merged = union(
            [span[1] for span in own],
            [max(span[1], _end(span[2])) for span in own],
            -math.inf,
            math.inf,
            latest,
        )
        near = sorted(
            ((one.arrived, _end(one.ended), root) for root, one in incidents if one.service == service),
            key=lambda each: each[0],
        )
        for start, end in zip(merged.starts.tolist(), merged.ends.tolist(), strict=True):
            lasting = math.nan if end == math.inf else end
            inside = [span for span in own if start <= span[1] <= end]
            named = next((span[3] for span in inside if span[3] is not None), None)
            if named is None:
                named = next((root for at, over, root in near if at <= end and over >= start), None)
            if named is None:
                outage = inside[0][4]
                assert outage is not None  # noqa: S101 - an incident's own span names it
                named = (outage.key, WorkClass.INCIDENT)
                made[named] = Tracked(
                    outage.key, "", service, outage.group, WorkClass.INCIDENT, start, lasting, outage.known_until,
                    end != math.inf,
                )  # fmt: skip
            found.append((named, start, lasting))
    return found, made


def _end(moment: float) -> float:
    return math.inf if math.isnan(moment) else moment
