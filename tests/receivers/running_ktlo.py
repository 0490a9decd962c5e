"""``ktlo up`` as a process of its own, for tests that end it, fill its disk, or only ask it."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx


def free_ports(count: int) -> list[int]:
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in opened]
    for one in opened:
        one.close()
    return ports


@contextmanager
def running(data: Path, ports: list[int]) -> Iterator[subprocess.Popen[bytes]]:
    """ktlo up; killed at the end."""
    command = [sys.executable, "-c", "from ktlo.cli import main; main()", "up", "--data", str(data)]
    command += ["--port", str(ports[2]), "--no-browser", "--config", str(data.parent / "ktlo.yaml")]
    with (data.parent / "up.log").open("ab") as told:
        server = subprocess.Popen(command, cwd=data.parent, stdout=told, stderr=told)
        try:
            deadline = time.monotonic() + 90
            while True:
                assert server.poll() is None, (data.parent / "up.log").read_text()[-2000:]
                assert time.monotonic() < deadline, "ktlo does not start"
                try:
                    httpx.get(f"http://127.0.0.1:{ports[0]}/", timeout=5)
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield server
        finally:
            server.send_signal(signal.SIGKILL)
            server.wait()


def listening(port: int) -> None:
    """Wait for the pages, which open after the receivers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/telemetry.json", timeout=30)
            return
        time.sleep(0.1)


def ask(port: int, sql: str) -> list[dict[str, Any]]:
    answer = httpx.post(f"http://127.0.0.1:{port}/api/v1/query", json={"sql": sql}, timeout=60)
    answer.raise_for_status()
    told = answer.json()
    return [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]
