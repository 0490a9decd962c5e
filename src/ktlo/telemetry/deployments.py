"""Deployments that telemetry shows by ``service.version`` or by the image, beside those that other sources told.

What was seen is ``sightings``; :func:`derive_deployments` keeps the deployments as the noun
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
from ktlo.telemetry.images import (
    IMAGE,
    UNNAMED,
    Arrival,
    are_comparable,
    commit_of,
    image_arrivals,
    is_digest,
    short,
    short_image,
    together,
)
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.rollouts import Minutes, rollouts
from ktlo.telemetry.sightings import Sightings, instances, sightings

LOOK_BACK = dt.timedelta(days=14)
"""How far before a stretch versions are read, to know what was there before."""
SAME_DEPLOYMENT = dt.timedelta(hours=6)
"""A told deployment and one that telemetry saw are one when their versions agree, or are unknown, within this time."""

_SETTLING = 60
"""Minutes after the end of a rollout within which its instances have been seen."""

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
        image: image that telemetry saw arrive with it; empty when it saw none.
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
    image: str = ""

    @property
    def is_in_force(self) -> bool:
        """Whether the version came to stay: neither a canary that was withdrawn nor an attempt that failed."""
        return self.outcome not in ("withdrawn", "failure")

    @property
    def known_from(self) -> str:
        """Who told it, and the image that arrived."""
        return f"{self.found_in}, image {short_image(self.image)}" if self.image else self.found_in

    @property
    def label(self) -> str:
        """A few words for the line in the chart."""
        what = " ".join(short(one) for one in self.version.split(" "))
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
        near = min(
            (each for each in alone if each.is_in_force and _is_same(one, each)),
            key=lambda each: (not _is_named(one, each), abs(each.at - one.started_at)),
            default=None,
        )
        if near is not None:
            alone.remove(near)
        found.append(
            Mark(
                near.at if near else one.started_at,
                one.finished_at,
                near.version if near and near.version and is_digest(one.version) else one.version,
                one.previous,
                one.environment,
                one.outcome,
                one.is_rollback,
                f"{near.found_in}+telemetry" if near else "telemetry",
                near.url if near else "",
                one.image,
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
    if not told.version or _is_named(one, told):
        return True
    if one.named_by != IMAGE or abs(one.started_at - told.at) > UNNAMED:
        return False
    return not any(are_comparable(one.version, part) for part in told.version.split(" "))


def _is_named(one: TelemetryDeployment, told: Mark) -> bool:
    names = (one.version, commit_of(one.version) if one.named_by == IMAGE else "")
    return any(same_version(name, part) for name in names for part in told.version.split(" "))


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
    for seen in sightings(store, of, service):
        for one in together(rollouts(seen.versions), image_arrivals(seen.images)):
            if one.named_by == IMAGE:
                yield _row(seen, one, None)
                continue
            ran = ran if ran is not None else instances(store, of, service)
            yield _row(seen, one, ran.get((seen.service, seen.environment, one.rollout.version)))


def _row(seen: Sightings, arrived: Arrival, ran: tuple[Minutes, Minutes] | None) -> TelemetryDeployment:
    one = arrived.rollout
    count = 0
    if ran is not None:
        until = ((one.started if one.finished is None else one.finished) + _SETTLING) * 60
        count = int(np.count_nonzero((ran[0] < until) & (ran[1] >= one.started * 60)))
    return TelemetryDeployment(
        service=seen.service,
        environment=seen.environment,
        version=one.version,
        previous=one.previous,
        outcome=str(one.outcome),
        is_rollback=one.is_rollback,
        started_at=_instant(one.started),
        finished_at=None if one.finished is None else _instant(one.finished),
        instances=count,
        named_by=arrived.named_by,
        image=arrived.image,
    )


def _instant(minute: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(minute * 60, dt.UTC)
