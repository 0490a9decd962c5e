"""Walks PagerDuty's past in windows of time, each read whole before the cursor moves behind it.

Log entries are never changed, so a window that lies in the past says the same whenever it is read. Lists are paged by
offset, of which PagerDuty allows 10,000: a window that holds more is halved.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from ktlo.records.collection import Rejection
from ktlo.sources.pagerduty.payloads import EntriesPage, IncidentItem, IncidentsPage, LogEntry, UsersPage
from ktlo.sources.rejecting import rejection
from ktlo.sources.rest.connection import Connection, OversizedError, decode
from ktlo.sources.rest.gathering import stamp
from ktlo.sources.rest.parts import as_many_as_fit

T = TypeVar("T", bound=msgspec.Struct)

PER_PAGE = 100
FARTHEST = 9_900
"""Last offset that is asked for; PagerDuty refuses sums of offset and limit beyond 10,000."""
LONGEST = dt.timedelta(days=7)
"""Longest window; what it holds is in memory at once."""
SHORTEST = dt.timedelta(minutes=1)


def most() -> int:
    """How many objects of a list can be had."""
    return FARTHEST + PER_PAGE


class CrowdedError(Exception):
    """The window holds more than can be paged through."""


@dataclass(slots=True)
class Window:
    """What a window holds.

    Attributes:
        since: its beginning, included.
        until: its end.
        incidents: those created in it, by identifier.
        log: entries written in it, by incident.
        rejected: objects of an unexpected form.
    """

    since: dt.datetime
    until: dt.datetime
    incidents: dict[str, IncidentItem] = field(default_factory=dict)
    log: dict[str, list[LogEntry]] = field(default_factory=lambda: defaultdict(list))
    rejected: list[Rejection] = field(default_factory=list)


async def windows(
    api: Connection, source: str, since: dt.datetime, now: dt.datetime
) -> AsyncIterator[Window]:
    """Read from a moment to now.

    Args:
        api: the connection.
        source: identifier for what is turned away.
        since: where to begin.
        now: where to end, by PagerDuty's clock.
    """
    length = LONGEST
    while since < now:
        until = min(since + length, now)
        try:
            yield await _read(api, source, since, until)
        except CrowdedError:
            if until - since <= SHORTEST:
                raise
            length = max((until - since) / 2, SHORTEST)
            continue
        since, length = until, min(length * 2, LONGEST)


async def _read(api: Connection, source: str, since: dt.datetime, until: dt.datetime) -> Window:
    window = Window(since, until)
    bounds = {"since": stamp(since), "until": stamp(until), "time_zone": "UTC"}
    left_out = _left_out(source, api, window.rejected)
    async for raw in _pages(
        api, "/incidents", {**bounds, "sort_by": "created_at:asc"}, IncidentsPage, "incidents", left_out
    ):
        item = _object(raw, IncidentItem, "/incidents", source, api.rest.now(), window.rejected)
        if item is not None:
            window.incidents[item.id] = item
    async for raw in _pages(
        api, "/log_entries", {**bounds, "is_overview": "false"}, EntriesPage, "log_entries", left_out
    ):
        entry = _object(raw, LogEntry, "/log_entries", source, api.rest.now(), window.rejected)
        if entry is not None and entry.incident is not None:
            window.log[entry.incident.id].append(entry)
    return window


async def whole_log(
    api: Connection, source: str, incident_id: str, rejected: list[Rejection]
) -> list[LogEntry]:
    """Every entry of one incident's log."""
    path = f"/incidents/{incident_id}/log_entries"
    found = []
    bounds, left_out = {"is_overview": "false", "time_zone": "UTC"}, _left_out(source, api, rejected)
    async for raw in _pages(api, path, bounds, EntriesPage, "log_entries", left_out):
        entry = _object(raw, LogEntry, path, source, api.rest.now(), rejected)
        if entry is not None:
            found.append(entry)
    return found


async def mails(api: Connection) -> tuple[dict[str, str], bool]:
    """Mails of users by identifier, and whether these are all."""
    found: dict[str, str] = {}
    for offset in range(0, FARTHEST + 1, PER_PAGE):
        answer = await api.get("/users", {"limit": PER_PAGE, "offset": offset})
        page = decode(answer.body, UsersPage, "/users")
        found |= {user.id: user.email for user in page.users if user.email}
        if not page.more:
            return found, True
    return found, False


async def _pages(
    api: Connection,
    path: str,
    params: dict[str, str],
    kind: type[IncidentsPage] | type[EntriesPage],
    name: str,
    left_out: Callable[[str, str], None],
) -> AsyncIterator[msgspec.Raw]:
    offset = 0

    async def ask(size: int) -> tuple[list[msgspec.Raw], bool]:
        answer = await api.get(path, {**params, "offset": offset, "limit": size})
        page = decode(answer.body, kind, path)
        return getattr(page, name), page.more

    async def alone(error: OversizedError) -> tuple[list[msgspec.Raw], bool]:
        times = f" from {params['since']} to {params['until']}" if "since" in params else ""
        left_out(path, f"{error.what}: entry {offset + 1}{times} alone. It is left out")
        return [], True

    while True:
        (raws, is_more), size = await as_many_as_fit(ask, PER_PAGE, alone)
        for raw in raws:
            yield raw
        if not is_more:
            return
        offset += size
        if offset > FARTHEST:
            raise CrowdedError


def _left_out(source: str, api: Connection, rejected: list[Rejection]) -> Callable[[str, str], None]:
    """Notes entries that were turned away, by their place and the reason."""

    def note(place: str, reason: str) -> None:
        rejected.append(rejection(source, place, reason, api.rest.now()))

    return note


def _object(
    raw: msgspec.Raw, kind: type[T], place: str, source: str, at: dt.datetime, rejected: list[Rejection]
) -> T | None:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        reason = f"an object has an unexpected form: {error}"
        rejected.append(rejection(source, place, reason, at, bytes(raw)))
        return None
