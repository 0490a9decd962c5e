"""What observing itself costs ktlo: the same spans and the same pages, with it and without, by CPU second, in turns.

Run: ``python benchmarks/self_observation.py [ROUNDS [SPANS]]``. Two servers of the same code run side by side, one
with ``telemetry: {self: false}``; in each round each takes the same spans over HTTP and answers the same pages, in
changing order, and what its process used meanwhile is counted, loading and its own telemetry included. Trust the ratios.
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
PAGES = ("/services", "/services/service?name=shop", "/services/map", "/traces?service=shop", "/errors", "/logs")
TIMES = 3
SETTLING = 35
"""Seconds after the work that belong to it: spans are exported and metrics read every 30."""


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
    spans = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    folder = Path(tempfile.mkdtemp(prefix="ktlo-self-"))
    servers = {observes: Server(folder / str(observes), observes=observes) for observes in (True, False)}
    try:
        for each in servers.values():
            each.takes(_bodies(spans))
            each.shows()
        time.sleep(SETTLING)
        used: dict[bool, list[tuple[float, float, float]]] = {True: [], False: []}
        for number in range(rounds):
            bodies = _bodies(spans)
            for observes in (True, False) if number % 2 else (False, True):
                server, begun = servers[observes], servers[observes].cpu()
                server.takes(bodies)
                time.sleep(3)
                taken = server.cpu()
                server.shows()
                shown = server.cpu()
                time.sleep(SETTLING)
                used[observes].append((taken - begun, shown - taken, server.cpu() - begun))
            with_it, without = used[True][-1], used[False][-1]
            print(
                f"round {number + 1}: CPU seconds with and without: spans {with_it[0]:.2f} {without[0]:.2f},"
                f" pages {with_it[1]:.2f} {without[1]:.2f}, all with {SETTLING} s after"
                f" {with_it[2]:.2f} {without[2]:.2f}; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
        for place, what in enumerate((f"{spans:,} spans", f"{TIMES * len(PAGES)} pages", "all of it")):
            ratios = sorted(
                one[place] / other[place] for one, other in zip(used[True], used[False], strict=True)
            )
            print(
                f"{what:14} with / without: median {statistics.median(ratios):.3f}"
                f" ({ratios[0]:.3f} to {ratios[-1]:.3f}, n {rounds})"
            )
    finally:
        for each in servers.values():
            each.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
