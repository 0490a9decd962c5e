"""Killed while it sends on to another collector: all that was acknowledged arrives, and what comes twice is known.

Three kills on every run; ``KTLO_KILLS=30 pytest tests/receivers/test_forward_killed.py -s`` does thirty. Each falls
between two requests of a segment, when the other collector has just taken one. That one is a receiver of ktlo's own, so
that what is sent twice is recognised as OTLP receivers can: by its bytes.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import random
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import httpx
import pytest
from otlp_requests import Said, request
from running_ktlo import free_ports, listening, running

from ktlo.receivers.otlp import signals
from ktlo.receivers.otlp.exchange import Encoding, Export

KILLS = int(os.environ.get("KTLO_KILLS", "3"))
RND = random.Random(int(os.environ.get("KTLO_KILL_SEED", "7")))
SERVICE = "sent on"
SENDERS = 4
AT_LEAST = 200 * KILLS
"""Requests that are sent in all."""


class Peer:
    """Another collector over HTTP: slower than what comes in, now and then without room or losing its answer."""

    def __init__(self, export: Export) -> None:
        self.requests = self.lost = 0
        self.seconds = 0.004
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                sent = self.rfile.read(length)
                if len(sent) < length:
                    return  # killed in the middle of it
                body = gzip.decompress(sent)
                mood = RND.random()
                status = 503 if mood < 0.003 else 200
                time.sleep(peer.seconds)
                if status == 200:
                    export.take(body, Encoding.PROTOBUF)
                    peer.requests += 1
                if mood > 0.997:
                    peer.lost += 1
                    self.close_connection = True
                    return
                with contextlib.suppress(ConnectionError):  # killed before its answer
                    self.send_response(status)
                    self.send_header("content-length", "0")
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def peer(intake) -> Iterator[Peer]:
    made = Peer(Export(signals.TRACES, intake))
    yield made
    made.close()


def test_killed_while_it_sends_on_nothing_acknowledged_is_left_out_and_repeats_are_recognised(
    peer, intake, store, tmp_path
):
    ports, data = free_ports(3), tmp_path / "data"
    (tmp_path / "ktlo.yaml").write_text(
        f"telemetry:\n  http_port: {ports[0]}\n  grpc_port: {ports[1]}\n  elastic_port: 0\n  self: false\n"
        f"  forward: [{{endpoint: '{peer.url}', signals: [traces]}}]\nsql: {{port: 0}}\n",
        encoding="utf-8",
    )
    stop, acknowledged, numbers = threading.Event(), [], count(1)

    def send() -> None:
        headers = {"content-type": "application/x-protobuf"}
        with httpx.Client(base_url=f"http://127.0.0.1:{ports[0]}", timeout=20) as client:
            while not stop.is_set():
                number = next(numbers)
                body = request(SERVICE, Said(f"{number:016x}", "x", trace_id=f"{number:032x}"))
                while not _posted(client, body.SerializeToString(), headers):
                    time.sleep(0.05)
                acknowledged.append(number)
                # What is not forwarded yet shall not grow for ever: as many as are needed are slow in coming.
                time.sleep(0.002 if len(acknowledged) < AT_LEAST else 0.05)

    senders = [threading.Thread(target=send) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    for _ in range(KILLS):
        with running(data, ports):
            enough, deadline = peer.requests + RND.randrange(5, 150), time.monotonic() + 60
            while peer.requests < enough:
                assert time.monotonic() < deadline, "nothing is sent on"
                time.sleep(0.001)
    with running(data, ports):
        while len(acknowledged) < AT_LEAST:
            time.sleep(0.05)
        stop.set()
        for sender in senders:
            sender.join()
        peer.seconds = 0
        listening(ports[2])
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            state = httpx.get(f"http://127.0.0.1:{ports[2]}/telemetry.json", timeout=30).json()
            (forward,) = httpx.get(
                f"http://127.0.0.1:{ports[2]}/api/v1/telemetry/forwards", timeout=30
            ).json()
            if not forward["waiting_segments"] and not any(one["waiting_bytes"] for one in state["signals"]):
                break
            time.sleep(0.3)
    intake.flush()
    (there,) = store.query(
        "SELECT count() AS n, uniqExact(span_id) AS u FROM ktlo.spans WHERE service = {s:String}",
        {"s": SERVICE},
    ).to_pylist()
    resent = intake.tally.resent
    print(f"\n{KILLS} kills: {len(acknowledged)} acknowledged, {peer.requests} requests at the peer, of which {resent}"
          f" repeated and recognised, {peer.lost} of them because their answers were lost")  # fmt: skip
    assert len(acknowledged) >= AT_LEAST
    assert (forward["dropped"], forward["refused"]) == (0, {})
    assert there == {"n": len(acknowledged), "u": len(acknowledged)}
    assert peer.requests == len(acknowledged) + resent
    assert resent > peer.lost, "no kill fell between a request and the note that it was sent"


def _posted(client: httpx.Client, body: bytes, headers: dict[str, str]) -> bool:
    try:
        return client.post("/v1/traces", content=body, headers=headers).is_success
    except httpx.TransportError:
        return False
