"""What changed at a service since its last deployment: per operation, only what is more than chance.

The stretch after the deployment is held against one of the same length just before it, at most a day each. While a
rollout runs the two versions overlap; after begins where the deployment was in force.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ktlo.store.protocol import Queryable
from ktlo.telemetry.changes import LEVELS, Change, Sample, changes
from ktlo.telemetry.deployments import Mark, marks, marks_by_service
from ktlo.telemetry.errors import Asked, groups
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.observed import watch

LOOK_BACK = dt.timedelta(days=7)
LONGEST = dt.timedelta(days=1)
SHORTEST = dt.timedelta(minutes=5)
"""Time after a deployment before anything is said about it."""

_SAMPLES = f"""
SELECT name, kind, sum(in_minute) AS calls, sum(failed) AS errors, sum(toFloat64(in_minute) * in_minute) AS squares,
  quantilesTDigestMerge({", ".join(map(str, LEVELS))})(took) AS quantiles
FROM (
  SELECT toString(m.name) AS name, toString(m.kind) AS kind, m.minute AS minute, sum(m.calls) AS in_minute,
    sum(m.errors) AS failed, quantilesTDigestMergeState(0.5, 0.95, 0.99)(m.durations) AS took
  FROM ktlo.operation_minutes_states AS m
  WHERE m.service = {{service:String}} AND m.minute >= {{start:DateTime64(6, 'UTC')}}
    AND m.minute < {{end:DateTime64(6, 'UTC')}}
    AND ({{environment:String}} = '' OR m.environment = {{environment:String}})
  GROUP BY name, kind, minute
) GROUP BY name, kind ORDER BY calls DESC LIMIT 500"""  # noqa: S608 - numbers of ours


@dataclass(frozen=True, slots=True, order=True)
class OperationKey:
    """An operation of a service: its name and the kind of its spans."""

    name: str
    kind: str

    def __str__(self) -> str:
        return f"{self.name or '(no name)'} ({self.kind})"


@dataclass(frozen=True, slots=True)
class Since:
    """What changed since a deployment.

    Attributes:
        deployment: the last one.
        before: stretch before it, without the time before the service's first record.
        after: stretch since.
        changed: differences, what got worse first; ``None`` while it is too fresh to tell.
        new_errors: groups of errors first seen since.
    """

    deployment: Mark
    before: Interval
    after: Interval
    changed: tuple[Change[OperationKey], ...] | None
    new_errors: int

    @property
    def worse(self) -> int:
        """How many got slower or more faulty."""
        return sum(one.is_worse for one in self.changed or ())


def last_deployments(
    store: Queryable, now: dt.datetime, services: Collection[str], environment: str = ""
) -> dict[str, Mark]:
    """By service the last deployment of the last :data:`LOOK_BACK` that came into force, whoever told it."""
    known = marks_by_service(store, Interval(now - LOOK_BACK, now), services, environment)
    last = {name: _last(found) for name, found in known.items()}
    return {name: mark for name, mark in last.items() if mark is not None}


def last_deployment(store: Queryable, now: dt.datetime, service: str, environment: str = "") -> Mark | None:
    """The same of one service; ``None`` when there was none of late."""
    return _last(marks(store, Interval(now - LOOK_BACK, now), service, environment))


def _last(known: list[Mark]) -> Mark | None:
    return next((one for one in reversed(known) if one.is_in_force), None)


def since(store: Queryable, deployment: Mark, now: dt.datetime, service: str, environment: str = "") -> Since:
    """Hold what came after a deployment against what was before it."""
    begin = deployment.at
    length = min(now - begin, LONGEST)
    after, before = Interval(begin, begin + length), Interval(begin - length, begin)
    if length < SHORTEST:
        return Since(deployment, before, after, None, 0)
    before = watch(store, after, [service], environment).part(before, service)
    found = changes(
        _samples(store, before, service, environment),
        _samples(store, after, service, environment),
        minutes=(before.seconds / 60, after.seconds / 60),
    )
    # What callers asked for comes before what it took.
    found.sort(key=lambda one: (not one.is_worse, one.of.kind not in ("server", "consumer")))
    listed = groups(store, after, Asked(service=service, environment=environment))
    fresh = sum(one.group.first_seen >= begin for one in listed)
    return Since(deployment, before, after, tuple(found), fresh)


def _samples(store: Queryable, of: Interval, service: str, environment: str) -> dict[OperationKey, Sample]:
    asked: dict[str, Any] = {
        "start": of.start, "end": of.end, "service": service, "environment": environment,
    }  # fmt: skip
    return {
        OperationKey(row["name"], row["kind"]): Sample(
            row["calls"], row["errors"], row["squares"], of.seconds / 60, tuple(row["quantiles"])
        )
        for row in store.query(_SAMPLES, asked).to_pylist()
    }
