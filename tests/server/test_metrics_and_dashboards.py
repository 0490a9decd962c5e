"""Prometheus' HTTP API, the Metrics pages and dashboards of a running ktlo that services reported to."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings
from ktlo.store.streams import LOGS, METRICS, TRACES

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import MS, TEN, Said, put, request, segment
from signal_requests import add_metric, delimited, log, logs, metrics

NOW = time.time_ns()
FIRST = NOW - 40 * 15 * 1000 * MS
API = "/api/prometheus/api/v1"
TRACE = "ab" * 16


def _reported() -> tuple[Any, Any, Any]:
    made = metrics("shop", name="queue.length", points=0, resource={"service.instance.id": "s-1"})
    of_scope = made.resource_metrics[0].scope_metrics[0]
    of_scope.metrics[0].unit = "{item}"
    points = of_scope.metrics[0].gauge.data_points
    add_metric(made, "http.requests", "sum", 0)
    of_scope.metrics[-1].unit, of_scope.metrics[-1].sum.is_monotonic = "{request}", True
    add_metric(made, "rpc.duration", "exponential_histogram", 0)
    for number in range(40):
        at = FIRST + number * 15 * 1000 * MS
        put(points.add(time_unix_nano=at, as_double=number % 5).attributes, {"queue": "<b>orders</b>"})
        one = of_scope.metrics[1].sum.data_points.add(time_unix_nano=at, as_double=3.0 * number)
        put(one.attributes, {"route": "/cart"})
        if number == 30:
            one.exemplars.add(
                as_double=9.0, time_unix_nano=at, trace_id=bytes.fromhex(TRACE), span_id=b"12345678"
            )
        two = of_scope.metrics[2].exponential_histogram.data_points.add(
            time_unix_nano=at, count=4 * number, sum=6.0 * number
        )
        two.positive.bucket_counts.extend([2 * number, 2 * number])
    spans = [
        Said(f"{n:016x}", "GET /cart", (FIRST - TEN) / MS + n * 1000, 20, kind=2, trace_id=f"{n:032x}")
        for n in range(1, 500)
    ]
    told = logs("shop", log("the card was declined", at=(NOW - TEN) / MS - 60_000, number=17))
    return made, request("shop", *spans), told


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("metrics")
    opened = Runtime(Settings(), folder / "data")
    made, spans, told = _reported()
    for stream, content in ((METRICS, delimited(made)), (TRACES, segment(spans)), (LOGS, delimited(told))):
        (folder / "one").write_bytes(content)
        opened.store.load(stream, folder / "one", stream.table)
    yield opened
    opened.close()


def result(visitor: Any, path: str, **params: Any) -> Any:
    answer = visitor.get(f"{API}/{path}", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "success"
    return answer.json()["data"]


def test_an_expression_at_one_moment_is_answered_as_prometheus_does(house):
    data = result(house, "query", query="sum by (job) (rate(http_requests_total[5m]))", time=NOW / 1e9)
    assert data["resultType"] == "vector"
    ((labels, (_, value)),) = [(each["metric"], each["value"]) for each in data["result"]]
    assert labels == {"job": "shop"}
    assert float(value) == pytest.approx(0.2, rel=0.01)
    assert result(house, "query", query="1 + 1", time=5) == {"resultType": "scalar", "result": [5.0, "2"]}
    assert result(house, "query", query='"text"', time=5)["resultType"] == "string"
    ranged = result(house, "query", query="queue_length[1m]", time=NOW / 1e9)
    assert ranged["resultType"] == "matrix"
    assert len(ranged["result"][0]["values"]) in (3, 4)


def test_a_native_histogram_is_given_as_one(house):
    data = result(house, "query", query="rpc_duration_seconds", time=NOW / 1e9)
    histogram = data["result"][0]["histogram"][1]
    assert histogram["count"] == "156"
    assert histogram["buckets"] == [[0, "1", "2", "78"], [0, "2", "4", "78"]]


def test_a_range_is_answered_by_get_and_by_post(house):
    asked = {"query": "queue_length", "start": FIRST / 1e9, "end": NOW / 1e9, "step": "1m"}
    data = result(house, "query_range", **asked)
    assert data["resultType"] == "matrix"
    assert 9 <= len(data["result"][0]["values"]) <= 11
    assert house.post(f"{API}/query_range", data=asked).json()["data"] == data


@pytest.mark.parametrize(
    ("path", "params", "said"),
    [
        ("query", {}, "'query'"),
        ("query", {"query": "sum("}, "unclosed left parenthesis"),
        ("query", {"query": "up", "time": "soon"}, "no time"),
        ("query_range", {"query": "up", "start": 0, "end": 10, "step": 0}, "greater than zero"),
        ("query_range", {"query": "up", "start": 0, "end": 1e9, "step": 1}, "more than 11,000 steps"),
        ("query_range", {"query": "up", "start": "nan", "end": 10, "step": 1}, "no time"),
        ("series", {}, "match[]"),
        ("series", {"match[]": "1 + 1"}, "selector"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_in_prometheus_form(house, path, params, said):
    answer = house.get(f"{API}/{path}", params=params)
    assert answer.status_code == 400
    assert answer.json()["status"] == "error"
    assert answer.json()["errorType"] == "bad_data"
    assert said in answer.json()["error"]


def test_names_labels_and_metadata_are_listed(house):
    assert {"queue_length", "http_requests_total"} <= {*result(house, "label/__name__/values")}
    assert "queue" in result(house, "labels", **{"match[]": "queue_length"})
    assert result(house, "label/queue/values") == ["<b>orders</b>"]
    assert result(house, "series", **{"match[]": "http_requests_total"})[0]["route"] == "/cart"
    assert (
        result(house, "metadata", metric="http_requests_total")["http_requests_total"][0]["type"] == "counter"
    )
    assert result(house, "status/buildinfo")["version"] == "3.0.0"
    found = result(house, "query_exemplars", query="rate(http_requests_total[5m])")
    assert found[0]["exemplars"][0]["labels"]["trace_id"] == TRACE
    assert result(house, "format_query", query="sum(a)") == "sum(a)"


def test_the_explorer_answers_draws_and_leads_to_traces(house):
    text = house.page("/metrics?q=sum(rate(http_requests_total[5m]))&q=queue_length&q=foo(&since=15min")
    assert text.count("<figure") == 2
    assert f'href="/trace?id={TRACE}&amp;since=15min"' in text
    assert "unclosed left parenthesis (line 1, column 4)" in unescape(text)
    assert "foo(\n   ^" in unescape(text)
    assert "<b>orders</b>" not in text
    twin = house.get("/metrics.json", params={"q": "queue_length", "since": "15min"}).json()
    assert twin[0]["series"][0]["labels"]["queue"] == "<b>orders</b>"


def test_all_metrics_are_listed_with_the_label_that_makes_them_many(house):
    text = unescape(house.page("/metrics/all"))
    assert "1 service reports 3 metrics as 3 series" in text
    listed = {each["name"]: each for each in house.get("/metrics/all.json").json()}
    assert listed["http_requests_total"]["description"] == "the http.requests"
    assert listed["rpc_duration_seconds"]["type"] == "histogram"
    assert house.get("/metrics/all.json?service=other").json() == []


def test_what_may_be_typed_next_is_told(house):
    def offered(text: str) -> list[str]:
        found = house.get("/metrics/complete.json", params={"text": text, "at": len(text)}).json()
        return [each["text"] for each in found["candidates"]]

    assert offered("sum(http_re")[0] == "http_requests_total"
    assert "rate" in offered("ra")
    assert "route" in offered("http_requests_total{")
    assert offered('http_requests_total{route="') == ["/cart"]
    assert "queue" in offered("sum by (q")
    assert offered("") != []


def test_a_dashboard_shows_every_kind_of_panel(house):
    text = unescape(house.page("/dashboards/service-overview"))
    assert "Service overview: shop" in text
    assert "Calls a second by operation" in text
    assert "the card was declined" in text
    assert "Time to restore" in text
    assert "cannot be answered" not in text
    twin = house.get("/dashboards/service-overview.json").json()
    assert twin["variables"] == {"service": "shop"}
    assert [each["problem"] for each in twin["panels"]] == [""] * len(twin["panels"])
    for name in ("ktlo", "host-runtime", "service-overview"):
        page = house.page(f"/dashboards/{name}")
        assert "cannot be answered" not in page
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids))


def fields(page: str) -> dict[str, str]:
    """What a browser would post of a form."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ("checkbox" not in tag or " checked" in tag):
            found[unescape(name[1])] = unescape(value[1]) if value else ""
    for name, options in re.findall(r'<select name="([^"]+)">(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', options)
        chosen = chosen or re.search(r'<option(?: value="([^"]*)")?>([^<]*)', options)
        found[name] = unescape(chosen[1] if chosen[1] is not None else chosen[2])
    for name, value in re.findall(r'<textarea name="([^"]+)"[^>]*>(.*?)</textarea>', page, re.DOTALL):
        found[name] = unescape(value)
    return found


