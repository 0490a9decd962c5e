"""Every kind that takes webhooks from ``sources add`` to a number on a page, over a real socket.

What is sent is what the sources' own tests send (the shapes that each sender publishes; GitHub's own examples): each
delivery first without its proof, then in any order, then again. Argo CD and Flux are in ``test_deployers.py``; a real
Alertmanager sends in ``hooks/test_real_alertmanager.py``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings

SOURCES = Path(__file__).parents[1] / "sources"
KEY = "open-sesame"
Headers = dict[str, str]


def of_tests(kind: str, module: str) -> Any:
    """A module of the tests of a source."""
    for folder in (SOURCES, SOURCES / kind):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    return importlib.import_module(module)


def bearer(_: bytes, key: str) -> Headers:
    return {"authorization": f"Bearer {key}"}


def digest(body: bytes, key: str) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


@dataclass
class Told:
    """What one sender tells.

    Attributes:
        options: for ``sources add``.
        deliveries: headers and body of each.
        proof: headers that prove a body, by a key; ``query`` where the sender can only change its address.
        incidents, issues, deployments: what is to be there in the end, worked out by hand.
    """

    options: dict[str, Any]
    deliveries: list[tuple[Headers, bytes]]
    proof: Callable[[bytes, str], Headers] = bearer
    query: Callable[[str], dict[str, str]] = field(default=lambda _: {})
    incidents: int = 0
    issues: int = 0
    deployments: int = 0


def bodies(*told: Any, **headers: str) -> list[tuple[Headers, bytes]]:
    return [(headers, json.dumps(one).encode()) for one in told]


def came(*incoming: Any) -> list[tuple[Headers, bytes]]:
    return [(dict(one.headers), one.body) for one in incoming]


def alerts(kind: str) -> Told:
    ten = of_tests("alertmanager", "test_ten_alerts")
    return Told({"name": "prod"}, bodies(*ten.notifications(kind)), incidents=10)


def cdevents() -> Told:
    ten, own = of_tests("cdevents", "test_cdevents_by_hand"), of_tests("cdevents", "test_cdevents")
    events = [*ten.told(ten.INCIDENTS, "incident"), *ten.told(ten.TICKETS, "ticket")]
    events += [own.binary(own.DEPLOYED), own.structured(own.DEPLOYED)]
    return Told({"name": "events"}, came(*events), incidents=10, issues=9, deployments=1)


def webhook() -> Told:
    ten = of_tests("webhook", "test_webhook_by_hand")
    mapping = {"name": "pager", "noun": "incidents", "mapping": ten.AN_INCIDENT}
    proof = {"proof": "hmac_sha256_base64", "proof_header": "X-Signature"}

    def signature(body: bytes, key: str) -> Headers:
        raw = hmac.new(key.encode(), body, hashlib.sha256).digest()
        return {"x-signature": base64.b64encode(raw).decode()}

    return Told({**mapping, **proof}, bodies(*ten.bodies(ten.INCIDENTS)), signature, incidents=8)


def statuspage() -> Told:
    own = of_tests("statuspage", "test_statuspage")
    told = [
        {"page": {"id": "j2mfxwj97wnj"}, "incident": own.incident(key, impact, steps)}
        for key, impact, steps, *_ in own.lines()
    ]
    return Told(
        {"url": "https://status.example.org"},
        bodies(*told),
        proof=lambda _body, _key: {},
        query=lambda key: {"key": key},
        incidents=10,
    )


def github() -> Told:
    published = of_tests("github", "github_published")
    try:
        examples = published.Published(published.install()).webhooks
    except LookupError as error:
        pytest.skip(str(error))
    used = [
        (event, body)
        for event in ("issues", "issue_comment", "deployment", "deployment_status")
        for body in examples[event]
        if body["repository"]["full_name"] == "Codertocat/Hello-World"
        and body["action"] not in ("deleted", "transferred")
    ]
    deliveries = [
        ({"x-github-event": event, "x-github-delivery": f"72d3162e-{number}"}, json.dumps(body).encode())
        for number, (event, body) in enumerate(used)
    ]
    return Told(
        {"repository": "Codertocat/Hello-World"},
        deliveries,
        lambda body, key: {"x-hub-signature-256": f"sha256={digest(body, key)}"},
        issues=len({body["issue"]["number"] for _, body in used if "issue" in body}),
        deployments=len({body["deployment"]["id"] for _, body in used if "deployment" in body}),
    )


def gitlab() -> Told:
    own = of_tests("gitlab", "test_gitlab_hooks")
    told = [
        {"project": own.PROJECT, "user": own.ADMIN, **own.issue(action, f"2026-09-01T{at}:00Z", **given)}
        for action, at, given in (
            ("open", "12:00", {}),
            ("close", "13:00", {}),
            ("reopen", "14:00", {}),
            ("open", "12:05", {"iid": 24, "id": 302, "type": "Incident"}),
            ("close", "12:45", {"iid": 24, "id": 302, "type": "Incident"}),
        )
    ]
    return Told(
        {"project": "gitlabhq/gitlab-test"},
        bodies(*told),
        lambda _, key: {"x-gitlab-token": key},
        incidents=1,
        issues=1,
    )


def jira() -> Told:
    own, ten = of_tests("jira", "test_jira"), of_tests("jira", "jira_by_hand")
    site, issues, incidents = ten.site_by_hand(), ten.lines(ten.ISSUES)[:5], ten.lines(ten.INCIDENTS)[1:6]
    told = [own.webhook(site, key, "jira:issue_updated", ten.after(50)) for key, *_ in (*issues, *incidents)]
    cancelled = sum(state == "cancelled" for _, _, _, _, state, *_ in incidents)
    return Told(
        {"url": "https://example.atlassian.net"},
        came(*told),
        lambda body, key: {"x-hub-signature": f"sha256={digest(body, key)}"},
        incidents=len(incidents) - cancelled,
        issues=len(issues),
    )


def pagerduty() -> Told:
    own = of_tests("pagerduty", "test_pagerduty_hooks")
    return Told(
        {},
        came(*own.STORY),
        lambda body, key: {"x-pagerduty-signature": f"v1={digest(body, key)}"},
        incidents=1,
    )


def opsgenie() -> Told:
    own = of_tests("opsgenie", "test_opsgenie")
    story = [("Create", 0), ("Acknowledge", 3), ("Close", 9)]
    return Told({}, came(*(own.webhook(what, own.after(at)) for what, at in story)), incidents=1)


def sentry() -> Told:
    own = of_tests("sentry", "test_sentry")
    organization = own.Organization()
    told = [own.webhook(organization, key, "created", own.NOON) for key in organization.issues]
    return Told(
        {"organization": "acme", "token": "env:HOOK_SECRET"},
        came(*told),
        lambda body, key: {"sentry-hook-signature": digest(body, key)},
        issues=10,
    )


TOLD: dict[str, Callable[[], Told]] = {
    "alertmanager": lambda: alerts("alertmanager"),
    "cdevents": cdevents,
    "github": github,
    "gitlab": gitlab,
    "grafana": lambda: alerts("grafana"),
    "jira": jira,
    "opsgenie": opsgenie,
    "pagerduty": pagerduty,
    "sentry": sentry,
    "statuspage": statuspage,
    "webhook": webhook,
}
COUNTED: dict[str, int] = {}
"""Incidents of the kinds that were told of: a kind whose examples cannot be had here is skipped."""
SEPTEMBER = "from=2026-08-01&to=2026-10-31"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOK_SECRET", KEY)
        patch.delenv("GITHUB_TOKEN", raising=False)
        opened = Runtime(Settings(), tmp_path_factory.mktemp("told"))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def browser(runtime: Runtime, serve: Any) -> Iterator[httpx.Client]:
    """Asks a ktlo on a port of this machine."""
    app = make_app(runtime, Access())
    with serve(app) as url, httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield client
        app.state.collecting.close()


@pytest.mark.parametrize("kind", list(TOLD))
def test_a_source_is_added_told_and_counted(kind: str, browser: httpx.Client, runtime: Runtime) -> None:
    told = TOLD[kind]()
    options = {**told.options, "webhook_secret": "env:HOOK_SECRET"}
    added = browser.post("/api/v1/sources", json={"kind": kind, "options": options, "unreachable": "add"})
    assert added.status_code == 201, added.text
    (source,) = [entry.source_id for entry in runtime.sources() if entry.kind == kind]
    for headers, body in told.deliveries[:2]:
        for given, query in ((told.proof(body, "guessed"), told.query("guessed")), ({}, {})):
            refused = browser.post(
                f"/hooks/{source}", content=body, headers={**headers, **given}, params=query
            )
            assert refused.status_code == 401, refused.text
    assert counted(runtime, source) == (0, 0, 0)
    twice = [*told.deliveries, *told.deliveries]
    random.Random(kind).shuffle(twice)
    seen: set[tuple[bytes, str]] = set()
    used = 0
    for headers, body in twice:
        given = {**headers, **told.proof(body, KEY)}
        answer = browser.post(f"/hooks/{source}", content=body, headers=given, params=told.query(KEY))
        assert answer.status_code == 200, answer.text
        name = (body, headers.get("x-github-delivery", "") or headers.get("ce-id", ""))
        assert answer.json()["is_repeat"] is (name in seen), answer.json()
        seen.add(name)
        used += answer.json()["rows"] > 0
    assert counted(runtime, source) == (told.incidents, told.issues, told.deployments)
    page = browser.get("/sources/source", params={"source": source}).text
    assert f"{used} taken" in page
    assert " refused" in page
    COUNTED[kind] = told.incidents


def counted(runtime: Runtime, source: str) -> tuple[int, ...]:
    """Incidents that are none that was called off, issues, deployments of a source."""
    (row,) = runtime.store.query(
        "SELECT (SELECT count() FROM ktlo.incidents WHERE source = {s:String} AND state != 'cancelled') AS incidents,"
        " (SELECT count() FROM ktlo.issues WHERE source = {s:String}) AS issues,"
        " (SELECT count() FROM ktlo.deployments WHERE source = {s:String}) AS deployments",
        {"s": source},
    ).to_pylist()
    return tuple(row.values())


def test_the_pages_show_what_they_told(browser: httpx.Client) -> None:
    assert browser.post("/collections", data={"source": "cdevents:events"}).status_code == 303
    until = time.monotonic() + 60
    while browser.get("/api/v1/collections/latest").json()["finished_at"] is None:
        assert time.monotonic() < until
        time.sleep(0.2)
    whole = sum(COUNTED.values())
    assert len(browser.get(f"/api/v1/metrics/incidents/rows?{SEPTEMBER}").json()) == whole
    said = browser.get(f"/api/v1/metrics/incidents?{SEPTEMBER}").json()["figures"][0]["statistics"]
    assert any(round(one["value"] or 0) == whole for one in said.values() if isinstance(one, dict))
    assert f"{whole}" in browser.get(f"/reliability?{SEPTEMBER}").text
    bugs = browser.get(f"/api/v1/metrics/bug_net_flow?{SEPTEMBER}").json()["figures"][0]["statistics"]
    assert any((one["n"] or 0) > 0 for one in bugs.values() if isinstance(one, dict))
