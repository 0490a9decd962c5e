"""A shop of two commits under the real ``ktlo-instrument``, sending to a real ``ktlo up``.

Only two clocks are ours: the wall clock, so that a deployment lies minutes ago, and the one durations are measured
with, so that every figure on the pages can be worked out by hand. Code, counting, folding and the wire are real.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

BEFORE = '''"""Carts of the shop."""

# What stands here
# is gone after the deployment,
# so that all lines move.

from world_clock import spend

PRICES = {"a": 7, "b": 7}


def price(item, card_token="4"):
    spend(2)
    if item == "gone":
        raise KeyError(item)
    return PRICES[item]


def total(items):
    spend(1)
    added = 0
    for item in items:
        added += price(item)
    return added


def refund(order):
    return -total(order)
'''
AFTER = "".join(
    line.replace("spend(2)", "spend(12)  # <asks> the depot")
    for line in BEFORE.splitlines(keepends=True)
    if not line.startswith("#")
)
CLOCK = """
ticks = 10**12


def spend(milliseconds):
    global ticks
    ticks += int(milliseconds * 1e6)
"""
RUN = """
import json
import sys
import time

import world_clock

asked = json.loads(sys.argv[1])
real, shift = time.time_ns, asked[0][0] * 60 * 10**9
time.time_ns = lambda: real() + shift
time.perf_counter_ns = lambda: world_clock.ticks

import ktlo_instrument

assert ktlo_instrument.start(
    packages=("shop", "shop.*"), engine="python", interval=3600.0, sample=0, cache=False, tracing=False
)
from shop import cart

for minute, route, items, times in asked:
    shift = minute * 60 * 10**9
    with ktlo_instrument.request(route):
        for _ in range(times):
            try:
                cart.total(items)
            except KeyError:
                pass
    assert ktlo_instrument.flush(20), "not sent"
ktlo_instrument.stop(20)
"""
YAML = """
server: {{port: 0}}
telemetry: {{http_port: 0, grpc_port: 0, elastic_port: 0}}
sql: {{serve: false}}
sources:
  - {{type: git, path: {folder}/repository, name: acme/shop}}
  - type: csv
    file: {folder}/incidents.csv
    noun: incidents
    mapping: {{external_id: id, title: title, state: state, service: service, detected_at: began,
      caused_by: cause}}
  - type: csv
    file: {folder}/issues.csv
    noun: issues
    mapping: {{external_id: id, title: title, state: state, repository: repository, created_at: began, url: url}}
services:
  shop: {{repositories: [acme/shop], telemetry: [shop, depot]}}
