"""What the identifiers in Opsgenie's incidents stand for: services, teams and people, read anew at each run.

``GET /v1/services`` as Opsgenie's SDK for Go asks for it; ``GET /v2/teams`` and ``GET /v2/users`` of its published REST
description. What may not be read costs itself only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import msgspec

from ktlo.sources.opsgenie.incident_payloads import RawPage, ServiceItem, TeamItem, UserItem
from ktlo.sources.rest.connection import (
    AbsentError,
    Answer,
    Connection,
    DeniedError,
    OversizedError,
    UnexpectedFormError,
    UnprocessableError,
    decode,
)
from ktlo.sources.rest.gathering import PER_PAGE
from ktlo.sources.rest.parts import as_many_as_fit

T = TypeVar("T")
Warn = Callable[[str, str], None]
"""Notes something missing: where, and why."""

FARTHEST = 20_000
"""Opsgenie gives nothing beyond this sum of offset and limit."""
SERVICES = "/v1/services"
TEAMS = "/v2/teams"
USERS = "/v2/users"
COSTS = {
    SERVICES: "names of services: incidents keep their identifiers",
    TEAMS: "names of teams",
    USERS: "mails of people: they keep the names that timelines have, and responders who did nothing are not known",
}
"""What the numbers lose without each list."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names by identifier.

    Attributes:
        services: of services.
        owners: identifier of the team by that of its service.
        teams: of teams.
        mails: of users, by identifier.
        people: mail by full name, of names that one user alone has.
    """

    services: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)
    mails: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)


async def names(api: Connection, warn: Warn) -> Names:
    """Read all of them.

    Args:
        api: the connection.
        warn: notes lists that cannot be read, and entries of an unexpected form.

    Raises:
        KtloError: what stops everything: a refused token, the limit, a broken service.
    """
    services = await _all(api, SERVICES, ServiceItem, warn)
    teams = await _all(api, TEAMS, TeamItem, warn)
    users = await _all(api, USERS, UserItem, warn)
    times = Counter(user.full_name for user in users)
    return Names(
        services={one.id: one.name for one in services},
        owners={one.id: one.team_id for one in services if one.team_id},
        teams={one.id: one.name for one in teams},
        mails={one.id: one.username for one in users},
        people={one.full_name: one.username for one in users if one.full_name and times[one.full_name] == 1},
    )


async def team_names(api: Connection, warn: Warn) -> dict[str, str]:
    """Names of teams by identifier; none where they may not be read, which is noted. Raises like :func:`names`."""
    return {one.id: one.name for one in await _all(api, TEAMS, TeamItem, warn)}


async def _all(api: Connection, path: str, kind: type[T], warn: Warn) -> list[T]:
    found: list[T] = []
    offset = 0
    try:
        while True:
            answer, size = await as_many_as_fit(partial(_page, api, path, offset), PER_PAGE, _too_large)
            page = decode(answer.body, RawPage, path)
            for raw in page.data:
                try:
                    found.append(msgspec.json.decode(raw, type=kind))
                except msgspec.ValidationError as error:
                    warn(path, f"an entry has an unexpected form: {error}")
            offset += size
            if not page.data or page.paging is None or not page.paging.next:
                return found
            if offset >= FARTHEST:
                warn(path, f"there are more than {FARTHEST:,}. So there are not all {COSTS[path]}")
                return found
    except (DeniedError, AbsentError, UnprocessableError, UnexpectedFormError, OversizedError) as error:
        warn(path, f"{error.what}. So there are not all {COSTS[path]}")
        return found


async def _too_large(error: OversizedError) -> Answer:
    """An entry that is more by itself than is read has no place behind it to go on from."""
    raise error


async def _page(api: Connection, path: str, offset: int, size: int) -> Answer:
    return await api.get(path, {"limit": size, "offset": offset})
