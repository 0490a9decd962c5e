"""Opsgenie's own incidents in memory, and ten of them worked out by hand.

Shapes: answers of two accounts that Faros published with its connector for Airbyte (``test_files/incidents.json``,
``services.json``), DevLake's (``_raw_opsgenie_incidents.csv``) and the paging in Cortex XSOAR's tests
(``get_incidents.json``); ``User`` and ``Team`` of opsgenie/opsgenie-oas. What can be searched for: "Search syntax for
incidents" of Atlassian's support pages, which has no ``updatedAt``.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import parse_qs

import httpx
from test_opsgenie import NOON, Account, after, source, stamp

SERVICES = {"s-1": "checkout", "s-2": "search"}
__all__ = ["PEOPLE", "Incidents", "entry", "history", "incident", "lines", "named", "source"]

PEOPLE = {"Ada Lovelace": "ada@example.org", "Grace Hopper": "grace@example.org"}
TYPES = {
    "opened": ("incident", "IncidentOpened", "Incident opened"),
    "acked": ("responderAlert", "ResponderAlertAcked", "Responder alert acked"),
    "ended": ("responderAlert", "ResponderAlertClosed", "Responder alert closed"),
    "resolved": ("incident", "IncidentResolved", "Incident resolved"),
    "closed": ("incident", "IncidentClosed", "Incident closed"),
    "user": ("incident", "IncidentResponderUserAdded", "Responder added"),
    "team": ("incident", "IncidentResponderTeamAdded", "Responder team added"),
    "page": ("statusPage", "StatusPageAdded", "Status page entry added"),
}
BY_HAND = """
# id | minutes: what by whom                                   | status   | impact end | services | state    | ack | mitigated | resolved | closed | reopened | service  | worked on by
I0 |                                                           | open     |  -  | s-1     | open     |  - |  -  |  -  |  -  | 0 | checkout | ada
I1 | 3 acked Grace                                             | open     |  -  | s-1     | open     |  3 |  -  |  -  |  -  | 0 | checkout | ada grace
I2 | 3 acked Ada, 33 resolved Grace                            | resolved | 33  | s-2     | resolved |  3 | 33  | 33  |  -  | 0 | search   | ada grace
I3 | 20 resolved Ada                                           | resolved | 20  |         | resolved |  - | 20  | 20  |  -  | 0 |          | ada
I4 | 5 acked Ada, 6 resolved Ada, 600 closed Grace             | closed   |  6  | s-1     | resolved |  5 |  6  |  6  | 600 | 0 | checkout | ada grace
I5 | 60 acked Grace, 90 closed Grace                           | closed   |  -  | s-9     | resolved | 60 |  -  | 90  | 90  | 0 | s-9      | ada grace
I6 | 10 resolved Ada, 20 opened Grace, 25 acked Grace          | open     | 10  | s-1     | open     |  - |  -  |  -  |  -  | 1 | checkout | ada grace
I7 | 4 acked Ada, 10 resolved Ada, 20 opened Ada, 30 resolved Ada | resolved | 28 | s-1    | resolved |  4 | 28  | 30  |  -  | 1 | checkout | ada
I8 | 2 acked Grace, 7 user Ada, 15 resolved Grace              | resolved |  8  | s-2 s-1 | resolved |  2 |  8  | 15  |  -  | 0 | search   | ada grace
I9 | 5 resolved Ada, 9 acked Grace, 12 closed Ada              | closed   | 400 | s-1     | resolved |  - | 400 |  5  | 12  | 0 | checkout | ada grace
"""  # noqa: E501 - a table
"""Ada declares each. Resolving acknowledges the alerts of the responders by API, which is nobody's acknowledgement; of
I9 somebody acknowledged after the end, which is none either, and its impact was written down afterwards as longer."""


def lines() -> list[list[str]]:
    rows = [line for line in BY_HAND.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def named(first: str) -> str:
    return next((name for name in PEOPLE if name.startswith(first)), first)


def entry(key: str, number: int, minutes: float, what: str, who: str, by: str = "user") -> dict[str, Any]:
    group, kind, title = TYPES[what]
    return {
        "id": f"{kind}_{key}-{number:02d}",
        "group": group,
        "type": kind,
        "eventTime": stamp(after(minutes)),
        "hidden": False,
        "actor": {"name": who, "type": by},
        "title": {"type": "plain_text", "content": title},
    }


def history(key: str, said: str) -> list[dict[str, Any]]:
    """A timeline, newest first as Opsgenie gives it unasked."""
    told = [
        entry(key, 0, 0, "opened", named("Ada")),
        entry(key, 1, 0, "team", named("Ada")),
        entry(key, 2, 0, "page", "System"),
    ]
    for number, part in enumerate(filter(None, said.split(", ")), start=1):
        minutes, what, who = part.split()
        told.append(entry(key, 10 * number, int(minutes), what, named(who)))
        if what in ("resolved", "closed"):
            of_alert = "acked" if what == "resolved" else "ended"
            told.append(entry(key, 10 * number + 1, int(minutes) + 0.005, of_alert, "API", "api"))
    return sorted(told, key=lambda one: (one["eventTime"], one["id"]), reverse=True)


def incident(key: str, said: str, status: str, impact_end: str, services: str) -> dict[str, Any]:
    changes = [int(part.split()[0]) for part in said.split(", ") if part]
    made = {
        "id": key,
        "description": "<b>It broke</b>",
        "impactedServices": services.split(),
        "tinyId": key[1:],
        "message": "Checkout <b>down</b> 🔥",
        "status": status,
        "tags": ["tag1"],
        "createdAt": stamp(NOON),
        "updatedAt": stamp(after(max(changes, default=0))),
        "priority": "P1",
        "ownerTeam": "",
        "responders": [{"type": "team", "id": "t-1"}, {"type": "user", "id": "u-Ada"}],
        "extraProperties": {},
        "links": {
            "web": f"https://acme.app.opsgenie.com/incident/detail/{key}",
            "api": f"https://api.opsgenie.com/v1/incidents/{key}",
        },
        "impactStartDate": stamp(NOON),
        "actions": [],
    }
    return made if impact_end == "-" else {**made, "impactEndDate": stamp(after(int(impact_end)))}


class Incidents(Account):
    """An account that works with incidents; its alerts are those that called responders."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts = []
        self.incidents = [incident(*line[:5]) for line in lines()]
        self.history = {line[0]: history(line[0], line[1]) for line in lines()}
        self.called: dict[str, list[str]] = {}
        self.services = [
            {
                "id": key,
                "name": name,
                "description": "",
                "teamId": "t-2",
                "tags": [],
                "links": {"web": "", "api": f"https://api.opsgenie.com/v1/services/{key}"},
                "isExternal": False,
            }
            for key, name in SERVICES.items()
        ]
        self.refused: dict[str, int] = {}
        """Status by beginning of a path."""
        self.paths: list[str] = []

    def call(self, key: str, alert: str) -> None:
        """An alert that calls a responder of an incident."""
        self.called.setdefault(key, []).append(alert)
        self.alerts.append({"id": alert})

    def answer(self, request: httpx.Request) -> httpx.Response:
        headers = {"date": self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        path = request.url.path
        query = {name: said[-1] for name, said in parse_qs(request.url.query.decode()).items()}
        self.paths.append(path)
        is_known = request.headers.get("authorization") == "GenieKey k3y"
        status = next((code for start, code in self.refused.items() if path.startswith(start)), 0)
        if is_known and status:
            return httpx.Response(status, json={"message": "Your plan does not have it"}, headers=headers)
        if not is_known or path.startswith(("/v2/alerts", "/v2/schedules")):
            return super().answer(request)
        made, status = self.found(path, query)
        return httpx.Response(status, json=made, headers=headers)

    def found(self, path: str, query: dict[str, str]) -> tuple[dict[str, Any], int]:
        if path == "/v1/services":
            return paged(path, self.services, query), 200
        if path == "/v2/teams":
            return {"data": [{"id": "t-1", "name": "Payments"}, {"id": "t-2", "name": "Search"}]}, 200
        if path == "/v2/users":
            users = [
                {"id": f"u-{name.split()[0]}", "username": mail, "fullName": name, "blocked": False}
                for name, mail in PEOPLE.items()
            ]
            return paged(path, users, query), 200
        if path == "/v1/incidents":
            return self.listed(query)
        key = path.split("/")[3]
        one = next((one for one in self.incidents if one["id"] == key), None)
        if one is None:
            return {"message": "Incident does not exist"}, 404
        if path.endswith("/entries"):
            return self.timeline(key, query), 200
        if path.endswith("/responder-alert-ids"):
            assert int(query["limit"]) <= 25
            offset = int(query.get("offset", 0))
            return paged(path, self.called.get(key, []), {**query, "offset": str(offset)}), 200
        return {"data": one}, 200

    def listed(self, query: dict[str, str]) -> tuple[dict[str, Any], int]:
        self.asked.append(query.get("query", ""))
        match = re.fullmatch(r"(status: open AND )?createdAt >= (\d+)", query.get("query", ""))
        if match is None:
            return {"message": "Query is not valid"}, 422
        assert int(query["limit"]) <= 100
        since = stamp(dt.datetime.fromtimestamp(int(match[2]) / 1000, dt.UTC))
        wanted = [
            one
            for one in self.incidents
            if one["createdAt"] >= since and not (match[1] and one["status"] != "open")
        ]
        wanted.sort(key=lambda one: one[query["sort"]], reverse=query["order"] == "desc")
        return {"totalCount": len(wanted), **paged("/v1/incidents", wanted, query)}, 200

    def timeline(self, key: str, query: dict[str, str]) -> dict[str, Any]:
        assert int(query["limit"]) <= 20
        told = self.history.get(key, [])
        told = told[::-1] if query.get("order") == "asc" else told
        offset, limit = int(query.get("offset", 0)), int(query["limit"])
        data: dict[str, Any] = {"entries": told[offset : offset + limit]}
        if offset + limit < len(told):
            data["nextOffset"] = str(offset + limit)
        return {"data": data}


def paged(path: str, items: list[Any], query: dict[str, str]) -> dict[str, Any]:
    offset, limit = int(query.get("offset", 0)), int(query["limit"])
    place = f"https://api.opsgenie.com{path}?limit={limit}&offset="
    paging = {"first": f"{place}0", "last": f"{place}{len(items)}"}
    if offset + limit < len(items):
        paging["next"] = f"{place}{offset + limit}"
    return {"data": items[offset : offset + limit], "paging": paging}
