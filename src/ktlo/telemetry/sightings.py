"""When versions and images of services were seen: minutes, and the instances that ran a version.

Read from ``version_hours``, ``image_hours`` and ``instance_versions``; what follows from them is ``rollouts``,
``images`` and ``deployments``.
"""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.rollouts import Minutes


# One version or image alone is no deployment: services that were seen with no other are left out before they are read.
def _several(noun: str, column: str) -> str:
    return f"""(service, environment) IN (
    SELECT service, environment FROM ktlo.{noun}_states
    WHERE hour >= toStartOfHour({{start:DateTime64(6, 'UTC')}}) AND hour < {{end:DateTime64(6, 'UTC')}}
      AND {column} != '' AND ({{service:String}} = '' OR service = {{service:String}})
    GROUP BY service, environment HAVING uniqExact({column}) > 1)"""  # noqa: S608 - names are ktlo's own


def _hours(noun: str, column: str) -> str:
    return f"""
SELECT toString(service) AS service, toString(environment) AS environment, toString({column}) AS what, hour, minutes
FROM ktlo.{noun}
WHERE hour >= {{start:DateTime64(6, 'UTC')}} AND hour < {{end:DateTime64(6, 'UTC')}} AND {column} != ''
  AND ({{service:String}} = '' OR service = {{service:String}}) AND {_several(noun, column)}
ORDER BY service, environment, what, hour"""  # noqa: S608


_VERSIONS = _hours("version_hours", "version")
_IMAGES = _hours("image_hours", "image")

_INSTANCES = f"""
SELECT toString(service) AS service, toString(environment) AS environment, toString(version) AS version,
  groupArray(toInt64(toUnixTimestamp(first_at))) AS firsts, groupArray(toInt64(toUnixTimestamp(last_at))) AS lasts
FROM ktlo.instance_versions
WHERE last_at >= {{start:DateTime64(6, 'UTC')}} AND first_at < {{end:DateTime64(6, 'UTC')}}
  AND ({{service:String}} = '' OR service = {{service:String}}) AND instance != '' AND version != ''
  AND {_several("version_hours", "version")}
GROUP BY service, environment, version"""  # noqa: S608


@dataclass(slots=True)
class Sightings:
    """What was seen of one service in one environment.

    Attributes:
        service: service.name.
        environment: environment.
        versions: minutes since 1970 in which each version reported; empty when there was only one.
        images: the same by image.
    """

    service: str
    environment: str
    versions: dict[str, Minutes] = field(default_factory=dict)
    images: dict[str, Minutes] = field(default_factory=dict)


def sightings(store: Queryable, of: Interval, service: str) -> Iterator[Sightings]:
    """Service by service, what was seen of those with several versions or images; ``service`` empty for all."""
    told = heapq.merge(
        ((key, False, seen) for key, seen in _minutes(store, _VERSIONS, of, service)),
        ((key, True, seen) for key, seen in _minutes(store, _IMAGES, of, service)),
        key=lambda one: one[0],
    )
    for (name, environment), parts in itertools.groupby(told, key=lambda one: one[0]):
        found = Sightings(name, environment)
        for _, is_image, seen in parts:
            if is_image:
                found.images = seen
            else:
                found.versions = seen
        yield found


def instances(
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


def _minutes(
    store: Queryable, sql: str, of: Interval, service: str
) -> Iterator[tuple[tuple[str, str], dict[str, Minutes]]]:
    """Minutes in which each version or image was seen, by service and environment in their order."""
    asked = {"start": of.start - dt.timedelta(hours=1), "end": of.end, "service": service}
    table = store.query(sql, asked)
    if table.num_rows == 0:
        return
    first = int(of.start.timestamp()) // 60
    after = -(-int(of.end.timestamp()) // 60)
    hours = table.column("hour").to_numpy().astype("datetime64[h]").astype(np.int64)
    bits = table.column("minutes").to_numpy().astype(np.int64)
    names = list(
        zip(*(table.column(name).to_pylist() for name in ("service", "environment", "what")), strict=True)
    )
    starts = [0] + [place for place in range(1, len(names)) if names[place] != names[place - 1]]
    offsets = np.arange(60, dtype=np.int64)
    current: tuple[str, str] | None = None
    seen: dict[str, Minutes] = {}
    for begin, end in zip(starts, [*starts[1:], len(names)], strict=True):
        name, environment, what = names[begin]
        if current != (name, environment):
            if current is not None:
                yield current, seen
            current, seen = (name, environment), {}
        is_set = (bits[begin:end, None] >> offsets) & 1
        minutes = (hours[begin:end, None] * 60 + offsets)[is_set.astype(bool)]
        seen[what] = minutes[(minutes >= first) & (minutes < after)]
    if current is not None:
        yield current, seen
