"""ktlo observes itself: what its own telemetry says of it, what it never says, and that it ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from opentelemetry.trace import NoOpTracer

from ktlo.records.telemetry import ITSELF
from ktlo.server.app import make_app
from ktlo.server.observing import Observing
from ktlo.server.observing.store import ObservedStore, summary
from ktlo.server.receiving import Receiving
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings, TelemetrySettings
from ktlo.telemetry.deployments import derive_deployments
from ktlo.telemetry.pairing import Pairing

FREE = TelemetrySettings(http_port=0, grpc_port=0, elastic_port=0)
SECRET = "hunter2hunter2"


class Watched:
    """A running ktlo that observes itself."""

    def __init__(self, runtime: Runtime, visiting) -> None:
        self.runtime = runtime
        self.receiving = Receiving(runtime)
        self.observing = Observing(runtime, self.receiving, metrics_seconds=3600)
        app = make_app(runtime, Access(""), receiving=self.receiving)
        self.app = app
        self.visitor = visiting(self.observing.watch(app))

    def settle(self) -> None:
        self.observing.flush()
        for intake in self.receiving.intakes:
            intake.flush()

    def rows(self, sql: str) -> list[dict]:
        self.settle()
        return self.observing._plain.query(sql).to_pylist()

    def spans(self, where: str = "true") -> list[dict]:
        return self.rows(f"SELECT * FROM ktlo.spans WHERE service = 'ktlo' AND {where} ORDER BY started_at")


@pytest.fixture(scope="module")
def watched(tmp_path_factory, visiting) -> Iterator[Watched]:
    runtime = Runtime(Settings(telemetry=FREE), tmp_path_factory.mktemp("itself"))
    one = Watched(runtime, visiting)
    yield one
    one.observing.close()
    one.receiving.close()
    runtime.close()


def test_a_page_is_a_server_span_named_by_its_route_with_the_stores_and_the_states_questions_below(watched):
    assert watched.visitor.get("/services?since=1h").status_code == 200
    (page,) = watched.spans("kind = 'server' AND name = 'GET /services'")
    assert dict(page["attributes"])["http.response.status_code"] == "200"
    below = watched.spans(f"trace_id = '{page['trace_id']}' AND kind = 'client'")
    systems = {dict(one["attributes"])["db.system.name"] for one in below}
    assert "clickhouse" in systems
    assert {one["parent_span_id"] for one in below} == {page["span_id"]}
    told = dict(
        next(one for one in below if one["name"].startswith("SELECT operation_minutes"))["attributes"]
    )
    assert "{start:" in told["db.query.text"], "the text has parameters, not their values"
    assert int(told["db.response.returned_rows"]) == 0


def test_a_route_of_the_api_is_named_with_its_prefix_and_without_its_values(watched):
    watched.visitor.get(f"/api/v1/traces/{'ab' * 16}?key={SECRET}")
    names = [one["name"] for one in watched.spans("kind = 'server' AND name LIKE '%/api/v1/traces%'")]
    assert names == ["GET /api/v1/traces/{trace_id}"]


def test_what_people_type_into_urls_headers_and_queries_is_nowhere(watched):
    watched.visitor.get(f"/traces?tag=password%3D{SECRET}", headers={"authorization": f"Bearer {SECRET}"})
    watched.visitor.get(f"/{SECRET}")
    watched.visitor.post("/api/v1/query", json={"sql": f"SELECT '{SECRET}' AS one"})
    watched.visitor.post("/api/v1/query", json={"sql": f"SELECT nothing_like_{SECRET} FROM spans"})
    found = watched.spans()
    assert any(one["name"] == "SELECT (typed by a person)" for one in found)
    assert [one for one in found if SECRET in str(one)] == []
    assert [one for one in found if one["status"] == "error"] == [], "a person's mistake is no error of ktlo"
    failed = [one for one in found if "error.type" in dict(one["attributes"])]
    assert {dict(one["attributes"])["error.type"] for one in failed} == {"UserError"}


def test_a_refusal_is_observed_too(watched):
    watched.visitor.get("/nowhere")
    (span,) = watched.spans("name = 'GET' AND attributes['http.response.status_code'] = '404'")[-1:]
    assert span["status"] == "unset", "a client's mistake is no error of the server"


def test_static_files_and_health_checks_are_not_observed(watched):
    before = len(watched.spans("kind = 'server'"))
    watched.visitor.get("/static/ktlo.css")
    watched.visitor.get("/api/v1/health")
    assert len(watched.spans("kind = 'server'")) == before


def test_a_visitors_trace_goes_on_here(watched):
    parent = f"00-{'5a' * 16}-{'6b' * 8}-01"
    watched.visitor.get("/telemetry.json", headers={"traceparent": parent})
    (span,) = watched.spans(f"trace_id = '{'5a' * 16}' AND kind = 'server'")
    assert span["parent_span_id"] == "6b" * 8


def test_left_alone_it_traces_nothing_however_often_its_own_telemetry_is_stored(watched):
    before = len(watched.spans())
    for _ in range(4):
        watched.settle()
        Pairing(watched.observing._plain, 14).round(dt.datetime.now(dt.UTC))
    assert len(watched.spans()) == before


def test_a_collection_is_a_span_with_what_it_asked_and_wrote_below(watched):
    watched.app.state.collecting.start()
    watched.app.state.collecting.wait(60)
    (derived,) = watched.spans("name = 'derive'")[-1:]
    written = watched.spans(f"trace_id = '{derived['trace_id']}' AND name = 'REPLACE effort'")
    assert dict(derived["attributes"])["ktlo.status"] == "complete"
    assert dict(written[0]["attributes"])["db.operation.batch.size"] == "0"


def test_on_the_map_it_calls_clickhouse_and_sqlite_and_nothing_else(watched):
    watched.visitor.get("/sources")
    watched.settle()
    now = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=2)
    Pairing(watched.observing._plain, 14).round(now)
    edges = watched.rows("SELECT DISTINCT client, server FROM ktlo.service_edges WHERE client = 'ktlo'")
    assert {one["server"] for one in edges} == {"clickhouse ktlo", "sqlite state"}


def test_receivers_engine_and_process_are_measured(watched):
    names = {
        one["name"] for one in watched.rows("SELECT name FROM ktlo.metric_series WHERE service = 'ktlo'")
    }
    assert {
        "http.server.request.duration",
        "ktlo.receiver.items",
        "ktlo.receiver.fsync.time",
        "ktlo.receiver.load.time",
        "ktlo.receiver.spool.size",
        "ktlo.store.rows",
        "ktlo.store.parts",
        "process.cpu.time",
        "process.memory.usage",
        "process.thread.count",
        "process.unix.file_descriptor.count",
    } <= names


def test_the_page_telemetry_tells_its_own_from_what_services_sent(watched):
    watched.settle()
    state = watched.visitor.get("/api/v1/telemetry").json()
    traces = next(one for one in state["signals"] if one["signal"] == "traces")
    assert state["observes_itself"]
    assert traces["own"] == traces["items"] > 0
    assert [(one["service"], one["is_ktlo"]) for one in traces["senders"]] == [(ITSELF, True)]
    page = watched.visitor.page("/telemetry")
    assert "ktlo itself" in page
    assert "telemetry: {self: false}" in page


def test_an_upgrade_of_ktlo_is_no_deployment_of_the_people_it_measures(watched, monkeypatch):
    from ktlo.telemetry import deployments

    asked = []

    class Seen:
        service = ITSELF

    monkeypatch.setattr(deployments, "_found", lambda *given: asked.append(given) or [Seen()])
    assert derive_deployments(watched.observing._plain, dt.datetime.now(dt.UTC)) == 0
    assert asked


def test_a_statement_is_named_by_the_tables_that_it_reads():
    sql = "WITH near AS (SELECT * FROM ktlo.spans) SELECT * FROM near JOIN ktlo.`log_records` AS l USING trace_id"
    assert summary(sql) == "SELECT spans log_records"
    assert summary("SELECT 1 AS one") == "SELECT"


def test_closed_it_watches_nothing_and_leaves_store_and_state_as_they_were(watched, visiting):
    # The last test of the module: it ends what the others look at.
    watched.observing.close()
    assert not isinstance(watched.runtime.store, ObservedStore)
    assert isinstance(watched.runtime.tracer, NoOpTracer)
    before = len(watched.rows("SELECT 1 FROM ktlo.spans"))
    visiting(watched.app).get("/services")
    assert len(watched.rows("SELECT 1 FROM ktlo.spans")) == before
