"""Who is on call by Opsgenie's schedules: the final timeline, with overrides and forwarding.

Format: ``GET /v2/schedules`` and ``GET /v2/schedules/{id}/timeline`` of Opsgenie's published description. A timeline is
asked for by its beginning and a number of days, and tells itself which stretch it covers.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from ktlo.sources.opsgenie.payloads import OneTimeline, Period, Recipient, Rotation, ScheduleList
from ktlo.sources.protocol import Batch
from ktlo.sources.rest.connection import Connection, decode
from ktlo.sources.rest.gathering import stamp
from ktlo.sources.rest.lists import ListRun, Position
from ktlo.sources.rest.on_call import Schedule, Shift, State, Told, Warn, read_shifts
from ktlo.sources.rest.revisits import Revisit
from ktlo.sources.rest.rows import Row

_DAY = dt.timedelta(days=1)
STANDING_IN = ("override", "forwarding")
"""Kinds of periods in which somebody stands in."""


class ScheduledRun(ListRun):
    """A run over an account's lists that reads who is on call, too.

    Attributes:
        counted: what counts as an incident, in sentences; part of the cursor.
        place: path of their list.

    Args:
        api: the connection.
        source: identifier of the source.
        at: where to continue; moved along.
        on_call: what was read of schedules; moved along.
    """

    counted: ClassVar[str]
    place: ClassVar[str]

    def __init__(self, api: Connection, source: str, at: Position, on_call: State) -> None:
        super().__init__(api, source, "", at)
        self.on_call = on_call

    def saved(self) -> dict[str, Any]:
        """See :meth:`ktlo.sources.rest.gathering.Gathering.saved`."""
        return {**super().saved(), "schedules": self.on_call.saved(), "incidents": self.counted}

    async def again(self, name: str) -> list[tuple[str, Row]]:
        """Rows of one item, by its identifier; whether it is open is remembered.

        Raises:
            AbsentError: it is not there.
        """
        raise NotImplementedError

    async def follow_missing(self, there: Collection[str]) -> AsyncIterator[Batch]:
        """What becomes of open items that are known and were not listed.

        Args:
            there: identifiers of those that were listed.
        """
        known, asked = self.at.open_names, self._asked(f"open {self.counted}", self.again)
        async for batch in asked.settled(sorted(known.difference(there)), sorted(known.union(there))):
            yield batch

    async def revisit(self, known: Sequence[str], before: Collection[str]) -> AsyncIterator[Batch]:
        """Hold some items against Opsgenie, whatever their state; see :meth:`Revisit.of`."""

        async def whole(name: str) -> Sequence[tuple[str, Row]]:
            if name in before:
                return await self.again(name)
            await self.api.get(f"{self.place}/{name}", {"identifierType": "id"})
            return ()

        async for batch in self._asked(self.counted, whole).of(known, before):
            yield batch
        if before:
            yield self.batch()

    def _asked(self, label: str, whole: Callable[[str], Awaitable[Sequence[tuple[str, Row]]]]) -> Revisit:
        return Revisit(
            api=self.api,
            source=self._source,
            tables=("incidents",),
            label=label,
            place=self.place,
            whole=whole,
            forget=self.at.open_names.discard,
        )

    async def follow_schedules(self) -> AsyncIterator[Batch]:
        """Read who is on call; what cannot be read is noted."""
        pager, horizon = Schedules(self.api, self.warn), self.at.since
        async for rows in read_shifts(
            pager, self.on_call, self._source, horizon, self.api.rest.now, self.warn
        ):
            yield self.batch(rows)
        if self._rejected:
            yield self.batch()


class Schedules:
    """The schedules of one account, asked for one by one.

    Args:
        api: the connection.
        warn: notes turns of which nobody is told.
    """

    def __init__(self, api: Connection, warn: Warn) -> None:
        self._api = api
        self._warn = warn
        self._told: set[str] = set()

    async def schedules(self) -> tuple[Sequence[Schedule], bool]:
        """See :class:`ktlo.sources.rest.on_call.Pager`; one that is switched off has nobody on call."""
        path = "/v2/schedules"
        found = [
            Schedule(item.id, item.name or item.id, (item.owner_team.name or "") if item.owner_team else "")
            for item in decode((await self._api.get(path)).body, ScheduleList, path).data
            if item.enabled
        ]
        return found, True

    async def on_call(self, schedule: Schedule, since: dt.datetime, until: dt.datetime) -> Told:
        """See :class:`ktlo.sources.rest.on_call.Pager`."""
        path = f"/v2/schedules/{schedule.key}/timeline"
        params: dict[str, str | int] = {
            "identifierType": "id",
            "date": stamp(since),
            "interval": math.ceil((until - since) / _DAY),
            "intervalUnit": "days",
        }
        timeline = decode((await self._api.get(path, params)).body, OneTimeline, path).data
        shifts = [
            shift
            for rotation in timeline.final_timeline.rotations
            for period in _whole(rotation.periods)
            for shift in self._shifts(schedule, rotation, period)
        ]
        begin = timeline.start_date or since
        return Told(shifts, begin, timeline.end_date or until, cut_at=begin)

    def _shifts(self, schedule: Schedule, rotation: Rotation, period: Period) -> Iterator[Shift]:
        for one in _people(period):
            if one.type == "user":
                yield Shift(
                    one.id,
                    one.name or one.id,
                    period.start_date,
                    period.end_date,
                    rotation.name or "",
                    rotation.id,
                    is_override=period.type in STANDING_IN,
                )
            elif one.type != "none":
                self._note(schedule, one)

    def _note(self, schedule: Schedule, one: Recipient) -> None:
        """Once a schedule: who of a team or an escalation is on call, a timeline tells of the past only."""
        if schedule.key not in self._told:
            self._told.add(schedule.key)
            self._warn(
                f"schedule {schedule.name}",
                f"turns of the {one.type} {one.name or one.id} name no person: they are nobody's hours",
            )


def _whole(periods: Sequence[Period]) -> list[Period]:
    """Periods with one that runs in one piece: what is over of it may be told as historical, the rest as its own."""
    found: list[Period] = []
    for period in sorted(periods, key=lambda one: one.start_date):
        last = found[-1] if found else None
        if (
            last
            and last.type == "historical" != period.type
            and last.end_date == period.start_date
            and _people(last) == _people(period)
        ):
            found[-1] = msgspec.structs.replace(last, end_date=period.end_date, type=period.type)
        else:
            found.append(period)
    return found


def _people(period: Period) -> list[Recipient]:
    """Whom a period belongs to."""
    return period.flattened_recipients or ([period.recipient] if period.recipient else [])
