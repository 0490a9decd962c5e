"""One broken client with a name for each of its processes: pages stay small, everything is found, a person is told."""

from __future__ import annotations

import datetime as dt
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ktlo.effort import telemetry_names
from ktlo.receivers.otlp.naming import MOST_NAME
from ktlo.server.app import make_app
from ktlo.server.receiving import Receiving
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings, TelemetrySettings
from ktlo.telemetry import metrics_catalogue, service_map
from ktlo.telemetry.pairing import Pairing
from ktlo.telemetry.promql import stored
from ktlo.telemetry.services import MOST_SERVICES
from ktlo.telemetry.sprawl import Sprawl

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import MS, TEN, Said, request
from signal_requests import log, logs, metrics, points_of

WORKERS = 260
QUIET = f"worker-{WORKERS - 1:05}"
"""Has fewer calls than the others, and so is not among the busiest."""
SAID = TelemetrySettings(http_port=0, grpc_port=0, elastic_port=0, many_services=100)
SDK = {"telemetry.sdk.name": "opentelemetry", "telemetry.sdk.language": "python", "host.name": "ci-17"}


def now() -> float:
    return (time.time_ns() - TEN) / MS - 120_000


def worker(number: int) -> ExportTraceServiceRequest:
    name = f"worker-{number:05}"
    calls = 1 if name == QUIET else 2
    said = [
        Said(f"{number + 1:016x}"[:-1] + str(n), "run", now(), trace_id=f"{number + 1:031x}{n}")
        for n in range(calls)
    ]
    called = Said(
        f"{number + 1:015x}f", "SELECT", now(), 5, said[0].span_id, said[0].trace_id, 3,
        attributes={"db.system.name": "postgresql", "server.address": f"db-{number}"},
    )  # fmt: skip
    return request(name, *said, called, resource=SDK)


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[tuple[Runtime, Receiving]]:
    runtime = Runtime(Settings(telemetry=SAID), tmp_path_factory.mktemp("many"))
    receiving = Receiving(runtime)
    together, told = ExportTraceServiceRequest(), ExportLogsServiceRequest()
    for number in range(WORKERS):
        together.MergeFrom(worker(number))
    told.MergeFrom(logs("only-logs", log("x", now())))
    url = receiving.doors[0].address
    proto = {"content-type": "application/x-protobuf"}
    for path, made in (("traces", together), ("logs", told)):
        httpx.post(
            f"{url}/v1/{path}", content=made.SerializeToString(), headers=proto, timeout=60
        ).raise_for_status()
    for name in ("jobs", "jobs.waiting"):
        made = metrics("shop", name=name)
        points_of(made)[0].time_unix_nano = time.time_ns()
        httpx.post(
            f"{url}/v1/metrics", content=made.SerializeToString(), headers=proto, timeout=60
        ).raise_for_status()
    with grpc.insecure_channel(receiving.doors[1].address.removeprefix("http://")) as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        export(request("shop", Said("9" * 16, "GET /", now(), trace_id="9" * 32)).SerializeToString())
    for intake in receiving.intakes:
        intake.flush()
    Pairing(runtime.store, 14).round(dt.datetime.now(dt.UTC))
    yield runtime, receiving
    receiving.close()
    runtime.close()


@pytest.fixture(scope="module")
def many(running, visiting):
    runtime, receiving = running
    app = make_app(runtime, Access(), receiving=receiving)
    yield visiting(app)
    app.state.collecting.close()


def rows_of(text: str) -> int:
    return text.count('<th scope="row">')


@contextmanager
def asked_of(runtime: Runtime) -> Iterator[list[str]]:
    """Questions that the store is asked meanwhile."""
    asked: list[str] = []
    query = runtime.store.query

    def counted(sql, *given, **more):
        asked.append(sql)
        return query(sql, *given, **more)

    runtime.store.query = counted  # type: ignore[method-assign]
    try:
        yield asked
    finally:
        del runtime.store.query


def test_the_page_of_services_shows_the_busiest_and_says_how_many_there_are(many):
    text = unescape(many.page("/services"))
    assert f"The {MOST_SERVICES} busiest of {WORKERS + 1} services reported" in text
    assert "the others are found by a part of their name" in text
    assert rows_of(text) == MOST_SERVICES
    assert f">{QUIET}<" not in text


