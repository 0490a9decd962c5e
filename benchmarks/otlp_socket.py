"""How many spans ``ktlo up`` takes over HTTP, by CPU second of its process: from the socket to rows with every roll-up.

Run: ``python benchmarks/otlp_socket.py [SPANS] [IN_A_REQUEST …]`` (200,000 spans; 512 a request as SDKs send, 8,192 as
the Collector's batches are). One sender, OTLP/HTTP in protobuf without compression. What the process uses while
nothing comes is not taken off.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import httpx
import otlp_ingest

SPANS = 200_000
SIZES = (512, 8_192)
SETTLED = 8.0
"""Seconds after the start in which the process reads its own repository."""


def free_port() -> int:
    """A port that nothing uses now."""
    with closing(socket.create_server(("127.0.0.1", 0))) as opened:
        return int(opened.getsockname()[1])


def used(process: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(spans: int, in_a_request: int) -> None:
    """Start a server, send, wait until all is stored, and print."""
    otlp_ingest.IN_A_REQUEST = in_a_request
    bodies = [otlp_ingest.spans(number) for number in range(-(-spans // in_a_request))]
    count, page, door = len(bodies) * in_a_request, free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "ktlo.yaml"
        doors = f"{{http_port: {door}, grpc_port: 0, elastic_port: 0, self: false}}"
        config.write_text(f"telemetry: {doors}\nsql: {{port: 0}}\n", encoding="utf-8")
        command = [sys.executable, "-c", "from ktlo.cli import main; main()", "up", "--no-browser"]
        command += ["--data", f"{folder}/data", "--port", str(page), "--config", str(config)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with (
            subprocess.Popen(command, cwd=folder, **quiet) as server,  # type: ignore[call-overload]
            httpx.Client(timeout=60) as client,
        ):
            try:
                told = f"http://127.0.0.1:{page}/telemetry.json"
                for _ in range(200):
                    try:
                        client.get(told)
                        break
                    except httpx.TransportError:
                        time.sleep(0.3)
                time.sleep(SETTLED)
                before, begun = used(server.pid), time.perf_counter()
                for body in bodies:
                    headers = {"content-type": "application/x-protobuf"}
                    client.post(
                        f"http://127.0.0.1:{door}/v1/traces", content=body, headers=headers
                    ).raise_for_status()
                while any(signal["waiting_bytes"] for signal in client.get(told).json()["signals"]):
                    time.sleep(0.1)
                spent, took = used(server.pid) - before, time.perf_counter() - begun
                asked = {"sql": "SELECT count() FROM ktlo.spans"}
                there = client.post(f"http://127.0.0.1:{page}/api/v1/query", json=asked).json()["rows"][0][0]
            finally:
                server.terminate()
    print(
        f"{in_a_request:6,} a request: {count / spent:,.0f} spans a CPU second, {count / took:,.0f} a second by the"
        f" clock; {there:,} of {count:,} are there; load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    """Measure each size."""
    sys.path.insert(0, str(otlp_ingest.REQUESTS))
    given = [int(said.replace(",", "")) for said in sys.argv[1:]]
    for size in given[1:] or SIZES:
        measure(given[0] if given else SPANS, size)


if __name__ == "__main__":
    main()
