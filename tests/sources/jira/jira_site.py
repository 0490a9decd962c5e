"""A Jira in memory, Cloud or Data Center, answering as their REST descriptions say.

It understands the JQL that ktlo sends: ``updated >= "…"`` in the owner's time zone and to the minute, projects,
``statusCategory != Done``, keys, and the two orders. Cloud pages by token and gives at most five changes of an issue
with a search (the real one: more), so that the rest has to be asked for.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import httpx
from jira_published import cloud
from jira_published_data_center import data_center

CATEGORIES = {
    "To Do": "new",
    "In Progress": "indeterminate",
    "Monitoring": "indeterminate",
    "Done": "done",
    "Canceled": "done",
}
IDS = {name: str(10_000 + n) for n, name in enumerate(CATEGORIES)}
_SLA = {"type": "sd-servicelevelagreement", "custom": "com.atlassian.servicedesk:sd-sla-field"}
SERVICE_DESK = (
    (
        "customfield_10010",
        "Anfragetyp",
        {"type": "sd-customerrequesttype", "custom": "com.atlassian.servicedesk:vp-origin"},
    ),
    ("customfield_10030", "Time to resolution", _SLA),
    ("customfield_10031", "Time to first response", _SLA),
)
"""Fields of Service Management, with the types by which Jira's ``/field`` tells them (names are the installation's)."""
OWN_TYPES = {identifier: kind["type"] for identifier, _, kind in SERVICE_DESK}
PEOPLE = {
    "ada": {
        "accountId": "a1",
        "emailAddress": "ada@example.org",
        "displayName": "Ada",
        "accountType": "atlassian",
    },
    "grace": {"accountId": "a2", "displayName": "Grace Hopper", "accountType": "atlassian"},
}
"""People of Cloud; one hides the mail."""
LOGINS = {
    "ada": {"key": "JIRAUSER1", "name": "ada", "emailAddress": "ada@example.org", "displayName": "Ada"},
    "grace": {"key": "JIRAUSER2", "name": "grace", "displayName": "Grace Hopper"},
}
"""The same people in Data Center, which knows no account identifiers."""


FIELDS = {
    "severity": "customfield_10050",
    "began": "customfield_10051",
    "mitigated": "customfield_10052",
    "service": "customfield_10053",
}
"""Fields of the installation's own by what they hold; names are those of Jira Service Management."""


def stamp(moment: dt.datetime) -> str:
    """A time as Jira writes it, in the zone of whoever asks."""
    local = moment.astimezone(ZoneInfo("Europe/Berlin"))
    return local.strftime("%Y-%m-%dT%H:%M:%S.") + f"{local.microsecond // 1000:03d}{local:%z}"


def moment(at: dt.datetime) -> dict[str, Any]:
    """``DateDTO`` of Service Management's REST description."""
    return {
        "iso8601": at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "jira": stamp(at),
        "friendly": at.strftime("%d/%b/%y %I:%M %p"),
        "epochMillis": int(at.timestamp() * 1000),
    }


def length(hours: float) -> dict[str, Any]:
    """``DurationDTO``."""
    return {"millis": int(hours * 3_600_000), "friendly": f"{hours:g}h"}


def agreement(name: str, noon: dt.datetime, cycles: str) -> dict[str, Any] | None:
    """``SlaInformationDTO``: ``0-4/8`` stopped after 4 hours of 8, ``0~/8`` runs, ``0p/8`` is paused; ``!`` missed."""
    completed, ongoing = [], None
    for text in cycles.split():
        times, _, goal = text.rstrip("!").partition("/")
        start, sign, stop = re.split(r"([-~p])", times)
        began = noon + dt.timedelta(hours=float(start))
        took = float(stop or start) - float(start)
        told = {
            "startTime": moment(began),
            "breachTime": moment(began + dt.timedelta(hours=float(goal))),
            "breached": text.endswith("!"),
            "goalDuration": length(float(goal)),
            "elapsedTime": length(took),
            "remainingTime": length(float(goal) - took),
        }
        if sign == "-":
            completed.append(told | {"stopTime": moment(noon + dt.timedelta(hours=float(stop)))})
        else:
            ongoing = told | {"paused": sign == "p", "withinCalendarHours": True}
    if not completed and ongoing is None:
        return None
    return {
        "id": "1",
        "name": name,
        "_links": {"self": "https://example.atlassian.net/rest/servicedeskapi/request/1/sla/1"},
        "completedCycles": completed,
        **({"ongoingCycle": ongoing} if ongoing else {}),
    }


