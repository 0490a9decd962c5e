"""Every way in over HTTP, as one table, for tests that go through all of them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio
import cramjam
import httpx
from google.protobuf.json_format import MessageToDict
from otlp_requests import Said, request
from signal_requests import log, logs, metrics

from ktlo.receivers.access import Ingest
from ktlo.receivers.front import Front, application
from ktlo.receivers.intake import Intake
from ktlo.receivers.otlp import http, signals
from ktlo.receivers.otlp.exchange import Export
from ktlo.receivers.prometheus import http as prometheus
from ktlo.receivers.prometheus.messages import WriteRequest
from ktlo.receivers.zipkin import http as zipkin

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
SNAPPY = {**PROTOBUF, "content-encoding": "snappy"}


def snappy(body: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(body))


def spans_of(service: str) -> list[dict[str, Any]]:
    return [{"traceId": "1" * 32, "id": "2" * 16, "timestamp": 1, "localEndpoint": {"serviceName": service}}]


def samples_of(service: str) -> bytes:
    made = WriteRequest()
    series = made.timeseries.add()
    for name, value in (("__name__", "up"), ("job", service)):
        series.labels.add(name=name, value=value)
    series.samples.add(value=1, timestamp=1_790_000_000_000)
    return bytes(made.SerializeToString())


def in_json(made: Any) -> bytes:
    """OTLP's JSON: as protobuf's, but identifiers are hexadecimal and enumerations are integers."""
    said = MessageToDict(made, use_integers_for_enums=True)
    text = json.dumps(said)
    for span in [s for r in said.get("resourceSpans", ()) for p in r["scopeSpans"] for s in p["spans"]]:
        text = text.replace(json.dumps(span["traceId"]), '"0af7651916cd43dd8448eb211c80319c"')
        text = text.replace(json.dumps(span["spanId"]), '"b7ad6b7169203331"')
    return text.encode()


@dataclass(frozen=True)
class Door:
    """A way in.

    Attributes:
        name: for the test's name.
        path: of its requests.
        headers: of a good one.
        good: body of a good one, from a service.
        pack: compression that the headers promise.
        signal: whose intake it fills.
        success: status of a good one.
    """

    name: str
    path: str
    headers: dict[str, str]
    good: Callable[[str], bytes]
    signal: str
    success: int = 200
    pack: Callable[[bytes], bytes] = bytes


DOORS = [
    Door(
        "traces",
        "/v1/traces",
        PROTOBUF,
        lambda s: request(s, Said("1" * 16, "x")).SerializeToString(),
        "traces",
    ),
    Door("traces-json", "/v1/traces", JSON, lambda s: in_json(request(s, Said("1" * 16, "x"))), "traces"),
    Door("logs", "/v1/logs", PROTOBUF, lambda s: logs(s, log()).SerializeToString(), "logs"),
    Door("logs-json", "/v1/logs", JSON, lambda s: in_json(logs(s, log())), "logs"),
    Door("metrics", "/v1/metrics", PROTOBUF, lambda s: metrics(s).SerializeToString(), "metrics"),
    Door("metrics-json", "/v1/metrics", JSON, lambda s: in_json(metrics(s)), "metrics"),
    Door("prometheus", "/api/v1/write", SNAPPY, samples_of, "metrics", 204, snappy),
    Door("zipkin", "/api/v2/spans", JSON, lambda s: json.dumps(spans_of(s)).encode(), "traces", 202),
]
IDS = [door.name for door in DOORS]
COMPRESSED = [door for door in DOORS if door.pack is bytes]


def gzipped(door: Door, body: bytes) -> tuple[bytes, dict[str, str]]:
    return gzip.compress(body, mtime=0), {**door.headers, "content-encoding": "gzip"}


class House:
    """All doors over three intakes."""

    def __init__(self, intakes: dict[str, Intake]) -> None:
        self.intakes = intakes
        self.front = Front(Ingest())

    def ask(
        self, path: str, body: Any, headers: dict[str, str], access: Ingest | None = None
    ) -> httpx.Response:
        """Send one request to a fresh application over the same intakes."""
        self.front = Front(access or Ingest(), body_seconds=0.5)
        exports = {one.name: Export(one, self.intakes[one.name]) for one in signals.SIGNALS}
        app = application(
            [
                *http.routes(list(exports.values()), self.front),
                *prometheus.routes(exports["metrics"], self.front),
                *zipkin.routes(exports["traces"], self.front),
            ],
            http.broken,
        )

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4318") as client:
                return await client.post(path, content=body, headers=headers)

        return anyio.run(send)
