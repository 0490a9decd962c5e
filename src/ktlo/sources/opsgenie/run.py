"""A run over an account's alerts, each with its log, and those that were deleted; and over its schedules.

Opsgenie's list is silent about deleted alerts, and an open one would age for ever: once a day the open alerts that are
known are held against Opsgenie's own, and whatever is missing is asked for by itself. The same reading brings in open
alerts that have not changed since the horizon.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from ktlo.sources.opsgenie import mapping
from ktlo.sources.opsgenie.mapping import Of
from ktlo.sources.opsgenie.names import team_names
from ktlo.sources.opsgenie.payloads import AlertItem, AlertPage, LogEntry, LogPage, OneAlert, Paging
from ktlo.sources.opsgenie.schedules import ScheduledRun
from ktlo.sources.protocol import Batch, Held
from ktlo.sources.rest.connection import (
    AbsentError,
    Answer,
    Connection,
    DeniedError,
    UnexpectedFormError,
    decode,
)
from ktlo.sources.rest.gathering import PER_PAGE
from ktlo.sources.rest.lists import Listed, Position
from ktlo.sources.rest.on_call import State
from ktlo.sources.rest.rows import Row
from ktlo.sources.rest.walks import OldestState, Page, oldest_first

EVERY = dt.timedelta(days=1)
_BEGINNING = dt.datetime(2010, 1, 1, tzinfo=dt.UTC)
"""Before Opsgenie's first alert."""


class AlertRun(ScheduledRun):
    """A run that asks for the log of every alert that changed.

    Args:
        api: the connection.
        at: where to continue; moved along.
        of: whose rows they are.
        on_call: what was read of schedules; moved along.
    """

    counted = "alerts"
    place = "/v2/alerts"

    def __init__(self, api: Connection, at: Position, of: Of, on_call: State) -> None:
        super().__init__(api, of.source, at, on_call)
        self._of = of
        self._has_logs = True
        self._has_teams = False

    async def whole(self) -> AsyncIterator[Batch]:
        """Read everything that is new."""
        async for batch in self.read(alerts(self._of)):
            yield batch
        async for batch in self.follow_vanished():
            yield batch
        async for batch in self.follow_schedules():
            yield batch

    async def completed(self, listed: Listed, items: Sequence[Any]) -> list[tuple[str, Row]]:
        """Rows of alerts with their logs; those that are gone meanwhile are missing."""
        rows, missing = list[tuple[str, Row]](), list[str]()
        for item in items:
            try:
                rows += await self._whole(item)
            except AbsentError:
                self.at.open_names.discard(item.id)
                missing.append(item.id)
        self.hold(Held(("incidents",), [item.id for item in items], missing))
        return rows

    async def follow_vanished(self) -> AsyncIterator[Batch]:
        """Remove alerts that were deleted, and take in open ones that have not changed since the horizon."""
        known, now = self.at.open_names, self.api.rest.now()
        if self.at.compared_at is not None and now - self.at.compared_at < EVERY:
            return
        listed, there = _open_alerts(self._of), set[str]()

        async def fetch(since: dt.datetime, page: int, etag: str) -> Page[Any]:
            return await self.page(listed, page, {listed.since: listed.stamped(since)}, etag)

        async for entries, _ in oldest_first(OldestState(_BEGINNING), fetch):
            fresh = [entry.item for entry in entries if entry.item.id not in known | there]
            there.update(entry.item.id for entry in entries)
            yield self.batch(await self.completed(listed, fresh))

        async for batch in self.follow_missing(there):
            yield batch
        known |= there
        self.at.compared_at = now
        yield self.batch()

    async def again(self, name: str) -> list[tuple[str, Row]]:
        """See :meth:`ScheduledRun.again`."""
        path = f"{self.place}/{name}"
        item = decode((await self.api.get(path, {"identifierType": "id"})).body, OneAlert, path).data
        (self.at.open_names.discard if item.status == "closed" else self.at.open_names.add)(name)
        return await self._whole(item)

    async def _whole(self, item: AlertItem) -> list[tuple[str, Row]]:
        path = f"/v2/alerts/{item.id}/logs"
        log: list[LogEntry] = []
        try:
            item = await self._with_entity(item)
            if self._has_logs:
                log = await alert_log(self.api, item.id)
        except DeniedError as error:
            self._has_logs = False
            self.warn(
                path, f"{error.what}. So there is not who was paged, nor the end of alerts without a report"
            )
        except UnexpectedFormError as error:
            self.warn(path, error.what)
        await self._know_teams(item)
        rows = list(mapping.alert(item, self._of, log))
        record = rows[0][1].record
        if record.state == "resolved" and record.resolved_at is None:
            self.warn(f"/v2/alerts/{item.id}", "neither its report nor its log tells when it was closed")
        return rows

    async def _know_teams(self, item: AlertItem) -> None:
        """Read the names of teams, once a run, where an alert tells only the identifier of one."""
        if not self._has_teams and any(mapping.is_team(one) and not one.name for one in item.responders):
            self._has_teams = True
            self._of = replace(self._of, teams=await team_names(self.api, self.warn))

    async def _with_entity(self, item: AlertItem) -> AlertItem:
        """The alert with its entity, which Opsgenie's list does not tell, where no tag names the service."""
        if item.entity is not None or mapping.tagged_service(item, self._of) is not None:
            return item
        path = f"/v2/alerts/{item.id}"
        try:
            found = decode((await self.api.get(path, {"identifierType": "id"})).body, OneAlert, path).data
        except (DeniedError, UnexpectedFormError) as error:
            self.warn(path, f"{error.what}. So there is not which service it is of")
            return item
        return msgspec.structs.replace(item, entity=found.entity)


