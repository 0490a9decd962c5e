"""How fast traces are found in a large store while spans arrive: by identifier, and by tags over an hour.

Run: ``python benchmarks/telemetry_scale.py [--spans N] [--rate N] [--folder FOLDER]``. Calls of 30 services are
made as waves of traces and sent through the real intake, all within the hour that is searched; FOLDER is kept and used
again when it holds enough. The ratio to look at is a question with spans arriving against the same without.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import random
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ktlo.errors import NotFoundError
from ktlo.receivers.intake import Intake
from ktlo.receivers.otlp import signals
from ktlo.receivers.otlp.exchange import Encoding, Export
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import TRACES
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.search import Tag, Wanted, search
from ktlo.telemetry.trace import trace

SERVICES = [f"shop-{name}-{n}" for n in range(3) for name in
            ("web", "cart", "pay", "search", "mail", "stock", "user", "price", "ship", "rate")]  # fmt: skip
IN_A_TRACE, TRACES_IN_A_WAVE, IN_A_REQUEST = 20, 512, 512
HOUR_NS = 3600 * 10**9
USERS = 200_000


@dataclass
class Wave:
    """One wave of traces as serialized requests, and where in them what differs from wave to wave stands."""

    bodies: list[np.ndarray]
    traces: list[list[np.ndarray]]
    spans: list[list[np.ndarray]]
    times: list[tuple[np.ndarray, np.ndarray]]
    users: list[list[np.ndarray]]


def make_wave(rng: random.Random) -> Wave:
    """Serialize a wave once; identifiers, times and users are put in by position later."""
    requests = {name: ExportTraceServiceRequest() for name in SERVICES}
    full: list[ExportTraceServiceRequest] = []
    placed: dict[str, list[tuple[int, int, int, int]]] = {}

    def scope_of(service: str):
        request = requests[service]
        if not request.resource_spans:
            group = request.resource_spans.add()
            for key, value in (
                ("service.name", service),
                ("service.version", f"1.{len(service)}.{rng.randrange(3)}"),
                ("deployment.environment.name", "production"),
                ("k8s.pod.name", f"{service}-{rng.randrange(4)}"),
                ("telemetry.sdk.language", "python"),
            ):
                group.resource.attributes.add(key=key).value.string_value = value
            group.scope_spans.add().scope.name = "opentelemetry.instrumentation.asgi"
        return request.resource_spans[0].scope_spans[0]

    weights = [1 / (rank + 1) for rank in range(30)]
    for number in range(TRACES_IN_A_WAVE):
        chosen = rng.choices(SERVICES, weights, k=IN_A_TRACE)
        for place in range(IN_A_TRACE):
            service = chosen[0] if place < 3 else chosen[place // 3]
            scope = scope_of(service)
            span = scope.spans.add()
            unique = number * IN_A_TRACE + place
            span.trace_id = b"TRACE" + number.to_bytes(11, "big")
            span.span_id = b"SPN" + unique.to_bytes(5, "big")
            if place:
                parent = number * IN_A_TRACE + rng.randrange(place)
                span.parent_span_id = b"SPN" + parent.to_bytes(5, "big")
            route = f"/{service}/{min(int(rng.paretovariate(1.1)), 40)}"
            span.name, span.kind = f"GET {route}", 2 if place % 3 == 0 else 3
            span.start_time_unix_nano = 0x7A00_0000_0000_0000 + unique
            took = int(rng.lognormvariate(16, 1.2))
            span.end_time_unix_nano = 0x7B00_0000_0000_0000 + unique
            placed.setdefault(service, []).append((number, unique, took, place))
            for key, value in (
                ("http.request.method", "GET"),
                ("http.route", route),
                ("user.id", f"USER{number:06d}"),
                ("server.address", f"{service}.internal"),
                ("url.path", f"{route}/{rng.randrange(1000)}"),
            ):
                span.attributes.add(key=key).value.string_value = value
            span.attributes.add(key="http.response.status_code").value.int_value = (
                500 if rng.random() < 0.01 else 200
            )
            if rng.random() < 0.01:
                span.status.code = 2
                event = span.events.add(name="exception", time_unix_nano=0x7A00_0000_0000_0000 + unique)
                event.attributes.add(key="exception.type").value.string_value = "TimeoutError"
            if len(scope.spans) == IN_A_REQUEST:
                full.append(requests[service])
                requests[service] = ExportTraceServiceRequest()
    full += [request for request in requests.values() if request.resource_spans]
    return _located(full, rng)


def _located(requests: list[ExportTraceServiceRequest], rng: random.Random) -> Wave:
    wave = Wave([], [], [], [], [])
    for request in requests:
        body = request.SerializeToString()
        wave.bodies.append(np.frombuffer(body, np.uint8).copy())
        found: dict[bytes, list[list[int]]] = {b"TRACE": [], b"SPN": [], b"USER": []}
        for mark, size, read in (
            (b"TRACE", 16, lambda raw: int.from_bytes(raw[5:], "big")),
            (b"SPN", 8, lambda raw: int.from_bytes(raw[3:], "big")),
            (b"USER", 10, lambda raw: int(raw[4:])),
        ):
            at = body.find(mark)
            while at >= 0:
                found[mark].append([at, read(body[at : at + size])])
                at = body.find(mark, at + size)
        wave.traces.append([np.array(column) for column in zip(*found[b"TRACE"], strict=True)])
        wave.spans.append([np.array(column) for column in zip(*found[b"SPN"], strict=True)])
        wave.users.append([np.array(column) for column in zip(*found[b"USER"], strict=True)])
        at, offsets, values = 0, [], []
        for group in request.resource_spans:
            for span in group.scope_spans[0].spans:
                took = int(rng.lognormvariate(16, 1.2))
                unique = span.start_time_unix_nano - 0x7A00_0000_0000_0000
                begin = (unique % IN_A_TRACE) * 2_000_000 + (unique // IN_A_TRACE) * 1000
                start = span.start_time_unix_nano.to_bytes(8, "little")
                for raw, value in (
                    (start, begin),
                    (span.end_time_unix_nano.to_bytes(8, "little"), begin + took),
                ):
                    at = body.find(raw)
                    while at >= 0:
                        offsets.append(at)
                        values.append(value)
                        at = body.find(raw, at + 8)
        wave.times.append((np.array(offsets), np.array(values, np.uint64)))
    return wave


def filled(wave: Wave, start_ns: int, rng: np.random.Generator) -> tuple[list[bytes], np.ndarray]:
    """The wave's requests with identifiers, users and times of their own; and the trace identifiers."""
    traces = rng.integers(1, 256, (TRACES_IN_A_WAVE, 16), np.uint8)
    spans = rng.integers(1, 256, (TRACES_IN_A_WAVE * IN_A_TRACE, 8), np.uint8)
    names = np.minimum(rng.zipf(1.2, TRACES_IN_A_WAVE), USERS)
    users = np.array([list(f"u{name:09d}".encode()) for name in names], np.uint8)
    out = []
    for body, of_trace, of_span, of_time, of_user in zip(
        wave.bodies, wave.traces, wave.spans, wave.times, wave.users, strict=True
    ):
        made = body.copy()
        for (offsets, which), table in ((of_trace, traces), (of_span, spans), (of_user, users)):
            made[offsets[:, None] + np.arange(table.shape[1])] = table[which]
        offsets, values = of_time
        made[offsets[:, None] + np.arange(8)] = (
            (values + np.uint64(start_ns)).astype("<u8").view(np.uint8).reshape(-1, 8)
        )
        out.append(made.tobytes())
    return out, traces


