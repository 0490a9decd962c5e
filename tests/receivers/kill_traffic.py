"""Senders of every format for tests of crashes: each numbers what it sends and repeats what was not answered.

A request of number ``n`` holds, whatever the door, things by which n is found again: span identifiers, a log record's
attribute, a point's value. What was acknowledged and what was only sent is remembered by door.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import cramjam
import grpc
import httpx
from otlp_requests import MS, Said, request
from signal_requests import log, logs, metrics, points_of

from ktlo.receivers.otlp import signals
from ktlo.receivers.prometheus.messages import WriteRequest

DOORS = ("grpc traces", "grpc logs", "grpc metrics", "http traces", "http logs", "http metrics")
DOORS += ("remote write", "zipkin", "elastic")
REPEATING = tuple(door for door in DOORS if door != "elastic")
"""Doors whose senders repeat what was not answered; agents of Elastic do not."""
TRACEBACK = 'Traceback (most recent call last):\n  File "shop/pay.py", line 3, in charge\nValueError: no'


class Traffic:
    """Sends to all doors until it is told to stop, across restarts of what listens.

    Args:
        http_port: of OTLP over HTTP and all guests.
        grpc_port: of OTLP over gRPC.
        now: nanoseconds since 1970 at which everything happens, a microsecond a number.
    """

    def __init__(self, http_port: int, grpc_port: int, now: int) -> None:
        self.url = f"http://127.0.0.1:{http_port}"
        self.target = f"127.0.0.1:{grpc_port}"
        self.now = now
        self.sent: dict[str, set[int]] = {door: set() for door in DOORS}
        self.acknowledged: dict[str, set[int]] = {door: set() for door in DOORS}
        self.refused: dict[str, Counter[str]] = {door: Counter() for door in DOORS}
        self.repeated = 0
        self.strange: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(door,), daemon=True) for door in DOORS]
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Send no new number; come back when all that repeats is acknowledged."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=120)
            assert not thread.is_alive(), "a sender is never answered"

    def _send(self, door: str) -> None:
        if door == "elastic":
            return self._stream()
        with contextlib.ExitStack() as held:
            self._number(door, (self._grpc if door.startswith("grpc") else self._http)(door, held))
        return None

    def _number(self, door: str, post: Callable[[bytes], bool]) -> None:
        n = 0
        while not self._stop.is_set():
            n += 1
            body = self.body(door, n)
            self.sent[door].add(n)
            while not post(body):
                self.repeated += 1
                time.sleep(0.05)
            self.acknowledged[door].add(n)
            time.sleep(0.01)

    def body(self, door: str, n: int) -> bytes:
        """The request of a number, the same bytes each time."""
        if door.endswith("traces"):
            return self._spans(door, n).SerializeToString()
        if door.endswith("logs"):
            said = log(f"{door} {n}", attributes={"n": str(n)})
            said["time_unix_nano"] = self.now + n * 1000
            return logs(door, said).SerializeToString()
        if door.endswith("metrics"):
            made = metrics(door, name="killed", kind="gauge")
            points_of(made)[0].time_unix_nano = self.now + n * 1000
            points_of(made)[0].as_double = n
            return made.SerializeToString()
        if door == "zipkin":
            return json.dumps(self._zipkin(n)).encode()
        written = WriteRequest()
        series = written.timeseries.add()
        for name, value in {"__name__": "killed", "job": door}.items():
            series.labels.add(name=name, value=value)
        series.samples.add(timestamp=self.now // MS + n, value=n)
        return bytes(cramjam.snappy.compress_raw(written.SerializeToString()))

    def _spans(self, door: str, n: int) -> Any:
        """A call from one service to another that fails, with an exception."""
        trace, caller, callee = identifiers(door, n)
        error = {
            "exception.type": f"{door}Error",
            "exception.message": "no",
            "exception.stacktrace": TRACEBACK,
        }
        made = request(f"{door} a", Said(caller, "call", kind=3, trace_id=trace))
        answer = request(
            f"{door} b",
            Said(
                callee,
                "answer",
                kind=2,
                trace_id=trace,
                parent=caller,
                error=True,
                events=[("exception", error)],
            ),
        )
        made.MergeFrom(answer)
        for of_resource in made.resource_spans:
            for one in of_resource.scope_spans[0].spans:
                one.start_time_unix_nano = self.now + n * 1000
                one.end_time_unix_nano = self.now + n * 1000 + MS
        return made

    def _zipkin(self, n: int) -> list[dict[str, Any]]:
        trace, caller, callee = identifiers("zipkin", n)
        both = {"traceId": trace, "timestamp": self.now // 1000 + n, "duration": 1000}
        return [
            {**both, "id": caller, "kind": "CLIENT", "name": "call", "localEndpoint": {"serviceName": "zipkin a"}},
            {
                **both, "id": callee, "parentId": caller, "kind": "SERVER", "name": "answer",
                "localEndpoint": {"serviceName": "zipkin b"}, "tags": {"error": "no"},
            },
        ]  # fmt: skip

    def _http(self, door: str, held: contextlib.ExitStack) -> Callable[[bytes], bool]:
        path, kind, more = f"/v1/{door.rpartition(' ')[2]}", "application/x-protobuf", {}
        if door == "zipkin":
            path, kind = "/api/v2/spans", "application/json"
        elif door == "remote write":
            path, more = "/api/v1/write", {"content-encoding": "snappy"}
        client = held.enter_context(httpx.Client(base_url=self.url, timeout=20))

        def post(body: bytes) -> bool:
            try:
                answer = client.post(path, content=body, headers={"content-type": kind, **more})
            except httpx.TransportError:
                return False
            if not answer.is_success:
                self._refuse(door, answer)
            return answer.is_success

        return post

    def _grpc(self, door: str, held: contextlib.ExitStack) -> Callable[[bytes], bool]:
        signal = next(one for one in signals.SIGNALS if one.name == door.rpartition(" ")[2])
        channel = grpc.insecure_channel(
            self.target,
            options=[
                (f"grpc.{name}_reconnect_backoff_ms", 200) for name in ("initial", "min", "max")
            ],
        )  # fmt: skip
        held.callback(channel.close)
        export = channel.unary_unary(f"/{signal.service}/Export")

        def post(body: bytes) -> bool:
            try:
                export(body, timeout=20)
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                    self.strange.append(f"{door}: {error.code()} {error.details()}")
                if any(key == "grpc-status-details-bin" for key, _ in error.trailing_metadata() or ()):
                    self.refused[door][f"{error.code().name} with RetryInfo"] += 1
                return False
            return True

        return post

    def _stream(self) -> None:
        """Elastic's protocol: a request that stays open and gets its events piece by piece; nothing is repeated."""
        n = 0
        while not self._stop.is_set():
            numbers = range(n + 1, n + 13)
            n += 12
            self.sent["elastic"].update(numbers)
            try:
                answer = httpx.post(
                    f"{self.url}/intake/v2/events",
                    content=self._events(numbers),
                    headers={"content-type": "application/x-ndjson"},
                    timeout=20,
                )
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code == 202:
                self.acknowledged["elastic"].update(numbers)
            else:
                self._refuse("elastic", answer)

    def _refuse(self, door: str, answer: httpx.Response) -> None:
        if answer.status_code != 503 or not answer.headers.get("retry-after"):
            self.strange.append(f"{door}: {answer.status_code} {answer.text[:200]}")
        self.refused[door][f"{answer.status_code} with Retry-After"] += 1

    def _events(self, numbers: range) -> Iterator[bytes]:
        service = {"name": "elastic", "agent": {"name": "python", "version": "6"}}
        yield json.dumps({"metadata": {"service": service}}).encode() + b"\n"
        for n in numbers:
            trace, caller, _ = identifiers("elastic", n)
            at = self.now // 1000 + n
            events: tuple[dict[str, Any], ...] = (
                {"transaction": {
                    "id": caller, "trace_id": trace, "name": "answer", "type": "request", "duration": 1,
                    "timestamp": at, "span_count": {"started": 0}}},
                {"error": {
                    "id": trace, "trace_id": trace, "parent_id": caller, "transaction_id": caller, "timestamp": at,
                    "exception": {"type": "elasticError", "message": "no"}}},
                {"metricset": {"timestamp": at, "samples": {"killed": {"value": n}}}},
                {"log": {"@timestamp": at, "message": f"elastic {n}", "labels": {"n": str(n)}}},
            )  # fmt: skip
            text = b"".join(json.dumps(one).encode() + b"\n" for one in events)
            half = len(text) // 2
            yield text[:half]
            time.sleep(0.05 if n % 4 else 0.3)
            yield text[half:]


def identifiers(door: str, n: int) -> tuple[str, str, str]:
    """Trace, caller and callee of a number."""
    place = DOORS.index(door) + 1
    return f"{place:02x}{n:030x}", f"{place:02x}a{n:013x}", f"{place:02x}b{n:013x}"
