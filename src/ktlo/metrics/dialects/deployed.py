"""Which deployments are in production, which an incident names as its cause, and which came before it."""

from __future__ import annotations

from bisect import bisect_left

from ktlo.metrics.dialects.facts import Deployed, Facts, Harm


def named(incident: Harm, deployments: tuple[Deployed, ...]) -> list[Deployed]:
    """Deployments that an incident names as its cause: by commit (seven digits or more), identifier or version."""
    cause = incident.caused_by
    if not cause:
        return []
    return [
        one
        for one in deployments
        if cause in (one.external_id.lower(), one.version.lower())
        or (one.sha and len(cause) >= 7 and one.sha.startswith(cause))
    ]


def last_before(deployments: list[Deployed], moment: float) -> Deployed | None:
    """The newest deployment that had finished before a moment; ``deployments`` are in order of their end."""
    place = bisect_left([one.finished_at or 0.0 for one in deployments], moment)
    return deployments[place - 1] if place else None


def in_production(facts: Facts) -> list[Deployed]:
    """What sources told as deployed to production with success, in order of their end."""
    return sorted(
        (one for one in facts.deployments if one.succeeded and one.is_production),
        key=lambda one: (one.finished_at or 0.0, one.source, one.external_id),
    )
