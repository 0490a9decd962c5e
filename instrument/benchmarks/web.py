"""What a web application at saturation loses: requests per second of its processor time, with and without.

    python instrument/benchmarks/web.py [seconds a round] [rounds]        # needs flask, gunicorn and wrk

One gunicorn worker is asked by wrk, without and with in turn; the processor time of the worker is read from /proc, so
that other work of the machine does not count. A receiver that takes everything stands for ktlo.
"""

import os
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
WRK = ["wrk", "-t1", "-c8"]


def port():
    """One that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def processor_seconds(pid):
    """Of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(way, path, seconds, sink):
    """Requests per processor second, and seconds until the first answer."""
    at = port()
    python = sys.executable
    server = [python, "-m", "gunicorn", "-w1", "--threads", "4", "-b", f"127.0.0.1:{at}", "web_app:app"]
    environment = {**os.environ, "PYTHONPATH": str(HOME.parent / "src"), "OTEL_SERVICE_NAME": "shop"}
    environment.update(KTLO_INSTRUMENT_ENDPOINT=f"http://127.0.0.1:{sink}", KTLO_INSTRUMENT_TRACING="0")
    if way != "without":
        environment["KTLO_INSTRUMENT_ENGINE"] = way
        server = [python, "-m", "ktlo_instrument.command", "run", "--", *server]
    began = time.perf_counter()
    process = subprocess.Popen(server, cwd=HOME, env=environment, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", at), 0.2).close()
                break
            except OSError:
                time.sleep(0.01)
        started = time.perf_counter() - began
        subprocess.run([*WRK, "-d2s", f"http://127.0.0.1:{at}{path}"], capture_output=True, check=True)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        worker = int(children[0])
        before = processor_seconds(worker)
        said = subprocess.run(
            [*WRK, f"-d{seconds}s", f"http://127.0.0.1:{at}{path}"],
            capture_output=True,
            text=True,
            check=True,
        )
        spent = processor_seconds(worker) - before
        requests = int(re.search(r"(\d+) requests in", said.stdout).group(1))
        assert "Non-2xx" not in said.stdout, said.stdout
        return requests / spent, started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def main():
    """Print the table."""
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed")
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    sink_port = port()
    told = f"/tmp/ktlo-instrument-web-{os.getpid()}"
    sink = subprocess.Popen([sys.executable, str(HOME.parent / "proof" / "sink.py"), str(sink_port), told])
    ways = ("without", "c", "python")
    try:
        for path in ("/orders/7", "/pages/7"):
            found = {way: [] for way in ways}
            for _ in range(rounds):
                for way in ways:
                    found[way].append(measure(way, path, seconds, sink_port))
            base = statistics.median(rate for rate, _ in found["without"])
            for way in ways:
                rate = statistics.median(rate for rate, _ in found[way])
                start = statistics.median(start for _, start in found[way])
                print(
                    f"{path:10} {way:8} {rate:8,.0f} requests per processor second, "
                    f"{(rate / base - 1) * 100:+6.1f}%, first answer after {start:.2f} s"
                )
    finally:
        sink.kill()
        Path(told).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
