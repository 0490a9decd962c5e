"""Collects a year of a large tracker over a socket into a store, works out what follows, and asks the pages.

Run: ``python benchmarks/tracker_collection.py [ISSUES …]`` (without arguments 5,000 and 50,000); ``--most 2048`` ends
it with an error when a stage takes more MiB than that. What a stage did when it took most is said. The tracker is a
Jira in a process of its own that makes its answers when it is asked, in the form of Jira Cloud's published REST
description: each issue with two changes of status and three comments, every tenth open. Each stage is a process of
its own, so that its peak of memory is its own. What is to be shown: memory does not grow with the tracker, and time
grows as the tracker does.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import math
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

BEGAN = dt.datetime(2025, 11, 1, tzinfo=dt.UTC)
STATUSES = (("1", "To Do", "new"), ("2", "In Progress", "indeterminate"), ("3", "Done", "done"))
PERSON = {
    "accountId": "a",
    "emailAddress": "ada@example.org",
    "displayName": "Ada",
    "accountType": "atlassian",
}
PAGES = (
    "/", "/bugs", "/reliability", "/effort", "/deployments", "/debt", "/trends", "/hotspots", "/metrics/dialects",
    "/metrics/dialects/bug_time_to_close", "/items", "/items?item=SHOP-77", "/rows/bug_age", "/plan", "/plan/load",
    "/plan/history", "/plan/report", "/findings", "/services", "/sources", "/sources/statuses", "/?from=1y",
    "/bugs?from=all",
)  # fmt: skip
UNDER_WAY = 'http-equiv="refresh"'
"""In a page that shows its shape while its answer is worked out."""


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

    def changed(self, number: int) -> dt.datetime:
        """When an issue changed last."""
        return BEGAN + self.step * number

    def issue(self, number: int) -> dict[str, Any]:
        """One issue; every tenth is open."""
        last = self.changed(number)
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

    def answer(self, address: str) -> Any:
        """What Jira would answer."""
        parts = urlsplit(address)
        path, params = parts.path, {name: said[0] for name, said in parse_qs(parts.query).items()}
        if path.endswith("/serverInfo"):
            return {"deploymentType": "Cloud"}
        if path.endswith("/myself"):
            return {"timeZone": "UTC"}
        if path.endswith("/status"):
            return [status(n) for n in range(3)]
        if path.endswith("/field"):
            return []
        start = int(params.get("nextPageToken", "0"))
        if "statusCategory" in params["jql"]:
            found = range(0, self.issues, 10)
            numbers, count = found[start : start + 100], len(found) - start
            issues = [{"id": str(n), "key": f"SHOP-{n}"} for n in numbers]
        else:
            said = re.findall(r'"([^"]+)"', params["jql"])[0]
            since = dt.datetime.strptime(f"{said} +0000", "%Y/%m/%d %H:%M %z")
            first = max(-(-(since - BEGAN) // self.step), 0) + start
            count = self.issues - first
            issues = [self.issue(n) for n in range(first, min(first + 100, self.issues))]
        more = count > 100
        return {"issues": issues, **({"nextPageToken": str(start + 100)} if more else {"isLast": True})}


def listening(tracker: Tracker) -> ThreadingHTTPServer:
    """A server of a tracker on a free port; whoever asks for it serves."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = msgspec.json.encode(tracker.answer(self.path))
            self.send_response_only(200)
            for name, value in (
                ("content-type", "application/json"),
                ("date", "Sun, 01 Nov 2026 00:00:00 GMT"),
                ("content-length", str(len(body))),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Whoever asked was killed: nothing to say."""

    return Server(("127.0.0.1", 0), Handler)


def serve(issues: int) -> None:
    """Listen on a free port, and print it."""
    server = listening(Tracker(issues))
    print(server.server_address[1], flush=True)
    server.serve_forever()


def collect(url: str, folder: Path) -> dict[str, Any]:
    """Read the tracker to its end, as the server does."""
    from ktlo.server.runtime import Runtime
    from ktlo.settings import Settings
    from ktlo.sources.collector import collect as into

    runtime = Runtime(Settings(), folder)
    options = {"url": url, "email": "k@example.org", "token": "env:T", "since": "2025-10-01"}
    source = runtime.source(runtime.add_source("jira", options).source_id)
    outcome = asyncio.run(into(source, runtime.store, runtime.state))
    assert outcome.status == "complete", outcome.message
    said = {"rows": outcome.rows, "cursor KiB": len(json.dumps(runtime.state.cursor(source.source_id))) >> 10}
    runtime.close()
    return said


def derive(folder: Path) -> dict[str, Any]:
    """Work out effort, phases and deployments from what was read."""
    from ktlo.effort.derive import derive as work_out
    from ktlo.server.deriving import Deriving
    from ktlo.server.runtime import Runtime
    from ktlo.settings import Settings

    runtime = Runtime(Settings(), folder)
    found = work_out(runtime.store, runtime.state, runtime.settings)
    Deriving(runtime).derive(dt.datetime.now(dt.UTC))
    runtime.close()
    return {"rows": found.items + found.parts}


def look(folder: Path) -> dict[str, Any]:
    """Ask each page and each metric twice: seconds of the processor for both, and what took longest the second time."""
    import httpx

    from ktlo.metrics.registry import definitions
    from ktlo.server.app import make_app
    from ktlo.server.runtime import Runtime
    from ktlo.server.security import Access
    from ktlo.settings import Settings

    runtime = Runtime(Settings(), folder)
    accepted = {"accept": "text/html, application/json"}
    metrics = [f"/api/v1/metrics/{name}?from=2025-11-01&to=2026-10-31" for name in definitions()]

    async def work() -> dict[str, list[float]]:
        transport = httpx.ASGITransport(make_app(runtime, Access()))
        took: dict[str, list[float]] = {}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:5856", timeout=600
        ) as client:
            # What a process loads once is no page's own.
            for path in ("/definitions", "/plan/load?from=2020-01-01&to=2020-02-01", *PAGES, *metrics):
                for _ in range(2):
                    began = time.process_time()
                    while UNDER_WAY in (answer := await client.get(path, headers=accepted)).text:
                        await asyncio.sleep(0.2)
                    took.setdefault(path.partition("?from=2025")[0], []).append(time.process_time() - began)
                    assert answer.status_code in (200, 303), (path, answer.status_code, answer.text[:300])
        return took

    took = asyncio.run(work())
    runtime.close()
    slowest = sorted(took.items(), key=lambda one: -one[1][-1])
    return {
        "pages": {path: took[path] for path in PAGES},
        "slowest": [(path, seconds[-1]) for path, seconds in slowest[:6]],
    }


class Peak(threading.Thread):
    """Watches how much memory this process takes, and what it does when that is most."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._most = 0
        self.doing = ""

    def run(self) -> None:
        """Watch until the process ends."""
        while True:
            used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            if used > self._most * 1.02:
                self._most = used
                self.doing = max(map(ktlo_calls, sys._current_frames().values()), key=len, default="")
            time.sleep(0.05)


def ktlo_calls(frame: FrameType) -> str:
    """The innermost calls of ktlo's own that a thread is in."""
    calls = [call for call in traceback.extract_stack(frame) if "/ktlo/" in call.filename]
    return " > ".join(f"{Path(call.filename).stem}.{call.name}" for call in calls[-6:])


def measured(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a stage says, with what it took: processor seconds, the peak in MiB, and what was done at the peak."""
    peak = Peak()
    peak.start()
    said = work()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {**said, "cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss / 1024, "doing": peak.doing}


def stage(*words: str) -> dict[str, Any]:
    """Run a stage in a process of its own; what it says, with its time and its peak of memory."""
    began = time.monotonic()
    command = [sys.executable, __file__, "--stage", *words]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, "T": "t"})
    if ran.returncode:
        sys.exit(f"{words[0]}: {ran.stderr[-3000:]}")
    return {**json.loads(ran.stdout.splitlines()[-1]), "seconds": time.monotonic() - began}


def measure(issues: int, most: float) -> None:
    """One tracker, through every stage; a stage that takes more than ``most`` MiB ends it."""
    command = [sys.executable, __file__, "--stage", "serve", str(issues)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdout
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        try:
            for words in (("collect", url, folder), ("derive", folder), ("look", folder)):
                said = stage(*words)
                per_second = issues / said["cpu"]
                print(
                    f"{issues:9,} {words[0]:8} {said.get('rows', 0):11,} {said['seconds']:8.1f} {said['cpu']:8.1f}"
                    f" {per_second:9,.0f} {said['peak']:9.0f}  {said.get('cursor KiB', '')}",
                    flush=True,
                )
                for path, (first, second) in said.get("pages", {}).items():
                    print(f"{'':10}{first:6.2f} {second:6.2f} CPU s  {path}", flush=True)
                if "slowest" in said:
                    words_of = ", ".join(f"{path} {seconds:.1f}" for path, seconds in said["slowest"])
                    print(f"{'':10}slowest the second time, CPU s: {words_of}", flush=True)
                print(f"{'':10}at the peak: {said['doing']}", flush=True)
                if said["peak"] > most:
                    sys.exit(f"{words[0]} took {said['peak']:.0f} MiB, more than {most:.0f}")
        finally:
            server.terminate()


def whole(said: str) -> int:
    """A number of issues, of at least one: ``50,000``."""
    digits = said.replace(",", "").replace("_", "")
    if not digits.isdecimal() or int(digits) < 1:
        raise argparse.ArgumentTypeError(f"{said!r} is no number of issues from 1 on")
    return int(digits)


def main() -> None:
    """Measure each size."""
    if sys.argv[1:2] == ["--stage"]:
        match sys.argv[2:]:
            case ["serve", issues]:
                serve(int(issues))
                return
            case ["collect", url, folder]:
                said = measured(lambda: collect(url, Path(folder)))
            case ["derive", folder]:
                said = measured(lambda: derive(Path(folder)))
            case ["look", folder]:
                said = measured(lambda: look(Path(folder)))
            case _:
                sys.exit("unknown stage")
        print(json.dumps(said))
        return
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("sizes", metavar="ISSUES", type=whole, nargs="*", default=[5_000, 50_000])
    asked.add_argument(
        "--most", metavar="MIB", type=float, default=math.inf, help="a stage that takes more ends it"
    )
    options = asked.parse_args()
    print(
        f"{'issues':>9} {'stage':8} {'rows':>11} {'s':>8} {'CPU s':>8} {'issues/s':>9} {'peak MiB':>9}  cursor KiB"
    )
    for issues in options.sizes:
        measure(issues, options.most)


if __name__ == "__main__":
    main()
