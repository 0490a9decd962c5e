"""Elastic's published agents for Python and Node against a running ktlo: reports arrive, and so does configuration."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest

from ktlo.server.receiving import Receiving
from ktlo.server.runtime import Runtime
from ktlo.settings import Settings
from ktlo.settings.telemetry import TelemetrySettings

KEY = "s3cret"

PYTHON = """
import sys, time
import elasticapm

client = elasticapm.Client(
    service_name="storefront", service_version="1.1", environment="tests", server_url=sys.argv[1],
    global_labels="container.image.name=acme/storefront,container.image.tag=1.1-9f8e7d6",
    secret_token=sys.argv[2], metrics_interval="1s", cloud_provider="none", api_request_time="1s",
)
deadline = time.monotonic() + 60
while client.config.transaction_max_spans != 77 and time.monotonic() < deadline:
    time.sleep(0.05)
print(client.config.transaction_max_spans, client.server_version)
client.begin_transaction("request")
with elasticapm.capture_span("SELECT FROM lamps", span_type="db", span_subtype="postgresql", span_action="query",
                             extra={"db": {"type": "sql", "statement": "SELECT 1"}}):
    time.sleep(0.01)
elasticapm.label(plan="gold")
try:
    {}["AUTUMN"]
except KeyError:
    client.capture_exception()
elasticapm.set_transaction_outcome("failure")
client.end_transaction("GET /lamps", "HTTP 5xx")
time.sleep(2.5)
client.close()
"""

NODE = """
const agent = require('elastic-apm-node').start({
  serviceName: 'orders', serviceVersion: '2.0', environment: 'tests', serverUrl: process.argv[2],
  secretToken: process.argv[3], metricsInterval: '1s', cloudProvider: 'none', apiRequestTime: '1s', centralConfig: true,
  logLevel: 'error'
})
const transaction = agent.startTransaction('POST /orders', 'request')
const span = transaction.startSpan('INCRBY', 'db', 'redis', 'query', { exitSpan: true })
agent.captureError(new TypeError('no grams'))
setTimeout(() => {
  span.end()
  transaction.end('HTTP 2xx')
  setTimeout(() => agent.flush((error) => { if (error) console.error(error); process.exit(error ? 1 : 0) }), 1500)
}, 20)
"""


@pytest.fixture(scope="module")
def receiver(tmp_path_factory) -> Iterator[tuple[Runtime, Receiving, str]]:
    os.environ["KTLO_TEST_INGEST_KEY"] = KEY
    said = TelemetrySettings(
        http_port=0,
        grpc_port=0,
        elastic_port=0,
        key="env:KTLO_TEST_INGEST_KEY",
        agents=[{"service": "storefront", "settings": {"transaction_max_spans": 77}}],
    )
    runtime = Runtime(Settings(telemetry=said), tmp_path_factory.mktemp("elastic"))
    receiving = Receiving(runtime)
    (address,) = [door.address for door in receiving.doors if door.protocol == "Elastic APM"]
    yield runtime, receiving, address
    receiving.close()
    runtime.close()
    del os.environ["KTLO_TEST_INGEST_KEY"]


def rows(receiver, statement: str, wanted: int = 1) -> list[dict]:
    """Rows of a statement, once there are enough."""
    runtime, receiving, _ = receiver
    deadline = time.monotonic() + 60
    while True:
        for intake in receiving.intakes:
            intake.flush()
        found = runtime.store.query(statement).to_pylist()
        if len(found) >= wanted or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


SPANS = """
SELECT name, kind, status, version, image, attributes, trace_id FROM ktlo.spans WHERE service = '{}' ORDER BY kind"""
LOGS = "SELECT event_name, body, severity, trace_id, attributes FROM ktlo.log_records WHERE service = '{}'"
SERIES = "SELECT DISTINCT name FROM ktlo.metric_series WHERE service = '{}'"


def test_the_python_agent_reports_and_is_configured(receiver):
    program = textwrap.dedent(PYTHON)
    done = subprocess.run(
        [sys.executable, "-c", program, receiver[2], KEY],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "PYTHONPATH": "", "no_proxy": "*"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["77", "(8,", "19,", "0)"], done.stderr
    call, asked = rows(receiver, SPANS.format("storefront"), 2)
    assert (asked["name"], asked["kind"], asked["status"], asked["version"]) == (
        "GET /lamps",
        "server",
        "error",
        "1.1",
    )
    assert dict(asked["attributes"])["plan"] == "gold"
    assert asked["image"] == call["image"] == "acme/storefront:1.1-9f8e7d6"
    assert (call["name"], call["kind"]) == ("SELECT FROM lamps", "client")
    assert dict(call["attributes"])["db.query.text"] == "SELECT 1"
    (record,) = rows(receiver, LOGS.format("storefront"))
    assert (record["event_name"], record["severity"], record["trace_id"]) == (
        "exception",
        "error",
        asked["trace_id"],
    )
    attributes = dict(record["attributes"])
    assert (attributes["exception.type"], attributes["exception.message"]) == ("KeyError", "'AUTUMN'")
    assert attributes["exception.stacktrace"].startswith("Traceback")
    names = {row["name"] for row in rows(receiver, SERIES.format("storefront"), 3)}
    assert "process.memory.usage" in names


@pytest.fixture(scope="module")
def node_agent() -> Path:
    """A folder with Elastic's Node agent in it, kept between runs."""
    npm, folder = shutil.which("npm"), Path(platformdirs.user_cache_dir("ktlo-tests")) / "elastic-apm-node"
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm and node are not installed")
    if not (folder / "node_modules" / "elastic-apm-node").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps({"private": True}))
        command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "elastic-apm-node@4"]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip("npm did not install elastic-apm-node within two minutes")
        if done.returncode:
            pytest.skip(f"npm cannot install elastic-apm-node: {done.stderr[-300:]}")
    return folder


def test_the_node_agent_reports(receiver, node_agent):
    program = node_agent / "report.js"
    program.write_text(NODE)
    done = subprocess.run(
        ["node", str(program), receiver[2], KEY],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=node_agent,
    )
    assert done.returncode == 0, done.stderr
    call, asked = rows(receiver, SPANS.format("orders"), 2)
    assert (asked["name"], asked["kind"], asked["status"], asked["version"]) == (
        "POST /orders",
        "server",
        "unset",
        "2.0",
    )
    assert (call["name"], call["kind"]) == ("INCRBY", "client")
    assert dict(call["attributes"])["db.system.name"] == "redis"
    (record,) = rows(receiver, LOGS.format("orders"))
    attributes = dict(record["attributes"])
    assert (attributes["exception.type"], attributes["exception.message"]) == ("TypeError", "no grams")
    assert attributes["exception.stacktrace"].startswith("TypeError: no grams\n    at ")
    assert "report.js:" in attributes["exception.stacktrace"]
    assert "process.memory.usage" in {row["name"] for row in rows(receiver, SERIES.format("orders"), 3)}
