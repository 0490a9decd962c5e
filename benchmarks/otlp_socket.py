"""How many spans ``ktlo up`` takes over HTTP, by CPU second of its process: from the socket to rows with every roll-up.

Run: ``python benchmarks/otlp_socket.py [SPANS] [IN_A_REQUEST …]`` (200,000 spans; 512 a request as SDKs send, 8,192 as
the Collector's batches are). One sender, OTLP/HTTP in protobuf without compression. What the process uses while
nothing comes is not taken off.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import httpx
import otlp_ingest

SPANS = 200_000
SIZES = (512, 8_192)
SETTLED = 8.0
"""Seconds after the start in which the process reads its own repository."""


def used(process: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(spans: int, in_a_request: int) -> None:
    """Start a server, send, wait until all is stored, and print."""
    from running_ktlo import ask, free_ports, listening, running

    otlp_ingest.IN_A_REQUEST = in_a_request
    bodies = [otlp_ingest.spans(number) for number in range(-(-spans // in_a_request))]
    count, ports = len(bodies) * in_a_request, free_ports(3)
    headers = {"content-type": "application/x-protobuf"}
    with tempfile.TemporaryDirectory() as folder:
        doors = f"{{http_port: {ports[0]}, grpc_port: {ports[1]}, elastic_port: 0, self: false}}"
        (Path(folder) / "ktlo.yaml").write_text(f"telemetry: {doors}\nsql: {{port: 0}}\n", encoding="utf-8")
        with (
            running(Path(folder) / "data", ports) as server,
            httpx.Client(base_url=f"http://127.0.0.1:{ports[0]}", timeout=60) as client,
        ):
            listening(ports[2])
            time.sleep(SETTLED)
            before, begun = used(server.pid), time.perf_counter()
            for body in bodies:
                client.post("/v1/traces", content=body, headers=headers).raise_for_status()
            told = f"http://127.0.0.1:{ports[2]}/telemetry.json"
            while any(signal["waiting_bytes"] for signal in httpx.get(told, timeout=60).json()["signals"]):
                time.sleep(0.1)
            spent, took = used(server.pid) - before, time.perf_counter() - begun
            (there,) = ask(ports[2], "SELECT count() AS n FROM ktlo.spans")
    print(
        f"{in_a_request:6,} a request: {count / spent:,.0f} spans a CPU second, {count / took:,.0f} a second by the"
        f" clock; {there['n']:,} of {count:,} are there; load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    """Measure each size."""
    sys.path.insert(0, str(otlp_ingest.REQUESTS))
    given = [int(said.replace(",", "")) for said in sys.argv[1:]]
    for size in given[1:] or SIZES:
        measure(given[0] if given else SPANS, size)


if __name__ == "__main__":
    main()