async def alert_log(api: Connection, name: str) -> list[LogEntry]:
    """The whole log of an alert. Raises like :meth:`Connection.get`."""
    path, found = f"/v2/alerts/{name}/logs", list[LogEntry]()
    params: dict[str, str | int] = {"identifierType": "id", "order": "asc", "limit": PER_PAGE}
    while True:
        page = decode((await api.get(path, params)).body, LogPage, path)
        found += page.data
        offset = next_offset(page.paging)
        if not page.data or not offset or offset == params.get("offset"):
            return found
        params |= {"offset": offset, "direction": "next"}


def next_offset(paging: Paging | None) -> str:
    """From where the next page goes on, by the address that an answer gives; empty after the last."""
    said = parse_qs(urlsplit((paging and paging.next) or "").query)
    return said.get("offset", [""])[-1]


def alerts(of: Of) -> Listed:
    """All alerts, oldest change first."""
    return _alerts(of, "alerts", "updatedAt", "updatedAt >= {}")


def _open_alerts(of: Of) -> Listed:
    return _alerts(of, "open", "createdAt", "status: open AND createdAt >= {}")


def _alerts(of: Of, name: str, sort: str, query: str) -> Listed:
    return Listed(
        name=name,
        label="alerts",
        path="/v2/alerts",
        item=AlertItem,
        at=lambda item: item.updated_at if sort == "updatedAt" else item.created_at,
        number=lambda item: int(item.tiny_id or 0),
        cost="no incidents",
        needs="an API key with the right Read",
        rows=lambda item: mapping.alert(item, of),
        params={"sort": sort, "order": "asc"},
        since="query",
        stamped=lambda moment: query.format(int(moment.timestamp() * 1000)),
        paged=lambda page, size: {"limit": size, "offset": (page - 1) * size},
        entries=lambda body, where: decode(body, AlertPage, where).data,
        more=_has_next,
        is_open=lambda item: item.status != "closed",
        name_of=lambda item: str(item.id),
    )


def _has_next(answer: Answer, size: int) -> bool:
    del size
    paging = decode(answer.body, AlertPage, "/v2/alerts").paging
    return bool(paging and paging.next)
