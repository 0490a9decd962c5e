"""A run over an account's own incidents, each with its timeline and with the calls for its responders.

Three lists, because Opsgenie can be asked for incidents by when they were declared and by their status, but not by
when they changed: those declared since the horizon; those that changed since the last run, newest change first; and
those that are open, of which one that vanished from the list is asked for by itself. An acknowledgement need not change
an incident: open ones are read again at each run within a day of their declaration, later once a day.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from ktlo.sources.opsgenie import incident_mapping as mapping
from ktlo.sources.opsgenie.incident_mapping import Of
from ktlo.sources.opsgenie.incident_payloads import (
    AlertIds,
    IncidentItem,
    OneIncident,
    OneTimelinePage,
    RawPage,
    TimelineEntry,
)
from ktlo.sources.opsgenie.names import Names, names
from ktlo.sources.opsgenie.payloads import LogEntry
from ktlo.sources.opsgenie.run import EVERY, alert_log, next_offset
from ktlo.sources.opsgenie.schedules import ScheduledRun
from ktlo.sources.protocol import Batch
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
from ktlo.sources.rest.gathering import Gathered
from ktlo.sources.rest.lists import Listed, Position
from ktlo.sources.rest.on_call import State
from ktlo.sources.rest.rows import Row
from ktlo.sources.rest.walks import SETTLE, NewestState, OldestState, Page, oldest_first

LIST = "/v1/incidents"
OF_TIMELINE = 20
"""Most entries of a timeline that one answer has."""
OF_ALERTS = 25
"""Most identifiers of alerts that one answer has."""
BEGINNING = dt.datetime(2010, 1, 1, tzinfo=dt.UTC)
"""Before Opsgenie's first incident."""
_DECLARED, _CHANGED = "incidents", "changed"
_REFUSED = (DeniedError, UnprocessableError, UnexpectedFormError, OversizedError)


