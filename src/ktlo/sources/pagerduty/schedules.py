"""Who is on call by PagerDuty's schedules: the final schedule, overrides included, of both kinds that there are.

Formats: ``GET /schedules/{id}`` and, for shift-based schedules, ``GET /v3/schedules/{id}`` of PagerDuty's published
REST description. ``overflow`` makes both tell shifts whole that reach over an end of the window.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from ktlo.sources.pagerduty import windows
from ktlo.sources.pagerduty.payloads import (
    OneSchedule,
    OneShiftBased,
    Reference,
    RenderedEntry,
    RenderedSchedule,
    ScheduleItem,
    SchedulesPage,
    ShiftBasedSchedule,
)
from ktlo.sources.rest.connection import AbsentError, Connection, DeniedError, UnprocessableError, decode
from ktlo.sources.rest.gathering import stamp
from ktlo.sources.rest.on_call import Known, Schedule, Shift, Told, Warn

LISTS = ("/schedules", "/v3/schedules")


class Schedules:
    """The schedules of one account, asked for one by one.

    Args:
        api: the connection.
        mails: mail by identifier of the user; the names of schedules are used for others.
        warn: notes a list that cannot be read.
        known: what was read before, by schedule.
    """

    def __init__(
        self, api: Connection, mails: Mapping[str, str], warn: Warn, known: Mapping[str, Known]
    ) -> None:
        self._api = api
        self._mails = mails
        self._warn = warn
        self._known = known
        self._is_shift_based: set[str] = set()

    async def schedules(self) -> tuple[Sequence[Schedule], bool]:
        """See :class:`ktlo.sources.rest.on_call.Pager`."""
        found, is_whole = await self._listed(LISTS[0])
        newer = dict[str, Schedule]()
        try:
            newer, are_all = await self._listed(LISTS[1])
            is_whole = is_whole and are_all
            for key, one in self._running().items():
                # The list leaves out what may not be read, without a word.
                if key not in newer and not await self._is_gone(f"{LISTS[1]}/{key}"):
                    newer[key] = one
        except AbsentError as error:
            # An account that has none says so, too.
            if newer := self._running():
                names = ", ".join(one.name for one in list(newer.values())[:5])
                self._warn(
                    LISTS[1],
                    f"{error.what}: the shift-based schedules known ({names}) stay as they were read last,"
                    " until their shifts are over",
                )
        except (DeniedError, UnprocessableError) as error:
            self._warn(LISTS[1], f"{error.what}: who was on call by shift-based schedules is not known")
            is_whole = False
        self._is_shift_based = set(newer)
        return list((found | newer).values()), is_whole

    async def _is_gone(self, path: str) -> bool:
        try:
            await self._api.get(path)
        except AbsentError:
            return True
        except (DeniedError, UnprocessableError):
            pass
        return False

    def _running(self) -> dict[str, Schedule]:
        """Shift-based schedules that are known and somebody is on call by, now or later."""
        now = self._api.rest.now()
        return {
            key: Schedule(key, one.name, one.team)
            for key, one in self._known.items()
            if any(shift.line and shift.until > now for shift in one.shifts)
        }

    async def _listed(self, path: str) -> tuple[dict[str, Schedule], bool]:
        """Schedules of a list by identifier, and whether these are all."""
        found: dict[str, Schedule] = {}
        for offset in range(0, windows.FARTHEST + 1, windows.PER_PAGE):
            params = {"limit": windows.PER_PAGE, "offset": offset}
            page = decode((await self._api.get(path, params)).body, SchedulesPage, path)
            found |= {item.id: _schedule(item) for item in page.schedules}
            if not page.more:
                return found, True
        self._warn(
            path,
            f"PagerDuty lists no more than {windows.most():,} schedules: who is on call by"
            " further ones is not known, and those that were deleted are not told from them",
        )
        return found, False

    async def on_call(self, schedule: Schedule, since: dt.datetime, until: dt.datetime) -> Told:
        """See :class:`ktlo.sources.rest.on_call.Pager`."""
        params = {"since": stamp(since), "until": stamp(until), "time_zone": "UTC", "overflow": "true"}
        if schedule.key in self._is_shift_based:
            path = f"{LISTS[1]}/{schedule.key}"
            answer = await self._api.get(path, {**params, "include[]": "final_schedule"})
            told = decode(answer.body, OneShiftBased, path).schedule
            shifts, teams = list(self._assigned(told)), told.teams
        else:
            path = f"{LISTS[0]}/{schedule.key}"
            rendered = decode((await self._api.get(path, params)).body, OneSchedule, path).schedule
            teams = rendered.teams
            shifts = [
                self._shift(entry, rendered)
                for entry in rendered.final_schedule.rendered_schedule_entries
                if entry.user is not None
            ]
        return Told(shifts, since, until, cut_at=None, team=_team(teams))

    def _shift(self, entry: RenderedEntry, rendered: RenderedSchedule) -> Shift:
        user = entry.user
        assert user is not None  # noqa: S101 - entries without anybody are left out
        is_override = _has(entry, rendered.overrides_subschedule.rendered_schedule_entries)
        layers = () if is_override else rendered.schedule_layers
        layer = next((one.name for one in layers if _has(entry, one.rendered_schedule_entries)), "")
        person = self._mails.get(user.id) or user.name
        return Shift(user.id, person, entry.start, entry.end, layer, is_override=is_override)

    def _assigned(self, schedule: ShiftBasedSchedule) -> Iterator[Shift]:
        final = schedule.final_schedule
        for one in final.computed_shift_assignments if final else ():
            who, source = one.member.user_id, one.source
            if not who:
                continue
            line = source.rotation_id or source.type
            is_override = source.type.endswith("_override")
            yield Shift(
                who,
                self._mails.get(who, who),
                one.start_time,
                one.end_time,
                "",
                line,
                is_override=is_override,
            )


def _schedule(item: ScheduleItem) -> Schedule:
    return Schedule(item.id, item.name or item.summary or item.id, _team(item.teams))


def _team(teams: Sequence[Reference]) -> str:
    return teams[0].name if teams else ""


def _has(entry: RenderedEntry, entries: Sequence[RenderedEntry]) -> bool:
    """Whether a layer has the same person on call when an entry begins."""
    who = entry.user.id if entry.user else ""
    return any(
        one.user is not None
        and one.user.id == who
        and one.start <= entry.start
        and _reaches(one, entry.start)
        for one in entries
    )


def _reaches(entry: RenderedEntry, moment: dt.datetime) -> bool:
    return entry.end is None or entry.end > moment