def request_of(name: str) -> dict[str, Any] | None:
    """The value of a request type's field: ``CustomerRequestDTO`` without what the issue itself tells."""
    if not name:
        return None
    return {
        "_links": {"web": "https://example.atlassian.net/servicedesk/customer/portal/1/SD-1"},
        "requestType": {"id": "7", "name": name, "description": "", "serviceDeskId": "1", "groupIds": ["1"]},
        "currentStatus": {"status": "Waiting for support"},
    }


def document(text: str) -> dict[str, Any]:
    """A text in Atlassian's Document Format, which version 3 of the API tells it in."""
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": text}]}
    return {"type": "doc", "version": 1, "content": [paragraph]}


def status(name: str) -> dict[str, Any]:
    return {"id": IDS[name], "name": name, "statusCategory": {"id": 2, "key": CATEGORIES[name], "name": name}}


@dataclass
class Site:
    """The Jira; ``now`` is its clock."""

    now: dt.datetime
    is_cloud: bool = True
    zone: str = "Europe/Berlin"
    issues: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    faults: list[httpx.Response] = field(default_factory=list)
    shown_changes: int = 5
    has_owner: bool = True
    moved: dict[str, str] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    """Present keys of projects by former ones."""
    is_as_described: bool = True
    """Not where a test makes it answer what Atlassian does not describe."""
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def people(self) -> dict[str, dict[str, str]]:
        return PEOPLE if self.is_cloud else LOGINS

    def create(self, key: str, at: dt.datetime, kind: str = "Bug", **fields: Any) -> None:
        if self.is_cloud and isinstance(fields.get("description"), str):
            fields["description"] = document(fields["description"])
        self.issues[key] = {
            "id": str(next(self._ids)),
            "key": key,
            "fields": {
                "summary": "Main order flow broken",
                "description": None,
                "issuetype": {"id": "1", "name": kind},
                "priority": {"id": "3", "name": "High"},
                "labels": [],
                "status": status("To Do"),
                "resolution": None,
                "resolutiondate": None,
                "reporter": self.people["grace"],
                "assignee": None,
                "created": stamp(at),
                "updated": stamp(at),
                "components": [{"id": "1", "name": "checkout"}],
                "project": {"key": key.partition("-")[0]},
                "comment": {"comments": [], "total": 0},
                "worklog": {"worklogs": [], "total": 0},
                **fields,
            },
            "changelog": {"histories": [], "total": 0},
        }

    def change(self, key: str, at: dt.datetime, *items: dict[str, Any], who: str = "ada") -> None:
        issue = self.issues[key]
        issue["changelog"]["histories"].append(
            {
                "id": str(next(self._ids)),
                "author": self.people[who],
                "created": stamp(at),
                "items": list(items),
            }
        )
        issue["fields"]["updated"] = stamp(at)

    def move(self, key: str, at: dt.datetime, name: str, who: str = "ada", resolution: str = "") -> None:
        fields = self.issues[key]["fields"]
        before = fields["status"]["name"]
        done = CATEGORIES[name] == "done"
        fields |= {"status": status(name), "resolutiondate": stamp(at) if done else None}
        resolution = resolution or ("Won't Do" if name == "Canceled" else "Done")
        fields["resolution"] = {"name": resolution} if done else None
        item = {
            "field": "status",
            "fieldtype": "jira",
            "from": IDS[before],
            "fromString": before,
            "to": IDS[name],
            "toString": name,
        }
        self.change(key, at, item, who=who)

    def rename(self, key: str, new: str, at: dt.datetime) -> None:
        """The issue is moved to another project."""
        issue = self.issues.pop(key)
        self.issues[new] = issue
        self.moved[key] = new
        issue["fields"]["project"] = {"key": new.partition("-")[0]}
        issue["key"] = new
        self.change(new, at, {"field": "Key", "fromString": key, "toString": new})

    def retype(self, key: str, at: dt.datetime, kind: str) -> None:
        """The issue gets another type."""
        before = self.issues[key]["fields"]["issuetype"]["name"]
        self.issues[key]["fields"]["issuetype"] = {"id": "2", "name": kind}
        self.change(key, at, {"field": "issuetype", "fromString": before, "toString": kind})

    def work(self, key: str, at: dt.datetime, who: str = "ada") -> None:
        """Somebody says to have worked an hour."""
        worklogs = self.issues[key]["fields"]["worklog"]
        told = {"author": self.people[who], "started": stamp(at), "timeSpentSeconds": 3600}
        worklogs["worklogs"].append({"id": str(next(self._ids)), **told})
        worklogs["total"] += 1
        self.issues[key]["fields"]["updated"] = stamp(at)

    def comment(self, key: str, at: dt.datetime, who: str = "ada") -> None:
        comments = self.issues[key]["fields"]["comment"]
        comments["comments"].append(
            {"id": str(next(self._ids)), "author": self.people[who], "created": stamp(at)}
        )
        comments["total"] += 1
        self.issues[key]["fields"]["updated"] = stamp(at)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        query = {k: v[-1] for k, v in parse_qs(request.url.query.decode()).items()}
        self.asked.append(path)
        headers = {"date": self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        if self.faults:
            return self.faults.pop(0)
        said = request.headers.get("authorization", "")
        if not said.startswith("Basic " if self.is_cloud else "Bearer "):
            return httpx.Response(
                401, json={"errorMessages": ["You are not authenticated."]}, headers=headers
            )
        root = "/rest/api/3" if self.is_cloud else "/rest/api/2"
        if path == "/rest/api/2/serverInfo":
            kind = "Cloud" if self.is_cloud else "Server"
            return self._told(request, query, {"deploymentType": kind, "version": "9.12.0"}, headers)
        assert path.startswith(root), path
        if path == f"{root}/issue/bulkfetch":
            assert (self.is_cloud, request.method) == (True, "POST")
            return self._told(request, query, self._fetched(json.loads(request.content)), headers)
        unknown = [key for key in _keys_in(query.get("jql", "")) if self._of(key) is None]
        if unknown and query.get("validateQuery") != "false":
            body = {"errorMessages": [f"An issue with key '{unknown[0]}' does not exist for field 'key'."]}
            return httpx.Response(400, json=body, headers=headers)
        found = self._found(path.removeprefix(root), query)
        if found is None:
            body = {"errorMessages": ["Issue does not exist or you do not have permission to see it."]}
            return httpx.Response(404, json=body, headers=headers)
        return self._told(request, query, found, headers)

    def _told(
        self, request: httpx.Request, query: dict[str, str], found: Any, headers: dict[str, str]
    ) -> httpx.Response:
        """The answer, which fails the test when it or its request breaks what Atlassian publishes."""
        if self.is_as_described and (description := cloud() if self.is_cloud else data_center()):
            body = json.loads(request.content) if request.content else {}
            path = request.url.path
            if self.is_cloud:  # has this one in its version 2, too, with the same answer
                path = path.replace("/rest/api/2/serverInfo", "/rest/api/3/serverInfo")
            wrong = [*description.violations(request.method, path, query, body, found, OWN_TYPES)]
            assert not wrong, f"Atlassian describes {path} otherwise: {wrong[:3]}"
        return httpx.Response(200, json=found, headers=headers)

    def _of(self, key: str) -> dict[str, Any] | None:
        """Jira answers for an issue's earlier key with the issue under its new one."""
        return self.issues.get(self.moved.get(key, key))

    def _fetched(self, asked: dict[str, Any]) -> Any:
        """``BulkIssueResults``: issues that are not found, or not to be seen, are in neither list."""
        assert set(asked) == {"issueIdsOrKeys", "fields"}
        assert len(asked["issueIdsOrKeys"]) <= 100
        there = [one for key in asked["issueIdsOrKeys"] if (one := self._of(key))]
        return {"issues": [{"id": one["id"], "key": one["key"]} for one in there], "issueErrors": []}

    def _found(self, path: str, query: dict[str, str]) -> Any:
        if path == "/myself":
            return {"displayName": "ktlo", "timeZone": self.zone} if self.has_owner else None
        if path == "/status":
            return [status(name) for name in CATEGORIES]
        if path == "/field":
            names = ("Severity", "Incident start time", "Impact end", "Affected services")
            own = [{"id": one, "name": name} for one, name in zip(FIELDS.values(), names, strict=True)]
            summary = {"id": "summary", "name": "Summary", "schema": {"type": "string", "system": "summary"}}
            desk = ({"id": each, "name": name, "schema": kind} for each, name, kind in SERVICE_DESK)
            return [summary, *own, *desk]
        if path.startswith("/project/"):
            key = path.removeprefix("/project/")
            present = self.renamed.get(key, key)
            there = any(one["fields"]["project"]["key"] == present for one in self.issues.values())
            return {"id": "10000", "key": present, "name": present.title()} if there else None
        if path in ("/search", "/search/jql"):
            assert (path == "/search/jql") is self.is_cloud
            return self._search(query)
        parts = path.strip("/").split("/")
        issue = self._of(parts[1])
        if issue is None:
            return None
        if parts[2:] == ["changelog"] and self.is_cloud:  # Data Center tells the whole changelog at once
            start, size = int(query["startAt"]), int(query["maxResults"])
            log = issue["changelog"]["histories"]
            page = log[start : start + size]
            is_last = start + len(page) >= len(log)
            told = {"values": page, "isLast": is_last, "total": len(log)}
            return {**told, "startAt": start, "maxResults": size}
        if parts[2:] == ["comment"]:
            start = int(query["startAt"])
            comments = issue["fields"]["comment"]["comments"]
            return {"comments": comments[start : start + int(query["maxResults"])], "total": len(comments)}
        if parts[2:] == ["worklog"]:
            whole = issue["fields"]["worklog"]
            start, size = int(query.get("startAt", 0)), int(query.get("maxResults", whole["total"]))
            return {**whole, "startAt": start, "worklogs": whole["worklogs"][start : start + size]}
        return None if parts[2:] else self._as_asked(issue, query)

    def _shown(self, issue: dict[str, Any]) -> dict[str, Any]:
        log = issue["changelog"]["histories"]
        total = len(log)
        shown = list(reversed(log))[: self.shown_changes] if self.is_cloud else log
        return {**issue, "changelog": {"histories": shown, "total": total, "maxResults": len(shown)}}

    def _as_asked(self, issue: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        """The issue with the fields that were asked for, and its changelog where that was."""
        shown = self._shown(issue)
        fields, asked = shown.pop("fields"), query["fields"].split(",")
        if query.get("expand") != "changelog":
            del shown["changelog"]
        return {**shown, "fields": {name: value for name, value in fields.items() if name in asked}}

    def _search(self, query: dict[str, str]) -> Any:
        jql, found = query["jql"], list(self.issues.values())
        where, _, order = jql.partition(" ORDER BY ")
        for text in re.findall(r'updated >= "([^"]+)"', where):
            since = dt.datetime.strptime(text, "%Y/%m/%d %H:%M").replace(tzinfo=ZoneInfo(self.zone))
            found = [one for one in found if _at(one) >= since]
        if keys := _keys_in(where):
            named = [one["key"] for key in keys if (one := self._of(key))]
            found = [one for one in found if one["key"] in named]
        for keys in re.findall(r"project in \(([^)]*)\)", where):
            wanted = {self.renamed.get(key.strip(' "'), key.strip(' "')) for key in keys.split(",")}
            found = [one for one in found if one["fields"]["project"]["key"] in wanted]
        for label in re.findall(r"labels = (\w+)", where):
            found = [one for one in found if label in one["fields"]["labels"]]
        if "statusCategory != Done" in where:
            found = [one for one in found if '"done"' not in json.dumps(one["fields"]["status"])]
        found.sort(
            key=(lambda one: (_at(one), one["key"]))
            if order.startswith("updated")
            else lambda one: one["key"]
        )
        size = int(query["maxResults"])
        start = int(query.get("nextPageToken", query.get("startAt", 0)))
        issues = [self._as_asked(one, query) for one in found[start : start + size]]
        if not self.is_cloud:
            return {"issues": issues, "startAt": start, "maxResults": size, "total": len(found)}
        is_last = start + size >= len(found)
        return {
            "issues": issues,
            "isLast": is_last,
            **({} if is_last else {"nextPageToken": str(start + size)}),
        }


def _keys_in(jql: str) -> list[str]:
    """The keys that a query names."""
    return [key.strip(' "') for part in re.findall(r"\bkey in \(([^)]*)\)", jql) for key in part.split(",")]


def _at(issue: dict[str, Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(issue["fields"]["updated"])
