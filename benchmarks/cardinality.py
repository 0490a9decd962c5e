"""How long every page of telemetry takes when one broken client gives every process a service name of its own.

Run: ``python benchmarks/cardinality.py [--names N] [--folder FOLDER]``. A ktlo of its own is started (``ktlo up``), N
services report to it over OTLP/HTTP (spans with an error each tenth, log records, points), beside five ordinary ones of
which one has 20,000 operations, 5,000 names of metrics and 20,000 keys of attributes; then each page and each answer of
the API is asked three times. FOLDER is kept and used again when it is filled. Of the three the largest by the clock
counts, and the least CPU of the whole process, which says more on a loaded machine (Linux).
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

IN_A_REQUEST = 1_000
OPERATIONS, METRICS, KEYS, ORDINARY = 20_000, 5_000, 20_000, 5
MINUTE = 60 * 10**9
PAGES = (
    "/services", "/services/service?name=shop-0", "/services/service?name={name}", "/services/map",
    "/services/map?focus=shop-0", "/services/map?against=1d", "/services/names", "/services/work?name=shop-0",
    "/traces", "/traces?service=shop-0", "/traces?service={name}", "/errors", "/errors?service=shop-0", "/logs",
    "/logs?query=order", "/logs?view=patterns", "/logs/live", "/metrics", "/metrics?q=requests",
    "/metrics?q=sum(requests)", "/metrics?q=rate(requests_1[5m])",
    "/metrics/all", "/dashboards", "/dashboards/ktlo-itself",
    "/trends", "/functions",
    "/functions/flame", "/functions/never", "/telemetry", "/", "/services.json", "/services/map.json",
    "/api/v1/service-names", "/telemetry.json", "/api/v1/services", "/api/v1/services/operations?service=shop-0",
    "/api/v1/services/service?name=shop-0", "/api/v1/map", "/api/v1/traces", "/api/v1/errors",
    "/api/v1/logs", "/api/v1/logs/patterns", "/api/v1/trends", "/api/v1/functions",
    "/api/prometheus/api/v1/label/job/values", "/api/prometheus/api/v1/label/__name__/values",
    "/metrics/complete.json?query=req&at=3",
)  # fmt: skip
"""``{name}`` is one of the many names; what a ktlo does not have is said."""


def free_port() -> int:
    """A port that nothing uses now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def name_of(number: int) -> str:
    """A service name as a broken client makes them: with the identifier of the process in it."""
    return f"worker-{random.Random(number).randbytes(8).hex()}"


def put(attributes: Any, **said: str) -> None:
    """Add attributes; ``_`` of a name stands for ``.``."""
    for name, value in said.items():
        attributes.add(key=name.replace("_", ".")).value.string_value = value


