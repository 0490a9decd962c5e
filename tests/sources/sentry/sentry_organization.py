"""A Sentry organization in memory, with ten issues worked out by hand.

It is held against Sentry's published description at every answer.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import parse_qs

import httpx
from sentry_published import published

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
BY_HAND = """
# id | hours after noon: seen and activity                                    | state  | closed | as          | reopened
S0 | 0 seen                                                                   | open   |  -  |             | 0
S1 | 0 seen, 5 set_resolved                                                   | closed |  5  | completed   | 0
S2 | 0 seen, 5 set_resolved, 9 set_regression                                 | open   |  -  |             | 1
S3 | 0 seen, 5 set_resolved, 9 set_regression, 12 set_resolved_in_release     | closed | 12  | completed   | 1
S4 | 0 seen, 2 set_ignored                                                    | closed |  2  | not_planned | 0
S5 | 0 seen, 2 set_ignored, 4 set_unresolved                                  | open   |  -  |             | 1
S6 | 0 seen, 1 assigned, 2 note, 3 set_resolved                               | closed |  3  | completed   | 0
S7 | 0 seen, 40 seen                                                          | open   |  -  |             | 0
S8 | 0 seen, 3 set_resolved_by_age                                            | closed |  3  | completed   | 0
S9 | 0 seen, 1 set_resolved, 2 set_unresolved, 3 set_resolved, 4 set_regression, 5 set_resolved_in_commit | closed | 5 | completed | 2
"""  # noqa: E501


def after(hours: float) -> dt.datetime:
    return NOON + dt.timedelta(hours=hours)


def lines() -> list[list[str]]:
    rows = [line for line in BY_HAND.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def stamp(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


ALIKE: dict[str, Any] = {
    "type": "error",
    "issueType": "error",
    "metadata": {"title": "ValueError"},
    "logger": None,
    "platform": "python",
    "substatus": "ongoing",
    "statusDetails": {},
    "shareId": "",
    "isPublic": False,
    "isUnhandled": True,
    "isBookmarked": False,
    "isSubscribed": False,
    "subscriptionDetails": None,
    "hasSeen": False,
    "userCount": 3,
    "numComments": 0,
    "userReportCount": 0,
    "annotations": [],
    "stats": {},
    "priorityLockedAt": None,
    "seerFixabilityScore": None,
    "seerAutofixLastTriggered": None,
    "filtered": None,
    "lifetime": {},
    "firstRelease": None,
    "lastRelease": None,
    "participants": [],
    "seenBy": [],
    "tags": [],
    "pluginActions": [],
    "pluginContexts": [],
    "pluginIssues": [],
}
"""What every issue tells, and ktlo does not read."""
LISTED_ONLY = {
    *("filtered", "isUnhandled", "issueCategory", "issueType", "lifetime", "platform", "priority"),
    *("priorityLockedAt", "seerAutofixLastTriggered", "seerFixabilityScore", "substatus"),
}
"""What Sentry describes in the list of issues and not where one is retrieved."""
RETRIEVED_ONLY = {
    *("activity", "firstRelease", "lastRelease", "participants", "pluginActions", "pluginContexts"),
    *("pluginIssues", "seenBy", "tags", "userReportCount"),
}
"""What it describes the other way round."""
NOT_RESOLVED = {
    *("filtered", "lifetime", "stats"),
    *("count", "firstSeen", "isUnhandled", "lastSeen", "userCount"),
}
"""What it does not describe, or not as always there, where a short identifier is resolved."""


class Organization:
    """A Sentry organization that answers as its published description says, or fails the test that asked."""

    def __init__(self) -> None:
        self.is_as_described = True  # not where a test makes it answer what Sentry does not describe
        self.issues: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.merged: dict[str, str] = {}
        for key, steps, *_ in lines():
            for step in steps.split(","):
                hours, kind = step.split()
                self.happen(key, kind, after(int(hours)))

    def happen(self, key: str, kind: str, at: dt.datetime, who: str = "ada@example.org") -> None:
        if key not in self.issues:
            self.issues[key] = {
                "id": self._id(key),
                "shortId": f"SHOP-{key}",
                "title": "ValueError: card <b>declined</b> 🔥",
                "culprit": "shop.payments in charge",
                "permalink": f"https://acme.sentry.io/issues/{key}/",
                "level": "error",
                "status": "unresolved",
                "priority": "high",
                "project": {"id": "2", "name": "Shop", "slug": "shop", "platform": "python"},
                "assignedTo": None,
                "issueCategory": "error",
                "firstSeen": stamp(at),
                "lastSeen": stamp(at),
                "count": "12",
                "activity": [],
                **ALIKE,
            }
        issue = self.issues[key]
        if kind == "seen":
            issue["lastSeen"] = stamp(at)
            return
        number = str(len(issue["activity"]) + 1)
        issue["activity"].insert(
            0,
            {
                "id": number,
                "type": kind,
                "dateCreated": stamp(at),
                "user": {"name": "Ada", "email": who},
                "data": {},
            },
        )
        if kind.startswith("set_resolved"):
            issue["status"] = "resolved"
        elif kind == "set_ignored":
            issue["status"] = "ignored"
        elif kind in ("set_unresolved", "set_regression"):
            issue["status"] = "unresolved"
            issue["lastSeen"] = stamp(at) if kind == "set_regression" else issue["lastSeen"]

    def answer(self, request: httpx.Request) -> httpx.Response:
        headers = {"date": "Fri, 04 Sep 2026 12:00:00 GMT"}
        if request.headers.get("authorization") != "Bearer k3y":
            return httpx.Response(401, json={"detail": "Invalid token"}, headers=headers)
        query = parse_qs(request.url.query.decode(), keep_blank_values=True)
        found = self._found(request.url.path, query, headers)
        if found is None:
            body = {"detail": "The requested resource does not exist"}
            return httpx.Response(404, json=body, headers=headers)
        if self.is_as_described and (description := published()):
            wrong = [*description.violations(request.url.path, query, found)]
            assert not wrong, f"Sentry describes {request.url.path} otherwise: {wrong[:3]}"
        return httpx.Response(200, json=found, headers=headers)

    def _found(self, path: str, query: dict[str, list[str]], headers: dict[str, str]) -> Any:
        if "/shortids/" in path:
            return self._resolved(path.split("/")[-2])
        path = path.removeprefix("/api/0/organizations/acme/issues/")
        self.asked.append(path or ("group" if "group" in query else "list"))
        if path:
            return self._retrieved(path.strip("/"))
        listed = [self._listed(one) for one in self.issues.values()]
        if "group" in query:
            return [one for one in listed if one["id"] in query["group"]]
        listed.sort(key=lambda one: one["lastSeen"], reverse=True)
        size = int(query["limit"][0])
        start = int(query.get("cursor", ["0:0:0"])[0].split(":")[1])
        more = "true" if start + size < len(listed) else "false"
        url = f"https://sentry.io/api/0/organizations/acme/issues/?cursor=0:{start + size}:0"
        headers["link"] = (
            f'<{url}>; rel="previous"; results="false"; cursor="0:0:1", '
            f'<{url}>; rel="next"; results="{more}"; cursor="0:{start + size}:0"'
        )
        return listed[start : start + size]

    def _listed(self, issue: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in issue.items() if name not in RETRIEVED_ONLY}

    def _retrieved(self, identifier: str) -> dict[str, Any] | None:
        """ "Retrieve an Issue"; a merged issue is the one it was merged into."""
        merged = {self._id(key): self._id(into) for key, into in self.merged.items()}
        identifier = merged.get(identifier, identifier)
        issue = next((one for one in self.issues.values() if one["id"] == identifier), None)
        if issue is None:
            return None
        project = {name: value for name, value in issue["project"].items() if name != "platform"}
        return {name: value for name, value in issue.items() if name not in LISTED_ONLY} | {
            "project": project
        }

    def _resolved(self, name: str) -> dict[str, Any] | None:
        """ "Resolve a Short ID" of the API documentation; a merged issue resolves to the one it was merged into."""
        key = next((key for key, one in self.issues.items() if one["shortId"] == name), "")
        key = self.merged.get(name.removeprefix("SHOP-"), key)
        if key not in self.issues:
            return None
        found = self._listed(self.issues[key])
        group = {name: value for name, value in found.items() if name not in NOT_RESOLVED}
        body = {"organizationSlug": "acme", "projectSlug": "shop", "groupId": found["id"], "group": group}
        return {**body, "shortId": found["shortId"]}

    @staticmethod
    def _id(key: str) -> str:
        return key.replace("S", "10")
