"""Deployments that telemetry shows by ``service.version``, beside those that other sources told.

Read from ``version_hours`` and ``instance_versions``; :func:`derive_deployments` keeps them as the noun
``telemetry_deployments`` for the metrics. Charts ask :func:`marks`: every deployment of a stretch, a version that both
a pipeline and telemetry saw only once.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from ktlo.records import TABLES
from ktlo.records.arrow import from_arrow, to_arrow
from ktlo.records.telemetry import ITSELF
from ktlo.records.versions import TelemetryDeployment
from ktlo.store.protocol import Queryable, Store
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.rollouts import Minutes, Rollout, rollouts

LOOK_BACK = dt.timedelta(days=14)
"""How far before a stretch versions are read, to know what was there before."""
SAME_DEPLOYMENT = dt.timedelta(hours=6)
"""A told deployment and one that telemetry saw are one when their versions agree, or are unknown, within this time."""

_SETTLING = 60
"""Minutes after the end of a rollout within which its instances have been seen."""

# One version alone is no deployment: services that were seen with no other are left out before they are read.
_SEVERAL = """(service, environment) IN (
    SELECT service, environment FROM ktlo.version_hours_states
    WHERE hour >= toStartOfHour({start:DateTime64(6, 'UTC')}) AND hour < {end:DateTime64(6, 'UTC')} AND version != ''
      AND ({service:String} = '' OR service = {service:String})
    GROUP BY service, environment HAVING uniqExact(version) > 1)"""

_HOURS = f"""
SELECT toString(service) AS service, toString(environment) AS environment, toString(version) AS version, hour, minutes
FROM ktlo.version_hours
WHERE hour >= {{start:DateTime64(6, 'UTC')}} AND hour < {{end:DateTime64(6, 'UTC')}} AND version != ''
  AND ({{service:String}} = '' OR service = {{service:String}}) AND {_SEVERAL}
ORDER BY service, environment, version, hour"""  # noqa: S608 - no value enters the text

_INSTANCES = f"""
SELECT toString(service) AS service, toString(environment) AS environment, toString(version) AS version,
  groupArray(toInt64(toUnixTimestamp(first_at))) AS firsts, groupArray(toInt64(toUnixTimestamp(last_at))) AS lasts
FROM ktlo.instance_versions
WHERE last_at >= {{start:DateTime64(6, 'UTC')}} AND first_at < {{end:DateTime64(6, 'UTC')}}
  AND ({{service:String}} = '' OR service = {{service:String}}) AND instance != '' AND version != '' AND {_SEVERAL}
GROUP BY service, environment, version"""  # noqa: S608

_TOLD = """
SELECT d.source AS source, d.external_id AS external_id, d.service AS service, d.environment AS environment,
  d.version AS version, d.sha AS sha, d.status AS status, d.actor AS actor,
  coalesce(d.finished_at, d.started_at) AS at, d.url AS url, d.repository AS repository
FROM ktlo.deployments AS d
WHERE coalesce(d.finished_at, d.started_at) >= {start:DateTime64(6, 'UTC')}
  AND coalesce(d.finished_at, d.started_at) < {end:DateTime64(6, 'UTC')}
  AND (d.service IN ({services:Array(String)})
    OR (d.service = '' AND d.repository IN ({repositories:Array(String)})))
