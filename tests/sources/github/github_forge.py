"""A small stateful GitHub for the tests: limits, ETags, pages, faults, things that change while read.

It serves copies of GitHub's published example objects with other numbers and dates, holds every answer
against the published schema, and answers GraphQL by executing the query on the published schema.
"""

import copy
import datetime as dt
import email.utils
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from github_published import ROOT, Published
from graphql import graphql_sync

from ktlo.sources.rest.quota import World

START = dt.datetime(2026, 3, 1, 12, 0, 0, tzinfo=dt.UTC)
BASE = "https://api.github.test"


@dataclass
class Clock:
    """Time that passes only when somebody waits."""

    at: float = START.timestamp()
    waits: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += seconds

    def world(self) -> World:
        return World(now=self.now, sleep=self.sleep, chance=lambda: 0.5)

    def stamp(self) -> str:
        return dt.datetime.fromtimestamp(self.at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Answer:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    template: str = ""
    raw: bytes | None = None


Fault = Callable[[str, dict[str, str]], Answer | None]


class Forge:
    """One repository, ``octocat/Hello-World``."""

    def __init__(self, published: Published, clock: Clock) -> None:
        self.published = published
        self.clock = clock
        self.full_name = "octocat/Hello-World"
        self.issues: dict[int, dict[str, Any]] = {}
        self.pulls: dict[int, dict[str, Any]] = {}
        self.reviews: dict[int, list[dict[str, Any]]] = {}
        self.events: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.releases: list[dict[str, Any]] = []
        self.deployments: list[dict[str, Any]] = []
        self.statuses: dict[int, list[dict[str, Any]]] = {}
        self.runs: list[dict[str, Any]] = []
        self.moved: dict[int, str] = {}
        self.requests: list[tuple[str, dict[str, str], int]] = []
        self.headers: list[dict[str, str]] = []
        self.limit: int | None = None
        self.used = 0
        self.resets_at = clock.at + 3600
        self.fault: Fault | None = None
        self.after: Callable[[int], None] = lambda _count: None
        self._count = 0

    # What people do

    def _number(self) -> int:
        self._count += 1
        return self._count

    def _copy(self, path: str, **changed: Any) -> dict[str, Any]:
        example = self.published.example(ROOT + path)
        if isinstance(example, dict) and "workflow_runs" in example:
            example = example["workflow_runs"]
        return {**copy.deepcopy(example[0] if isinstance(example, list) else example), **changed}

    def user(self, login: str) -> dict[str, Any]:
        return {**self._copy("/issues")["user"], "login": login}

    def open_issue(self, title: str = "It breaks", by: str = "octocat", **more: Any) -> int:
        number = self._number()
        now = self.clock.stamp()
        self.issues[number] = self._copy(
            "/issues",
            id=number + 1000,
            number=number,
            title=title,
            state="open",
            user=self.user(by),
            created_at=now,
            updated_at=now,
            closed_at=None,
            state_reason=None,
            labels=[],
            html_url=f"https://github.test/{self.full_name}/issues/{number}",
            **more,
        )
        self.issues[number].pop("pull_request", None)
        return number

    def event(self, number: int, kind: str, by: str = "octocat", **more: Any) -> None:
        now = self.clock.stamp()
        self.issues[number]["updated_at"] = now
        self.events.append(
            self._copy(
                "/issues/events",
                id=len(self.events) + 1,
                event=kind,
                actor=self.user(by),
                created_at=now,
                **more,
            )
            | {"issue": self.issues[number]}
        )

    def label(self, number: int, name: str) -> None:
        example = self._copy("/issues")["labels"][0]
        self.issues[number]["labels"] = [*self.issues[number]["labels"], {**example, "name": name}]
        self.event(number, "labeled", label={"name": name, "color": "f29513"})

    def close(self, number: int, reason: str = "completed", by: str = "octocat") -> None:
        self.issues[number].update(state="closed", state_reason=reason, closed_at=self.clock.stamp())
        self.event(number, "closed", by, commit_id=None)

    def reopen(self, number: int) -> None:
        self.issues[number].update(state="open", state_reason="reopened", closed_at=None)
        self.event(number, "reopened")

    def comment(self, number: int, by: str = "octocat") -> None:
        now = self.clock.stamp()
        self.issues[number]["updated_at"] = now
        self.comments.append(
            self._copy(
                "/issues/comments",
                id=len(self.comments) + 1,
                user=self.user(by),
                created_at=now,
                updated_at=now,
                issue_url=f"{BASE}/repos/{self.full_name}/issues/{number}",
            )
        )

    def open_pull(self, title: str = "Mend it", by: str = "octocat") -> int:
        number = self.open_issue(title, by)
        now = self.clock.stamp()
        self.issues[number]["pull_request"] = {**self._copy("/issues")["pull_request"], "merged_at": None}
        self.pulls[number] = self._copy(
            "/pulls",
            id=number + 5000,
            number=number,
            title=title,
            state="open",
            user=self.user(by),
            created_at=now,
            updated_at=now,
            closed_at=None,
            merged_at=None,
        )
        self.reviews[number] = []
        return number

    def touch_pull(self, number: int) -> None:
        self.issues[number]["updated_at"] = self.pulls[number]["updated_at"] = self.clock.stamp()

    def review(self, number: int, by: str, state: str = "APPROVED") -> None:
        self.touch_pull(number)
        self.reviews[number].append(
            self._copy(
                "/pulls/{pull_number}/reviews",
                id=3_000_000_000 + number * 10 + len(self.reviews[number]),
                user=self.user(by),
                state=state,
                submitted_at=self.clock.stamp(),
            )
        )

    def merge(self, number: int, sha: str = "c0ffee") -> None:
        now = self.clock.stamp()
        self.issues[number].update(state="closed", closed_at=now)
        self.issues[number]["pull_request"]["merged_at"] = now
        self.pulls[number].update(state="closed", closed_at=now, merged_at=now, merge_commit_sha=sha)
        self.touch_pull(number)

    def publish(self, tag: str) -> None:
        now = self.clock.stamp()
        self.releases.append(
            self._copy("/releases", id=len(self.releases) + 1, tag_name=tag, created_at=now, published_at=now)
            | {"updated_at": now}
        )

    def deploy(self, environment: str = "production") -> int:
        now = self.clock.stamp()
        number = len(self.deployments) + 1
        self.deployments.append(
            self._copy("/deployments", id=number, environment=environment, created_at=now, updated_at=now)
        )
        self.statuses[number] = []
        return number

    def report(self, deployment: int, state: str) -> None:
        now = self.clock.stamp()
        self.statuses[deployment].append(
            self._copy(
                "/deployments/{deployment_id}/statuses",
                id=deployment * 10 + len(self.statuses[deployment]),
                state=state,
                created_at=now,
                updated_at=now,
            )
        )

    def run_workflow(self, conclusion: str | None = "success") -> int:
        now = self.clock.stamp()
        number = len(self.runs) + 1
        status = "completed" if conclusion else "in_progress"
        self.runs.append(
            self._copy(
                "/actions/runs",
                id=number,
                status=status,
                conclusion=conclusion,
                created_at=now,
                updated_at=now,
                run_started_at=now,
            )
        )
        return number

    def finish_workflow(self, number: int, conclusion: str) -> None:
        self.runs[number - 1].update(status="completed", conclusion=conclusion, updated_at=self.clock.stamp())

    def delete_issue(self, number: int) -> None:
        del self.issues[number]
        self.events = [event for event in self.events if event["issue"]["number"] != number]

    def pass_time(self, seconds: float = 60) -> None:
        self.clock.at += seconds

    # What GitHub answers

    def _route(self, path: str, query: dict[str, str]) -> Answer:
        if path == "/rate_limit":
            core = {
                "limit": self.limit or 5000,
                "remaining": (self.limit or 5000) - self.used,
                "reset": int(self.resets_at),
                "used": self.used,
            }
            example = self.published.example("/rate_limit")
            return Answer(
                200,
                {**example, "rate": core, "resources": {**example["resources"], "core": core}},
                template=path,
            )
        old, new = "/repos/octocat/Hello-World", f"/repos/{self.full_name}"
        if path.startswith(old) and self.full_name != "octocat/Hello-World":
            return Answer(301, {"message": "Moved Permanently"}, {"location": BASE + path.replace(old, new)})
        if not path.startswith(new):
            return Answer(404, {"message": "Not Found"})
        rest = path.removeprefix(new)
        listed: dict[str, Callable[[], Iterable[dict[str, Any]]]] = {
            "/issues": lambda: self._issues(query),
            "/issues/events": lambda: sorted(self.events, key=lambda e: -e["id"]),
            "/issues/comments": lambda: self._since(self.comments, query),
            "/pulls": lambda: sorted(
                self.pulls.values(), key=lambda p: (p["updated_at"], p["number"]), reverse=True
            ),
            "/releases": lambda: reversed(self.releases),
            "/deployments": lambda: reversed(self.deployments),
            "/actions/runs": lambda: reversed(self.runs),
        }
        if rest == "":
            count = sum(issue["state"] == "open" for issue in self.issues.values())
            said = self._copy("", full_name=self.full_name, open_issues_count=count)
            return Answer(200, said, template=ROOT)
        if rest in listed:
            return self._paged(path, query, list(listed[rest]()), ROOT + rest)
        if match := re.fullmatch(r"/issues/(\d+)", rest):
            number = int(match[1])
            if number in self.moved:
                return Answer(301, {"message": "Moved Permanently"}, {"location": self.moved[number]})
            if number not in self.issues:
                return Answer(410, {"message": "This issue was deleted"})
            return Answer(200, self.issues[number], template=ROOT + "/issues/{issue_number}")
        if match := re.fullmatch(r"/pulls/(\d+)", rest):
            single = self._copy("/pulls/{pull_number}", additions=7, deletions=3, changed_files=2)
            return Answer(200, single | self.pulls[int(match[1])], template=ROOT + "/pulls/{pull_number}")
        if match := re.fullmatch(r"/pulls/(\d+)/reviews", rest):
            return self._paged(
                path, query, self.reviews[int(match[1])], ROOT + "/pulls/{pull_number}/reviews"
            )
        if match := re.fullmatch(r"/deployments/(\d+)/statuses", rest):
            newest = list(reversed(self.statuses[int(match[1])]))
            return self._paged(path, query, newest, ROOT + "/deployments/{deployment_id}/statuses")
        return Answer(404, {"message": "Not Found"})

    def _since(self, items: Iterable[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
        chosen = [item for item in items if item["updated_at"] >= query.get("since", "")]
        return sorted(chosen, key=lambda item: (item["updated_at"], item["id"]))

    def _issues(self, query: dict[str, str]) -> list[dict[str, Any]]:
        wanted = query.get("state", "open")
        chosen = [issue for issue in self.issues.values() if wanted in ("all", issue["state"])]
        return self._since(chosen, query)

    def _paged(self, path: str, query: dict[str, str], items: list[dict[str, Any]], template: str) -> Answer:
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        last = max(1, -(-len(items) // size))
        links = []
        if page < last:
            for name, number in (("next", page + 1), ("last", last)):
                links.append(f'<{BASE}{path}?{urlencode({**query, "page": number})}>; rel="{name}"')
        part: Any = copy.deepcopy(items[(page - 1) * size : page * size])
        if template.endswith("/actions/runs"):
            part = {"total_count": len(items), "workflow_runs": part}
        return Answer(200, part, {"link": ", ".join(links)} if links else {}, template)

    def _graphql(self, body: bytes) -> Answer:
        asked = json.loads(body)

        def actor(user: dict[str, Any] | None) -> dict[str, Any] | None:
            if user is None:
                return None
            is_bot = user["login"].endswith("[bot]")
            return {"__typename": "Bot" if is_bot else "User", "login": user["login"].removesuffix("[bot]")}

        def pull(_info: Any, number: int) -> dict[str, Any] | None:
            if number not in self.pulls:
                return None
            reviews = [
                {
                    "fullDatabaseId": str(review["id"]),
                    "state": review["state"],
                    "submittedAt": review.get("submitted_at"),
                    "author": actor(review["user"]),
                }
                for review in self.reviews[number]
            ]
            return {
                "additions": 7,
                "deletions": 3,
                "changedFiles": 2,
                "mergedBy": actor(self.user("octocat")),
                "commits": lambda _info, **_: {"nodes": [{"commit": {"oid": f"{number:040x}"}}]},
                "reviews": lambda _info, first, **_: {
                    "nodes": reviews[:first],
                    "pageInfo": {"hasNextPage": len(reviews) > first},
                },
            }

        def issue(_info: Any, number: int) -> dict[str, Any] | None:
            here = number in self.issues and "pull_request" not in self.issues[number]
            return {"repository": {"nameWithOwner": "octocat/Hello-World"}} if here else None

        root = {"repository": lambda _info, **_: {"pullRequest": pull, "issue": issue}}
        result = graphql_sync(
            self.published.graphql,
            asked["query"],
            root,
            variable_values=asked["variables"],
            type_resolver=lambda value, *_: value["__typename"],
        )
        assert not result.errors, result.errors
        return Answer(200, {"data": result.data}, {"x-ratelimit-resource": "graphql"})

    def _answer(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> Answer:
        if self.fault is not None and (wrong := self.fault(path, query)) is not None:
            return wrong
        if self.clock.at >= self.resets_at:
            self.used, self.resets_at = 0, self.clock.at + 3600
        rate = {}
        if self.limit is not None:
            rate = {
                "x-ratelimit-limit": str(self.limit),
                "x-ratelimit-remaining": str(max(self.limit - self.used - 1, 0)),
                "x-ratelimit-reset": str(int(self.resets_at)),
            }
            if self.used >= self.limit and path != "/rate_limit":
                return Answer(403, {"message": "API rate limit exceeded for 127.0.0.1."}, rate)
        answer = self._graphql(body) if method == "POST" else self._route(path, query)
        if answer.template:
            wrong_fields = self.published.violations(answer.template, answer.body)
            assert not wrong_fields, f"the forge breaks GitHub's schema at {path}: {wrong_fields[:3]}"
            unknown = set(query) - (self.published.parameters(answer.template) if query else set())
            assert not unknown, f"GitHub has no parameter {unknown} at {path}"
        tag = '"' + hashlib.sha256(json.dumps([answer.body, answer.headers]).encode()).hexdigest()[:16] + '"'
        if answer.status == 200 and headers.get("if-none-match") == tag:
            answer = Answer(304)
            rate and rate.update({"x-ratelimit-remaining": str(max(self.limit - self.used, 0))})  # type: ignore[operator]
        elif path != "/rate_limit":
            self.used += 1
        answer.headers = {"etag": tag, **answer.headers, **rate}
        return answer

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        query = dict(parse_qsl(scope["query_string"].decode()))
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        answer = self._answer(scope["method"], scope["path"], query, headers, body)
        self.requests.append((scope["path"], query, answer.status))
        self.headers.append(headers)
        content = (
            answer.raw
            if answer.raw is not None
            else (b"" if answer.status == 304 else json.dumps(answer.body).encode())
        )
        sent = {
            "content-type": "application/json; charset=utf-8",
            "date": email.utils.format_datetime(
                dt.datetime.fromtimestamp(self.clock.at, dt.UTC), usegmt=True
            ),
            **answer.headers,
        }
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            }
        )
        await send({"type": "http.response.body", "body": content})
        self.after(len(self.requests))
