"""A PagerDuty account in memory, answering as PagerDuty's published REST description says.

Shapes of objects follow the description's own examples (``reference/REST/openapiv3.json`` of PagerDuty/api-schema):
lists page by offset and limit, ``since`` and ``until`` bound creation, the log is account-wide or an incident's.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
from pagerduty_published import published

USERS = {
    "PXPGF42": ("Earline Greenholt", "earline@example.org"),
    "PT23IWX": ("Tim Wright", "tim@example.org"),
}
MAIL_SERVICE = {
    "id": "PIJ90N7",
    "type": "service_reference",
    "summary": "My Mail Service",
    "html_url": "https://subdomain.pagerduty.com/service-directory/PIJ90N7",
}


def user(key: str) -> dict[str, Any]:
    return {"id": key, "type": "user_reference", "summary": USERS.get(key, (key,))[0]}


def stamp(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@dataclass
class Rota:
    """A schedule; entries are (from, until, user) as PagerDuty renders them, with the offset of its own zone."""

    name: str
    layers: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    overrides: list[tuple[str, str, str]] = field(default_factory=list)
    is_shift_based: bool = False
    team: str = "Engineering"

    @property
    def teams(self) -> list[dict[str, Any]]:
        return [{"id": "PQ9K7I8", "type": "team_reference", "summary": self.team}] if self.team else []

    def rendered(self, since: dt.datetime, until: dt.datetime) -> dict[str, Any]:
        """With who is on call within a time; entries that reach over its ends are whole, as ``overflow`` has them."""

        def inside(entries: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
            return [
                {"start": begin, "end": end, "user": user(who)}
                for begin, end, who in entries
                if moment(end) > since and moment(begin) < until
            ]

        # Nothing is computed here: the final schedule is what lies in no override, and the overrides.
        final = [one for entries in self.layers.values() for one in entries] + self.overrides
        return {
            "type": "schedule",
            "name": self.name,
            "summary": self.name,
            "time_zone": "America/New_York",
            "teams": self.teams,
            "schedule_layers": [
                {
                    "name": name,
                    "start": "2015-11-06T21:00:00-05:00",
                    "rotation_virtual_start": "2015-11-06T20:00:00-05:00",
                    "rotation_turn_length_seconds": 604800,
                    "users": [],
                    "rendered_schedule_entries": inside(entries),
                }
                for name, entries in self.layers.items()
            ],
            "overrides_subschedule": {
                "name": "Overrides",
                "rendered_schedule_entries": inside(self.overrides),
            },
            "final_schedule": {"name": "Final Schedule", "rendered_schedule_entries": inside(sorted(final))},
        }

    def assigned(self, since: dt.datetime, until: dt.datetime) -> dict[str, Any]:
        """The same of a shift-based schedule."""
        told = self.rendered(since, until)["final_schedule"]["rendered_schedule_entries"]
        shifts = [
            {
                "type": "computed_shift_assignment",
                "start_time": one["start"],
                "end_time": one["end"],
                "member": {"type": "user_member", "user_id": one["user"]["id"]},
                "source": {"type": "schedule_rotation", "rotation_id": "ABCDEFGHIJKLMNOPQRSTUVWXY2"},
            }
            for one in told
        ]
        return {
            "type": "schedule_v3",
            "name": self.name,
            "time_zone": "America/New_York",
            "teams": self.teams,
            "final_schedule": {
                "type": "final_schedule",
                "rendered_coverage_percentage": 100,
                "computed_shift_assignments": shifts,
            },
        }

    def listed(self, key: str) -> dict[str, Any]:
        """As the list of its kind has it; that of shift-based schedules tells no teams."""
        if self.is_shift_based:
            return {"id": key, "type": "schedule_v3_reference", "summary": self.name}
        return {
            "id": key,
            "type": "schedule",
            "summary": self.name,
            "name": self.name,
            "time_zone": "America/New_York",
            "teams": self.teams,
        }


@dataclass
class Account:
    """The account; ``now`` is its clock."""

    now: dt.datetime
    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)
    faults: list[httpx.Response] = field(default_factory=list)
    farthest: int = 10_000
    is_as_described: bool = True
    rotas: dict[str, Rota] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def trigger(self, key: str, at: dt.datetime, **given: Any) -> None:
        self.incidents[key] = {
            "id": key,
            "type": "incident",
            "summary": f"[#{len(self.incidents) + 1}] {given.get('title', 'The server is on fire.')}",
            "html_url": f"https://subdomain.pagerduty.com/incidents/{key}",
            "incident_number": len(self.incidents) + 1,
            "title": "The server is on fire.",
            "created_at": stamp(at),
            "updated_at": stamp(at),
            "status": "triggered",
            "service": MAIL_SERVICE,
            "assignments": [],
            "last_status_change_at": stamp(at),
            "resolved_at": None,
            "teams": [{"id": "PQ9K7I8", "type": "team_reference", "summary": "Engineering"}],
            "priority": {"id": "P53ZZH5", "type": "priority_reference", "summary": "P2"},
            "urgency": "high",
            **given,
        }
        self.step(key, "trigger", at, {"id": "PIJ90N7", "type": "service_reference", "summary": "Mail"})

    def step(
        self, key: str, kind: str, at: dt.datetime, agent: dict[str, Any] | None = None, **more: Any
    ) -> None:
        self.log.append(
            {
                "id": f"R{next(self._numbers):012d}",
                "type": f"{kind}_log_entry",
                "created_at": stamp(at),
                "agent": agent or user("PXPGF42"),
                "incident": {"id": key, "type": "incident_reference"},
                "channel": {"type": "api"},
                "teams": [],
                **more,
            }
        )
        incident = self.incidents[key]
        incident["updated_at"] = stamp(at)
        status = {"acknowledge": "acknowledged", "unacknowledge": "triggered", "resolve": "resolved"}.get(
            kind
        )
        if status:
            incident |= {"status": status, "last_status_change_at": stamp(at)}
            incident["resolved_at"] = stamp(at) if status == "resolved" else None

    def reopen(self, key: str, at: dt.datetime) -> None:
        """As the API does it: the incident is triggered again, and the log says so."""
        self.step(key, "trigger", at)
        self.incidents[key] |= {
            "status": "triggered",
            "last_status_change_at": stamp(at),
            "resolved_at": None,
        }

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, {k: v[-1] for k, v in parse_qs(request.url.query.decode()).items()}
        self.asked.append(path)
        headers = {"date": self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        if self.faults:
            return self.faults.pop(0)
        if request.headers.get("authorization") != "Token token=k3y":
            return httpx.Response(
                401, json={"error": {"message": "Unauthorized", "code": 2006}}, headers=headers
            )
        if path in self.refuse:
            body = {"error": {"message": "Access Denied", "code": 2010}}
            return httpx.Response(self.refuse[path], json=body, headers=headers)
        answer = httpx.Response(headers=headers, **self._found(path, query))
        if self.is_as_described and answer.status_code == 200 and (description := published()):
            asked = parse_qs(request.url.query.decode())
            assert not (told := list(description.violations(path, asked, answer.json()))), (path, told)
        return answer

    def _found(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        parts = path.strip("/").split("/")
        if path == "/abilities":
            return {"status_code": 200, "json": {"abilities": ["teams"]}}
        if path == "/users":
            users = [{"id": k, "type": "user", "name": n, "email": m} for k, (n, m) in USERS.items()]
            return self._page("users", users, query)
        if path in ("/schedules", "/v3/schedules"):
            found = [
                one.listed(key)
                for key, one in self.rotas.items()
                if one.is_shift_based == path.startswith("/v3")
            ]
            answer = self._page("schedules", found, query)
            if path.startswith("/v3"):
                del answer["json"]["total"]
            return answer
        if parts[-2:-1] == ["schedules"] and parts[-1] in self.rotas:
            assert query["overflow"] == "true"
            window = moment(query["since"]), moment(query["until"])
            rota = self.rotas[parts[-1]]
            assert rota.is_shift_based == (parts[0] == "v3" and query["include[]"] == "final_schedule")
            told = rota.assigned(*window) if rota.is_shift_based else rota.rendered(*window)
            return {"status_code": 200, "json": {"schedule": {"id": parts[-1], **told}}}
        if path == "/incidents":
            assert query.get("sort_by", "created_at:asc") == "created_at:asc"
            return self._page("incidents", self._within(self.incidents.values(), query), query)
        if path == "/log_entries":
            # The newest first, as PagerDuty lists its log.
            return self._page("log_entries", list(reversed(self._within(self.log, query))), query)
        if len(parts) == 3 and parts[2] == "log_entries" and parts[1] in self.incidents:
            entries = [one for one in self.log if one["incident"]["id"] == parts[1]]
            return self._page("log_entries", list(reversed(entries)), query)
        if len(parts) == 2 and parts[0] == "incidents" and parts[1] in self.incidents:
            return {"status_code": 200, "json": {"incident": self.incidents[parts[1]]}}
        return {"status_code": 404, "json": {"error": {"message": "Not Found", "code": 2100}}}

    def _within(self, objects: Any, query: dict[str, str]) -> list[dict[str, Any]]:
        if "since" not in query:
            return list(objects)
        since, until = moment(query["since"]), moment(query["until"])
        assert until - since <= dt.timedelta(days=180), "PagerDuty allows six months"
        return [one for one in objects if since <= moment(one["created_at"]) < until]

    def _page(self, name: str, objects: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        offset, limit = int(query.get("offset", "0")), int(query.get("limit", "25"))
        if offset + limit > self.farthest:
            return {"status_code": 400, "json": {"error": {"message": "Offset too large", "code": 2001}}}
        page = objects[offset : offset + limit]
        body = {
            name: page,
            "limit": limit,
            "offset": offset,
            "more": offset + limit < len(objects),
            "total": None,
        }
        return {"status_code": 200, "json": body}
