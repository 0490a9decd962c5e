"""How many spans a second two servers take over OTLP/HTTP, and when they have stored them: ktlo and a peer from PyPI.

Run: ``python benchmarks/otlp_peer.py --peer PYTHON [SPANS]`` where PYTHON is the interpreter of an environment with
``arize-phoenix`` in it (``python -m venv peer && peer/bin/pip install arize-phoenix``). Both get the same requests, one
after the other on the same machine, from one sender; what a server has stored is asked of its own store. CPU seconds
are those of the server's process.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent))

IN_A_REQUEST = 512
PATIENCE = 90.0
"""Seconds after the last request in which a server may finish storing."""


@dataclass(frozen=True)
class Server:
    """One that is measured.

    Attributes:
        name: as people know it.
        url: where spans go.
        pid: of its process.
        stored: counts the spans that its store has.
    """

    name: str
    url: str
    pid: int
    stored: Callable[[], int]


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait(holds: Callable[[], bool], seconds: float = 120) -> None:
    """Return when it holds; raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if holds():
                return
        time.sleep(0.2)
    raise TimeoutError("it did not come to hold")


@contextlib.contextmanager
def ktlo(folder: Path) -> Iterator[Server]:
    """A ktlo that receives and does nothing else."""
    port, otlp, data = free_port(), free_port(), folder / "ktlo"
    settings = folder / "ktlo.yaml"
    settings.write_text(
        f"telemetry: {{http_port: {otlp}, grpc_port: 0, elastic_port: 0, self: false}}\nsql: {{serve: false}}\n"
    )
    program = str(Path(sys.executable).with_name("ktlo"))
    command = [program, "up", "--no-browser", "--port", str(port), "--data", str(data)]
    with subprocess.Popen([*command, "--config", str(settings)], stdout=subprocess.DEVNULL) as process:
        base = f"http://127.0.0.1:{port}"

        def stored() -> int:
            sql = {"sql": "SELECT count() AS n FROM spans"}
            answer = httpx.post(f"{base}/api/v1/query", json=sql, timeout=60)
            return int(answer.json()["rows"][0][0])

        try:
            wait(lambda: httpx.get(f"{base}/api/v1/health").status_code == 200)
            wait(lambda: httpx.post(f"http://127.0.0.1:{otlp}/v1/traces", content=b"").status_code > 0)
            yield Server("ktlo", f"http://127.0.0.1:{otlp}/v1/traces", process.pid, stored)
        finally:
            process.terminate()


@contextlib.contextmanager
def phoenix(python: str, folder: Path) -> Iterator[Server]:
    """Arize Phoenix on its SQLite."""
    port, data = free_port(), folder / "phoenix"
    data.mkdir()
    environment = {
        **os.environ,
        "PHOENIX_WORKING_DIR": str(data),
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    command = [python, "-m", "phoenix.server.main", "serve"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        base = f"http://127.0.0.1:{port}"

        def stored() -> int:
            with sqlite3.connect(f"file:{data / 'phoenix.db'}?mode=ro", uri=True, timeout=30) as store:
                return int(store.execute("SELECT count(*) FROM spans").fetchone()[0])

        try:
            wait(lambda: httpx.get(base, timeout=10).status_code < 500)
            yield Server("arize-phoenix", f"{base}/v1/traces", process.pid, stored)
        finally:
            process.terminate()


def measure(server: Server, requests: list[bytes]) -> None:
    """Send, then wait until everything is stored; print what came of it."""
    before, began, sent = cpu(server.pid), time.monotonic(), 0
    with httpx.Client(timeout=120) as client:
        for body in requests:
            while True:
                answer = client.post(
                    server.url, content=body, headers={"content-type": "application/x-protobuf"}
                )
                if answer.status_code not in (429, 503):
                    break
                time.sleep(0.5)
            answer.raise_for_status()
            sent += IN_A_REQUEST
    accepted = time.monotonic() - began
    there, deadline = server.stored(), time.monotonic() + PATIENCE
    while there < sent and time.monotonic() < deadline:
        time.sleep(0.25)
        there = server.stored()
    stored, used = time.monotonic() - began, cpu(server.pid) - before
    print(
        f"{server.name:14} accepted {sent / accepted:10,.0f} spans/s   stored {there / stored:10,.0f} spans/s"
        f"   {there / used:10,.0f} a CPU second   ({there:,} of {sent:,} stored)"
    )


def main() -> None:
    """Measure both, ktlo first."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("spans", nargs="?", type=int, default=50_000)
    parser.add_argument("--peer", default="", help="interpreter of an environment with arize-phoenix")
    said = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "receivers"))
    from otlp_ingest import spans

    requests = [spans(number) for number in range(said.spans // IN_A_REQUEST)]
    with tempfile.TemporaryDirectory() as folder:
        with ktlo(Path(folder)) as server:
            measure(server, requests)
        if said.peer:
            with phoenix(said.peer, Path(folder)) as server:
                measure(server, requests)


if __name__ == "__main__":
    main()
