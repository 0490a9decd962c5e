"""Functions of a Node service, from ``code.*`` on the spans that the real OpenTelemetry SDK for Node sends."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
from pathlib import Path

import platformdirs
import pytest

from ktlo.records import table_of
from ktlo.records.arrow import to_arrow
from ktlo.records.code import File
from ktlo.records.services import ServiceMember
from ktlo.server.app import make_app
from ktlo.server.receiving import Receiving
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings
from ktlo.settings.telemetry import TelemetrySettings
from ktlo.telemetry.production import production

PACKAGES = ("sdk-trace-node", "exporter-trace-otlp-proto", "resources", "api")
PROGRAM = """
const { trace, context, SpanKind, SpanStatusCode } = require('@opentelemetry/api')
const { NodeTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-node')
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-proto')
const { resourceFromAttributes } = require('@opentelemetry/resources')

const exporter = new OTLPTraceExporter({ url: process.argv[2] + '/v1/traces' })
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'orders', 'service.version': '2.1.0' }),
  spanProcessors: [new BatchSpanProcessor(exporter)]
})
provider.register()
const tracer = trace.getTracer('tests')
const now = Date.now()

for (let n = 0; n < 40; n++) {
  const at = now - 60000 + n
  const place = tracer.startSpan('POST /orders', {
    kind: SpanKind.SERVER,
    startTime: at,
    attributes: {
      'http.route': '/orders', 'code.function.name': 'Orders.place', 'code.file.path': '/app/src/orders.js',
      'code.line.number': 12, 'code.column.number': 3
    }
  })
  const inside = trace.setSpan(context.active(), place)
  const pay = tracer.startSpan('charge', {
    startTime: at,
    attributes: {
      'code.namespace': 'bank', 'code.function': 'pay', 'code.filepath': 'file:///app/dist/lib/bank.mjs',
      'code.lineno': 30
    }
  }, inside)
  if (n % 4 === 0) {
    pay.recordException(new RangeError('no <grams>'))
    pay.setStatus({ code: SpanStatusCode.ERROR })
  }
  pay.end(at + 20)
  const log = tracer.startSpan('log', {
    startTime: at + 20, attributes: { 'code.function': 'write', 'code.filepath': '/app/node_modules/pino/lib/bank.mjs' }
  }, inside)
  log.end(at + 21)
  place.end(at + 50)
  tracer.startSpan('middleware', { startTime: at }).end(at + 1)
}
provider.shutdown().then(() => process.exit(0), error => { console.error(error); process.exit(1) })
"""


@pytest.fixture(scope="module")
def node_sdk() -> Path:
    """A folder with OpenTelemetry's SDK for Node in it, kept between runs."""
    npm, folder = shutil.which("npm"), Path(platformdirs.user_cache_dir("ktlo-tests")) / "opentelemetry-node"
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm and node are not installed")
    if not (folder / "node_modules" / "@opentelemetry" / PACKAGES[0]).is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps({"private": True}))
        names = [f"@opentelemetry/{name}" for name in PACKAGES]
        command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", *names]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip("npm did not install OpenTelemetry within two minutes")
        if done.returncode:
            pytest.skip(f"npm cannot install OpenTelemetry: {done.stderr[-300:]}")
    return folder


