"""What a deployment changed about functions: errors, 95th percentile, appeared and gone, named only when it is there.

The same tests as for operations (``changes``), on the buckets of exponential histograms. A percentile that moved
by less than a bucket is not named: the histogram cannot tell it from none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ktlo.store.protocol import Queryable
from ktlo.telemetry.changes import LEVELS, Change, Measure, Sample, changes
from ktlo.telemetry.deployments import Mark
from ktlo.telemetry.function_sketch import Sketch, sketch_of
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.observed import watch
from ktlo.telemetry.since_deploy import LONGEST, LOOK_BACK, SHORTEST, last_deployment

_SAMPLES = """
SELECT function, origin, sum(in_minute) AS calls, sum(failed) AS errors,
  sum(toFloat64(in_minute) * in_minute) AS squares, sumMap(took) AS wall
FROM (
  SELECT toString(m.function) AS function, toString(m.origin) AS origin, m.minute AS minute,
    sum(m.calls) AS in_minute, sum(m.errors) AS failed, sumMap(m.wall) AS took
  FROM ktlo.function_minutes_states AS m
  WHERE m.service = {service:String} AND m.minute >= {start:DateTime64(6, 'UTC')}
    AND m.minute < {end:DateTime64(6, 'UTC')}
    AND ({environment:String} = '' OR m.environment = {environment:String})
  GROUP BY function, origin, minute
) GROUP BY function, origin ORDER BY calls DESC LIMIT 5000"""

_VERSIONS = """
SELECT toString(m.version) AS version, min(m.minute) AS at FROM ktlo.function_minutes_states AS m
WHERE m.service = {service:String} AND m.version != '' AND m.minute >= {start:DateTime64(6, 'UTC')}
  AND m.minute < {end:DateTime64(6, 'UTC')}
  AND ({environment:String} = '' OR m.environment = {environment:String})
GROUP BY version ORDER BY at, version"""


@dataclass(frozen=True, slots=True, order=True)
class FunctionKey:
    """A function of a service, and who told of it."""

    name: str
    origin: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Since:
    """What changed since a deployment.

    Attributes:
        deployment: the last one.
        before: stretch before it.
        after: stretch since.
        changed: differences, what got worse first; ``None`` while it is too fresh to tell.
    """

    deployment: Mark
    before: Interval
    after: Interval
    changed: tuple[Change[FunctionKey], ...] | None

    def of(self, name: str) -> tuple[Change[FunctionKey], ...]:
        """Differences of one function."""
        return tuple(one for one in self.changed or () if one.of.name == name)


def since_deployment(store: Queryable, of: Interval, service: str, environment: str = "") -> Since | None:
    """Hold what came after the last deployment before the stretch's end against what was before it.

    Returns ``None`` when there was no deployment in the week before the stretch's end.
    """
    mark = last_deployment(store, of.end, service, environment) or _first_call(
        store, of, service, environment
    )
    if mark is None:
        return None
    length = min(of.end - mark.at, LONGEST)
    after, before = Interval(mark.at, mark.at + length), Interval(mark.at - length, mark.at)
    if length < SHORTEST:
        return Since(mark, before, after, None)
    before = watch(store, after, [service], environment).part(before, service)
    was, now = _samples(store, before, service, environment), _samples(store, after, service, environment)
    if not was:
        return Since(mark, before, after, ())
    for key in was.keys() & now.keys():
        scale = min(was[key].wall.scale, now[key].wall.scale)
        was[key], now[key] = was[key].at(scale), now[key].at(scale)
    found = changes(
        {key: one.sample(before) for key, one in was.items()},
        {key: one.sample(after) for key, one in now.items()},
        minutes=(before.seconds / 60, after.seconds / 60),
    )
    told = (one for one in found if one.measure is not Measure.P95 or _beyond_a_bucket(one, now[one.of].wall))
    return Since(mark, before, after, tuple(told))


def _first_call(store: Queryable, of: Interval, service: str, environment: str) -> Mark | None:
    """The first call of the newest version, where no spans tell of deployments; ``None`` with a single version."""
    asked = {"start": of.end - LOOK_BACK, "end": of.end, "service": service, "environment": environment}
    rows = store.query(_VERSIONS, asked).to_pylist()
    if len(rows) < 2:
        return None
    last, before = rows[-1], rows[-2]
    return Mark(last["at"], None, last["version"], before["version"], environment, "", False, "functions")


def _beyond_a_bucket(one: Change[FunctionKey], wall: Sketch) -> bool:
    if one.before is None or one.after is None or not one.before.value or not one.after.value:
        return True
    ratio = one.after.value / one.before.value
    return max(ratio, 1 / ratio) > 2 ** (2.0**-wall.scale)


@dataclass(frozen=True, slots=True)
class _Did:
    calls: int
    errors: int
    squares: float
    wall: Sketch

    def at(self, scale: int) -> _Did:
        return _Did(self.calls, self.errors, self.squares, self.wall.coarser(scale))

    def sample(self, of: Interval) -> Sample:
        return Sample(self.calls, self.errors, self.squares, of.seconds / 60, self.wall.spread(LEVELS))


def _samples(store: Queryable, of: Interval, service: str, environment: str) -> dict[FunctionKey, _Did]:
    asked: dict[str, Any] = {
        "start": of.start, "end": of.end, "service": service, "environment": environment,
    }  # fmt: skip
    return {
        FunctionKey(row["function"], row["origin"]): _Did(
            row["calls"], min(row["errors"], row["calls"]), row["squares"], sketch_of(row["wall"])
        )
        for row in store.query(_SAMPLES, asked).to_pylist()
    }
