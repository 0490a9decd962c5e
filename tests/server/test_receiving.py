"""Real exporters of OpenTelemetry against the real ports, and what the pages then say."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import grpc
import httpx
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind

from ktlo.errors import UserError
from ktlo.receivers.otlp import signals
from ktlo.receivers.spool import SpoolFullError
from ktlo.server.app import make_app
from ktlo.server.receiving import Receiving
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings, TelemetrySettings

FREE = TelemetrySettings(http_port=0, grpc_port=0, elastic_port=0)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory) -> Iterator[tuple[Runtime, Receiving]]:
    runtime = Runtime(Settings(telemetry=FREE), tmp_path_factory.mktemp("telemetry"))
    receiving = Receiving(runtime)
    yield runtime, receiving
    receiving.close()
    runtime.close()


@pytest.fixture(scope="module")
def house_with_traces(receiver, visiting):
    runtime, receiving = receiver
    web = tracer("web", HttpExporter(f"{receiving.doors[0].address}/v1/traces", compression=Compression.Gzip))
    pay = tracer("pay <b>ments", GrpcExporter(receiving.doors[1].address, insecure=True))
    with web.start_as_current_span("GET /checkout", kind=SpanKind.SERVER) as root:
        root.set_attribute("user.id", "7")
        with pay.start_as_current_span("POST /charge", kind=SpanKind.SERVER) as charge:
            charge.record_exception(ValueError("card <i>declined</i>"))
            charge.set_status(grpc_error())
    receiving.traces.flush()
    trace_id = f"{root.get_span_context().trace_id:032x}"
    span_id = f"{charge.get_span_context().span_id:016x}"
    visitor = visiting(make_app(runtime, Access(), receiving=receiving))
    return visitor, trace_id, span_id


def grpc_error():
    from opentelemetry.trace import Status as SpanStatus
    from opentelemetry.trace import StatusCode

    return SpanStatus(StatusCode.ERROR, "declined")


def tracer(service: str, exporter):
    provider = TracerProvider(resource=Resource.create({"service.name": service, "service.version": "1.2"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("tests")


def test_services_show_what_both_exporters_sent(house_with_traces):
    visitor, _, _ = house_with_traces
    listed = {one["service"]: one["red"] for one in visitor.get("/services.json").json()}
    assert {name: (red["calls"], red["errors"]) for name, red in listed.items()} == {
        "web": (1, 0), "pay <b>ments": (1, 1),
    }  # fmt: skip
    text = visitor.page("/services")
    assert "2 services reported 2 calls" in text
    assert "50% of them failed" in text
    assert "pay &lt;b&gt;ments" in text


def test_one_service_has_its_operations_and_charts(house_with_traces):
    visitor, _, _ = house_with_traces
    text = visitor.page("/services/service?name=web")
    assert "GET /checkout" in text
    assert text.count("<svg") >= 6
    assert visitor.page("/services/service?name=nobody")


def test_a_trace_is_found_by_a_tag_and_opened(house_with_traces):
    visitor, trace_id, span_id = house_with_traces
    (found,) = visitor.get("/api/v1/traces?tags=user.id%3D7").json()
    assert (found["trace_id"], found["spans"], found["errors"]) == (trace_id, 2, 1)
    assert trace_id in visitor.page("/traces?tags=user.id%3D7")
    text = visitor.page(f"/trace?id={trace_id.upper()}&span={span_id}")
    assert "card &lt;i&gt;declined&lt;/i&gt;" in text
    assert text.count('<li class="i') == 2
    twin = visitor.get(f"/trace.json?id={trace_id}").json()
    assert [(one["name"], one["depth"]) for one in twin["spans"]] == [
        ("GET /checkout", 0),
        ("POST /charge", 1),
    ]


def test_pages_that_find_nothing_say_what_to_do(house_with_traces):
    visitor, trace_id, _ = house_with_traces
    assert "No trace is like that" in visitor.page("/traces?service=nobody")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in visitor.page("/services?since=2020-01-01&until=2020-01-02")
    assert "has no span" in visitor.page(f"/trace?id={trace_id}&span=0000000000000001")
    for path, status, said in (
        ("/trace?id=" + "a" * 32, 404, "there is no trace"),
        ("/trace?id=nonsense", 422, "is no trace"),
        ("/trace", 422, "which trace"),
        ("/traces?shortest=soon", 422, "is no duration"),
        ("/traces?tags=%22open", 422, "cannot be read"),
        ("/services?since=whenever", 422, "is no time"),
    ):
        answer = visitor.get(path, headers={"accept": "text/html"})
        assert answer.status_code in (status, 400), path
        assert said in answer.text


def test_the_state_of_the_receivers_is_told(house_with_traces):
    visitor, _, _ = house_with_traces
    state = visitor.get("/telemetry.json").json()
    assert [door["protocol"] for door in state["doors"]] == [
        "OTLP/HTTP", "OTLP/gRPC", "Elastic APM", "Prometheus", "Zipkin",
    ]  # fmt: skip
    traces = next(one for one in state["signals"] if one["signal"] == "traces")
    assert traces["stored"] == traces["items"] == 2
    assert {one["service"]: one["items"] for one in traces["senders"]} == {"web": 1, "pay <b>ments": 1}
    assert [door["requests"] for door in state["doors"]] == [1, 1, 0, 0, 0]
    text = visitor.page("/telemetry")
    assert "2 spans are stored" in text
    assert "Every door is open" in text
    assert "pay &lt;b&gt;ments" in text


def test_a_signal_without_room_is_told_and_nothing_is_called_well(house_with_traces, receiver, monkeypatch):
    visitor, _, _ = house_with_traces
    monkeypatch.setattr(receiver[1].traces.tally, "no_room", "No space <left>")
    assert visitor.get("/telemetry.json").json()["is_well"] is False
    text = visitor.page("/telemetry")
    assert "Requests of traces are told to come again (0 so far): No space &lt;left&gt;." in text
    assert "Every door is open" not in text


def call(receiving: Receiving, body: bytes, key: str = ""):
    with grpc.insecure_channel(receiving.doors[1].address.removeprefix("http://")) as channel:
        export = channel.unary_unary(f"/{signals.TRACES.service}/Export")
        return export(body, metadata=(("authorization", f"Bearer {key}"),) if key else None, timeout=60)


def test_grpc_refuses_bad_data_for_good(receiver):
    with pytest.raises(grpc.RpcError) as refused:
        call(receiver[1], b"\xff\xff\xff")
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_grpc_without_room_says_when_to_try_again(receiver, monkeypatch):
    def full(*given):
        raise SpoolFullError("the spool is full")

    monkeypatch.setattr(receiver[1].traces, "take", full)
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    made = ExportTraceServiceRequest()
    made.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    with pytest.raises(grpc.RpcError) as refused:
        call(receiver[1], made.SerializeToString())
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    status = Status()
    status.ParseFromString(dict(refused.value.trailing_metadata())["grpc-status-details-bin"])
    retry = RetryInfo()
    assert status.details[0].Unpack(retry)
    assert retry.retry_delay.seconds >= 1


def test_grpc_larger_than_the_limit_is_resource_exhausted_without_retry(receiver):
    with (
        grpc.insecure_channel(
            receiver[1].doors[1].address.removeprefix("http://"),
            options=(("grpc.max_send_message_length", -1),),
        ) as channel,
        pytest.raises(grpc.RpcError) as refused,
    ):
        channel.unary_unary(f"/{signals.TRACES.service}/Export")(bytes(65 << 20), timeout=60)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "grpc-status-details-bin" not in dict(refused.value.trailing_metadata())


def test_a_port_in_use_is_told_and_the_other_still_receives(tmp_path):
    # In a process of its own: the engine takes one folder a process.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        script = (
            "import sys; from pathlib import Path\n"
            "from ktlo.settings import *; from ktlo.server.runtime import Runtime\n"
            "from ktlo.server.receiving import Receiving\n"
            f"said = Settings(telemetry=TelemetrySettings(http_port={port}, grpc_port=0, elastic_port=0))\n"
            "runtime = Runtime(said, Path(sys.argv[1]))\n"
            "receiving = Receiving(runtime); print([bool(d.address) for d in receiving.doors])\n"
            "print(receiving.doors[0].problem); receiving.close(); runtime.close()\n"
        )
        told = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
    assert "[False, True, True, True, True]" in told
    assert "in use" in told


def test_an_open_address_without_a_key_is_refused(receiver):
    runtime, _ = receiver
    open_to_all = TelemetrySettings(host="0.0.0.0", http_port=0, grpc_port=0, elastic_port=0)
    settings, runtime.settings = runtime.settings, Settings(telemetry=open_to_all)
    try:
        with pytest.raises(UserError, match="from anybody"):
            Receiving(runtime)
    finally:
        runtime.settings = settings


def test_a_service_manager_that_ends_ktlo_lets_it_close_what_it_has_open(tmp_path):
    """SIGTERM, as systemd and docker send it: all is in the store, and nobody is led to a ktlo that is gone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "ktlo.yaml").write_text(
        f"telemetry: {{http_port: {port}, grpc_port: 0, elastic_port: 0}}\n", encoding="utf-8"
    )
    data = tmp_path / "data"
    command = [sys.executable, "-c", "from ktlo.cli import main; main()", "up", "--data", str(data)]
    command += ["--port", "0", "--no-browser"]
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            wait_for(port, server)
            while not (data / "server.json").exists():
                assert server.poll() is None
                time.sleep(0.05)
            made = ExportTraceServiceRequest()
            scope = made.resource_spans.add().scope_spans.add()
            scope.spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="ended")
            sent = httpx.post(
                f"http://127.0.0.1:{port}/v1/traces",
                content=made.SerializeToString(),
                headers={"content-type": "application/x-protobuf"},
                timeout=60,
            )
            assert sent.status_code == 200
            server.send_signal(signal.SIGTERM)
            assert server.wait(60) == 0, server.communicate()
        finally:
            server.kill()
    assert list((data / "spool" / "traces").iterdir()) == []
    assert not (data / "server.json").exists()


def wait_for(port: int, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, server.communicate()
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=60)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the receiver did not open")
