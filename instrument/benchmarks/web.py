"""What a web application at saturation loses: requests per second of its processor time, with and without.

    python instrument/benchmarks/web.py [starts] [rounds]        # needs flask, gunicorn and wrk

Servers without and with each engine run side by side (gunicorn, one worker, four threads) and are asked by wrk for a
second each, in an order by chance, so that what else the machine does meets all of them. The processor time is that of
the worker's threads, from /proc, in nanoseconds. A round's loss is against the server without in the same round; a
start's, the median of its rounds; told are the median of the starts and its 95% interval (bootstrap over starts, as
memory is laid out anew in each). A receiver that takes everything stands for ktlo.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(__file__).resolve().parent
PAGES = ("/orders/7", "/pages/7")
SECONDS = 1


def port():
    """One that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def processor_seconds(pid):
    """Of a process's threads so far."""
    spent = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            spent += int((task / "schedstat").read_text().split()[0])
    return spent / 1e9


class Server:
    """One gunicorn, and how long it took until it answered."""

    def __init__(self, way, sink):
        self.port = port()
        line = [
            sys.executable,
            "-m",
            "gunicorn",
            "-w1",
            "--threads=4",
            "-b",
            f"127.0.0.1:{self.port}",
            "web_app:app",
        ]
        environment = {**os.environ, "PYTHONPATH": str(HOME.parent / "src"), "OTEL_SERVICE_NAME": "shop"}
        environment.update(KTLO_INSTRUMENT_ENDPOINT=f"http://127.0.0.1:{sink}", KTLO_INSTRUMENT_TRACING="0")
        if way != "without":
            environment["KTLO_INSTRUMENT_ENGINE"] = way
            line = [sys.executable, "-m", "ktlo_instrument.command", "run", "--", *line]
        began = time.perf_counter()
        self.process = subprocess.Popen(line, cwd=HOME, env=environment, stderr=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                break
            except OSError:
                time.sleep(0.01)
        self.started = time.perf_counter() - began
        self.ask(PAGES[0])
        pid = self.process.pid
        self.worker = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def ask(self, path):
        """How many requests wrk got answered in a second or so."""
        line = ["wrk", "-t1", "-c8", f"-d{SECONDS}s", f"http://127.0.0.1:{self.port}{path}"]
        said = subprocess.run(line, capture_output=True, text=True, check=True).stdout
        assert "Non-2xx" not in said, said
        return int(re.search(r"(\d+) requests in", said).group(1))

    def rate(self, path):
        """Requests per processor second."""
        before = processor_seconds(self.worker)
        requests = self.ask(path)
        return requests / (processor_seconds(self.worker) - before)

    def stop(self):
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


def interval(values):
    """Median, and its 95% bootstrap interval."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(5_000))
    return statistics.median(values), medians[125], medians[-126]


def main():
    """Print the table."""
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed")
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    sink_port = port()
    told = f"/tmp/ktlo-instrument-web-{os.getpid()}"
    sink = subprocess.Popen([sys.executable, str(HOME.parent / "proof" / "sink.py"), str(sink_port), told])
    ways = ["without", "c", "python"]
    losses = {(path, way): [] for path in PAGES for way in ways}
    rates = {(path, way): [] for path in PAGES for way in ways}
    first = {way: [] for way in ways}
    try:
        for _ in range(starts):
            servers = {way: Server(way, sink_port) for way in random.sample(ways, len(ways))}
            for way, server in servers.items():
                first[way].append(server.started)
            try:
                for path in PAGES:
                    found = []
                    for _ in range(rounds):
                        found.append({way: servers[way].rate(path) for way in random.sample(ways, len(ways))})
                    for way in ways:
                        rates[path, way] += [each[way] for each in found]
                        lost = [(1 - each[way] / each["without"]) * 100 for each in found]
                        losses[path, way].append(statistics.median(lost))
            finally:
                for server in servers.values():
                    server.stop()
        load = ", ".join(f"{each:.0f}" for each in os.getloadavg())
        print(f"Python {sys.version.split()[0]}, {starts} starts of {rounds} rounds, load {load}")
        for path in PAGES:
            for way in ways:
                line = f"{path:10} {way:8} {statistics.median(rates[path, way]):8,.0f} requests per processor second"
                if way != "without":
                    middle, low, high = interval(losses[path, way])
                    line += f", {middle:.1f}% fewer ({low:.1f} to {high:.1f})"
                print(line)
        for way in ways:
            print(f"first answer {way:8} after {statistics.median(first[way]):.2f} s")
    finally:
        sink.kill()
        Path(told).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
