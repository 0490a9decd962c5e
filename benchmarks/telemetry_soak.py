"""How much memory ``ktlo up`` takes while everything arrives for minutes, with senders among it that are of no use.

Run: ``python benchmarks/telemetry_soak.py [--minutes 10] [--rate 5000] [--folder FOLDER]``. Spans, log records, points,
Elastic's events and remote write arrive over real sockets at a steady rate; beside them clients that connect and say
nothing, bodies that come a byte a second, and chunked bodies. Memory (resident, of which anonymous) is read each ten
seconds from ``/proc``; the slope is Theil and Sen's over the last two thirds, with its 95% interval.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import cramjam
import httpx
import numpy as np
import scipy.stats
from telemetry_scale import IN_A_TRACE, TRACES_IN_A_WAVE, filled, make_wave

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "receivers"))

from running_ktlo import free_ports
from signal_requests import log, logs, metrics, points_of

from ktlo.receivers.prometheus.messages import WriteRequest

PROTOBUF = {"content-type": "application/x-protobuf"}
SILENT, SLOW, CHUNKED = 60, 20, 20
SAMPLE_SECONDS = 10.0
TOLD = Counter[str]()


def memory(process: int) -> tuple[float, float]:
    """Resident memory of a process and what of it is anonymous, MiB."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    said = dict(line.split(":", 1) for line in lines)
    return int(said["VmRSS"].split()[0]) / 1024, int(said["RssAnon"].split()[0]) / 1024


def steadily(per_second: float, stop: threading.Event, send: Callable[[int], None]) -> None:
    """Call at a rate until told to stop; late calls are made up for."""
    begun, number = time.monotonic(), 0
    while not stop.is_set():
        send(number)
        number += 1
        ahead = number / per_second - (time.monotonic() - begun)
        if ahead > 0:
            stop.wait(ahead)


class Senders:
    """Everything that arrives."""

    def __init__(self, http_port: int, grpc_port: int, rate: int) -> None:
        self.port, self.rate, self.stop = http_port, rate, threading.Event()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{http_port}", timeout=60)
        self.grpc_port = grpc_port
        work = [self.spans, self.records, self.points, self.elastic, self.written]
        work += [self.silent] * SILENT + [self.slow] * SLOW + [self.chunked] * CHUNKED
        self.threads = [threading.Thread(target=one, daemon=True) for one in work]
        for one in self.threads:
            one.start()

    def post(self, name: str, path: str, body: bytes | Iterator[bytes], items: int, **headers: str) -> None:
        """One request, counted by what became of it."""
        with contextlib.suppress(httpx.TransportError):
            status = self.client.post(path, content=body, headers=headers or PROTOBUF).status_code
            TOLD[name if status < 300 else f"{name}: {status}"] += items
            return
        TOLD[f"{name}: no answer"] += items

    def spans(self) -> None:
        """Spans of thirty services, half over HTTP and half over gRPC."""
        import grpc

        channel = grpc.insecure_channel(f"127.0.0.1:{self.grpc_port}")
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        rng, wave = np.random.default_rng(), make_wave(random.Random(1))
        a_wave = TRACES_IN_A_WAVE * IN_A_TRACE

        def send(_: int) -> None:
            bodies, _traces = filled(wave, time.time_ns(), rng)
            for number, body in enumerate(bodies):
                if self.stop.wait(a_wave / self.rate / len(bodies) * 0.8):
                    return
                if number % 2:
                    self.post("spans", "/v1/traces", body, a_wave // len(bodies))
                else:
                    with contextlib.suppress(grpc.RpcError):
                        export(body, timeout=60)
                        TOLD["spans"] += a_wave // len(bodies)

        steadily(self.rate / a_wave, self.stop, send)

    def records(self) -> None:
        """1,000 log records a second."""

        def send(number: int) -> None:
            said = [
                log(f"order {number * 500 + n} of customer {n % 97} was shipped", attributes={"order.id": n})
                for n in range(500)
            ]
            for one in said:
                one["time_unix_nano"] = time.time_ns()
            body = logs(f"shop-{number % 10}", *said).SerializeToString()
            self.post("log records", "/v1/logs", body, 500)

        steadily(2, self.stop, send)

    def points(self) -> None:
        """1,000 points a second of 5,000 series."""

        def send(number: int) -> None:
            made = metrics(f"shop-{number % 10}", name="http.server.requests", kind="sum", points=500)
            for n, point in enumerate(points_of(made)):
                point.time_unix_nano, point.as_double = time.time_ns(), number
                point.attributes.add(key="http.route").value.string_value = f"/route/{n}"
            self.post("points", "/v1/metrics", made.SerializeToString(), 500)

        steadily(2, self.stop, send)

    def elastic(self) -> None:
        """500 transactions a second of Elastic's, in a body without a length."""

        def send(number: int) -> None:
            def lines() -> Iterator[bytes]:
                yield b'{"metadata":{"service":{"name":"elastic","agent":{"name":"python","version":"6"}}}}\n'
                for n in range(500):
                    yield json.dumps({"transaction": {
                        "id": os.urandom(8).hex(), "trace_id": os.urandom(16).hex(), "name": f"GET /{n % 40}",
                        "type": "request", "duration": n % 90, "timestamp": time.time_ns() // 1000,
                        "span_count": {"started": 0}}}).encode() + b"\n"  # fmt: skip

            headers = {"content-type": "application/x-ndjson"}
            self.post("Elastic's events", "/intake/v2/events", lines(), 500, **headers)

        steadily(1, self.stop, send)

    def written(self) -> None:
        """500 samples a second by remote write."""

        def send(number: int) -> None:
            made = WriteRequest()
            for n in range(500):
                series = made.timeseries.add()
                for name, value in (("__name__", "up"), ("instance", f"host-{n}"), ("job", "node")):
                    series.labels.add(name=name, value=value)
                series.samples.add(value=number, timestamp=time.time_ns() // 1_000_000)
            body = bytes(cramjam.snappy.compress_raw(made.SerializeToString()))
            headers = {**PROTOBUF, "content-encoding": "snappy"}
            self.post("samples written", "/api/v1/write", body, 500, **headers)

        steadily(1, self.stop, send)

    def _connected(self, say: Callable[[socket.socket], None], what: str) -> None:
        while not self.stop.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 30) as one:
                TOLD[f"{what}: connected"] += 1
                say(one)
            self.stop.wait(1)

    def silent(self) -> None:
        """A client that never says anything and never closes."""
        self._connected(self._read, "silent clients")

    def slow(self) -> None:
        """A body of a promised length, a byte a second."""

        def say(one: socket.socket) -> None:
            one.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
                        b"Content-Length: 40000000\r\n\r\n" + bytes(1 << 19))  # fmt: skip
            while not self.stop.wait(1):
                one.sendall(b"x")

        self._connected(say, "slow bodies")

    def chunked(self) -> None:
        """A chunked body that goes on and on."""

        def say(one: socket.socket) -> None:
            one.sendall(b"POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n")  # fmt: skip
            while not self.stop.wait(1):
                one.sendall(b"400\r\n" + bytes(1024) + b"\r\n")

        self._connected(say, "chunked bodies")

    def _read(self, one: socket.socket) -> None:
        one.settimeout(1)
        while not self.stop.is_set():
            with contextlib.suppress(TimeoutError):
                if not one.recv(1000):
                    return