ORDER BY at"""

_MEMBERS = """
SELECT DISTINCT service, kind, member FROM ktlo.service_members WHERE kind IN ('telemetry', 'service', 'repository')"""


_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Mark:
    """A deployment to draw on a chart of a service.

    Attributes:
        at: when it was in force: its end where another source told it, else its first call.
        until: when the rollout ended; ``None`` when that is not known or still to come.
        version: version, tag or commit; empty when unknown.
        previous: version before, where telemetry saw it.
        environment: environment.
        outcome: ``complete``, ``in_progress``, ``side_by_side``, ``withdrawn``, or the source's status; ``failure``
            never came into force.
        is_rollback: whether the version had been there before.
        found_in: ``telemetry``, the source that told it, or both with ``+``.
        url: where a person reads it; empty when nowhere.
    """

    at: dt.datetime
    until: dt.datetime | None
    version: str
    previous: str
    environment: str
    outcome: str
    is_rollback: bool
    found_in: str
    url: str = ""

    @property
    def is_in_force(self) -> bool:
        """Whether the version came to stay: neither a canary that was withdrawn nor an attempt that failed."""
        return self.outcome not in ("withdrawn", "failure")

    @property
    def label(self) -> str:
        """A few words for the line in the chart."""
        what = " ".join(one[:12] if _COMMIT.fullmatch(one) else one for one in self.version.split(" "))
        if self.outcome == "withdrawn":
            return f"canary {what} withdrawn"
        if self.outcome == "failure":
            return f"{what} did not get through".strip()
        return f"{'rollback to' if self.is_rollback else 'deployed'} {what}".strip()


def seen_deployments(store: Queryable, of: Interval, service: str = "") -> list[TelemetryDeployment]:
    """Deployments that telemetry shows to have begun in a stretch.

    Args:
        store: holds the roll-ups by version.
        of: the stretch.
        service: service.name; empty for every service.
    """
    known = Interval(of.start - LOOK_BACK, of.end)
    found = [one for one in _found(store, known, service) if of.start <= one.started_at < of.end]
    return sorted(found, key=lambda one: (one.started_at, one.service, one.version))


def derive_deployments(store: Store, now: dt.datetime) -> int:
    """Replace ``telemetry_deployments`` by what all of telemetry shows; how many there are."""
    everything = Interval(dt.datetime(2000, 1, 1, tzinfo=dt.UTC), now + dt.timedelta(hours=1))
    # An upgrade of ktlo is no delivery of the people whose work it measures.
    rows = [one for one in _found(store, everything, "") if one.service != ITSELF]
    store.replace(TABLES["telemetry_deployments"], [to_arrow(rows, TelemetryDeployment)])
    return len(rows)


def derived_deployments(store: Queryable) -> list[TelemetryDeployment]:
    """What was derived last."""
    rows: list[TelemetryDeployment] = from_arrow(
        store.query("SELECT * FROM ktlo.telemetry_deployments ORDER BY started_at"), TelemetryDeployment
    )
    return rows


def marks(store: Queryable, of: Interval, service: str, environment: str = "") -> list[Mark]:
    """Every deployment of a service in a stretch, whoever told it, by time.

    Args:
        store: holds records and telemetry.
        of: the stretch.
        service: service.name. Deployments that other sources told are found through the catalogue.
        environment: only this one; empty for all. What tells no environment is always there.
    """
    told = _told(store, of, [service]).get(service, [])
    return _together(seen_deployments(store, of, service), told, environment)


def marks_by_service(
    store: Queryable, of: Interval, services: Collection[str], environment: str = ""
) -> dict[str, list[Mark]]:
    """The same of several services at once; those without a deployment are left out."""
    told = _told(store, of, services)
    seen: dict[str, list[TelemetryDeployment]] = {}
    for one in seen_deployments(store, of):
        seen.setdefault(one.service, []).append(one)
    every = {name: _together(seen.get(name, []), told.get(name, []), environment) for name in services}
    return {name: found for name, found in every.items() if found}


def _together(seen: list[TelemetryDeployment], told: list[Mark], environment: str) -> list[Mark]:
    """What telemetry saw and what others told of one service, each deployment once, by time."""
    found, alone = [], list(told)
    for one in seen:
        near = next((each for each in alone if each.is_in_force and _is_same(one, each)), None)
        if near is not None:
            alone.remove(near)
        found.append(
            Mark(
                near.at if near else one.started_at,
                one.finished_at,
                one.version,
                one.previous,
                one.environment,
                one.outcome,
                one.is_rollback,
                f"{near.found_in}+telemetry" if near else "telemetry",
                near.url if near else "",
            )
        )
    wanted = [one for one in [*found, *alone] if not environment or one.environment in ("", environment)]
    return sorted(wanted, key=lambda one: (one.at, one.version))


def _named(version: str, sha: str) -> str:
    """Version and commit in one text, the commit once where the version is its beginning."""
    is_beginning = re.fullmatch(r"[0-9a-f]{7,40}", version) is not None and sha.startswith(version)
    return sha if is_beginning or not version else f"{version} {sha}".strip() if sha != version else version


def same_version(seen: str, told: str) -> bool:
    """Whether two names of a version mean the same: ``v1.2`` and ``1.2``, a commit and its beginning."""
    one, two = (text.strip().casefold().removeprefix("v") for text in (seen, told))
    if not one or not two:
        return False
    shorter, longer = sorted((one, two), key=len)
    return one == two or (
        len(shorter) >= 7 and _HEXADECIMAL.fullmatch(shorter) is not None and longer.startswith(shorter)
    )


_HEXADECIMAL = re.compile(r"[0-9a-f]+")


def _is_same(one: TelemetryDeployment, told: Mark) -> bool:
    if abs(one.started_at - told.at) > SAME_DEPLOYMENT:
        return False
    if told.environment and one.environment and told.environment.casefold() != one.environment.casefold():
        return False
    return not told.version or any(same_version(one.version, part) for part in told.version.split(" "))


def _told(store: Queryable, of: Interval, services: Collection[str]) -> dict[str, list[Mark]]:
    """By service.name what other sources told of it, by its own name or by what the catalogue says belongs to it."""
    members = [(row["service"], row["kind"], row["member"]) for row in store.query(_MEMBERS).to_pylist()]
    reporting: dict[str, set[str]] = {name: {name} for name in services}
    owners: dict[str, set[str]] = {}
    for owner, kind, member in members:
        if kind == "telemetry" and member in reporting:
            owners.setdefault(member, set()).add(owner)
    by_owner: dict[str, list[str]] = {}
    for name in services:
        for owner in owners.get(name, {name}):
            by_owner.setdefault(owner, []).append(name)
    of_repository: dict[str, set[str]] = {}
    for owner, kind, member in members:
        if member and kind != "telemetry" and owner in by_owner:
            reached = reporting if kind == "service" else of_repository
            reached.setdefault(member, set()).update(by_owner[owner])
    asked = {
        "start": of.start,
        "end": of.end,
        "services": list(reporting),
        "repositories": list(of_repository),
    }
    found: dict[str, list[Mark]] = {}
    for row in store.query(_TOLD, asked).to_pylist():
        mark = Mark(
            row["at"],
            None,
            _named(row["version"], row["sha"]),
            "",
            row["environment"],
            "complete" if row["status"] == "success" else row["status"],
            False,
            row["source"],
            row["url"],
        )
        for name in reporting[row["service"]] if row["service"] else of_repository[row["repository"]]:
            found.setdefault(name, []).append(mark)
    return found


def _found(store: Queryable, of: Interval, service: str) -> Iterator[TelemetryDeployment]:
    ran: dict[tuple[str, str, str], tuple[Minutes, Minutes]] | None = None
    for (name, environment), seen in _seen(store, of, service):
        if len(seen) < 2:
            continue
        for one in rollouts(seen):
            ran = ran if ran is not None else _instances(store, of, service)
            yield _row(name, environment, one, ran.get((name, environment, one.version)))


def _instances(
    store: Queryable, of: Interval, service: str
) -> dict[tuple[str, str, str], tuple[Minutes, Minutes]]:
    """By service, environment and version: when its instances were first and last seen, seconds since 1970."""
    asked = {"start": of.start, "end": of.end, "service": service}
    return {
        (row["service"], row["environment"], row["version"]): (
            np.asarray(row["firsts"], dtype=np.int64),
            np.asarray(row["lasts"], dtype=np.int64),
        )
        for row in store.query(_INSTANCES, asked).to_pylist()
    }


def _row(
    service: str, environment: str, one: Rollout, ran: tuple[Minutes, Minutes] | None
) -> TelemetryDeployment:
    started = _instant(one.started)
    finished = None if one.finished is None else _instant(one.finished)
    instances = 0
    if ran is not None:
        until = ((one.started if one.finished is None else one.finished) + _SETTLING) * 60
        instances = int(np.count_nonzero((ran[0] < until) & (ran[1] >= one.started * 60)))
    return TelemetryDeployment(
        service=service,
        environment=environment,
        version=one.version,
        previous=one.previous,
        outcome=str(one.outcome),
        is_rollback=one.is_rollback,
        started_at=started,
        finished_at=finished,
        instances=instances,
    )


def _instant(minute: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(minute * 60, dt.UTC)


def _seen(
    store: Queryable, of: Interval, service: str
) -> Iterator[tuple[tuple[str, str], dict[str, Minutes]]]:
    """Minutes since 1970 in which each version was seen, service by service."""
    asked = {"start": of.start - dt.timedelta(hours=1), "end": of.end, "service": service}
    table = store.query(_HOURS, asked)
    if table.num_rows == 0:
        return
    first = int(of.start.timestamp()) // 60
    after = -(-int(of.end.timestamp()) // 60)
    hours = table.column("hour").to_numpy().astype("datetime64[h]").astype(np.int64)
    bits = table.column("minutes").to_numpy().astype(np.int64)
    names = list(
        zip(*(table.column(name).to_pylist() for name in ("service", "environment", "version")), strict=True)
    )
    starts = [0] + [place for place in range(1, len(names)) if names[place] != names[place - 1]]
    offsets = np.arange(60, dtype=np.int64)
    current: tuple[str, str] | None = None
    seen: dict[str, Minutes] = {}
    for begin, end in zip(starts, [*starts[1:], len(names)], strict=True):
        name, environment, version = names[begin]
        if current != (name, environment):
            if current is not None:
                yield current, seen
            current, seen = (name, environment), {}
        is_set = (bits[begin:end, None] >> offsets) & 1
        minutes = (hours[begin:end, None] * 60 + offsets)[is_set.astype(bool)]
        seen[version] = minutes[(minutes >= first) & (minutes < after)]
    if current is not None:
        yield current, seen
