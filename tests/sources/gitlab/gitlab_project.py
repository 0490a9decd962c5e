"""A GitLab project in memory, answering as GitLab's REST API v4 documentation says.

Lists page by ``page`` and ``per_page`` with a Link header, ``updated_after`` bounds the change, private things are 404
without a token. Shapes follow the documentation's examples.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx

PATH = "diaspora/diaspora-project-site"


def stamp(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def user(name: str) -> dict[str, Any]:
    return {"id": len(name), "username": name, "name": name.title(), "state": "active"}


def issue_address(iid: int) -> str:
    return f"https://gitlab.com/api/v4/projects/4/issues/{iid}"


@dataclass
class Project:
    """The project; ``now`` is its clock."""

    now: dt.datetime
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    merge_requests: dict[int, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    deployments: dict[int, dict[str, Any]] = field(default_factory=dict)
    pipelines: dict[int, dict[str, Any]] = field(default_factory=dict)
    releases: list[dict[str, Any]] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)
    faults: list[httpx.Response] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    name: str = PATH
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def open_issue(self, iid: int, at: dt.datetime, **given: Any) -> dict[str, Any]:
        self.issues[iid] = {
            "id": 1000 + iid,
            "iid": iid,
            "project_id": 4,
            "title": "Ut commodi ullam eos dolores perferendis nihil sunt.",
            "description": "Omnis vero earum sunt corporis dolor et placeat.",
            "state": "opened",
            "created_at": stamp(at),
            "updated_at": stamp(at),
            "closed_at": None,
            "closed_by": None,
            "moved_to_id": None,
            "labels": [],
            "author": user("root"),
            "assignees": [],
            "issue_type": "issue",
            "severity": "UNKNOWN",
            "web_url": f"https://gitlab.com/{PATH}/-/issues/{iid}",
            "_links": {"self": issue_address(iid), "closed_as_duplicate_of": None},
            **given,
        }
        return self.issues[iid]

    def close(
        self, iid: int, at: dt.datetime, who: str = "ada", duplicate_of: int | None = None, **given: Any
    ) -> None:
        if duplicate_of is not None:
            self.issues[iid]["_links"] |= {"closed_as_duplicate_of": issue_address(duplicate_of)}
        self.issues[iid] |= {
            "state": "closed",
            "closed_at": stamp(at),
            "updated_at": stamp(at),
            "closed_by": user(who),
            **given,
        }
        self.did("closed", "Issue", iid, at, who)

    def reopen(self, iid: int, at: dt.datetime, who: str = "ada") -> None:
        self.issues[iid] |= {"state": "opened", "closed_at": None, "closed_by": None, "updated_at": stamp(at)}
        self.did("reopened", "Issue", iid, at, who)

    def did(self, action: str, kind: str, iid: int, at: dt.datetime, who: str) -> None:
        self.events.append(
            {
                "id": next(self._ids),
                "action_name": action,
                "target_type": kind,
                "target_iid": iid,
                "created_at": stamp(at),
                "author": user(who),
                "author_username": who,
            }
        )

    def comment(self, kind: str, iid: int, at: dt.datetime, who: str, *, system: bool = False) -> None:
        number = next(self._ids)
        self.events.append(
            {
                "id": number,
                "action_name": "commented on",
                "target_type": "Note",
                "target_iid": number,
                "created_at": stamp(at),
                "author": user(who),
                "author_username": who,
                "note": {"id": number, "system": system, "noteable_type": kind, "noteable_iid": iid},
            }
        )

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        raw = request.url.raw_path.decode().partition("?")[0]
        query = {k: v[-1] for k, v in parse_qs(request.url.query.decode()).items()}
        headers = {"date": self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        if self.faults:
            return self.faults.pop(0)
        if request.headers.get("private-token", "") not in ("", "glpat"):
            return httpx.Response(401, json={"message": "401 Unauthorized"}, headers=headers)
        prefix = "/api/v4/projects/"
        assert raw.startswith(prefix), raw
        project, _, rest = raw.removeprefix(prefix).partition("/")
        path = f"/{rest}" if rest else ""
        self.asked.append(path)
        if unquote(project) != PATH or "private-token" not in request.headers:
            return httpx.Response(404, json={"message": "404 Project Not Found"}, headers=headers)
        if path in self.refuse:
            body = {"message": f"{self.refuse[path]} Forbidden"}
            return httpx.Response(self.refuse[path], json=body, headers=headers)
        return self._found(path, query, headers, request)

    def _found(
        self, path: str, query: dict[str, str], headers: dict[str, str], request: httpx.Request
    ) -> httpx.Response:
        if path == "":
            return httpx.Response(200, json={"id": 4, "path_with_namespace": self.name}, headers=headers)
        if path == "/issues_statistics":
            opened = sum(one["state"] == "opened" for one in self.issues.values())
            body = {"statistics": {"counts": {"all": len(self.issues), "opened": opened}}}
            return httpx.Response(200, json=body, headers=headers)
        if path.endswith("/resource_state_events"):
            number = int(path.split("/")[2])
            states = [
                {
                    "id": one["id"],
                    "user": one["author"],
                    "created_at": one["created_at"],
                    "resource_type": "Issue",
                    "resource_id": 1000 + number,
                    "state": one["action_name"],
                }
                for one in self.events
                if one["target_type"] == "Issue" and one["target_iid"] == number
            ]
            return httpx.Response(200, json=states, headers=headers)
        if path.startswith(("/issues/", "/merge_requests/")):
            _, name, number = path.split("/")
            one = (self.issues if name == "issues" else self.merge_requests).get(int(number))
            if one is None:
                return httpx.Response(404, json={"message": "404 Not found"}, headers=headers)
            return httpx.Response(200, json=one, headers=headers)
        lists: dict[str, list[dict[str, Any]]] = {
            "/issues": list(self.issues.values()),
            "/merge_requests": list(self.merge_requests.values()),
            "/deployments": list(self.deployments.values()),
            "/pipelines": list(self.pipelines.values()),
            "/events": sorted(self.events, key=lambda one: one["created_at"], reverse=True),
            "/releases": sorted(self.releases, key=lambda one: one["released_at"], reverse=True),
        }
        found = lists[path]
        if iids := parse_qs(request.url.query.decode()).get("iids[]"):
            found = [one for one in found if str(one["iid"]) in iids]
        if query.get("state") == "opened":
            found = [one for one in found if one["state"] == "opened"]
        if query.get("order_by") == "updated_at":
            assert query["sort"] == "asc"
            found = sorted(found, key=lambda one: one["updated_at"])
            if "updated_after" in query:
                after = dt.datetime.fromisoformat(query["updated_after"])
                found = [one for one in found if dt.datetime.fromisoformat(one["updated_at"]) > after]
        page, size = int(query.get("page", 1)), int(query.get("per_page", 20))
        if page * size < len(found):
            url = request.url.copy_merge_params({"page": str(page + 1)})
            headers["link"] = f'<{url}>; rel="next"'
        return httpx.Response(200, json=found[(page - 1) * size : page * size], headers=headers)
