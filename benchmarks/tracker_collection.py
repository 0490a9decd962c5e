"""Collects a year of a tracker of 50,000 issues: seconds, requests and memory, beside a tenth of it.

Run: ``python benchmarks/tracker_collection.py [ISSUES]``. The tracker is a Jira that makes its answers when it is
asked, each issue with two changes of status and three comments; rows are counted and thrown away, so that only the
source's own memory is seen. What is to be shown: memory does not grow with the tracker.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import re
import sys
import time
import tracemalloc
from typing import Any

import httpx
import msgspec

from ktlo.sources.jira import JiraSource
from ktlo.sources.jira.source import JiraConfig
from ktlo.sources.rest.quota import World

BEGAN = dt.datetime(2025, 11, 1, tzinfo=dt.UTC)
STATUSES = (("1", "To Do", "new"), ("2", "In Progress", "indeterminate"), ("3", "Done", "done"))
PERSON = {
    "accountId": "a",
    "emailAddress": "ada@example.org",
    "displayName": "Ada",
    "accountType": "atlassian",
}


def stamp(moment: dt.datetime) -> str:
    """A time as Jira writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def status(number: int) -> dict[str, Any]:
    """A status by its place."""
    identifier, name, category = STATUSES[number]
    return {"id": identifier, "name": name, "statusCategory": {"key": category}}


class Tracker:
    """A Jira whose issue number n changed last at minute n · STEP of the year."""

    def __init__(self, issues: int) -> None:
        self.issues = issues
        self.step = dt.timedelta(days=365) / issues
        self.requests = 0

    def issue(self, number: int) -> dict[str, Any]:
        """One issue; every tenth is open."""
        last = BEGAN + self.step * number
        created = last - dt.timedelta(days=3)
        done = number % 10 != 0
        changes = [
            {
                "id": f"{number}{change}",
                "author": PERSON,
                "created": stamp(created + dt.timedelta(hours=change)),
                "items": [{"field": "status", "from": a, "fromString": b, "to": c, "toString": d}],
            }
            for change, (a, b, c, d) in enumerate(
                (("1", "To Do", "2", "In Progress"), ("2", "In Progress", "3", "Done"))
            )
        ]
        if not done:
            changes.pop()
        times = [stamp(created + dt.timedelta(hours=n)) for n in range(3)]
        comments = [{"id": f"{number}{n}", "author": PERSON, "created": at} for n, at in enumerate(times)]
        return {
            "id": str(number),
            "key": f"SHOP-{number}",
            "fields": {
                "summary": f"Main order flow broken {number}",
                "description": "It is down again. " * 40,
                "issuetype": {"name": "Bug"},
                "priority": {"name": "High"},
                "labels": ["checkout"],
                "status": status(2 if done else 1),
                "created": stamp(created),
                "updated": stamp(last),
                "reporter": PERSON,
                "components": [{"name": "checkout"}],
                "comment": {"comments": comments, "total": 3},
            },
            "changelog": {"histories": changes, "total": len(changes)},
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What Jira would answer."""
        self.requests += 1
        path, params = request.url.path, request.url.params
        if path.endswith("/serverInfo"):
            return reply({"deploymentType": "Cloud"})
        if path.endswith("/myself"):
            return reply({"timeZone": "UTC"})
        if path.endswith("/status"):
            return reply([status(n) for n in range(3)])
        if path.endswith("/field"):
            return reply([])
        if "statusCategory" in params["jql"]:
            start = int(params.get("nextPageToken", "0"))
            found = [{"id": str(n), "key": f"SHOP-{n}"} for n in range(0, self.issues, 10)]
            page, more = found[start : start + 100], start + 100 < len(found)
            return reply(
                {"issues": page, **({"nextPageToken": str(start + 100)} if more else {"isLast": True})}
            )
        said = re.findall(r'"([^"]+)"', params["jql"])[0]
        since = dt.datetime.strptime(f"{said} +0000", "%Y/%m/%d %H:%M %z")
        first = max(-(-(since.replace(tzinfo=dt.UTC) - BEGAN) // self.step), 0) + int(
            params.get("nextPageToken", "0")
        )
        numbers = range(first, min(first + 100, self.issues))
        more = first + 100 < self.issues
        token = (
            {"nextPageToken": str(int(params.get("nextPageToken", "0")) + 100)} if more else {"isLast": True}
        )
        return reply({"issues": [self.issue(n) for n in numbers], **token})


def reply(body: Any) -> httpx.Response:
    """An answer in JSON."""
    headers = {"content-type": "application/json", "date": "Sun, 01 Nov 2026 00:00:00 GMT"}
    return httpx.Response(200, content=msgspec.json.encode(body), headers=headers)


async def collect(issues: int) -> tuple[int, int, float, float]:
    """Rows, requests, seconds of CPU, and the peak of Python's memory in MiB."""
    tracker, rows = Tracker(issues), 0
    config = JiraConfig(url="https://x.atlassian.net", email="k@x", token="env:T", since=dt.date(2025, 10, 1))
    source = JiraSource(config, World(), httpx.MockTransport(tracker.answer))
    tracemalloc.start()
    began = time.process_time()
    async for batch in source.collect({}):
        rows += sum(part.num_rows for part in batch.rows.values())
    seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return rows, tracker.requests, seconds, peak


def main() -> None:
    """Measure a tenth, then the whole."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    os.environ["T"] = "t"
    print(f"{'issues':>8} {'rows':>9} {'requests':>9} {'CPU s (traced)':>15} {'peak MiB':>9}")
    asyncio.run(collect(10))  # what is imported on the way counts for nobody
    for issues in (most // 10, most):
        rows, requests, seconds, peak = asyncio.run(collect(issues))
        print(f"{issues:8,} {rows:9,} {requests:9,} {seconds:15.1f} {peak:9.1f}")


if __name__ == "__main__":
    main()
