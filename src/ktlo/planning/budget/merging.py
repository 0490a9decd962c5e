"""One class of work out of the same class at several services: a team has one pool of hours for all of them.

Sums of arrivals are exact; dispersion, work and the effect of preventive work are matched by their moments, so that
the weekly load keeps its mean and variance. Takes a demand of any number of services, gives one of at most five
classes, which is what the simulation walks.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ktlo.planning.demand import ClassDemand, Demand, Evidence, Floats, WorkClass

PRIORITY = (
    WorkClass.INCIDENT,
    WorkClass.VULNERABILITY,
    WorkClass.BUG,
    WorkClass.REQUEST,
    WorkClass.DEPENDENCY,
)
"""What is worked on first when hours are short."""

_TINY = 1e-12


def merged(demand: Demand) -> Demand:
    """The same demand with its services put together, classes in order of priority."""
    by_class = {
        kind: [each for each in demand.classes if each.work_class is kind and each.rate.size]
        for kind in PRIORITY
    }
    return replace(demand, classes=tuple(_together(parts) for parts in by_class.values() if parts))


def _together(parts: list[ClassDemand]) -> ClassDemand:
    if len(parts) == 1:
        return parts[0]
    means = np.stack([each.rate.mean(axis=1) for each in parts])  # (services, draws)
    total = np.maximum(means.sum(axis=0), _TINY)
    weight = np.where(means.sum(axis=0) > 0, means / total, 1 / len(parts))

    def averaged(name: str) -> Floats:
        mean: Floats = (weight * np.stack([getattr(each, name) for each in parts])).sum(axis=0)
        return mean

    extra = sum(mean**2 / each.dispersion for mean, each in zip(means, parts, strict=True))
    work = averaged("work_hours")
    second = sum(
        share * each.work_hours**2 * (1 + each.work_cv**2) for share, each in zip(weight, parts, strict=True)
    )
    down = averaged("downtime_probability")
    down_hours = sum(
        share * each.downtime_probability * each.downtime_hours
        for share, each in zip(weight, parts, strict=True)
    )
    floor = averaged("floor")
    steepness = sum(
        share * (1 - each.floor) / each.prevention_scale for share, each in zip(weight, parts, strict=True)
    )
    with np.errstate(divide="ignore"):
        return replace(
            parts[0],
            service="",
            rate=np.sum([each.rate for each in parts], axis=0),
            dispersion=np.where(extra > 0, total**2 / np.maximum(extra, _TINY), np.inf),
            work_hours=work,
            work_cv=np.sqrt(np.maximum(second / np.maximum(work, _TINY) ** 2 - 1, 0)),
            downtime_probability=down,
            downtime_hours=np.where(down > 0, down_hours / np.maximum(down, _TINY), 0.0),
            floor=floor,
            prevention_scale=np.where(steepness > 0, (1 - floor) / np.maximum(steepness, _TINY), np.inf),
            open_items=sum(each.open_items for each in parts),
            evidence=_evidence(parts),
        )


def _evidence(parts: list[ClassDemand]) -> Evidence:
    """Counts are added up from the newest week backwards; the oldest weeks are those that all services have."""
    length = min(each.evidence.counts.size for each in parts)
    counts = np.sum([each.evidence.counts[each.evidence.counts.size - length :] for each in parts], axis=0)
    newest = max((each.evidence for each in parts), key=lambda evidence: evidence.first_week)
    return Evidence(
        weeks=max(each.evidence.weeks for each in parts),
        items=sum(each.evidence.items for each in parts),
        still_open=sum(each.evidence.still_open for each in parts),
        counts=counts,
        first_week=newest.first_week,
        notes=tuple(dict.fromkeys(note for each in parts for note in each.evidence.notes)),
    )
