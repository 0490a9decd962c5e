"""Opsgenie's schedules in memory, answering as its published description says.

Shapes: ``Schedule``, ``ScheduleTimeline``, ``TimelinePeriod`` and ``TimelineRecipient`` of opsgenie/opsgenie-oas.
Periods are cut at the ends of what is asked for, and what is over of a running one is told apart, as ``historical``:
the description leaves both open, so the harder way is taken.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

Turn = tuple[str, str, str, str]
"""From, until, who (a mail, or ``team:NAME`` with ``=MAIL`` of whoever it was), kind of the period."""


@dataclass
class Timeline:
    """One schedule: turns by rotation."""

    name: str
    rotations: dict[str, list[Turn]]
    enabled: bool = True


@dataclass
class Timelines:
    """All schedules of an account."""

    of: dict[str, Timeline] = field(default_factory=dict)
    may_read: bool = True
    most_days: int = 1000
    """A timeline tells so many days at most, whatever is asked for."""
    asked: list[str] = field(default_factory=list)

    def found(self, path: str, query: dict[str, str], now: dt.datetime) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        self.asked.append(path)
        if not self.may_read:
            return 403, {"message": "You are not authorized to access this resource"}
        if path == "/v2/schedules":
            listed = [
                {
                    "id": key,
                    "name": one.name,
                    "description": "",
                    "timezone": "Europe/Berlin",
                    "enabled": one.enabled,
                    "ownerTeam": {"id": "t1", "name": "Payments"},
                    "rotations": [],
                }
                for key, one in self.of.items()
            ]
            return 200, {"data": listed, "expandable": ["rotation"]}
        key = path.split("/")[3]
        if key not in self.of:
            return 404, {"message": "Schedule does not exist"}
        assert (query["intervalUnit"], query["identifierType"]) == ("days", "id")
        since = dt.datetime.fromisoformat(query["date"])
        until = since + dt.timedelta(days=min(int(query["interval"]), self.most_days))
        rotations = [
            {
                "id": f"{key}-{name}",
                "name": name,
                "order": 1.0,
                "periods": [part for turn in turns for part in _told(turn, since, until, now)],
            }
            for name, turns in self.of[key].rotations.items()
        ]
        body = {
            "_parent": {"id": key, "name": self.of[key].name, "enabled": True},
            "startDate": since.isoformat(),
            "endDate": until.isoformat(),
            "finalTimeline": {"rotations": rotations},
        }
        return 200, {"data": body}


def _told(turn: Turn, since: dt.datetime, until: dt.datetime, now: dt.datetime) -> list[dict[str, Any]]:
    begin, end = (dt.datetime.fromisoformat(said) for said in turn[:2])
    begin, end = max(begin, since), min(end, until)
    if begin >= end:
        return []
    if begin < now < end:
        return [_period(turn, begin, now, is_over=True), _period(turn, now, end, is_over=False)]
    return [_period(turn, begin, end, is_over=end <= now)]


def _period(turn: Turn, begin: dt.datetime, end: dt.datetime, *, is_over: bool) -> dict[str, Any]:
    _, _, said, kind = turn
    who, _, was = said.partition("=")
    team = who.removeprefix("team:")
    user = {"id": f"u-{who}", "name": who, "type": "user"}
    period: dict[str, Any] = {
        "startDate": begin.isoformat(),
        "endDate": end.isoformat(),
        "type": "historical" if is_over and kind == "default" else kind,
        "recipient": user if team == who else {"id": f"t-{team}", "name": team, "type": "team"},
    }
    if who == "none":
        period["recipient"] = {"type": "none"}
    if is_over and team != who:
        period["flattenedRecipients"] = [
            {"id": f"u-{one}", "name": one, "type": "user"} for one in was.split("+")
        ]
    return period