def test_a_dashboard_is_composed_in_the_browser_without_a_script(house, runtime):
    said = fields(house.page("/dashboards/new"))
    said |= {
        "title": "Mine",
        "name": "mine",
        "rows.0.panels.0.title": "Queue",
        "rows.0.panels.0.queries.0.expr": "queue_length",
    }
    more = house.post("/dashboards/edit", data={**said, "act": "add-panel:0"})
    said = fields(more.text)
    assert said["rows.0.panels.0.queries.0.expr"] == "queue_length"
    said |= {"rows.0.panels.1.kind": "text", "rows.0.panels.1.text": "Look at `queue`.\n\n<script>"}
    moved = fields(house.post("/dashboards/edit", data={**said, "act": "up:0.1"}).text)
    assert moved["rows.0.panels.0.kind"] == "text"
    saved = house.post("/dashboards/edit", data={**moved, "act": "save"})
    assert saved.status_code == 303, unescape(saved.text)
    page = house.page(saved.headers["location"])
    assert "<code>queue</code>" in page
    assert "<script>" not in page.split("<main")[1]
    file = runtime.folder / "dashboards" / "mine.yaml"
    assert "expr: queue_length" in file.read_text(encoding="utf-8")


def test_a_form_that_is_unchanged_loses_nothing(house):
    before = house.get("/api/v1/dashboards/host-runtime").json()
    said = fields(house.page("/dashboards/host-runtime/edit"))
    saved = house.post("/dashboards/edit", data={**said, "name": "copy", "act": "save"})
    assert saved.status_code == 303, unescape(saved.text)
    assert house.get("/api/v1/dashboards/copy").json() == before