class IncidentRun(ScheduledRun):
    """A run that asks for the timeline of every incident that is new, changed or open.

    Args:
        api: the connection.
        source: identifier of the source.
        at: where to continue; moved along.
        on_call: what was read of schedules; moved along.
    """

    counted = "incidents"
    place = LIST

    def __init__(self, api: Connection, source: str, at: Position, on_call: State) -> None:
        super().__init__(api, source, at, on_call)
        self._of = Of(source, Names())
        self._has_names = False
        self._began = self._floor = at.since
        self._refused: set[str] = set()
        self._read: set[tuple[str, dt.datetime]] = set()

    async def whole(self) -> AsyncIterator[Batch]:
        """Read everything that is new."""
        await self._know_names()
        self._began = self.api.rest.now() - SETTLE
        # What changed before the first run is in the list of those that were declared.
        self._floor = (
            self.at.newest.setdefault(_CHANGED, NewestState(floor=self._began)).floor or self.at.since
        )
        for listed in (declared(), changed()):
            async for batch in self.read(listed):
                yield batch
        listed = still_open()
        async for batch in self.guarded(listed, LIST, self._follow_open(listed)):
            yield batch
        async for batch in self.follow_schedules():
            yield batch

    async def _walk(self, listed: Listed) -> AsyncIterator[Batch]:
        async for batch in super()._walk(listed):
            yield batch
        # Read to its end: whatever was there when the run began need not be read again as long as it does not change.
        if listed.name == _DECLARED:
            since = self.at.oldest.get(_DECLARED, OldestState(self.at.since)).since
            self.at.oldest[_DECLARED] = OldestState(max(since, self._began))
        else:
            self.at.newest[_CHANGED] = NewestState(floor=max(self._floor, self._began))

    async def page(
        self,
        listed: Gathered,
        number: int,
        more: Mapping[str, str | int],
        etag: str = "",
        *,
        size: int | None = None,
    ) -> Page[Any]:
        """See :meth:`ktlo.sources.rest.gathering.Gathering.page`; one in another order is refused."""
        found = await super().page(listed, number, more, etag, size=size)
        times = [entry.at for entry in found.entries]
        if listed.path == LIST and not listed.since and times != sorted(times, reverse=True):
            raise UnprocessableError("Opsgenie did not sort incidents by their last change", where=LIST)
        return found

    async def completed(self, listed: Listed, items: Sequence[Any]) -> list[tuple[str, Row]]:
        """Rows of incidents with what their timelines tell; none twice in a run as long as it did not change."""
        rows: list[tuple[str, Row]] = []
        for item in items:
            if (item.id, item.updated_at) in self._read:
                continue
            if item.status == "open" or item.updated_at >= self._floor:  # only those can come again
                self._read.add((item.id, item.updated_at))
            rows += await self._rows(item)
        return rows

    async def _follow_open(self, listed: Listed) -> AsyncIterator[Batch]:
        known, now, there = self.at.open_names, self.api.rest.now(), set[str]()
        is_day_over = self.at.compared_at is None or now - self.at.compared_at >= EVERY

        async def fetch(since: dt.datetime, page: int, etag: str) -> Page[Any]:
            return await self.page(listed, page, {listed.since: listed.stamped(since)}, etag)

        async for entries, _ in oldest_first(OldestState(BEGINNING), fetch):
            found = [entry.item for entry in entries]
            there.update(item.id for item in found)
            wanted = [
                item for item in found if is_day_over or item.id not in known or now - item.created_at < EVERY
            ]
            yield self.batch(await self.completed(listed, wanted))

        async for batch in self.follow_missing(there):
            yield batch
        if is_day_over:
            self.at.compared_at = now
        yield self.batch()

    async def again(self, name: str) -> list[tuple[str, Row]]:
        """See :meth:`ScheduledRun.again`."""
        path = f"{LIST}/{name}"
        await self._know_names()
        body = (await self.api.get(path, {"identifierType": "id"})).body
        return await self._rows(decode(body, OneIncident, path).data)

    async def _know_names(self) -> None:
        """Read the names of teams, services and people, once a run."""
        if not self._has_names:
            self._has_names = True
            self._of = Of(self._source, await names(self.api, self.warn))

    async def _rows(self, item: IncidentItem) -> list[tuple[str, Row]]:
        (self.at.open_names.add if item.status == "open" else self.at.open_names.discard)(item.id)
        timeline = await self._timeline(item.id)
        calls = await self._calls(item.id)
        rows = list(mapping.incident(item, timeline, calls, self._of))
        record = rows[0][1].record
        if record.state == "resolved" and record.resolved_at is None:
            self.warn(f"{LIST}/{item.id}", "neither its timeline nor its impact tells when it was resolved")
        return rows

    async def _timeline(self, name: str) -> list[TimelineEntry]:
        path, what = f"/v2/incident-timelines/{name}/entries", "timelines"
        found: list[TimelineEntry] = []
        params: dict[str, str | int] = {"order": "asc", "limit": OF_TIMELINE}
        try:
            while what not in self._refused:
                page = decode((await self.api.get(path, params)).body, OneTimelinePage, path).data
                for raw in page.entries:
                    try:
                        found.append(msgspec.json.decode(raw, type=TimelineEntry))
                    except msgspec.ValidationError as error:
                        self.warn(path, f"an entry of the timeline has an unexpected form: {error}")
                offset = page.next_offset or ""
                if not page.entries or not offset or offset == params.get("offset"):
                    break
                params["offset"] = offset
        except (*_REFUSED, AbsentError) as error:
            lost = "So the end is that of its impact, and not known who acknowledged it, nor whether it was reopened"
            self._note(what, path, error, lost)
        return found

    async def _calls(self, name: str) -> list[LogEntry]:
        """Logs of the alerts by which an incident called its responders."""
        found: list[LogEntry] = []
        for alert in await self._called(name):
            path = f"/v2/alerts/{alert}/logs"
            try:
                if "logs" not in self._refused:
                    found += await alert_log(self.api, alert)
            except AbsentError:
                continue  # the alert was deleted
            except _REFUSED as error:
                self._note("logs", path, error, "So there is not who was paged")
        return found

    async def _called(self, name: str) -> list[str]:
        path, what = f"{LIST}/{name}/responder-alert-ids", "responders"
        found: list[str] = []
        params: dict[str, str | int] = {"identifierType": "id", "order": "asc", "limit": OF_ALERTS}
        try:
            while what not in self._refused:
                page = decode((await self.api.get(path, params)).body, AlertIds, path)
                found += page.data
                offset = next_offset(page.paging)
                if not offset or not page.data or offset == params.get("offset"):
                    if len(page.data) == OF_ALERTS:
                        self.warn(path, f"more than {OF_ALERTS} alerts may have called: those are not read")
                    break
                params |= {"offset": offset, "direction": "next"}
        except (*_REFUSED, AbsentError) as error:
            self._note(what, path, error, "So there is not who was paged")
        return list(dict.fromkeys(found))

    def _note(self, what: str, path: str, error: Any, lost: str) -> None:
        """Note what could not be read; what is refused for one is refused for all, and not asked for again."""
        if isinstance(error, DeniedError):
            self._refused.add(what)
        self.warn(path, f"{error.what}. {lost}")


def declared() -> Listed:
    """Incidents by when they were declared, oldest first."""
    return _incidents(_DECLARED, "createdAt", "asc", "createdAt >= {}")


def changed() -> Listed:
    """Incidents by their last change, newest first."""
    query = f"createdAt >= {_milliseconds(BEGINNING)}"
    return _incidents(_CHANGED, "updatedAt", "desc", query)


def still_open() -> Listed:
    """Open incidents by when they were declared, oldest first."""
    return _incidents("open", "createdAt", "asc", "status: open AND createdAt >= {}")


def _incidents(name: str, sort: str, order: str, query: str) -> Listed:
    is_rising = order == "asc"
    return Listed(
        name=name,
        label="incidents",
        path=LIST,
        item=IncidentItem,
        at=lambda item: item.created_at if is_rising else item.updated_at,
        number=lambda item: zlib.crc32(item.id.encode()),
        cost="no incidents",
        needs="an API key with the right Read, and a plan that has incidents",
        rows=lambda item: iter(()),
        params={"sort": sort, "order": order}
        if is_rising
        else {"sort": sort, "order": order, "query": query},
        since="query" if is_rising else "",
        stamped=lambda moment: query.format(_milliseconds(moment)),
        paged=lambda page, size: {"limit": size, "offset": (page - 1) * size},
        entries=lambda body, where: decode(body, RawPage, where).data,
        more=_has_next,
    )


def _milliseconds(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)


def _has_next(answer: Answer, size: int) -> bool:
    del size
    paging = decode(answer.body, RawPage, LIST).paging
    return bool(paging and paging.next)
