"""Real senders against the real ports: OpenTelemetry's SDK, Prometheus, a Zipkin exporter; slow and uninvited ones."""

from __future__ import annotations

import contextlib
import http.server
import logging
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.zipkin.json import ZipkinExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind

from ktlo.receivers.access import Ingest, Key, Sender
from ktlo.receivers.otlp import signals
from ktlo.receivers.otlp.grpc import serve
from ktlo.receivers.tally import DoorTally
from ktlo.server.address import listen
from ktlo.server.http_door import HttpDoor
from ktlo.server.receiving import Receiving
from ktlo.server.runtime import Runtime
from ktlo.settings import Settings
from ktlo.settings.telemetry import TelemetrySettings


@pytest.fixture(scope="module")
def receiver(tmp_path_factory) -> Iterator[tuple[Runtime, Receiving]]:
    free = TelemetrySettings(http_port=0, grpc_port=0, elastic_port=0)
    runtime = Runtime(Settings(telemetry=free), tmp_path_factory.mktemp("signals"))
    receiving = Receiving(runtime)
    yield runtime, receiving
    receiving.close()
    runtime.close()


def address(receiving: Receiving, protocol: str) -> str:
    return next(door.address for door in receiving.doors if door.protocol == protocol)


def rows(runtime: Runtime, sql: str, **params: str) -> list[dict]:
    return runtime.store.query(sql, params).to_pylist()