def test_a_service_that_is_not_among_the_busiest_is_found_and_has_its_page(many):
    text = unescape(many.page(f"/services?text={QUIET.upper()}"))
    assert f"1 service with '{QUIET.upper()}' in the name reported" in text
    assert rows_of(text) == 1
    page = unescape(many.page(f"/services/service?name={QUIET}"))
    assert f"db-{WORKERS - 1}" in page
    assert "No service is called like that" in many.page("/services?text=nobody")


def test_the_api_says_how_many_there_are_and_takes_the_same_words(many):
    answer = many.get("/api/v1/services")
    assert (len(answer.json()), answer.headers["x-total-count"]) == (MOST_SERVICES, str(WORKERS + 1))
    answer = many.get("/api/v1/services", params={"text": "WORKER-0000", "most": 3})
    assert (len(answer.json()), answer.headers["x-total-count"]) == (3, "10")


@pytest.mark.parametrize("path", ["/services", "/telemetry"])
def test_a_person_is_told_how_many_names_there_are_and_who_sends_them(many, path):
    text = unescape(many.page(path))
    assert f"{WORKERS + 2} names of services within a day are too many (more than 100)" in text
    assert (
        f"opentelemetry python at 127.0.0.1 ({WORKERS} names, the last new one {QUIET}, host ci-17)" in text
    )
    assert "service.instance.id" in text


def test_the_state_of_the_receivers_has_it_too(many):
    told = many.get("/api/v1/telemetry").json()["names"]
    assert (told["names"], told["limit"], told["is_too_many"]) == (WORKERS + 2, 100, True)
    assert told["most_from"][0].startswith("opentelemetry python")


def test_few_names_are_no_news_and_after_a_start_nobody_is_blamed():
    assert Sprawl(100, 100, ("a",)).said == ""
    assert "ktlo was started since" in Sprawl(101, 100, ()).said


def test_lists_of_choices_hold_the_busiest_and_are_asked_for_more(many):
    for path in ("/traces", "/errors"):
        assert many.page(path).count('<option value="worker-') <= 50
    assert many.get("/services/complete.json", params={"text": "00259"}).json() == [QUIET]


def test_the_map_keeps_the_ways_with_most_calls_and_every_place_its_own(many, monkeypatch):
    monkeypatch.setattr(service_map, "MOST_EDGES", 10)
    whole = many.get("/api/v1/map").json()
    assert (len(whole["edges"]), whole["is_cut"]) == (10, True)
    assert len(whole["nodes"]) <= MOST_SERVICES + 2 * 10
    around = many.get("/api/v1/map", params={"focus": QUIET}).json()
    assert [(one["client"]["name"], one["server"]["name"]) for one in around["edges"]] == [
        (QUIET, f"postgresql db-{WORKERS - 1}")
    ]
    assert f"db-{WORKERS - 1}" in many.page(f"/services/map?q={QUIET}")


def test_names_that_belong_to_nothing_are_asked_about_in_the_order_of_their_calls(many, monkeypatch):
    monkeypatch.setattr(telemetry_names, "MOST_UNJOINED", 20)
    told = many.get("/api/v1/service-names").json()["unjoined"]
    assert len(told) == 20
    assert QUIET not in {one["name"] for one in told}


def test_metrics_are_found_by_a_part_of_the_name_and_by_service(many, monkeypatch):
    names = [one["name"] for one in many.get("/metrics/all.json?text=JOBS").json()]
    assert len(names) == 2
    monkeypatch.setattr(metrics_catalogue, "MOST", 1)
    first = unescape(many.page("/metrics/all?text=jobs"))
    assert "2 metrics as 2 series; this is page 1 of 2" in first
    (later,) = re.findall(r'rel="next" href="([^"]+)"', first)
    assert 'rel="prev"' not in first
    last = unescape(many.page(later))
    assert "this is page 2 of 2" in last
    assert 'rel="next"' not in last
    assert rows_of(first) == rows_of(last) == 1 + 2, "a metric of the page, and all that cost most"
    answer = many.get("/metrics/all.json?text=jobs&page=2")
    assert ([one["reported_as"] for one in answer.json()], answer.headers["x-total-count"]) == (
        ["jobs.waiting"],
        "2",
    )
    assert many.get("/metrics/all.json?text=jobs&page=99").json() == answer.json()
    assert len(many.get("/metrics/all.json?service=shop").json()) == 1
    assert many.get("/metrics/all.json?service=nobody").json() == []
    assert "No metric is like that" in many.page("/metrics/all?text=nothing")


