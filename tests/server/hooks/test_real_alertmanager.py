"""A real Alertmanager, telling and asked."""

from __future__ import annotations

import datetime as dt
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from alerts_by_webhook import HOOK, rows

from ktlo.server.app import make_app
from ktlo.server.security import Access


@pytest.fixture
def listening(runtime) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(make_app(runtime, Access()), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def alertmanager(tmp_path: Path, listening: str) -> Iterator[str]:
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        pytest.skip("prometheus-alertmanager (Debian) is not installed")
    config = tmp_path / "alertmanager.yml"
    config.write_text(f"""
route: {{receiver: ktlo, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
- name: ktlo
  webhook_configs:
  - url: {listening}{HOOK}
    send_resolved: true
    http_config: {{authorization: {{credentials: open-sesame}}}}
""")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
    command += [f"--storage.path={tmp_path / 'am'}", "--cluster.listen-address="]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: httpx.get(f"{url}/-/ready", timeout=60).status_code == 200)
        yield url
        process.terminate()


def eventually(holds, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("it did not come to hold")


def test_a_real_alertmanager_tells_the_beginning_and_the_end_of_an_alert(runtime, alertmanager):
    began = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(minutes=5)
    told = {
        "labels": {"alertname": "DiskFull", "service": "db", "severity": "page"},
        "annotations": {"summary": "The disk is full"},
        "startsAt": began.isoformat(),
    }
    httpx.post(f"{alertmanager}/api/v2/alerts", json=[told], timeout=60).raise_for_status()
    state = "SELECT service, title, severity, state, detected_at, resolved_at FROM ktlo.incidents"
    eventually(lambda: rows(runtime, state))
    (found,) = rows(runtime, state)
    assert (found["service"], found["title"], found["severity"]) == ("db", "The disk is full", "page")
    assert (found["state"], found["detected_at"]) == ("open", began)
    ended = dt.datetime.now(dt.UTC).replace(microsecond=0)
    httpx.post(
        f"{alertmanager}/api/v2/alerts", json=[{**told, "endsAt": ended.isoformat()}]
    ).raise_for_status()
    eventually(lambda: rows(runtime, state)[0]["state"] == "resolved")
    assert rows(runtime, state)[0]["resolved_at"] == ended


def test_an_alert_that_no_webhook_told_of_is_found_by_asking_and_ended_when_it_is_gone(runtime, alertmanager):
    # Another name, so that the webhooks go elsewhere: only asking tells.
    runtime.add_source("alertmanager", {"name": "asked", "url": alertmanager})
    from ktlo.server.collecting import Collecting

    collecting = Collecting(runtime)
    told = {"labels": {"alertname": "Slow", "job": "api"}}
    httpx.post(f"{alertmanager}/api/v2/alerts", json=[told], timeout=60).raise_for_status()
    state = "SELECT service, state FROM ktlo.incidents WHERE source = 'alertmanager:asked'"

    def read() -> None:
        collecting.start(("alertmanager:asked",))
        collecting.wait(60)

    eventually(lambda: len(httpx.get(f"{alertmanager}/api/v2/alerts", timeout=60).json()) == 1)
    read()
    assert rows(runtime, state) == [{"service": "api", "state": "open"}]
    ended = dt.datetime.now(dt.UTC).isoformat()
    httpx.post(
        f"{alertmanager}/api/v2/alerts", json=[{**told, "endsAt": ended}], timeout=60
    ).raise_for_status()
    eventually(lambda: httpx.get(f"{alertmanager}/api/v2/alerts", timeout=60).json() == [])
    read()
    assert rows(runtime, state) == [{"service": "api", "state": "resolved"}]
    collecting.close()
