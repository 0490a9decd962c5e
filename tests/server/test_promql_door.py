"""Prometheus' HTTP API under a fuzzer: whatever is asked is answered or refused in its envelope, within a bound.

By hand: ``KTLO_FUZZ_EXAMPLES=20000 pytest tests/server/test_promql_door.py``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings
from ktlo.store.streams import METRICS, TRACES

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import MS, TEN, Said, put, request, segment
from signal_requests import add_metric, delimited, metrics, points_of

EXAMPLES = int(os.environ.get("KTLO_FUZZ_EXAMPLES", "150"))
HUNG = 90.0
"""Seconds after which a client gives up: everything is answered long before, where there is little to read."""
API = "/api/prometheus/api/v1"
MINUTES = 60
END = TEN // MS + MINUTES * 60_000

CORPUS = [
    line
    for line in (Path(__file__).parents[1] / "golden" / "promql_expressions.txt")
    .read_text(encoding="utf-8")
    .splitlines()
    if line and not line.startswith("#")
]
"""Expressions that Prometheus answers."""


@pytest.fixture(scope="module")
def runtime(tmp_path_factory) -> Iterator[Runtime]:
    """A store with the corpus' metrics: gauges, counters and a native histogram of three jobs."""
    folder = tmp_path_factory.mktemp("promql-door")
    opened = Runtime(Settings(), folder / "data")
    made = []
    for job in ("api", "web", "märket/<b>"):
        said = metrics(job, name="queue_length", points=MINUTES)
        add_metric(said, "http_requests_total", "sum", MINUTES)
        add_metric(said, "rpc_duration", "exponential_histogram", MINUTES)
        for metric in said.resource_metrics[0].scope_metrics[0].metrics:
            points = getattr(metric, metric.WhichOneof("data")).data_points
            for number, point in enumerate(points):
                point.time_unix_nano = TEN + number * 60_000 * MS
                put(point.attributes, {"code": "500" if number % 9 else "200", "queue": 'é\\"\n'})
                if metric.WhichOneof("data") == "exponential_histogram":
                    point.count, point.sum = 4 * number, 6.0 * number
                    point.positive.bucket_counts.extend([2 * number, 2 * number])
        points_of(said)[7].as_double = float("nan")
        points_of(said)[8].as_double = float("-inf")
        made.append(said)
    spans = [Said(f"{n:016x}", "GET /", n * 1000, 20, trace_id=f"{n:032x}") for n in range(1, 200)]
    for stream, content in ((METRICS, delimited(*made)), (TRACES, segment(request("shop", *spans)))):
        (folder / "one").write_bytes(content)
        opened.store.load(stream, folder / "one", stream.table)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def http(runtime, serve) -> Iterator[httpx.Client]:
    with (
        serve(make_app(runtime, Access())) as url,
        httpx.Client(base_url=url, timeout=HUNG, limits=httpx.Limits(max_keepalive_connections=0)) as client,
    ):
        yield client


# What is asked

NUMBERS = ["NaN", "Inf", "-Inf", "1e308", "9223372036854775808", "0x7fffffffffffffff", "1e-320", "0", "-0"]
DURATIONS = ["1ms", "999999999y", "106751d", "0s", "292y", "1y2w3d4h5m6s7ms", "9223372036854775807ms"]
MOMENTS = ["0", "-1", "1e300", "nan", "inf", "-9e9", "8999999999", "9e9", "soon", "2026-11-26T00:00:00Z", "",
           "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+23:59", str(END / 1000), str(END / 1000 - 600)]  # fmt: skip
STEPS = ["1", "15", "0.001", "1e9", "1e-9", "0", "-5", "nan", "1m", "1h30m", "5q", "999999999y", "", "1e300"]


PUT_IN = [*NUMBERS, *DURATIONS, "(", ")", "[5m]", "[1y:1ms]", "[5m:]", "{", '"', "\\", "\0", " offset -999y",
          " @ 1e300", " @ NaN", " @ end()", "=~", '"(?i)ä"', " bool ", "^", "é"]  # fmt: skip
WRAPS = ["({})", "-({})", "sum({})", "avg_over_time(({})[5m:1m])", "({}) + ({})", "abs({})", "absent({})",
         "topk(3, {})", "({}) or ({})", "rate(({})[1h:10s])", "histogram_quantile(0.9, {})"]  # fmt: skip
OPERATORS = [
    "+",
    "/",
    "^",
    "%",
    "and",
    "or",
    "unless",
    "> bool",
    "* on () group_left",
    "== on (job)",
    "atan2",
]
KINDS = ["valid"] * 2 + ["numbers"] * 3 + ["joined"] * 2 + ["nested", "changed", "changed", "tower", "text"]
TOWERS = ["(", "-", "[", "{", "sum(", "a+", "a or ", '"', "#", "1^", "é", "((1)+", "a[5m:1m"]


def numbers_changed(draw: st.DrawFn, expression: str) -> str:
    """An expression with one of its numbers or durations made strange; mostly still valid."""
    found = list(re.finditer(r"\d+(?:ms|[smhdwy])|(?<![\w.])\d+\.?\d*(?![\w.])", expression))
    if not found:
        return expression
    one = draw(st.sampled_from(found))
    other = draw(st.sampled_from(DURATIONS if one[0][-1].isalpha() else NUMBERS))
    return expression[: one.start()] + other + expression[one.end() :]


