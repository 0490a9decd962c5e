"""One exception that OpenTelemetry's SDK and ktlo-instrument both tell is one error: both real, in one process.

Requests come through a library that opens the span, as a framework's instrumentation does, and pass through three
functions of the application; once in a plain thread, once as a coroutine.
"""

from __future__ import annotations

import datetime as dt
import gzip
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import segment

from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import LOGS, TRACES
from ktlo.telemetry.error_repeats import Repeats

LIBRARY = Path(__file__).parents[2] / "instrument" / "src"
SERVER = """
import asyncio

from opentelemetry import trace

def serve(handler, item):
    with trace.get_tracer("server").start_as_current_span("GET /prices", kind=trace.SpanKind.SERVER):
        return handler(item)

async def aserve(handler, item):
    with trace.get_tracer("server").start_as_current_span("GET /offers", kind=trace.SpanKind.SERVER):
        return await handler(item)
"""
PRICES = """
STOCK = {"carp": 2}

def price(item):
    return STOCK[item]

def total(items):
    found = 0
    for item in items:
        found += price(item)
    return found

def view(item):
    return total([item])

async def offer(item):
    return price(item)

async def aview(item):
    return await offer(item)
"""
APP = """
import asyncio, threading

import ktlo_instrument

ktlo_instrument.start(packages=("shop.*",), engine="{engine}", interval=3600.0, sample=0, cache=False)
import server
from shop import prices

def ask():
    for handler in (prices.view, prices.view, prices.price):
        try:
            server.serve(handler, "fish")
        except KeyError:
            ktlo_instrument.flush(20)

def main():
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    try:
        asyncio.run(server.aserve(prices.aview, "fish"))
    except KeyError:
        pass

main()
from opentelemetry import trace
trace.get_tracer_provider().force_flush()
ktlo_instrument.flush(20)
ktlo_instrument.stop(20)
"""


@pytest.fixture(scope="module", params=["python", "c"])
def told(request, tmp_path_factory):
    if request.param == "c":
        pytest.importorskip("ktlo_instrument._fast")
    folder = tmp_path_factory.mktemp("both")
    for name, text in (
        ("site-packages/server.py", SERVER), ("app/shop/__init__.py", ""), ("app/shop/prices.py", PRICES),
        ("app/run.py", APP.format(engine=request.param)),
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    kept = _kept(folder)
    store = EmbeddedStore(folder / "store")
    store.migrate()
    for stream, kind, path in (
        (TRACES, ExportTraceServiceRequest, "/v1/traces"),
        (LOGS, ExportLogsServiceRequest, "/v1/logs"),
    ):
        made = [kind.FromString(body) for at, body in kept if at == path]
        assert made, f"nothing came to {path}"
        (folder / stream.table).write_bytes(segment(*made))
        store.load(stream, folder / stream.table, stream.table)
    Repeats(store, 30).round(dt.datetime.now(dt.UTC))
    yield store
    store.close()


def _kept(folder: Path) -> list[tuple[str, bytes]]:
    """Run the application, and give what it sent."""
    kept = []

    class Door(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            zipped = self.headers.get("content-encoding") == "gzip"
            kept.append((self.path, gzip.decompress(body) if zipped else body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *given):
            pass

    door = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    done = subprocess.run(
        [sys.executable, "run.py"], cwd=folder / "app", capture_output=True, text=True, timeout=60, check=False,
        env={
            "PATH": os.environ["PATH"], "PYTHONPATH": f"{LIBRARY}:{folder}/site-packages", "OTEL_SERVICE_NAME": "shop",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{door.server_port}",
        },
    )  # fmt: skip
    door.shutdown()
    door.server_close()
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return kept


REPORTS = """
SELECT frames, groupUniqArray(toString(fingerprint)) AS groups, countIf(reported_as = 'span event') AS events,
  countIf(reported_as = 'log') AS logs, groupUniqArray(message) AS messages
FROM ktlo.error_events GROUP BY frames ORDER BY length(frames), frames[2] DESC"""
REPEATED = "SELECT sum(repeats) AS repeats FROM ktlo.error_repeats"


def test_an_exception_is_one_error_whoever_tells_it(told):
    found = told.query(REPORTS).to_pylist()
    price, total, view, offer, aview = (
        f"shop/prices.py {name}" for name in ("price", "total", "view", "offer", "aview")
    )
    assert [(one["frames"], one["events"], one["logs"]) for one in found] == [
        ([price], 1, 1),
        ([price, total, view], 2, 2),
        ([price, offer, aview], 1, 1),
    ]
    assert all(len(one["groups"]) == 1 for one in found)
    assert {message for one in found for message in one["messages"]} == {"'fish'"}
    assert told.query(REPEATED).to_pylist() == [{"repeats": 4}], "what is told by both is counted once"