"""


@dataclass(frozen=True)
class World:
    """A running ktlo and what was sent to it.

    Attributes:
        url: of the pages.
        commits: before and after the deployment.
        folder: of settings, data and the repository.
    """

    url: str
    commits: tuple[str, str]
    folder: Path

    def get(self, path: str) -> httpx.Response:
        """Ask for a page or JSON."""
        return httpx.get(self.url + path, headers={"accept": "text/html"}, timeout=60)

    def page(self, path: str) -> str:
        """The text of a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.text

    def asked(self, path: str) -> object:
        """JSON that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()


def world(folder: Path) -> Iterator[World]:
    """Build, send, and serve while it is asked."""
    repository = folder / "repository"
    commits = _commits(repository)
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 900))
    (folder / "incidents.csv").write_text(
        "id,title,state,service,began,cause\n"
        f"I-8,Tills <stand>,open,shop,{began},{commits[1]}\nI-9,Slow,open,shop,{began},\n"
    )
    (folder / "issues.csv").write_text(
        "id,title,state,repository,began,url\n"
        f"12,Prices are stale,open,acme/shop,{began},https://github.com/acme/shop/issues/12\n"
        f"13,Something else,open,acme/shop,{began},https://github.com/acme/shop/issues/13\n"
    )
    (folder / "ktlo.yaml").write_text(YAML.format(folder=folder))
    process, url = _up(folder)
    try:
        _until(url, "/api/v1/collections/latest?wait=10", lambda one: one and not one["is_running"])
        _until(url, "/api/v1/debt?kind=unused", lambda one: not one["entries"])
        door = httpx.get(f"{url}/api/v1/telemetry", timeout=60).json()["doors"][0]["address"]
        # Twelve minutes of each version, 10 carts of two items a minute; a third of the later carts fail.
        _run(folder, door, "shop", commits[0], [(-m, "/cart", ["a", "b"], 10) for m in range(25, 13, -1)])
        later = [(-m, "/cart", ["a", "b"], 10) for m in range(13, 1, -1)]
        later += [(-m, "/cart", ["gone"], 5) for m in range(13, 1, -1)]
        _run(folder, door, "shop", commits[1], [*later, (-2, "/export <all>", ["a"], 1)])
        # Both versions at once.
        for commit in commits:
            _run(folder, door, "depot", commit, [(-m, "", ["a"], 3) for m in (4, 3)])
        # The catalogue knows no repository of these: what one runs is a commit, what the other runs is none.
        _run(folder, door, "stranger", commits[1], [(-3, "", ["a"], 5)])
        _run(folder, door, "nomad", commits[1], [(-3, "", ["a"], 2)], "service.version=1.3")
        _until(
            url, "/api/v1/functions?service=stranger", lambda one: sum(each["calls"] for each in one) == 10
        )
        _until(url, "/api/v1/functions?service=nomad", lambda one: sum(each["calls"] for each in one) == 4)
        _until(url, "/api/v1/functions?service=depot", lambda one: sum(each["calls"] for each in one) == 24)
        _until(url, "/api/v1/functions/never?service=shop", lambda one: len(one["versions"]) == 2)
        _until(
            url, "/api/v1/functions/function?service=shop&name=shop.cart.price", lambda one: one["changes"]
        )
        yield World(url, commits, folder)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _commits(repository: Path) -> tuple[str, str]:
    def git(*words: str, who: str = "Ada") -> str:
        named = {"GIT_AUTHOR_NAME": who, "GIT_AUTHOR_EMAIL": f"{who.lower()}@acme.org"}
        named |= {"GIT_COMMITTER_NAME": who, "GIT_COMMITTER_EMAIL": f"{who.lower()}@acme.org"}
        done = subprocess.run(
            ["git", "-C", str(repository), *words], check=True, capture_output=True, text=True,
            env={**os.environ, **named},
        )  # fmt: skip
        return done.stdout.strip()

    (repository / "src" / "shop").mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main")
    made = []
    for text, who, subject in ((BEFORE, "Ada", "feat: carts"), (AFTER, "Grace", "fix: ask the depot, #12")):
        (repository / "src" / "shop" / "cart.py").write_text(text)
        (repository / "src" / "shop" / "__init__.py").write_text("")
        git("add", ".")
        git("commit", "--quiet", "-m", subject, who=who)
        made.append(git("rev-parse", "HEAD"))
    git("remote", "add", "origin", "git@github.com:acme/shop.git")
    return made[0], made[1]


def _run(
    folder: Path,
    door: str,
    service: str,
    commit: str,
    plan: list[tuple[int, str, list[str], int]],
    attributes: str = "",
) -> None:
    """Deploy a commit as people do, a copy of it in a folder, and let it run."""
    place = folder / f"deployed-{commit[:8]}"
    if not place.exists():
        subprocess.run(
            ["git", "clone", "--quiet", str(folder / "repository"), str(place)],
            check=True,
            capture_output=True,
        )
        subprocess.run(
            ["git", "-C", str(place), "checkout", "--quiet", commit], check=True, capture_output=True
        )
        (place / "world_clock.py").write_text(CLOCK)
        (place / "run.py").write_text(RUN)
    library = Path(__file__).parents[2] / "instrument" / "src"
    done = subprocess.run(
        [sys.executable, "run.py", json.dumps(plan)],
        cwd=place, capture_output=True, text=True, timeout=120,
        env={
            "PATH": os.environ["PATH"], "PYTHONPATH": f"{library}:{place}/src", "OTEL_SERVICE_NAME": service,
            "OTEL_EXPORTER_OTLP_ENDPOINT": door, "OTEL_RESOURCE_ATTRIBUTES": attributes,
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr


def _up(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    data = folder / "data"
    process = subprocess.Popen(
        [
            sys.executable, "-c", "from ktlo.cli import main; main()", "up", "--no-browser", "--data", str(data),
            "--config", str(folder / "ktlo.yaml"),
        ],
        cwd=folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 90
    while True:
        assert process.poll() is None
        assert time.monotonic() < deadline
        if (data / "server.json").exists():
            url = str(json.loads((data / "server.json").read_text())["url"])
            try:
                httpx.get(f"{url}/api/v1/telemetry", timeout=60).raise_for_status()
                return process, url
            except httpx.HTTPError:
                pass
        time.sleep(0.1)


def _until(url: str, path: str, holds: object) -> None:
    deadline = time.monotonic() + 90
    while True:
        answer = httpx.get(url + path, timeout=60)
        if answer.status_code == 200 and holds(answer.json()):  # type: ignore[operator]
            return
        assert time.monotonic() < deadline, f"{path}: {answer.status_code} {answer.text[:500]}"
        time.sleep(0.3)