def memory_mib() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def timed(what: str, ask: Callable[[int], object], times: int) -> float:
    """Ask so many times; print median and 95th percentile in ms."""
    took = []
    for number in range(times):
        began = time.perf_counter()
        ask(number)
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    median, p95 = statistics.median(took), took[min(len(took) - 1, int(len(took) * 0.95))]
    print(f"  {what:46} median {median:7.1f} ms   p95 {p95:7.1f} ms   (n={times})", flush=True)
    return median


def questions(store: EmbeddedStore, of: Interval, known: list[str], users: list[str]) -> None:
    """Every question that is measured."""
    rng = random.Random(3)
    timed("trace by id", lambda _: trace(store, rng.choice(known)), 20)
    timed("trace by id, unknown", lambda n: _quiet(lambda: trace(store, f"{n:032x}")), 10)
    for what, wanted in (
        ("search: service, newest", lambda n: Wanted(service=rng.choice(SERVICES))),
        ("search: tag that many have", lambda n: Wanted(tags=(Tag("http.request.method", "GET"),))),
        ("search: user.id, some", lambda n: Wanted(tags=(Tag("user.id", users[n]),))),
        ("search: user.id nobody has", lambda n: Wanted(tags=(Tag("user.id", f"nobody-{n}"),))),
        ("search: key nobody has", lambda n: Wanted(tags=(Tag(f"no.such.key.{n}", ""),))),
        ("search: pod (resource)", lambda n: Wanted(tags=(Tag("k8s.pod.name", f"{SERVICES[n]}-1"),))),
        ("search: exception.type (event)", lambda n: Wanted(tags=(Tag("exception.type", "TimeoutError"),))),
        ("search: service and status 500", lambda n: Wanted(
            service=SERVICES[n], tags=(Tag("http.response.status_code", "500"),))),
        ("search: errors slower than 1 s", lambda n: Wanted(shortest_ns=10**9, only_errors=True)),
    ):  # fmt: skip
        timed(what, lambda n, wanted=wanted: search(store, of, wanted(n)), 7)


