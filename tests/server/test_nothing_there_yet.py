"""Services that have nothing to tell: read to their end without a failure, said so, and no number made of nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from test_from_adding_to_a_number import SECRETS, Listening, forge_answer, stand_in

from ktlo.metrics.registry import definitions
from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings

SINCE = {"since": "2026-08-01"}
PERIOD = "from=2026-08-01&to=2026-10-31"


def pagerduty() -> Any:
    own = stand_in("pagerduty", "test_pagerduty")
    return own.Account(now=own.NOON).answer


def opsgenie() -> Any:
    account = stand_in("opsgenie", "test_opsgenie").Account()
    account.alerts = []
    return account.answer


def servicenow() -> Any:
    instance = stand_in("servicenow", "test_servicenow").Instance()
    instance.incidents, instance.audit, instance.deleted = [], [], []
    return instance.answer


def statuspage() -> Any:
    page = stand_in("statuspage", "test_statuspage").Page()
    page.incidents = []
    return page.answer


def sentry() -> Any:
    organization = stand_in("sentry", "test_sentry").Organization()
    organization.issues = {}
    return organization.answer


def jira() -> Any:
    own = stand_in("jira", "test_jira")
    return own.Site(now=own.after(10)).answer


def gitlab() -> Any:
    own = stand_in("gitlab", "test_gitlab")
    return own.Project(now=own.after(10)).answer


def redmine() -> Any:
    nothing_there = stand_in("redmine", "redmine_by_hand").nothing_there
    return lambda request: httpx.Response(200, json=nothing_there(request.url.path))


def github() -> Any:
    published, forges = stand_in("github", "github_published"), stand_in("github", "github_forge")
    try:
        description = published.Published(published.install())
    except LookupError as error:
        pytest.skip(str(error))
    return forge_answer(forges.Forge(description, forges.Clock()))


def alerts() -> Any:
    return lambda _: httpx.Response(200, json=[], headers={"date": "Tue, 01 Sep 2026 14:00:00 GMT"})


EMPTY: dict[str, tuple[Any, dict[str, Any]]] = {
    "alertmanager": (alerts, {"url": "{url}", "name": "prod"}),
    "gitlab": (gitlab, {"project": "diaspora/diaspora-project-site", "url": "{url}", **SINCE}),
    "grafana": (alerts, {"url": "{url}", "name": "prod"}),
    "jira": (jira, {"url": "{url}", "email": "k@example.org", "token": "env:JIRA_TOKEN", **SINCE}),
    "github": (github, {"repository": "octocat/Hello-World", "api": "{url}"}),
    "opsgenie": (opsgenie, {"token": "env:OG_KEY", "api": "{url}", **SINCE}),
    "pagerduty": (pagerduty, {"token": "env:PD_KEY", "api": "{url}", **SINCE}),
    "redmine": (redmine, {"url": "{url}", "token": "env:REDMINE_KEY", **SINCE}),
    "sentry": (sentry, {"organization": "acme", "token": "env:SENTRY_KEY", "url": "{url}", **SINCE}),
    "servicenow": (servicenow, {"url": "{url}", "user": "k", "token": "env:SN_PASSWORD", **SINCE}),
    "statuspage": (statuspage, {"url": "{url}"}),
    "argocd": (None, {"name": "prod"}),
    "cdevents": (None, {"name": "events"}),
    "flux": (None, {"name": "prod"}),
    "webhook": (
        None,
        {"name": "pager", "noun": "incidents", "mapping": {"external_id": "id", "detected_at": "at"}},
    ),
}


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        opened = Runtime(Settings(), tmp_path_factory.mktemp("nothing"))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def visitor(runtime: Runtime, visiting: Any) -> Iterator[Any]:
    app = make_app(runtime, Access())
    yield visiting(app)
    app.state.collecting.close()


@pytest.mark.parametrize("kind", list(EMPTY))
def test_an_empty_service_is_read_to_its_end_and_said_to_have_nothing_yet(
    visitor: Any, runtime: Runtime, kind: str
) -> None:
    make, options = EMPTY[kind]
    service = Listening(make()) if make else None
    try:
        url = service.url if service else ""
        given = {n: v.format(url=url) if v == "{url}" else v for n, v in options.items()}
        added = visitor.post("/api/v1/sources", json={"kind": kind, "options": given})
        assert added.status_code == 201, added.text
        (source,) = [entry.source_id for entry in runtime.sources() if entry.kind == kind]
        visitor.app.state.collecting.start((source,))
        run = visitor.app.state.collecting.wait(120)
        assert {step.name: (step.status, step.message) for step in run.steps}[source] == ("complete", "")
    finally:
        if service:
            service.close()
    (told,) = [one for one in visitor.get("/api/v1/sources").json() if one["source_id"] == source]
    status = "complete" if make else "waiting"
    assert (told["status"], told["rows"], told["rejected"]) == (status, {}, 0)
    assert "No rows yet" in visitor.page(f"/sources/source?source={source}")


COUNTS = {
    "closed", "count", "fixed", "from_telemetry", "open", "opened", "outages", "per_week", "services", "total",
    "unattributed",
}  # fmt: skip
"""Statistics that count or sum: of nothing they are zero, and true."""


def test_no_number_is_made_of_nothing(visitor: Any) -> None:
    seen = 0
    for metric in definitions().values():
        answer = visitor.get(f"/api/v1/metrics/{metric.name}?{PERIOD}")
        assert answer.status_code == 200, answer.text
        for figure in answer.json()["figures"]:
            for name, one in figure["statistics"].items():
                if not isinstance(one, dict):
                    continue
                assert not one["n"], (metric.name, name, one)
                assert one["value"] in ((0, None) if name in COUNTS else (None,)), (metric.name, name, one)
                seen += 1
    assert seen > 50


@pytest.mark.parametrize("path", ["/", "/reliability", "/bugs", "/effort", "/items", "/plan", "/plan/load"])
def test_every_page_is_there_without_a_share_of_nothing(visitor: Any, path: str) -> None:
    page = visitor.page(f"{path}?{PERIOD}")
    assert not re.search(r">\s*(?:0(?:\.0)?\s?%|NaN|inf|None)\s*<", page)


@pytest.mark.parametrize(
    "path",
    [
        "/", "/effort", "/reliability", "/bugs", "/hotspots", "/items", "/sources/statuses",
        "/rows/bug_age", "/rows/person_days", "/rows/incidents",
    ],
)  # fmt: skip
def test_a_page_says_that_what_is_connected_has_delivered_nothing_of_it(visitor: Any, path: str) -> None:
    page = visitor.page(path)
    assert "What is connected has delivered nothing of it yet" in page
    assert '<a class="button primary" href="/sources">See what is connected</a>' in page