def test_more_series_than_are_read_are_refused_with_their_number(many, monkeypatch):
    monkeypatch.setattr(stored, "MOST_SERIES", 0)
    answer = many.get("/api/prometheus/api/v1/query", params={"query": "jobs_seconds"})
    assert answer.status_code == 400
    assert "1 series match, and at most 0 are read" in answer.json()["error"]


def test_prometheus_lists_values_of_however_many_series_and_says_when_a_list_is_cut(many, monkeypatch):
    monkeypatch.setattr(stored, "MOST_SERIES", 0)
    api = "/api/prometheus/api/v1"
    assert many.get(f"{api}/label/job/values").json() == {"status": "success", "data": ["shop"]}
    assert many.get(f"{api}/labels").json()["data"][:2] == ["__name__", "job"]
    monkeypatch.undo()
    for path, whole in (
        ("label/__name__/values?", 7),
        ("labels?", 5),
        ("series?match[]={__name__=~'jobs.*'}", 2),
    ):
        told = many.get(f"{api}/{path}").json()
        assert (len(told["data"]), "warnings" in told) == (whole, False)
        told = many.get(f"{api}/{path}&limit={whole}").json()
        assert (len(told["data"]), "warnings" in told) == (whole, False)
        told = many.get(f"{api}/{path}&limit=1").json()
        assert len(told["data"]) == 1
        assert told["warnings"][0] == "results truncated due to limit"
        assert "the first 1 are listed" in told["warnings"][1]
    assert "warnings" not in many.get(f"{api}/labels?limit=0").json()
    for wrong in ("-1", "many", "1.5"):
        answer = many.get(f"{api}/labels?limit={wrong}")
        assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")
        assert "limit" in answer.json()["error"]


def test_what_a_selector_means_is_listed_as_far_as_it_is_read_and_the_rest_is_said(many, monkeypatch):
    api = "/api/prometheus/api/v1"
    every = "match[]={__name__=~'jobs.*'}"
    whole = many.get(f"{api}/series?{every}").json()["data"]
    monkeypatch.setattr(stored, "MOST_SERIES", 1)
    for path in (f"series?{every}", f"labels?{every}", f"label/job/values?{every}"):
        answer = many.get(f"{api}/{path}")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["data"]
        assert told["warnings"][0] == "results truncated due to limit"
        assert "choose with match[]" in told["warnings"][1]
    assert len(many.get(f"{api}/series?{every}").json()["data"]) == len(whole) - 1
    assert "warnings" not in many.get(f"{api}/series?match[]=jobs_seconds").json()


def test_metadata_is_cut_by_its_limit_and_says_so(many):
    api = "/api/prometheus/api/v1"
    whole = many.get(f"{api}/metadata").json()
    assert {"jobs_seconds", "traces_spanmetrics_calls_total"} <= set(whole["data"])
    assert "warnings" not in whole
    cut = many.get(f"{api}/metadata?limit=1").json()
    assert len(cut["data"]) == 1
    assert cut["warnings"][0] == "results truncated due to limit"
    assert "warnings" not in many.get(f"{api}/metadata?limit={len(whole['data'])}").json()
    # One that is named is found wherever it would stand in the list.
    assert list(many.get(f"{api}/metadata?metric=jobs_seconds&limit=1").json()["data"]) == ["jobs_seconds"]
    assert many.get(f"{api}/metadata?metric=nothing").json()["data"] == {}


def test_an_unknown_metric_is_told_from_one_without_a_value_and_near_names_are_offered(many):
    page = unescape(many.page("/metrics?q=sum(job_seconds)&since=6h"))
    assert "There is no metric job_seconds" in page
    assert 'href="/metrics?q=sum%28jobs_seconds%29&since=6h"' in page
    told = many.get("/api/v1/promql?q=sum(job_seconds)").json()["unknown"]
    assert told[0]["name"] == "job_seconds"
    assert "jobs_seconds" in told[0]["near"]
    page = unescape(many.page("/metrics?q=jobs_seconds{job='nobody'}"))
    assert "Nothing has this value in this stretch" in page
    assert many.get("/api/v1/promql?q=jobs_seconds{job='nobody'}").json()["unknown"] == []


