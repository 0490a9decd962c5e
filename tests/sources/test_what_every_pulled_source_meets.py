"""What goes wrong between ktlo and any service that it asks, tried on every kind that asks one.

Behind each is the stand-in of its own tests (made by the service's published description). A fault comes from a
certain request on and then goes away: in the end the rows are the same as without it, none lost and none twice. GitHub
has all of this in ``github/test_trouble.py``, against its own limits; a real Redmine has its part in
``redmine/test_redmine.py``.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from collected_rows import Seen, run

from ktlo.errors import SourceError, UserError
from ktlo.sources.protocol import Status
from ktlo.sources.registry import kinds
from ktlo.sources.rest import connection
from ktlo.sources.rest.quota import World

HERE = Path(__file__).parent
SECRETS = {
    "PD_KEY": "k3y",
    "OG_KEY": "k3y",
    "SENTRY_KEY": "k3y",
    "IS_KEY": "k3y",
    "SN_PASSWORD": "pass",
    "JIRA_TOKEN": "t0ken",
    "GITLAB_TOKEN": "glpat",
    "AM_KEY": "k3y",
}
Answer = Callable[[httpx.Request], httpx.Response]
Fault = Callable[[int, httpx.Request], httpx.Response | None]


def of_tests(kind: str, module: str) -> Any:
    """A module of the tests of a source."""
    folder = str(HERE / kind)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module(module)


def active_alerts() -> Answer:
    """Alertmanager's list of active alerts: ``gettableAlert`` of its OpenAPI description, API v2."""
    ten = of_tests("alertmanager", "test_ten_alerts")
    listed = []
    for key, labels, steps, *_ in ten.lines():
        told = ten.alert(key, labels, steps.split(",")[0].strip())
        ends = {"endsAt": ten.stamp(ten.after(600)), "updatedAt": told["startsAt"], "receivers": []}
        state = {"state": "active", "silencedBy": [], "inhibitedBy": []}
        listed.append({**told, **ends, "status": state})

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != "Bearer k3y":
            return httpx.Response(401, json={"message": "Unauthorized"})
        return httpx.Response(200, json=listed, headers={"date": "Tue, 01 Sep 2026 14:00:00 GMT"})

    return answer


def instatus() -> Answer:
    own = of_tests("statuspage", "test_instatus")
    ten = [own.instatus_form(own.incident(key, impact, steps)) for key, impact, steps, *_ in own.lines()]
    return own.Instatus(ten).answer  # type: ignore[no-any-return]


def status_page_with_a_past() -> Answer:
    own = of_tests("statuspage", "test_statuspage")
    page = own.Page()
    older = [own.incident(f"P{number}", "major", "0 investigating, 9 resolved") for number in range(12)]
    page.past = [*page.incidents, *older]
    return page.answer  # type: ignore[no-any-return]


SINCE = {"since": "2026-08-01"}
ASKED: dict[str, tuple[str, Callable[[], Answer], dict[str, Any]]] = {
    "alertmanager": (
        "alertmanager",
        active_alerts,
        {"url": "https://alerts.example.org", "token": "env:AM_KEY"},
    ),
    "grafana": (
        "grafana",
        active_alerts,
        {"url": "https://grafana.example.org", "token": "env:AM_KEY"},
    ),
    "gitlab": (
        "gitlab",
        lambda: of_tests("gitlab", "gitlab_by_hand").project_by_hand().answer,
        {"project": "diaspora/diaspora-project-site", "token": "env:GITLAB_TOKEN", **SINCE},
    ),
    "instatus": (
        "statuspage",
        instatus,
        {
            "url": "https://nasa.instatus.com",
            "api": "https://api.instatus.com/v1",
            "page_id": "nasa",
            "token": "env:IS_KEY",
        },
    ),
    "jira cloud": (
        "jira",
        lambda: of_tests("jira", "jira_by_hand").site_by_hand().answer,
        {
            "url": "https://example.atlassian.net",
            "email": "k@example.org",
            "token": "env:JIRA_TOKEN",
            **SINCE,
        },
    ),
    "jira data center": (
        "jira",
        lambda: of_tests("jira", "jira_by_hand").site_by_hand(is_cloud=False).answer,
        {"url": "https://jira.example.org", "token": "env:JIRA_TOKEN", **SINCE},
    ),
    "opsgenie": (
        "opsgenie",
        lambda: of_tests("opsgenie", "test_opsgenie").Account().answer,
        {"token": "env:OG_KEY", **SINCE},
    ),
    "opsgenie's incidents": (
        "opsgenie",
        lambda: of_tests("opsgenie", "opsgenie_incidents").Incidents().answer,
        {"token": "env:OG_KEY", "incidents": "incidents", **SINCE},
    ),
    "pagerduty": (
        "pagerduty",
        lambda: of_tests("pagerduty", "test_pagerduty").account_by_hand().answer,
        {"token": "env:PD_KEY", **SINCE},
    ),
    "sentry": (
        "sentry",
        lambda: of_tests("sentry", "test_sentry").Organization().answer,
        {"organization": "acme", "token": "env:SENTRY_KEY", **SINCE},
    ),
    "servicenow": (
        "servicenow",
        lambda: of_tests("servicenow", "test_servicenow").Instance().answer,
        {"url": "https://example.service-now.com", "user": "k", "token": "env:SN_PASSWORD", **SINCE},
    ),
    "statuspage": (
        "statuspage",
        lambda: of_tests("statuspage", "test_statuspage").Page().answer,
        {"url": "https://status.example.org"},
    ),
    "statuspage with a key": (
        "statuspage",
        status_page_with_a_past,
        {"url": "https://status.example.org", "token": "env:IS_KEY"},
    ),
}
every = pytest.mark.parametrize("kind", list(ASKED))