def slope(samples: list[tuple[float, float]]) -> str:
    """MiB an hour over the last two thirds, in words."""
    after = samples[len(samples) // 3 :]
    at, value = [each[0] / 3600 for each in after], [each[1] for each in after]
    found = scipy.stats.theilslopes(value, at)
    return (
        f"{found.slope:+,.0f} MiB an hour (95% interval {found.low_slope:+,.0f} to {found.high_slope:+,.0f},"
        f" n={len(after)}), from a median of {np.median(value):,.0f} MiB, at most {max(value):,.0f}"
    )


def main() -> None:
    """Start, send, read, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="ktlo-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    http_port, grpc_port, page = free_ports(3)
    (folder / "ktlo.yaml").write_text(
        f"telemetry: {{http_port: {http_port}, grpc_port: {grpc_port}, elastic_port: 0}}\nsql: {{port: 0}}\n",
        encoding="utf-8",
    )
    command = [
        sys.executable,
        "-c",
        "from ktlo.cli import main; main()",
        "up",
        "--data",
        str(folder / "data"),
    ]
    command += ["--port", str(page), "--no-browser", "--config", str(folder / "ktlo.yaml")]
    with (
        (folder / "up.log").open("ab") as told,
        subprocess.Popen(command, cwd=folder, stdout=told, stderr=told) as server,
    ):
        try:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    httpx.get(f"http://127.0.0.1:{page}/telemetry.json", timeout=60)
                    break
                if server.poll() is not None:
                    raise SystemExit(f"ktlo did not start: {folder / 'up.log'}")
                time.sleep(0.2)
            resident_then, own_then = memory(server.pid)
            print(f"before: {resident_then:.0f} MiB resident, {own_then:.0f} anonymous", flush=True)
            senders, begun = Senders(http_port, grpc_port, given.rate), time.monotonic()
            resident: list[tuple[float, float]] = []
            anonymous: list[tuple[float, float]] = []
            while time.monotonic() - begun < given.minutes * 60:
                time.sleep(SAMPLE_SECONDS)
                at, (all_of_it, own) = time.monotonic() - begun, memory(server.pid)
                resident.append((at, all_of_it))
                anonymous.append((at, own))
                print(f"{at:6.0f} s {all_of_it:6.0f} MiB resident {own:6.0f} anonymous "
                      f"{len(list(Path(f'/proc/{server.pid}/task').iterdir())):4} threads, load "
                      f"{os.getloadavg()[0]:.1f}, waiting "
                      f"{sum(f.stat().st_size for f in (folder / 'data' / 'spool').rglob('*.segment')) >> 10} KiB",
                      flush=True)  # fmt: skip
            senders.stop.set()
            took = time.monotonic() - begun
            for name, count in sorted(TOLD.items()):
                print(f"{name}: {count:,}, {count / took:,.0f} a second")
            print(f"resident: {slope(resident)}")
            print(f"anonymous: {slope(anonymous)}")
            server.send_signal(signal.SIGTERM)
            print(f"ended by SIGTERM with {server.wait(120)}")
        finally:
            server.kill()


if __name__ == "__main__":
    main()