def _quiet(ask: Callable[[], object]) -> None:
    with contextlib.suppress(NotFoundError):
        ask()


def main() -> None:
    """Fill, ask, ask while spans arrive, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--spans", type=int, default=10_000_000)
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="ktlo-scale-"))
    store = EmbeddedStore(folder / "store")
    store.migrate()
    intake = Intake("traces", TRACES, store, folder / "spool", 8 << 30)
    export = Export(signals.TRACES, intake)
    rng, wave = np.random.default_rng(), make_wave(random.Random(1))
    a_wave = TRACES_IN_A_WAVE * IN_A_TRACE

    def send(start_ns: int) -> np.ndarray:
        bodies, traces = filled(wave, start_ns, rng)
        for body in bodies:
            export.take(body, Encoding.PROTOBUF)
        return traces

    there = store.query("SELECT count() AS n FROM ktlo.spans")["n"][0].as_py()
    now = time.time_ns()
    wanted = max(0, given.spans - there)
    waves = -(-wanted // a_wave)
    began, used = time.perf_counter(), time.process_time()
    for number in range(waves):
        send(now - HOUR_NS + int(HOUR_NS * 0.9 * (number + 1) / waves))
        while intake.waiting > 2 << 30:
            time.sleep(0.2)
    intake.flush()
    if waves:
        took, cpu = time.perf_counter() - began, time.process_time() - used
        print(f"filled: {waves * a_wave:,} spans, {waves * a_wave / took:,.0f} a second, "
              f"{waves * a_wave / cpu:,.0f} a CPU second (making them included)", flush=True)  # fmt: skip
    rows = store.query("SELECT count() AS n FROM ktlo.spans")["n"][0].as_py()
    parts = store.query(
        "SELECT table, sum(bytes_on_disk) AS b, count() AS n FROM system.parts WHERE active AND database = 'ktlo'"
        " GROUP BY table ORDER BY b DESC LIMIT 8"
    ).to_pylist()
    total = sum(part["b"] for part in parts)
    print(f"on disk: {total / rows:.1f} bytes a span, of {rows:,} spans:")
    for part in parts:
        print(f"  {part['table']:30} {part['b'] / rows:5.1f} bytes a span, {part['n']} parts", flush=True)
    sample = store.query(
        "SELECT trace_id, any(attributes['user.id']) AS u FROM ktlo.spans"
        " WHERE cityHash64(trace_id) % {every:UInt64} = 0 GROUP BY trace_id LIMIT 300",
        {"every": max(1, rows // IN_A_TRACE // 300)},
    ).to_pylist()
    known = [row["trace_id"] for row in sample]
    users = [row["u"] for row in sample if int(row["u"][1:]) > 1000][:40] or [row["u"] for row in sample]
    newest = (
        store.query("SELECT max(started_at) AS m FROM ktlo.spans")["m"][0].as_py().to_pydatetime(warn=False)
    )
    of = Interval(newest - dt.timedelta(hours=1), newest + dt.timedelta(minutes=5))
    print("at rest:", flush=True)
    questions(store, of, known, users)
    stop, sent = threading.Event(), SimpleNamespace(spans=0)

    def arrive() -> None:
        begun = time.perf_counter()
        while not stop.is_set():
            send(time.time_ns())
            sent.spans += a_wave
            ahead = sent.spans / given.rate - (time.perf_counter() - begun)
            if ahead > 0:
                stop.wait(ahead)

    thread = threading.Thread(target=arrive, daemon=True)
    began = time.perf_counter()
    thread.start()
    time.sleep(5)
    print(f"while {given.rate:,} spans a second arrive:", flush=True)
    questions(store, of, known, users)
    stop.set()
    thread.join()
    print(f"arrived: {sent.spans / (time.perf_counter() - began):,.0f} spans a second; waiting in the spool: "
          f"{intake.waiting >> 20} MiB; memory now {memory_mib():,.0f} MiB, peak "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB", flush=True)  # fmt: skip
    intake.close()
    store.close()


if __name__ == "__main__":
    main()