class Service:
    """One service that answers, and the fault that lies between."""

    def __init__(self, kind: str) -> None:
        self.kind, make, self.options = ASKED[kind]
        self._answer = make()
        self.fault: Fault = lambda _number, _request: None
        self.asked: list[str] = []
        self.slept: list[float] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        return self.fault(len(self.asked), request) or self._answer(request)

    def source(self) -> Any:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        made: Any = kinds()[self.kind]
        return made(
            made.config.model_validate(self.options),
            World(sleep=sleep, chance=lambda: 0.5),
            httpx.MockTransport(self.answer),
        )

    def whole(self) -> Seen:
        """All that it tells, without a fault."""
        seen = Seen()
        assert run(self.source(), seen) is None
        self.requests, self.asked = list(self.asked), []
        return seen


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def without_times(seen: Seen) -> dict[Any, Any]:
    """Rows, but for when they were last looked at."""
    return {
        key: {name: value for name, value in row.items() if name not in ("observed_until",)}
        for key, row in seen.rows.items()
    }


def refusal(status: int, **headers: str) -> httpx.Response:
    return httpx.Response(
        status,
        json={"message": "no", "error": {"message": "no", "code": 2010}},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


@every
def test_a_token_that_expires_while_it_is_read_is_a_sentence_and_the_next_run_goes_on(kind: str) -> None:
    service = Service(kind)
    whole = service.whole()
    for number in range(1, len(service.requests) + 1):
        service.asked, seen = [], Seen()
        service.fault = lambda count, _, at=number: refusal(401) if count >= at else None
        failure = run(service.source(), seen)
        if failure is not None:
            assert isinstance(failure, UserError), failure
            assert (
                "does not accept the token (401): it is mistyped, expired or revoked" in failure.what
                or failure.what == "The status page wants a token (401), and none is given"  # its public part
            ), failure.what
            assert failure.fix
        service.fault = lambda _count, _request: None
        assert run(service.source(), seen) is None
        assert without_times(seen) == without_times(whole), f"from request {number} on"
    service.fault = lambda _count, _request: refusal(401)
    health = asyncio.run(service.source().check())
    assert health.status is Status.UNREACHABLE
    assert "401" in health.summary


@every
def test_a_right_that_is_revoked_costs_what_it_covers_and_is_said(kind: str) -> None:
    service = Service(kind)
    whole = service.whole()
    for path in sorted(set(service.requests)):
        service.asked, seen = [], Seen()
        service.fault = lambda _, request, p=path: refusal(403) if request.url.path == p else None
        failure = run(service.source(), seen)
        said = [*seen.rejected, *([str(failure)] if failure else [])]
        lost = len(whole.rows) - len(seen.rows)
        assert said or not lost, f"{path}: {lost} rows are missing and nobody says so"
        service.fault = lambda _count, _request: None
        again = Seen()
        again.cursor, again.rows = seen.cursor, seen.rows
        assert run(service.source(), again) is None, path


@every
@pytest.mark.parametrize("pause", ["2", "Wed, 01 Jan 2020 00:00:00 GMT", None])
def test_a_429_is_waited_out_with_and_without_a_time(kind: str, pause: str | None) -> None:
    service = Service(kind)
    whole = service.whole()
    headers = {} if pause is None else {"retry_after": pause}
    service.fault = lambda count, _: refusal(429, **headers) if count % 2 else None
    seen = Seen()
    assert run(service.source(), seen) is None
    assert without_times(seen) == without_times(whole)
    waits = {"2": 2.0, None: 60.0}.get(pause, 0.0)
    assert set(service.slept) == {waits}


@every
def test_a_429_of_an_hour_ends_the_run_which_goes_on_later(kind: str) -> None:
    service = Service(kind)
    whole = service.whole()
    for number in range(1, len(service.requests) + 1, 2):
        service.asked, seen = [], Seen()
        service.fault = lambda count, _, at=number: refusal(429, retry_after="3600") if count >= at else None
        failure = run(service.source(), seen)
        assert isinstance(failure, SourceError)
        assert failure.retry_after == 3600
        assert "the next run continues from here" in str(failure)
        service.fault = lambda _count, _request: None
        assert run(service.source(), seen) is None
        assert without_times(seen) == without_times(whole), f"from request {number} on"


@every
def test_reading_it_all_twice_changes_nothing(kind: str) -> None:
    service = Service(kind)
    whole = service.whole()
    again = Seen()
    assert run(service.source(), again) is None
    before = dict(without_times(again))
    again.cursor = {}
    assert run(service.source(), again) is None
    assert without_times(again) == before == without_times(whole)


@every
def test_a_reading_that_finds_nothing_new_is_no_failure_and_changes_nothing(kind: str) -> None:
    service = Service(kind)
    plain = service._answer

    def answer(request: httpx.Request) -> httpx.Response:
        """The same with an ETag, as most services or what stands before them send one."""
        given = plain(request)
        headers = {n: v for n, v in given.headers.items() if n != "content-length"}
        mark = {"etag": f'W/"{zlib.crc32(given.content):x}"'}
        if request.headers.get("if-none-match") == mark["etag"]:
            return httpx.Response(304, headers={**headers, **mark})
        return httpx.Response(given.status_code, headers={**headers, **mark}, content=given.content)

    service._answer = answer
    seen = service.whole()
    before = without_times(seen)
    for _ in range(2):
        assert run(service.source(), seen) is None
        assert without_times(seen) == before


WHOLE = ("alertmanager", "grafana", "statuspage")
"""Kinds whose lists come in one answer."""


@every
def test_an_answer_that_is_too_large_is_asked_for_in_smaller_pages_or_told_with_what_to_do(
    kind: str,
) -> None:
    service, sizes = Service(kind), list[int]()
    plain = service._answer

    def answer(request: httpx.Request) -> httpx.Response:
        given = plain(request)
        sizes.append(len(given.content))
        return given

    service._answer = answer
    whole, seen = service.whole(), Seen()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "LARGEST_ANSWER", max(sizes) * 3 // 4)
        failure = run(service.source(), seen)
    if kind in WHOLE:
        assert "one item has that much text: shorten it" in str(failure)
    else:
        assert failure is None
        assert without_times(seen) == without_times(whole)
        assert seen.rejected == []


LONG = "The disk is <b>full</b> again & again 🔥 " * 260_000
TEXTS = {
    "body": LONG,
    "description": LONG,
    "message": LONG,
    "name": LONG,
    "subject": LONG,
    "summary": LONG,
    "title": LONG,
    "short_description": {"display_value": LONG, "value": LONG},
}


TIMES = ("created", "created_at", "created_on", "createdAt", "started", "started_at", "firstSeen", "sys_id")
"""What an item has and what it refers to has not."""


def lengthened(body: Any, first: list[bool]) -> Any:
    """The same answer, the texts of its first item ten megabytes long."""
    if isinstance(body, list):
        return [lengthened(one, first) for one in body]
    if not isinstance(body, dict):
        return body
    changed = {name: lengthened(value, first) for name, value in body.items()}
    names = [name for name in TEXTS if name in body and isinstance(body[name], str | dict)]
    is_item = any(name in body for name in TIMES) or "runbook_url" in body
    if not first and is_item and names:
        first.append(True)
        for name in names:
            changed[name] = TEXTS[name]
    return changed


@every
def test_ten_megabytes_of_text_are_cut_and_lose_nothing_else(kind: str) -> None:
    service = Service(kind)
    whole, first = service.whole(), []
    plain = service._answer

    def answer(request: httpx.Request) -> httpx.Response:
        given = plain(request)
        if given.status_code != 200:
            return given
        body = lengthened(given.json(), first)
        headers = {n: v for n, v in given.headers.items() if n != "content-length"}
        return httpx.Response(200, content=json.dumps(body).encode(), headers=headers)

    service._answer, seen = answer, Seen()
    assert len(LONG.encode()) > 10 << 20
    assert run(service.source(), seen) is None
    assert first, "no text was made longer"
    assert set(seen.rows) == set(whole.rows)
    texts = [text for row in seen.rows.values() for text in row.values() if isinstance(text, str)]
    assert max(map(len, texts)) <= 100_000
