"""What observing itself costs ktlo: the same spans and the same pages, with it and without, by CPU second, in turns.

Run: ``python benchmarks/self_observation.py [ROUNDS [SPANS]]``. Two servers of the same code run side by side, one
with ``telemetry: {self: false}``; in each round each takes the same spans over HTTP and answers the same pages, in
changing order, then both are left alone; what their processes used is counted, loading and own telemetry included.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "receivers"))

IN_A_REQUEST = 500
PAGES = (
    "/services",
    "/services/service?name=shop",
    "/services/map",
    "/traces?service=shop",
    "/errors",
    "/logs",
)
TIMES = 8
IDLE = 60
"""Seconds in which both are left alone after a round; metrics are read every 30."""


def _ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in found:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in found]


class Server:
    """``ktlo up`` in a folder of its own."""

    def __init__(self, folder: Path, *, observes: bool) -> None:
        folder.mkdir()
        self.page, self.http, grpc, elastic = _ports(4)
        (folder / "ktlo.yaml").write_text(
            f"telemetry: {{http_port: {self.http}, grpc_port: {grpc}, elastic_port: {elastic},"
            f" self: {'true' if observes else 'false'}}}\nsql: {{port: 0}}\n",
            encoding="utf-8",
        )
        command = ["ktlo", "up", "--no-browser", "--port", str(self.page), "--data", str(folder / "data")]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--config", str(folder / "ktlo.yaml")], cwd=folder, stdout=log, stderr=log
            )
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.page}/api/v1/health").close()
                return
            time.sleep(0.1)
        sys.exit(f"ktlo did not start: {(folder / 'log').read_text(encoding='utf-8')}")

    def cpu(self) -> float:
        """CPU seconds of the process so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def takes(self, bodies: list[bytes]) -> None:
        """Send requests of spans, one after another."""
        for body in bodies:
            asked = urllib.request.Request(
                f"http://127.0.0.1:{self.http}/v1/traces", body, {"Content-Type": "application/x-protobuf"}
            )
            urllib.request.urlopen(asked).close()

    def shows(self) -> None:
        """Ask for every page."""
        for _ in range(TIMES):
            for path in PAGES:
                urllib.request.urlopen(f"http://127.0.0.1:{self.page}{path}").read()

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def _bodies(spans: int) -> list[bytes]:
    """Requests of spans that began just now."""
    from otlp_requests import TEN, Said, request

    begun = (dt.datetime.now(dt.UTC).timestamp() - TEN / 1e9) * 1000 - 60_000
    return [
        request(
            "shop",
            *(
                Said(os.urandom(8).hex(), f"GET /{n % 20}", begun + n, 5 + n % 50, trace_id=os.urandom(16).hex(),
                     attributes={"http.route": f"/{n % 20}", "http.request.method": "GET"})
                for n in range(IN_A_REQUEST)
            ),
        ).SerializeToString()
        for _ in range(spans // IN_A_REQUEST)
    ]  # fmt: skip


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    spans = int(sys.argv[2]) if len(sys.argv) > 2 else 40_000
    folder = Path(tempfile.mkdtemp(prefix="ktlo-self-"))
    servers = {observes: Server(folder / str(observes), observes=observes) for observes in (True, False)}
    used: dict[bool, list[tuple[float, float, float]]] = {True: [], False: []}
    try:
        for each in servers.values():
            each.takes(_bodies(spans))
            each.shows()
        time.sleep(IDLE)
        for number in range(rounds):
            bodies = _bodies(spans)
            worked = {}
            for observes in (True, False) if number % 2 else (False, True):
                server, begun = servers[observes], servers[observes].cpu()
                server.takes(bodies)
                time.sleep(5)
                taken = server.cpu()
                server.shows()
                worked[observes] = (taken - begun, server.cpu() - taken)
            left = {observes: server.cpu() for observes, server in servers.items()}
            time.sleep(IDLE)
            for observes, server in servers.items():
                used[observes].append((*worked[observes], server.cpu() - left[observes]))
            with_it, without = used[True][-1], used[False][-1]
            told = ", ".join(
                f"{what} {one:.2f} {other:.2f}"
                for what, one, other in zip(("spans", "pages", "idle"), with_it, without, strict=True)
            )
            print(
                f"round {number + 1}: CPU s with and without: {told}; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    finally:
        for each in servers.values():
            each.stop()
        shutil.rmtree(folder, ignore_errors=True)
    for place, what in enumerate((f"{spans:,} spans", f"{TIMES * len(PAGES)} pages", f"{IDLE} s left alone")):
        one, other = ([each[place] for each in used[observes]] for observes in (True, False))
        ratios = sorted(a / b for a, b in zip(one, other, strict=True))
        print(
            f"{what:17} {statistics.median(one):.2f} and {statistics.median(other):.2f} CPU s; ratio: median"
            f" {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}, n {rounds})"
        )


if __name__ == "__main__":
    main()