def characters_changed(draw: st.DrawFn, expression: str) -> str:
    """An expression with a few characters left out or put in; mostly no longer valid."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(expression)))
        to = min(len(expression), at + draw(st.integers(0, 6)))
        put_in = draw(st.one_of(st.sampled_from(PUT_IN), st.text(max_size=4)))
        expression = expression[:at] + put_in + expression[to:]
    return expression


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Valid ones, changed ones, joined and nested ones, towers of brackets, and text of no kind."""
    kind = draw(st.sampled_from(KINDS))
    if kind == "text":
        return draw(st.text(max_size=60))
    if kind == "tower":
        return draw(st.sampled_from(TOWERS)) * draw(st.sampled_from([90, 130, 2000, 30_000]))
    expression = draw(st.sampled_from(CORPUS))
    if kind == "numbers":
        return numbers_changed(draw, numbers_changed(draw, expression))
    if kind == "changed":
        return characters_changed(draw, expression)
    if kind == "joined":
        return f"({expression}) {draw(st.sampled_from(OPERATORS))} ({draw(st.sampled_from(CORPUS))})"
    if kind == "nested":
        wraps = draw(st.lists(st.sampled_from(WRAPS), min_size=1, max_size=5))
        for wrap in wraps:
            expression = wrap.format(*[expression] * wrap.count("{}"))
    return expression


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, str, list[tuple[str, str]]]:
    """A method, a path and parameters, some of them twice."""
    path = draw(st.sampled_from(
        ["query"] * 4 + ["query_range"] * 5 + ["series", "series", "labels", "label", "label", "metadata",
         "query_exemplars", "query_exemplars", "format_query", "rules", "alerts", "status/buildinfo"]
    ))  # fmt: skip
    if path == "label":
        known = st.sampled_from(
            ["job", "le", "__name__", "U__a_2e_b", "U___ffffff_", "U___d800_", "quantile"]
        )
        path = f"label/{quote(draw(st.one_of(known, st.text(max_size=20))), safe='')}/values"
    told = [("query", draw(expressions()))]
    if draw(st.integers(0, 3)):
        # Where there are samples, so that what is odd is the expression.
        told += [("start", f"{END / 1000 - 1800}"), ("end", f"{END / 1000}"), ("time", f"{END / 1000 - 60}")]
        told += [("step", draw(st.sampled_from(["60", "1m", "1", "17"])))]
    else:
        told += [("start", draw(st.sampled_from(MOMENTS))), ("end", draw(st.sampled_from(MOMENTS)))]
        told += [("step", draw(st.sampled_from(STEPS))), ("time", draw(st.sampled_from(MOMENTS)))]
    told += [("match[]", draw(expressions())) for _ in range(draw(st.integers(0, 2)))]
    if not draw(st.integers(0, 3)):
        others = ["timeout", "lookback_delta", "limit", "metric", "query", "start", "step", "stats", "\0"]
        told += draw(
            st.lists(st.tuples(st.sampled_from(others), st.sampled_from([*STEPS, *MOMENTS])), max_size=3)
        )
        told = draw(st.permutations(told))
    return draw(st.sampled_from(["GET", "POST"])), path, told


def refused_or_answered(answer: httpx.Response) -> None:
    """Prometheus' envelope; 404 for a path and 405 for a method that there is not."""
    assert answer.headers["content-type"].startswith("application/json")
    told = answer.json()
    if answer.status_code == 200:
        assert told["status"] == "success"
        assert "data" in told
    else:
        assert answer.status_code in (400, 404, 405, 422), answer.text[:400]
        assert told["status"] == "error"
        assert told["errorType"] in ("bad_data", "execution", "not_found")
        assert told["error"]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked=questions())
def test_fuzz_whatever_is_asked_is_answered_or_refused_and_the_door_still_answers(http, asked):
    method, path, told = asked
    # What a server cannot take is the client's own limit: the request line of a GET.
    is_long = sum(len(value) for _, value in told) > 5000
    if is_long or (method == "POST" and "/values" not in path):
        answer = http.post(
            f"{API}/{path}", content=str(httpx.QueryParams(told)),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
    else:
        answer = http.get(f"{API}/{path}", params=told)
    refused_or_answered(answer)
    assert http.get(f"{API}/query", params={"query": "1"}).json()["status"] == "success"


@pytest.mark.parametrize("accept", ["application/json", "text/html", "*/*"])
@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", f"{API}/nothing", 404, "not_found"),
        ("POST", "/api/prometheus/nothing", 404, "not_found"),
        ("DELETE", f"{API}/series", 405, "bad_data"),
        ("POST", f"{API}/metadata", 405, "bad_data"),
    ],
)
def test_what_is_not_there_is_refused_in_prometheus_envelope(http, accept, method, path, status, kind):
    answer = http.request(method, path, headers={"accept": accept})
    refused_or_answered(answer)
    assert (answer.status_code, answer.json()["errorType"]) == (status, kind)
    assert path in answer.json()["error"]
    assert ("allow" in answer.headers) == (status == 405)


def test_a_form_that_is_broken_is_refused_in_prometheus_envelope(http):
    answer = http.post(
        f"{API}/query", content=b"--x", headers={"content-type": "multipart/form-data; boundary="}
    )
    refused_or_answered(answer)
    assert answer.json()["errorType"] == "bad_data"


def test_elsewhere_what_is_not_there_stays_a_problem_document(http):
    answer = http.get("/api/v1/nothing", headers={"accept": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"