@pytest.mark.parametrize("protocol", ["OTLP/HTTP", "OTLP/gRPC"])
def test_logs_of_the_sdk_arrive(receiver, protocol):
    runtime, receiving = receiver
    url = address(receiving, protocol)
    exporter = HttpLogs(f"{url}/v1/logs") if protocol == "OTLP/HTTP" else GrpcLogs(url, insecure=True)
    provider = LoggerProvider(resource=Resource.create({"service.name": f"logging {protocol}"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    from opentelemetry._logs import SeverityNumber

    provider.get_logger("shop.checkout", "2").emit(
        timestamp=time.time_ns(),
        severity_number=SeverityNumber.ERROR,
        severity_text="ERROR",
        body={"order": 7, "why": ["declined"]},
        attributes={"user.id": 7},
        event_name="order.failed",
    )
    provider.shutdown()
    receiving.logs.flush()
    (row,) = rows(
        runtime, "SELECT * FROM ktlo.log_records WHERE service = {s:String}", s=f"logging {protocol}"
    )
    assert (row["severity"], row["event_name"], row["scope_name"]) == (
        "error",
        "order.failed",
        "shop.checkout",
    )
    assert row["body"] == '{"order": 7, "why": ["declined"]}'
    assert dict(row["attributes"]) == {"user.id": "7"}


@pytest.mark.parametrize("protocol", ["OTLP/HTTP", "OTLP/gRPC"])
def test_metrics_of_the_sdk_arrive_with_every_kind_it_makes(receiver, protocol):
    runtime, receiving = receiver
    url = address(receiving, protocol)
    exporter = (
        HttpMetrics(f"{url}/v1/metrics") if protocol == "OTLP/HTTP" else GrpcMetrics(url, insecure=True)
    )
    provider = MeterProvider(
        [PeriodicExportingMetricReader(exporter, 1e9)],
        Resource.create({"service.name": f"measuring {protocol}"}),
        views=[View(instrument_name="payload", aggregation=ExponentialBucketHistogramAggregation())],
    )
    meter = provider.get_meter("shop")
    meter.create_counter("orders", "{order}").add(3, {"route": "/cart"})
    meter.create_up_down_counter("queue").add(-2)
    meter.create_histogram("latency", "s").record(0.7)
    meter.create_histogram("payload", "By").record(1000)
    meter.create_gauge("load").set(0.5)
    provider.shutdown()
    receiving.metrics.flush()
    listed = rows(
        runtime,
        "SELECT name, type, temporality, monotonic, unit FROM ktlo.metric_series"
        " WHERE service = {s:String} AND scope_name = 'shop' ORDER BY name",
        s=f"measuring {protocol}",
    )
    assert [(one["name"], one["type"], one["temporality"], one["monotonic"]) for one in listed] == [
        ("latency", "histogram", "cumulative", False),
        ("load", "gauge", "", False),
        ("orders", "sum", "cumulative", True),
        ("payload", "exponential_histogram", "cumulative", False),
        ("queue", "sum", "cumulative", False),
    ]
    assert listed[0]["unit"] == "s"


def test_spans_of_a_zipkin_exporter_arrive(receiver):
    runtime, receiving = receiver
    provider = TracerProvider(resource=Resource.create({"service.name": "zipkin shop"}))
    provider.add_span_processor(SimpleSpanProcessor(ZipkinExporter(endpoint=address(receiving, "Zipkin"))))
    with provider.get_tracer("flask", "3").start_as_current_span("GET /cart", kind=SpanKind.SERVER) as span:
        span.set_attribute("http.route", "/cart")
        span.add_event("cache.miss", {"key": "k"})
    receiving.traces.flush()
    (row,) = rows(runtime, "SELECT * FROM ktlo.spans WHERE service = 'zipkin shop'")
    assert (row["name"], row["kind"], row["scope_name"]) == ("GET /cart", "server", "flask")
    assert row["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert dict(row["attributes"])["http.route"] == "/cart"
    assert row["event_names"] == ["cache.miss"]


EXPOSED = b"""# HELP shop_orders Orders taken.
# TYPE shop_orders counter
shop_orders_total{route="/cart"} 7 # {trace_id="0af7651916cd43dd8448eb211c80319c"} 1.0
# TYPE shop_queue gauge
shop_queue NaN
# EOF
"""


class Exposing(http.server.BaseHTTPRequestHandler):
    """A service that Prometheus scrapes; it disappears after three scrapes."""

    scrapes = 0

    def do_GET(self) -> None:
        type(self).scrapes += 1
        if self.scrapes > 3:
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("content-type", "application/openmetrics-text; version=1.0.0")
        self.end_headers()
        self.wfile.write(EXPOSED)

    def log_message(self, *given) -> None:
        logging.getLogger(__name__).debug(given)


@pytest.mark.skipif(not shutil.which("prometheus"), reason="Prometheus is not installed")
def test_a_real_prometheus_writes_samples_exemplars_and_the_end_of_a_series(receiver, tmp_path):
    runtime, receiving = receiver
    exposing = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exposing)
    threading.Thread(target=exposing.serve_forever, daemon=True).start()
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n  - job_name: acme/shop\n    static_configs:"
        f" [{{targets: ['127.0.0.1:{exposing.server_port}']}}]\n"
        f"remote_write:\n  - url: {address(receiving, 'Prometheus')}\n    send_exemplars: true\n"
        "    queue_config: {batch_send_deadline: 200ms}\n    metadata_config: {send_interval: 1s}\n",
        encoding="utf-8",
    )
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
    command += ["--web.listen-address=127.0.0.1:0", "--enable-feature=exemplar-storage"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as prometheus:
        try:
            deadline = time.monotonic() + 90
            ended: list[dict] = []
            while not ended and time.monotonic() < deadline:
                time.sleep(0.5)
                receiving.metrics.flush()
                ended = rows(
                    runtime,
                    "SELECT p.flags FROM ktlo.metric_points AS p JOIN ktlo.metric_series AS s USING (series)"
                    " WHERE s.name = 'shop_orders_total' AND p.flags = 1",
                )
        finally:
            prometheus.terminate()
            exposing.shutdown()
            exposing.server_close()
    assert ended, "no stale marker came"
    (series,) = rows(runtime, "SELECT * FROM ktlo.metric_series WHERE name = 'shop_orders_total'")
    assert (series["service"], series["type"]) == ("shop", "sum")
    assert dict(series["resource"])["service.namespace"] == "acme"
    points = rows(
        runtime,
        "SELECT value, exemplar_traces FROM ktlo.metric_points WHERE series = {s:String} AND flags = 0 ORDER BY at",
        s=series["series"],
    )
    assert {row["value"] for row in points} == {7.0}
    assert any(row["exemplar_traces"] == ["0af7651916cd43dd8448eb211c80319c"] for row in points)
    assert not receiving.metrics.tally.malformed


def call(port: int, signal: signals.OtlpSignal, bodies, key: str = "", timeout: float = 60):
    with grpc.insecure_channel(
        f"127.0.0.1:{port}", options=(("grpc.max_send_message_length", -1),)
    ) as channel:
        export = channel.stream_unary(f"/{signal.service}/Export")
        metadata = (("authorization", f"Bearer {key}"),) if key else None
        return export(iter(bodies), metadata=metadata, timeout=timeout)


@pytest.mark.parametrize("signal", signals.SIGNALS, ids=[one.name for one in signals.SIGNALS])
def test_grpc_takes_an_empty_request_and_refuses_what_is_none_for_every_signal(receiver, signal):
    port = int(address(receiver[1], "OTLP/gRPC").rpartition(":")[2])
    answer = signal.response()
    answer.ParseFromString(call(port, signal, [b""]))
    # Nothing is rejected; the warning is for a sender whose frame was damaged, which looks the same.
    assert "the message is empty" in answer.partial_success.error_message
    assert [field.name for field, _ in answer.partial_success.ListFields()] == ["error_message"]
    for bodies in ([b"\xff\xff\xff"], []):
        with pytest.raises(grpc.RpcError) as refused:
            call(port, signal, bodies)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_grpc_refuses_a_key_before_the_body_is_there(receiver):
    """The body never comes, and the answer does; a key of another service is refused with the reason."""
    access = Ingest(keys=(Key(Sender("shop", ("shop",)), "s3cret"),))
    server = serve(receiver[1].exports, access, "127.0.0.1", 0)

    over = threading.Event()

    def never():
        over.wait()
        yield b""

    try:
        with pytest.raises(grpc.RpcError) as refused:
            call(server.port, signals.TRACES, never(), key="wrong")
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        made = signals.LOGS.request()
        made.resource_logs.add().scope_logs.add().log_records.add()
        with pytest.raises(grpc.RpcError) as refused:
            call(server.port, signals.LOGS, [made.SerializeToString()], key="s3cret")
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert "without service.name" in refused.value.details()
    finally:
        over.set()
        server.stop()


def test_grpc_calls_without_their_message_do_not_keep_others_out(receiver):
    tally = DoorTally()
    server = serve(receiver[1].exports, Ingest(), "127.0.0.1", 0, tally, body_seconds=0.5)
    silent = threading.Event()

    def never():
        silent.wait()
        yield b""

    def send() -> None:
        with contextlib.suppress(grpc.RpcError):
            call(server.port, signals.TRACES, never())

    threads = [threading.Thread(target=send) for _ in range(10)]
    try:
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        call(server.port, signals.TRACES, [b""])
        deadline = time.monotonic() + 60
        while sum(tally.refused.values()) < 8 and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        silent.set()
        for thread in threads:
            thread.join()
        server.stop()
    assert sum(tally.refused.values()) >= 8


def test_a_connection_that_asks_nothing_is_closed():
    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    door = HttpDoor(application, [listener], head_seconds=0.6)
    try:
        for said in (b"", b"POST /v1/traces HTTP/1.1\r\nhost: x\r\nx-slow: "):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                connection.sendall(said)
                assert connection.recv(100) == b""
        assert httpx.get(f"http://127.0.0.1:{port}/", timeout=60).status_code == 204
    finally:
        door.close()


def test_a_taken_grpc_port_is_told_in_ktlos_words_and_nothing_else_is_written():
    script = (
        "import sys; from ktlo.receivers.otlp.grpc import serve; from ktlo.receivers.access import Ingest\n"
        "from ktlo.errors import UserError\n"
        "try: serve((), Ingest(), '127.0.0.1', int(sys.argv[1]))\n"
        "except UserError as error: print(error.what)\n"
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = subprocess.run(
            [sys.executable, "-c", script, str(taken.getsockname()[1])],
            capture_output=True, text=True, timeout=60, check=True, cwd=Path(__file__).parent,
        )  # fmt: skip
    assert "cannot be used for OTLP/gRPC" in told.stdout
    assert told.stderr == ""
