"""Every tracker and pager from ``sources add`` to a number on a page, over a real socket.

What answers is the same stand-in that the source's own tests use (made by the service's published description),
listening on a port; Redmine is a real one. What sends webhooks is in ``test_from_a_webhook_to_a_number.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings

SOURCES = Path(__file__).parents[1] / "sources"
SEPTEMBER = "from=2026-08-01&to=2026-10-31"
SECRETS = {
    "PD_KEY": "k3y",
    "OG_KEY": "k3y",
    "SENTRY_KEY": "k3y",
    "SN_PASSWORD": "pass",
    "JIRA_TOKEN": "t0ken",
    "GITLAB_TOKEN": "glpat",
    "REDMINE_KEY": "0123456789abcdef0123456789abcdef01234567",
    "GITHUB_TOKEN": "",
    "GH_TOKEN": "",
}


def stand_in(kind: str, module: str) -> Any:
    """A module of the tests of a source."""
    for folder in (SOURCES, SOURCES / kind):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    return importlib.import_module(module)


class Listening:
    """An in-memory service behind a port."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                # A proxy is asked for whole addresses.
                url = self.path if "://" in self.path else f"http://{self.headers['host']}{self.path}"
                given = answer(httpx.Request("GET", url, headers=dict(self.headers)))
                body = given.read()
                self.send_response(given.status_code)
                for name, value in given.headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "date"):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def pagerduty() -> tuple[Any, Callable[[str], dict[str, Any]]]:
    account = stand_in("pagerduty", "test_pagerduty").account_by_hand()
    return account.answer, lambda url: {"token": "env:PD_KEY", "api": url, "since": "2026-08-01"}


def opsgenie() -> tuple[Any, Callable[[str], dict[str, Any]]]:
    account = stand_in("opsgenie", "test_opsgenie").Account()
    return account.answer, lambda url: {"token": "env:OG_KEY", "api": url, "since": "2026-08-01"}


def opsgenie_incidents() -> tuple[Any, Callable[[str], dict[str, Any]]]:
    account = stand_in("opsgenie", "opsgenie_incidents").Incidents()
    return account.answer, lambda url: {
        "token": "env:OG_KEY",
        "api": url,
        "name": "incidents",
        "incidents": "incidents",
        "since": "2026-08-01",
    }


def servicenow() -> tuple[Any, Callable[[str], dict[str, Any]]]:
    instance = stand_in("servicenow", "test_servicenow").Instance()
    return instance.answer, lambda url: {
        "url": url,
        "user": "k",
        "token": "env:SN_PASSWORD",
        "since": "2026-08-01",
    }


def statuspage() -> tuple[Any, Callable[[str], dict[str, Any]]]:
    page = stand_in("statuspage", "test_statuspage").Page()
    return page.answer, lambda url: {"url": url}


def sentry() -> tuple[Any, Callable[[str], dict[str, Any]]]:
    organization = stand_in("sentry", "test_sentry").Organization()
    return organization.answer, lambda url: {
        "organization": "acme",
        "token": "env:SENTRY_KEY",
        "url": url,
        "since": "2026-08-01",
    }


def jira() -> tuple[Any, Callable[[str], dict[str, Any]]]:
    site = stand_in("jira", "jira_by_hand").site_by_hand()
    return site.answer, lambda url: {
        "url": url,
        "email": "k@example.org",
        "token": "env:JIRA_TOKEN",
        "since": "2026-08-01",
    }


def gitlab() -> tuple[Any, Callable[[str], dict[str, Any]]]:
    project = stand_in("gitlab", "gitlab_by_hand").project_by_hand()
    return project.answer, lambda url: {
        "project": "diaspora/diaspora-project-site",
        "url": url,
        "since": "2026-08-01",
    }


def alerting(kind: str) -> tuple[Any, Callable[[str], dict[str, Any]]]:
    answer = stand_in("alertmanager", "test_what_every_pulled_source_meets").active_alerts()
    return answer, lambda url: {"url": url, "token": "env:PD_KEY", "name": kind}


def instatus() -> tuple[Any, Callable[[str], dict[str, Any]]]:
    """Behind a proxy, which is how an address of Instatus's own leads to this machine."""
    answer = stand_in("statuspage", "test_what_every_pulled_source_meets").instatus()
    return answer, lambda _url: {
        "url": "http://nasa.instatus.com",
        "api": "http://api.instatus.com/v1",
        "page_id": "nasa",
        "token": "env:PD_KEY",
    }


def github() -> tuple[Any, Callable[[str], dict[str, Any]]]:
    published, forges = stand_in("github", "github_published"), stand_in("github", "github_forge")
    try:
        description = published.Published(published.install())
    except LookupError as error:
        pytest.skip(str(error))
    forge = forges.Forge(description, forges.Clock())
    stand_in("github", "test_ten_issues").write_by_hand(forge)
    return forge_answer(forge), lambda url: {"repository": "octocat/Hello-World", "api": url}