@pytest.fixture(scope="module")
def orders(tmp_path_factory, node_sdk, visiting):
    settings = Settings(telemetry=TelemetrySettings(http_port=0, grpc_port=0, elastic_port=0))
    runtime = Runtime(settings, tmp_path_factory.mktemp("node"))
    receiving = Receiving(runtime)
    members = [
        ServiceMember(kind=kind, member=member, service="orders", team="", found_in="ktlo.yaml")
        for kind, member in (("repository", "acme/orders"), ("telemetry", "orders"))
    ]
    files = [
        File(
            source="git", repository="acme/orders", path=path, language="JavaScript", lines=90, complexity=9.0,
            longest_indent=2, role="source", sha="a" * 40,
        )
        for path in ("src/orders.js", "lib/bank.mjs")
    ]  # fmt: skip
    runtime.store.replace(table_of(ServiceMember), [to_arrow(members, ServiceMember)])
    runtime.store.insert(table_of(File), to_arrow(files, File))
    program = node_sdk / "report.js"
    program.write_text(PROGRAM)
    done = subprocess.run(
        ["node", str(program), receiving.doors[0].address],
        capture_output=True, text=True, timeout=60, check=False, cwd=node_sdk,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    receiving.traces.flush()
    yield runtime, visiting(make_app(runtime, Access(), receiving=receiving))
    receiving.close()
    runtime.close()


def test_functions_of_node_are_listed_by_both_conventions(orders):
    _, visitor = orders
    found = {one["name"]: one for one in visitor.get("/functions.json?service=orders").json()}
    assert set(found) == {"Orders.place", "bank.pay", "write"}, "a span without code.* is none"
    place, pay = found["Orders.place"], found["bank.pay"]
    assert (place["calls"], place["errors"], place["path"], place["line"]) == (
        40,
        0,
        "/app/src/orders.js",
        12,
    )
    assert (pay["calls"], pay["errors"], pay["failed"], pay["line"]) == (40, 10, {"RangeError": 10}, 30)
    assert place["origin"] == "spans"
    assert place["self_ns"] is None
    assert place["p50"]["low"] < 50_000_000 <= place["p50"]["high"]
    assert pay["p95"]["low"] < 20_000_000 <= pay["p95"]["high"]
    assert place["routes"] == ["/orders"]
    page = visitor.page("/functions?service=orders")
    assert "not measured" in page
    assert "calls that were sampled away" in page


def test_one_function_of_node_has_its_file_its_neighbours_and_its_failed_calls(orders):
    _, visitor = orders
    pay = visitor.get("/functions/function.json?service=orders&name=bank.pay").json()
    assert (pay["source"]["repository"], pay["source"]["path"], pay["source"]["line"]) == (
        "acme/orders", "lib/bank.mjs", 30,
    )  # fmt: skip
    assert [(one["caller"], one["calls"]) for one in pay["callers"]] == [("Orders.place", 40)]
    assert len(pay["slowest"]) == 20
    assert len(pay["failed_calls"]) == 10
    assert {one["error"] for one in pay["failed_calls"]} == {"RangeError"}
    assert {one["message"] for one in pay["failed_calls"]} == {"no <grams>"}
    page = visitor.page("/functions/function?service=orders&name=bank.pay")
    assert "RangeError: no &lt;grams&gt;" in page
    assert f"/trace?id={pay['failed_calls'][0]['trace_id']}" in page
    place = visitor.get("/functions/function.json?service=orders&name=Orders.place").json()
    assert [(one["function"], one["calls"]) for one in place["callees"]] == [("bank.pay", 40), ("write", 40)]
    assert place["source"]["path"] == "src/orders.js"


def test_a_librarys_file_is_not_taken_for_ones_own(orders):
    _, visitor = orders
    write = visitor.get("/functions/function.json?service=orders&name=write").json()
    assert write["source"] is None
    assert "a library's file" in write["source_reason"]


def test_self_time_is_not_made_up(orders):
    _, visitor = orders
    assert "No self time in this stretch" in visitor.page("/functions/flame?service=orders")


def test_files_of_node_are_in_production_with_the_spans_length(orders):
    runtime, _ = orders
    end = dt.datetime.now(dt.UTC)
    ran = production(runtime.store, end - dt.timedelta(hours=1), end)
    bank = ran.files["acme/orders", "lib/bank.mjs"]
    assert (bank.calls, bank.errors, bank.seconds, bank.is_measured) == (40, 10, pytest.approx(0.8), False)
    assert [each.reason for each in ran.not_matched] == ["a library's file, as far as acme/orders tells"]