def test_a_panel_and_the_explorer_show_the_largest_series_and_say_how_many_there_are(many):
    expression = "sum by (service_name) (traces_spanmetrics_calls_total)"
    asked = f"queries: [{{expr: '{expression}', legend: '{{{{service_name}}}}'}}]"
    panels = [f"      - {{title: {show}, show: {show}, {asked}}}" for show in ("table", "lines", "number")]
    text = "\n".join(["title: Many", "since: 1h", "rows:", "  - panels:", *panels, ""])
    answer = many.post("/api/v1/dashboards/many", json={"text": text, "digest": ""})
    assert answer.status_code == 200, answer.text
    page = unescape(many.page("/dashboards/many"))
    assert f"The table has 20 of {WORKERS + 1} series, the largest." in page
    assert f"The 6 largest of {WORKERS + 1} series are drawn." in page
    assert f"the largest of {WORKERS + 1}: " in page
    explored = unescape(many.page("/metrics?q=" + expression))
    assert f"the table has 200 of {WORKERS + 1}" in explored
    assert f"{WORKERS + 1} series; the largest now" in explored


@pytest.mark.parametrize(
    "path",
    [
        "/services",
        "/services/map",
        f"/services/service?name={QUIET}",
        "/services/names",
        "/services.json",
        "/traces",
        "/errors",
        "/logs",
        "/metrics/all",
        "/trends",
        "/functions",
        "/telemetry",
        "/api/v1/services",
        "/api/v1/map",
    ],
)
def test_no_page_asks_the_store_once_for_each_service(many, running, path):  # fmt: skip
    with asked_of(running[0]) as asked:
        assert many.get(path).status_code == 200
    assert 0 < len(asked) < 40, f"{len(asked)} questions for {WORKERS} services"
    again = Counter(asked).most_common(1)[0]
    assert again[1] < 10, again


def test_an_error_that_all_of_them_report_names_some_and_says_how_many(many, running):
    runtime, receiving = running
    together = ExportTraceServiceRequest()
    stack = (
        'Traceback (most recent call last):\n  File "/srv/print.py", line 3, in feed\nOutOfPaper: no paper'
    )
    raised = {
        "exception.type": "OutOfPaper", "exception.message": "no paper", "exception.stacktrace": stack,
    }  # fmt: skip
    for number in range(130):
        said = Said(
            f"{number + 1:016x}", "print", now(), trace_id=f"{number + 1:032x}", error=True,
            events=[("exception", raised)],
        )  # fmt: skip
        made = request(f"worker-{number:05}", said, resource={"service.version": f"1.{number}"})
        span = made.resource_spans[0].scope_spans[0].spans[0]
        span.events[0].time_unix_nano = span.start_time_unix_nano
        together.MergeFrom(made)
    receiving.exports[0].offer(together)
    receiving.traces.flush()
    (listed,) = many.get("/api/v1/errors", params={"text": "OutOfPaper"}).json()
    assert (len(listed["services"]), listed["services_reporting"]) == (20, 130)
    assert len(listed["versions"]) <= 100
    assert "worker-00019 and 110 more" in unescape(many.page("/errors?text=OutOfPaper"))
    with asked_of(runtime) as asked:
        page = many.page(f"/errors/error?fingerprint={listed['fingerprint']}")
    assert len(asked) < 200, "questions do not grow with the services"
    assert "130" in page


def test_a_name_of_the_most_characters_can_be_asked_for_everywhere(many, running):
    _, receiving = running
    longest = "w" * MOST_NAME
    receiving.exports[0].offer(request(longest, Said("8" * 16, longest, now(), trace_id="8" * 32)))
    receiving.traces.flush()
    assert many.get("/api/v1/services/service", params={"name": longest}).json()["service"] == longest
    (found,) = many.get("/api/v1/traces", params={"service": longest, "operation": longest}).json()
    assert found["trace_id"] == "8" * 32
    for path in ("/services/service?name=", "/services/map?focus=", "/traces?service=", "/errors?service=",
                 "/functions?service=", "/trends?service=", "/services?text="):  # fmt: skip
        assert longest in many.page(path + longest)
    answer = many.post("/services/names", data={"name": longest, "service": "till"})
    assert answer.status_code == 303