def test_a_change_to_a_file_that_somebody_else_changed_is_refused_and_kept_in_the_form(house, runtime):
    said = fields(house.page("/dashboards/ktlo/edit"))
    other = runtime.folder / "dashboards" / "ktlo.yaml"
    other.parent.mkdir(exist_ok=True)
    other.write_text("title: Theirs\n", encoding="utf-8")
    answer = house.post("/dashboards/edit", data={**said, "title": "Ours", "act": "save"})
    assert answer.status_code == 409
    assert "was changed since you opened it" in answer.text
    assert fields(answer.text)["title"] == "Ours"
    assert other.read_text(encoding="utf-8") == "title: Theirs\n"
    other.unlink()


def test_an_expression_that_cannot_be_read_is_told_before_it_is_saved(house):
    said = fields(house.page("/dashboards/new"))
    said |= {"title": "Wrong", "name": "wrong", "rows.0.panels.0.queries.0.expr": "sum(queue_length"}
    answer = house.post("/dashboards/edit", data={**said, "act": "save"})
    assert answer.status_code == 400
    assert "unclosed left parenthesis" in answer.text
    assert house.post("/dashboards/edit", data={**said, "act": "save", "anyway": "1"}).status_code == 303
    assert "unclosed left parenthesis" in house.page("/dashboards/wrong")


@pytest.mark.parametrize("act", ["remove:9.9", "frob", "add-panel:x", "up:0.0.0"])
def test_a_button_that_is_not_there_is_refused(house, act):
    answer = house.post("/dashboards/edit", data={"title": "A", "rows.0.title": "x", "act": act})
    assert answer.status_code == 400


def test_a_broken_file_can_be_mended_on_its_page(house, runtime):
    file = runtime.folder / "dashboards" / "broken.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("title: A\nrow: 1\n", encoding="utf-8")
    assert "line 2: row: there is no such key" in house.page("/dashboards")
    assert house.get("/dashboards/broken").status_code == 400
    said = fields(house.page("/dashboards/broken/edit"))
    assert said["yaml"].startswith("title: A")
    mended = house.post("/dashboards/edit", data={**said, "yaml": "title: A\r\nrows: []\r\n", "act": "save"})
    assert mended.status_code == 303
    assert file.read_text(encoding="utf-8") == "title: A\nrows: []\n"


def test_grafana_s_json_becomes_a_form_with_what_does_not_map(house):
    given = '{"title": "G", "panels": [{"type": "stat", "targets": [{"expr": "up"}]}, {"type": "news", "title": "N"}]}'
    page = house.post("/dashboards/import", data={"text": given}).text
    assert fields(page)["rows.0.panels.0.queries.0.expr"] == "up"
    assert "is of type news" in page
    assert house.post("/dashboards/import", data={"text": "{"}).status_code == 400


def test_the_commands_say_what_the_api_says(runtime, tmp_path):
    (tmp_path / "bad.yaml").write_text("title: A\nrow: 1\n", encoding="utf-8")
    ktlo = Path(sys.executable).with_name("ktlo")
    told = subprocess.run(
        [ktlo, "dashboards", "check", tmp_path / "bad.yaml"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 2
    assert "bad.yaml:2: row: there is no such key" in told.stdout


@pytest.fixture(scope="module")
def house(runtime, portal, visiting) -> Iterator[Any]:
    app = make_app(runtime, Access())
    yield visiting(app)
    app.state.collecting.close()


def test_a_panel_has_no_more_steps_than_can_be_told_apart_on_it(house):
    text = "title: One\nsince: 24h\nrows:\n  - panels: [{title: one, queries: [{expr: vector(1)}]}]\n"
    assert house.post("/api/v1/dashboards/one", json={"text": text, "digest": ""}).status_code == 200
    (panel,) = house.get("/dashboards/one.json").json()["panels"]
    assert 60 < len(panel["tables"][0]["rows"]) <= 121
