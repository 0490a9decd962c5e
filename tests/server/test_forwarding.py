"""One ktlo sends on to another: what was received here is found there, and the page says how it goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from ktlo.server.app import make_app
from ktlo.server.receiving import Receiving
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings
from ktlo.settings.forward import ForwardSettings
from ktlo.settings.telemetry import TelemetrySettings


@pytest.fixture
def other(tmp_path):
    """Another ktlo, in a process of its own: its pages and its OTLP endpoint."""
    settings = tmp_path / "other.yaml"
    settings.write_text("server: {port: 0}\ntelemetry: {http_port: 0, grpc_port: 0}\nsql: {serve: false}\n")
    data = tmp_path / "other"
    process = subprocess.Popen(
        [Path(sys.executable).with_name("ktlo"), "up", "--no-browser", "--data", data, "--config", settings],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "300"},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not (data / "server.json").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    pages = json.loads((data / "server.json").read_text())["url"]
    while True:
        try:
            doors = httpx.get(f"{pages}/api/v1/telemetry", timeout=60).json()["doors"]
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    yield pages, doors[0]["address"]
    process.terminate()
    process.wait(timeout=60)


def test_a_trace_sent_here_is_found_in_the_other_ktlo(other, tmp_path, visiting):
    pages, endpoint = other
    said = TelemetrySettings(
        http_port=0, grpc_port=0, forward=[ForwardSettings(endpoint=endpoint, name="other <ktlo>")]
    )
    runtime = Runtime(Settings(telemetry=said), tmp_path / "mine")
    receiving = Receiving(runtime)
    try:
        provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
        exporter = OTLPSpanExporter(f"{receiving.doors[0].address}/v1/traces")
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        with provider.get_tracer("tests").start_as_current_span("GET /cart") as span:
            trace_id = f"{span.get_span_context().trace_id:032x}"
        receiving.traces.flush()
        deadline = time.monotonic() + 60
        while (found := httpx.get(f"{pages}/api/v1/traces/{trace_id}", timeout=60)).status_code != 200:
            assert time.monotonic() < deadline, found.text
            time.sleep(0.2)
        assert [span["name"] for span in found.json()["spans"]] == ["GET /cart"]
        visitor = visiting(make_app(runtime, Access(), receiving=receiving))
        told = {one["signal"]: one for one in visitor.get("/api/v1/telemetry/forwards").json()}
        assert (told["traces"]["sent"], told["traces"]["waiting_bytes"], told["traces"]["problem"]) == (
            1,
            0,
            "",
        )
        page = visitor.page("/telemetry")
        assert "Sent on" in page
        assert "other &lt;ktlo&gt;" in page
    finally:
        receiving.close()
        runtime.close()