def requests(names: int) -> Iterator[tuple[str, bytes]]:
    """Path and body of every request."""
    now = time.time_ns()
    services = [name_of(number) for number in range(names)]
    for first in range(0, names, IN_A_REQUEST):
        traces, logs, metrics = (
            ExportTraceServiceRequest(), ExportLogsServiceRequest(), ExportMetricsServiceRequest()
        )  # fmt: skip
        for number, service in enumerate(services[first : first + IN_A_REQUEST], first):
            at = now - random.randrange(50) * MINUTE
            _spans(traces.resource_spans.add(), service, number, at)
            _records(logs.resource_logs.add(), service, number, at)
            _points(metrics.resource_metrics.add(), service, "requests", number, at)
        yield "/v1/traces", traces.SerializeToString()
        yield "/v1/logs", logs.SerializeToString()
        yield "/v1/metrics", metrics.SerializeToString()
    for number in range(ORDINARY):
        traces, metrics = ExportTraceServiceRequest(), ExportMetricsServiceRequest()
        for one in range(OPERATIONS // ORDINARY if number else OPERATIONS):
            _spans(traces.resource_spans.add(), f"shop-{number}", one if not number else one % 20, now, one)
        for one in range(METRICS if not number else 1):
            _points(metrics.resource_metrics.add(), f"shop-{number}", f"requests_{one}", 0, now)
        yield "/v1/traces", traces.SerializeToString()
        yield "/v1/metrics", metrics.SerializeToString()


def _resource(of: Any, service: str) -> None:
    put(of.attributes, service_name=service, service_version="1.0", host_name="ci-17",
        telemetry_sdk_name="opentelemetry", telemetry_sdk_language="python")  # fmt: skip


def _spans(group: Any, service: str, number: int, at: int, seed: int = -1) -> None:
    _resource(group.resource, service)
    scope = group.scope_spans.add()
    scope.scope.name = "opentelemetry.instrumentation.celery"
    trace, server, client = os.urandom(16), os.urandom(8), os.urandom(8)
    span = scope.spans.add(trace_id=trace, span_id=server, name=f"GET /item/{number}", kind=2,
                           start_time_unix_nano=at, end_time_unix_nano=at + 5_000_000)  # fmt: skip
    put(span.attributes, code_function_name=f"shop.item_{number % 500}")
    if seed >= 0:
        put(span.attributes, **{f"made_{seed % KEYS}": "x"})
    if number % 10 == 0:
        span.status.code = 2
        event = span.events.add(name="exception", time_unix_nano=at)
        put(event.attributes, exception_type=f"Error{number}", exception_message=f"no item {number}")
    call = scope.spans.add(trace_id=trace, span_id=client, parent_span_id=server, name="SELECT", kind=3,
                           start_time_unix_nano=at, end_time_unix_nano=at + 2_000_000)  # fmt: skip
    put(call.attributes, db_system="postgresql", server_address=f"db-{number % 2000}")


def _records(group: Any, service: str, number: int, at: int) -> None:
    _resource(group.resource, service)
    record = group.scope_logs.add().log_records.add(
        time_unix_nano=at, severity_number=9 + 8 * (number % 20 == 0)
    )
    record.body.string_value = f"order of customer word{number:x}z was shipped"


def _points(group: Any, service: str, name: str, number: int, at: int) -> None:
    _resource(group.resource, service)
    metric = group.scope_metrics.add().metrics.add(name=name)
    point = metric.gauge.data_points.add(time_unix_nano=at, as_double=float(number))
    put(point.attributes, route=f"/item/{number}")


def fetch(url: str, seconds: float = 40) -> tuple[float, int, int]:
    """Seconds, status and bytes of an answer."""
    begun = time.perf_counter()
    try:
        with urllib.request.urlopen(url, timeout=seconds) as answer:
            return time.perf_counter() - begun, answer.status, len(answer.read())
    except urllib.error.HTTPError as refused:
        return time.perf_counter() - begun, refused.code, len(refused.read())
    except TimeoutError:
        return time.perf_counter() - begun, 0, 0


def cpu_of(process: int) -> float:
    """CPU seconds of a process so far; 0 where there is no /proc."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return 0.0
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def fill(door: str, page: str, names: int) -> None:
    """Send everything, and wait until the store has it."""
    begun = time.perf_counter()
    for path, body in requests(names):
        sent = urllib.request.Request(
            door + path, body, {"Content-Type": "application/x-protobuf"}, method="POST"
        )
        urllib.request.urlopen(sent, timeout=120).read()
    print(f"sent {names:,} names in {time.perf_counter() - begun:.0f} s", flush=True)
    time.sleep(15)
    fetch(f"{page}/api/v1/telemetry", 120)


def main() -> None:
    """Fill, ask, print."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("--names", type=int, default=150_000)
    said.add_argument("--folder", type=Path)
    said.add_argument("--only", default="", help="Paths that contain this.")
    given = said.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = given.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        is_filled = (folder / "data").is_dir()
        ports = [free_port() for _ in range(4)]
        (folder / "ktlo.yaml").write_text(
            f"telemetry: {{http_port: {ports[1]}, grpc_port: {ports[2]}, elastic_port: {ports[3]}}}\n"
        )
        page, door = (f"http://127.0.0.1:{port}" for port in ports[:2])
        with (folder / "log").open("ab") as log:
            running = subprocess.Popen(
                [sys.executable, "-c", "from ktlo.cli import main; main()", "up", "--no-browser",
                 "--port", str(ports[0]),
                 "--data", str(folder / "data"), "--config", str(folder / "ktlo.yaml")],
                stdout=log, stderr=log, cwd=folder,
            )  # fmt: skip
        try:
            while True:
                try:
                    if fetch(f"{page}/api/v1/health")[1] == 200:
                        break
                except OSError:
                    time.sleep(0.5)
            if not is_filled:
                fill(door, page, given.names)
            fetch(f"{page}/services", 120)  # the first question of a process reads files and imports
            measure(page, given.only, running.pid)
        finally:
            running.terminate()
            running.wait(120)


def measure(page: str, only: str, process: int) -> None:
    """Ask everything and print, the slowest first."""
    rows = []
    for path in PAGES:
        if only not in path:
            continue
        asked = page + path.format(name=name_of(7))
        tries, used = [], []
        for _ in range(3):
            before = cpu_of(process)
            tries.append(fetch(asked))
            used.append(cpu_of(process) - before)
            if not tries[-1][1]:
                break
        slowest, (_, status, size) = max(seconds for seconds, _, _ in tries), tries[-1]
        rows.append((min(used), slowest, path))
        print(f"{slowest:8.2f} s  {min(used):6.2f} s of CPU  {status}  {size:>12,} bytes  {path}", flush=True)
    print(f"most CPU: {max(rows)[0]:.2f} s, {max(rows)[2]}; slowest: {max(row[1] for row in rows):.2f} s")


if __name__ == "__main__":
    main()