def forge_answer(forge: Any) -> Callable[[httpx.Request], httpx.Response]:
    """What a GitHub in memory answers."""
    transport = httpx.ASGITransport(forge)

    def answer(request: httpx.Request) -> httpx.Response:
        async def ask() -> httpx.Response:
            given = await transport.handle_async_request(request)
            return httpx.Response(given.status_code, headers=given.headers, content=await given.aread())

        return asyncio.run(ask())

    return answer


@contextlib.contextmanager
def redmine() -> Iterator[tuple[Any, Callable[[str], dict[str, Any]]]]:
    """A real one."""
    servers, own = stand_in("redmine", "redmine_server"), stand_in("redmine", "redmine_by_hand")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        try:
            server = running.enter_context(servers.started(Path(folder)))
        except LookupError as error:
            pytest.skip(str(error))
        own.made_by_hand(server, 5)
        yield server, lambda url: {"url": url, "token": "env:REDMINE_KEY", "since": "2026-08-01"}


KINDS = {
    # kind: stand-in, incidents that count (cancelled ones do not), issues
    "pagerduty": (pagerduty, 10, 0),
    "opsgenie": (opsgenie, 10, 0),
    "opsgenie's incidents": (opsgenie_incidents, 10, 0),
    "servicenow": (servicenow, 9, 0),
    "statuspage": (statuspage, 10, 0),
    "sentry": (sentry, 0, 10),
    "jira": (jira, 8, 10),
    "gitlab": (gitlab, 8, 10),
    "alertmanager": (lambda: alerting("alertmanager"), 10, 0),
    "grafana": (lambda: alerting("grafana"), 10, 0),
    "instatus": (instatus, 10, 0),
    "github": (github, 0, 9),
    "redmine": (redmine, 4, 5),
}


KIND = {"instatus": "statuspage", "opsgenie's incidents": "opsgenie"}
"""Kinds of sources that have other names here."""
COUNTED: dict[str, int] = {}
"""Incidents of the kinds that were read: a kind that cannot be had here is skipped."""


@pytest.fixture(scope="module")
def secrets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def runtime(tmp_path_factory, secrets) -> Iterator[Runtime]:
    opened = Runtime(Settings(), tmp_path_factory.mktemp("numbers"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def visitor(runtime, visiting):
    app = make_app(runtime, Access())
    yield visiting(app)
    app.state.collecting.close()


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_source_is_added_read_and_counted(
    visitor, runtime, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, incidents, issues = KINDS[kind]
    before = {entry.source_id for entry in runtime.sources()}
    with contextlib.ExitStack() as running:
        made = make()
        answer, options = running.enter_context(made) if hasattr(made, "__enter__") else made
        if not hasattr(answer, "url"):
            answer = Listening(answer)
            running.callback(answer.close)
        if kind == "instatus":
            monkeypatch.setenv("HTTP_PROXY", answer.url)
        given = {"kind": KIND.get(kind, kind), "options": options(answer.url)}
        added = visitor.post("/api/v1/sources", json=given)
        assert added.status_code == 201, added.text
        assert added.json()["status"] in ("ready", "limited")
        collecting = visitor.app.state.collecting
        (source,) = {entry.source_id for entry in runtime.sources()} - before
        collecting.start((source,))
        run = collecting.wait(120)
        assert run is not None
        assert [step.message for step in run.steps if step.status != "complete"] == []
    COUNTED[kind] = incidents
    told = visitor.get(f"/api/v1/metrics/incidents/rows?{SEPTEMBER}").json()
    assert sum(row["source"] == source for row in told) == incidents
    kept = runtime.store.query(
        "SELECT count() AS n FROM ktlo.issues WHERE source = {source:String}", {"source": source}
    ).to_pylist()
    assert kept == [{"n": issues}]
    assert source.replace("&", "&amp;") in visitor.page("/sources")


def test_the_pages_show_what_they_brought(visitor) -> None:
    said = visitor.get(f"/api/v1/metrics/incidents?{SEPTEMBER}").json()["figures"][0]["statistics"]
    whole = sum(COUNTED.values())
    assert any(round(one["value"] or 0) == whole for one in said.values() if isinstance(one, dict))
    assert f"{whole}" in visitor.page(f"/reliability?{SEPTEMBER}")
    bugs = visitor.get(f"/api/v1/metrics/bug_net_flow?{SEPTEMBER}").json()["figures"][0]["statistics"]
    assert any((one["n"] or 0) > 0 for one in bugs.values() if isinstance(one, dict))
