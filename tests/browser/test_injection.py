"""What services say is text, wherever a browser shows it: names, labels, messages, arguments, titles, addresses."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from ktlo.receivers.spool import length_prefix
from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.reliability import Incident
from ktlo.records.work import Deployment
from ktlo.server.app import make_app
from ktlo.server.delivering import derive_for
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import load_settings
from ktlo.store.streams import LOGS, METRICS, TRACES, Incoming
from ktlo.telemetry.pairing import Pairing

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import MS, TEN, Said, put, request
from signal_requests import log, logs, metrics, points_of

EVIL = (
    '<script>window.pwned=1</script>"><img src=x onerror=alert(1) data-pwned><svg/onload=alert(2)>'
    "<style>*{background:url(http://evil.invalid/a)}</style>' onmouseover='alert(3)' m{{7*7}}m m${7*7}m"
)
"""Markup that runs, that asks another host, that leaves an attribute, and templates that would be worked out."""
SCRIPT_URL = "javascript:alert(document.domain)//"
ONE, TWO = "c1" * 16, "c2" * 16
MINUTE = 60_000

FOUND = """() => {
  const bad = [];
  for (const one of document.querySelectorAll("*")) {
    if (one.hasAttribute("data-pwned")) bad.push(`element ${one.tagName}`);
    for (const { name, value } of one.attributes) {
      if (name.startsWith("on")) bad.push(`${one.tagName} ${name}=${value}`);
      const leads = ["href", "xlink:href", "src", "action", "formaction", "data"].includes(name);
      if (leads && /^\\s*(javascript|data|vbscript):/i.test(value)) bad.push(`${one.tagName} ${name}=${value}`);
      if (leads && /^\\w+:/.test(value) && value.includes("evil.invalid")) bad.push(`${one.tagName} ${name}=${value}`);
    }
  }
  for (const one of document.querySelectorAll("script:not([src]), style"))
    if (one.textContent.includes("pwned") || one.textContent.includes("evil.invalid")) bad.push(one.outerHTML);
  if (window.pwned) bad.push("a script ran");
  if (/m\\$?49m/.test(document.documentElement.textContent)) bad.push("a template was worked out");
  return bad;
}"""
"""What of a page came from the text of a service rather than from ktlo."""


def load(running: Runtime, folder: Path, stream: Incoming, made: Any, name: str) -> None:
    body = made.SerializeToString()
    file = folder / name
    file.write_bytes(length_prefix(len(body)) + body)
    running.store.load(stream, file, name)


def spans(now: float) -> Any:
    """A request of an evil service: an error, a call to an evil database, a link, attributes anywhere."""
    exception = {
        "exception.type": EVIL, "exception.message": EVIL, "exception.stacktrace": f"Traceback\n  at {EVIL}\n{EVIL}",
    }  # fmt: skip
    said = {
        EVIL: EVIL, "http.route": EVIL, "code.function.name": EVIL, "code.file.path": EVIL, "url.full": SCRIPT_URL,
    }  # fmt: skip
    made = [
        Said("a" * 16, EVIL, now, 900, trace_id=ONE, error=True, attributes=said, events=[("exception", exception),
             (EVIL, {EVIL: EVIL})], links=[(TWO, "d" * 16)]),
        Said("b" * 16, EVIL, now + 5, 400, parent="a" * 16, trace_id=ONE, kind=3,
             attributes={"db.system.name": EVIL, "db.namespace": EVIL, "server.address": EVIL, "db.query.text": EVIL}),
        Said("c" * 16, EVIL, now + 9, 100, parent="a" * 16, trace_id=ONE, kind=3, attributes={"peer.service": EVIL}),
        Said("d" * 16, EVIL, now + 1, 300, trace_id=TWO, attributes=said),
    ]  # fmt: skip
    resource = {
        "service.version": EVIL, "deployment.environment.name": EVIL, "service.instance.id": EVIL, "host.name": EVIL,
        "telemetry.sdk.name": EVIL, "telemetry.sdk.language": EVIL, "vcs.repository.url.full": SCRIPT_URL,
    }  # fmt: skip
    found = request(EVIL, *made, resource=resource)
    attributes = found.resource_spans[0].resource.attributes
    del attributes[1]  # the version that the helper gives
    found.resource_spans[0].scope_spans[0].scope.name = EVIL
    for span in found.resource_spans[0].scope_spans[0].spans:
        span.status.message = EVIL
        for event in span.events:
            event.time_unix_nano = span.start_time_unix_nano
    return found


def functions(now: float) -> Any:
    """What ``ktlo-instrument`` counts of an evil function."""
    made = metrics(EVIL, name="ktlo.function.calls", kind="sum")
    scope = made.resource_metrics[0].scope_metrics[0]
    labels = {"code.function.name": EVIL, "code.file.path": EVIL, "http.route": EVIL}
    at = TEN + round(now * MS)
    calls = scope.metrics[0].sum
    calls.aggregation_temporality, calls.is_monotonic = 1, True
    point = points_of(made)[0]
    point.time_unix_nano, point.as_int = at, 9
    put(point.attributes, {**labels, "ktlo.caller.function": f"caller {EVIL}"})
    errors = scope.metrics.add(name="ktlo.function.errors").sum
    errors.aggregation_temporality, errors.is_monotonic = 1, True
    put(errors.data_points.add(time_unix_nano=at, as_int=2).attributes, {**labels, "error.type": EVIL})
    for name in ("duration", "self_duration"):
        kept = scope.metrics.add(name=f"ktlo.function.{name}").exponential_histogram
        kept.aggregation_temporality = 1
        one = kept.data_points.add(time_unix_nano=at, count=9, sum=9e6, scale=2)
        one.positive.offset = 80
        one.positive.bucket_counts.append(9)
        put(one.attributes, labels)
    return made


def records(now: float) -> Any:
    called = {
        "code.function.name": EVIL, "ktlo.call.reason": EVIL, "ktlo.call.duration": 9, "ktlo.call.result": EVIL,
        "ktlo.call.arguments": json.dumps({EVIL: EVIL}), "exception.type": EVIL, "exception.message": EVIL,
    }  # fmt: skip
    covered = {
        "code.file.path": EVIL, "ktlo.module": EVIL, "ktlo.coverage.functions": json.dumps([[EVIL, 7, 0]]),
        "ktlo.coverage.lines_never": json.dumps([[7, 9]]),
    }  # fmt: skip
    return logs(
        EVIL,
        log(EVIL, now, 17, attributes={EVIL: EVIL, "exception.type": EVIL, "exception.message": EVIL},
            trace_id=bytes.fromhex(ONE), span_id=b"\xaa" * 8, severity_text=EVIL),
        log(EVIL, now, attributes=called, event_name="ktlo.function.call", trace_id=bytes.fromhex(ONE)),
        log(EVIL, now, attributes=covered, event_name="ktlo.function.coverage"),
    )  # fmt: skip


def measurements(now: float) -> list[Any]:
    found = []
    for name in (EVIL, "evil.gauge"):
        made = metrics(EVIL, name=name, points=3)
        metric = made.resource_metrics[0].scope_metrics[0].metrics[0]
        metric.description, metric.unit = EVIL, EVIL
        for number, point in enumerate(points_of(made)):
            point.time_unix_nano = TEN + round((now + number * 1000) * MS)
            put(point.attributes, {EVIL: EVIL, "route": EVIL})
        found.append(made)
    return found


def work(running: Runtime, now: dt.datetime) -> None:
    """An incident and a deployment whose titles are markup and whose addresses are scripts."""
    common = {"source": "evil", "external_id": EVIL, "repository": EVIL, "service": EVIL, "url": SCRIPT_URL}
    incident = Incident(
        **common, team=EVIL, title=EVIL, severity=EVIL, state="open", started_at=now, detected_at=now,
        acknowledged_at=None, mitigated_at=None, resolved_at=None, closed_at=None, reopen_count=0,
        responders=(EVIL,), caused_by=EVIL,
    )  # fmt: skip
    deployment = Deployment(
        **common, environment="production", version=EVIL, sha="", status="success", actor=EVIL,
        started_at=now, finished_at=now,
    )  # fmt: skip
    running.store.insert(TABLES["incidents"], to_arrow([incident], Incident))
    running.store.insert(TABLES["deployments"], to_arrow([deployment], Deployment))


SHORT = "<script>window.pwned=1</script>\"><img src=x onerror=alert(1) data-pwned>' onclick='x' m{{7*7}}m"
BOARD = {
    "title": SHORT, "description": EVIL, "since": "1h",
    "rows": [{"title": SHORT, "panels": [
        {"title": SHORT, "description": SHORT,
         "queries": [{"expr": "evil_gauge or {__name__=~\".*pwned.*\"}", "legend": "{{route}} " + SHORT}]},
        {"title": SHORT, "queries": [{"expr": "broken(" + EVIL, "legend": SHORT}]},
    ]}],
}  # fmt: skip


@pytest.fixture(scope="module")
def running(house_copy: Any, tmp_path_factory: Any) -> Iterator[Runtime]:
    boards = house_copy / "data" / "dashboards"
    boards.mkdir(parents=True, exist_ok=True)
    (boards / "evil.yaml").write_text(json.dumps(BOARD))
    opened = Runtime(load_settings(house_copy / "ktlo.yaml"), house_copy / "data")
    folder = tmp_path_factory.mktemp("evil")
    now = (time.time_ns() - TEN) / 1e6 - 3 * MINUTE
    load(opened, folder, TRACES, spans(now), "spans")
    load(opened, folder, LOGS, records(now), "logs")
    for number, made in enumerate((*measurements(now), functions(now))):
        load(opened, folder, METRICS, made, f"metrics-{number}")
    work(opened, dt.datetime.now(dt.UTC) - dt.timedelta(minutes=2))
    Pairing(opened.store, 14).round(dt.datetime.now(dt.UTC))
    derive_for(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def site(running: Runtime, serve: Any) -> Iterator[str]:
    app = make_app(running, Access())
    with serve(app) as url:
        yield url
    app.state.collecting.close()


@pytest.fixture(scope="module")
def fingerprint(running: Runtime) -> str:
    rows = running.store.query(
        "SELECT fingerprint FROM ktlo.error_groups WHERE has(services, {name:String}) LIMIT 1", {"name": EVIL}
    ).to_pylist()
    return str(rows[0]["fingerprint"])


def asked(path: str, **given: str) -> str:
    return f"{path}?{urlencode(given)}" if given else path


SHOWING = {
    "services": asked("/services"),
    "services, searched": asked("/services", text=EVIL[:40]),
    "service": asked("/services/service", name=EVIL),
    "environment": asked("/services", environment=EVIL),
    "map": asked("/services/map"),
    "map around": asked("/services/map", focus=EVIL),
    "map searched": asked("/services/map", q=EVIL, against="1d"),
    "names": asked("/services/names"),
    "work": asked("/services/work", name=EVIL),
    "traces": asked("/traces"),
    "traces, searched": asked("/traces", service=EVIL, operation=EVIL),
    "trace": asked("/trace", id=ONE),
    "span": asked("/trace", id=ONE, span="a" * 16),
    "database call": asked("/trace", id=ONE, span="b" * 16),
    "two traces": asked("/traces/compare", a=ONE, b=TWO),
    "errors": asked("/errors", service=EVIL),
    "logs": asked("/logs"),
    "logs, searched": asked("/logs", query=f"service:{json.dumps(EVIL)}"),
    "patterns": asked("/logs", view="patterns"),
    "live": asked("/logs/live"),
    "metrics": asked("/metrics", q="evil_gauge"),
    "metrics by regex": asked("/metrics", q='{__name__=~".*pwned.*"}'),
    "all metrics": asked("/metrics/all"),
    "dashboards": asked("/dashboards"),
    "dashboard": asked("/dashboards/evil"),
    "dashboard's form": asked("/dashboards/evil/edit"),
    "functions": asked("/functions"),
    "function": asked("/functions/function", service=EVIL, name=EVIL),
    "flame": asked("/functions/flame", service=EVIL),
    "never": asked("/functions/never", service=EVIL),
    "trends": asked("/trends", service=EVIL),
    "incident": asked("/incident", source="evil", id=EVIL),
    "item": asked("/item", item_kind="incident", source="evil", item_id=EVIL),
    "deployments": asked("/deployments"),
    "broken expression": asked("/metrics", q=f"sum({EVIL}"),
}  # fmt: skip
"""Pages on which something of the evil service stands; the rest of the test is worth nothing where it does not."""


def look(watched: Any, path: str) -> Any:
    """Open a page that notes dialogs and violations of its policy, and point at everything that has a tooltip."""
    page = watched.page
    page.goto(watched.site + path)
    page.wait_for_selector("html[data-ready]")
    for one in page.locator("[data-tip], [data-tooltip], [title], svg a").all()[:12]:
        if one.is_visible():
            one.hover(force=True)
    return page


@pytest.fixture
def evil(browse: Any) -> Any:
    watched = browse()
    watched.dialogs = []
    watched.page.on("dialog", lambda shown: (watched.dialogs.append(shown.message), shown.dismiss()))
    watched.page.add_init_script(
        "document.addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective))"
    )
    return watched


@pytest.mark.parametrize("path", SHOWING.values(), ids=SHOWING)
def test_markup_from_services_is_shown_as_text(evil, path):
    page = look(evil, path)
    assert "pwned" in page.locator("body").evaluate("body => body.textContent + body.innerHTML"), (
        "nothing to see"
    )
    assert page.evaluate(FOUND) == []
    assert (evil.dialogs, evil.outside) == ([], [])
    assert [one for one in evil.errors if "status of 4" not in one] == []


def test_the_page_of_an_error_shows_text_and_takes_no_script_for_an_issue(evil, site, fingerprint):
    told = httpx.post(
        f"{site}/errors/issue",
        data={"fingerprint": fingerprint, "url": SCRIPT_URL, "author": EVIL},
        timeout=60,
    )
    assert told.status_code == 400
    told = httpx.post(
        f"{site}/errors/verdict",
        data={"fingerprint": fingerprint, "said": "ignored", "reason": EVIL, "author": EVIL},
        timeout=60,
    )
    assert told.status_code == 303
    page = look(evil, asked("/errors/error", fingerprint=fingerprint))
    assert "pwned" in page.locator("main").inner_text()
    assert page.evaluate(FOUND) == []
    assert (evil.dialogs, evil.outside, evil.errors) == ([], [], [])


def test_records_that_arrive_while_one_looks_are_text_too(evil, running, tmp_path):
    page = look(evil, "/logs/live")
    load(running, tmp_path, LOGS, records((time.time_ns() - TEN) / 1e6), "live")
    page.wait_for_selector("text=Following")
    page.locator("[data-live] > li").nth(3).wait_for()
    assert page.evaluate(FOUND) == []
    assert (evil.dialogs, evil.outside, evil.errors) == ([], [], [])


def test_what_is_suggested_while_one_types_is_text(evil):
    page = look(evil, "/metrics")
    field = page.locator("input[name=q]").first
    field.press_sequentially("pwned")
    page.locator(".completions li").first.wait_for()
    assert page.evaluate(FOUND) == []
    page = look(evil, "/traces")
    with page.expect_response("**/services/complete.json**"):
        page.locator("input[name=service]").press_sequentially("pwned")
    page.locator("#services option[value*=pwned]").first.wait_for(state="attached")
    assert page.evaluate(FOUND) == []
    assert (evil.dialogs, evil.outside, evil.errors) == ([], [], [])


@pytest.mark.parametrize("what", ["element", "handler", "link", "template", "script"])
def test_the_search_for_injected_markup_finds_it(evil, what):
    """Each kind is put into a page by hand: what finds nothing anywhere proves nothing."""
    page = look(evil, "/services")
    page.evaluate(
        "([what, evil]) => { const put = {"
        " element: '<b data-pwned></b>', handler: '<b onmouseover=x></b>', link: '<a href=\"javascript:x\">x</a>',"
        " template: 'm49m', script: '<script>pwned</' + 'script>'}; "
        " document.body.insertAdjacentHTML('beforeend', put[what]) }",
        [what, EVIL],
    )
    assert len(page.evaluate(FOUND)) == 1


@pytest.mark.parametrize(
    "path", ["/services.json", "/logs.json", "/errors.json?standing=all", "/traces.json"]
)
def test_data_is_never_taken_for_a_page(site, path):
    answer = httpx.get(site + path, timeout=60)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "pwned" in answer.text
