"""How much OTLP ktlo takes, by signal: from the body of a request to rows on disk with every roll-up, by CPU second.

Run: ``python benchmarks/otlp_ingest.py [ITEMS] [traces|logs|metrics]``. The floor is the protobuf parser alone over the
same bodies, in the same run. HTTP is left out: it is measured by the requests, not by the items. Trust the ratios.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ktlo.receivers.intake import Intake
from ktlo.receivers.otlp import signals
from ktlo.receivers.otlp.exchange import Encoding, Export
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import LOGS, METRICS, TRACES

REQUESTS = Path(__file__).parents[1] / "tests" / "receivers"
ITEMS = 200_000
IN_A_REQUEST = 512


def cpu() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def spans(number: int) -> bytes:
    """A request of spans."""
    from otlp_requests import Said, request

    said = [
        Said(
            os.urandom(8).hex(),
            f"GET /route/{n % 20}",
            start=n,
            took=n % 97,
            trace_id=f"{number:016x}{n // 8:016x}"[:31] + "1",
            error=n % 50 == 0,
            attributes={
                "http.request.method": "GET",
                "http.route": f"/route/{n % 20}",
                "url.path": f"/route/{n % 20}/{n}",
                "http.response.status_code": 200,
            },
        )
        for n in range(IN_A_REQUEST)
    ]
    return request(f"service-{number % 10}", *said).SerializeToString()


def records(number: int) -> bytes:
    """A request of log records."""
    from signal_requests import log, logs

    said = [
        log(
            f"order {number * IN_A_REQUEST + n} of customer {n % 97} was shipped from warehouse {n % 7}",
            at=n,
            number=9 if n % 20 else 17,
            trace_id=os.urandom(16),
            span_id=os.urandom(8),
            attributes={"code.function.name": f"shop.ship_{n % 12}", "thread.name": "main", "order.id": n},
        )
        for n in range(IN_A_REQUEST)
    ]
    return logs(f"service-{number % 10}", *said).SerializeToString()


def points(number: int) -> bytes:
    """A request of points: one counter with as many series as there are points."""
    from otlp_requests import MS, TEN, put
    from signal_requests import metrics, points_of

    made = metrics(f"service-{number % 10}", name="http.server.requests", kind="sum", points=IN_A_REQUEST)
    for n, point in enumerate(points_of(made)):
        point.time_unix_nano = TEN + number * 10_000 * MS
        put(
            point.attributes,
            {"http.route": f"/route/{n}", "http.request.method": "GET", "http.response.status_code": 200},
        )
    return made.SerializeToString()


MEASURED: dict[str, tuple[signals.OtlpSignal, object, str, Callable[[int], bytes]]] = {
    "traces": (signals.TRACES, TRACES, "spans", spans),
    "logs": (signals.LOGS, LOGS, "log_records", records),
    "metrics": (signals.METRICS, METRICS, "metric_points", points),
}


def measure(name: str, wanted: int) -> None:
    """Measure one signal and print."""
    signal, stream, table, make = MEASURED[name]
    bodies = [make(number) for number in range(-(-wanted // IN_A_REQUEST))]
    count = len(bodies) * IN_A_REQUEST
    begun = cpu()
    for body in bodies:
        signal.request().ParseFromString(body)
    floor = cpu() - begun
    print(f"{name}: {count:,} {signal.item}s, {sum(map(len, bodies)) / count:.0f} bytes each as OTLP")
    print(f"  the protobuf parser alone: {count / floor:,.0f} a CPU second")
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(Path(folder) / "store")
        store.migrate()
        intake = Intake(name, stream, store, Path(folder) / "spool")  # type: ignore[arg-type]
        export = Export(signal, intake)
        begun, clock = cpu(), time.perf_counter()
        for body in bodies:
            export.take(body, Encoding.PROTOBUF)
        acknowledged, checked = time.perf_counter() - clock, cpu() - begun
        intake.flush()
        used, took = cpu() - begun, time.perf_counter() - clock
        (size,) = store.query(
            "SELECT sum(bytes_on_disk) / sum(rows) AS b FROM system.parts"
            " WHERE database = 'ktlo' AND table = {table:String} AND active",
            {"table": table},
        )["b"].to_pylist()
        (kept,) = store.query(f"SELECT count() AS n FROM ktlo.{table}")["n"].to_pylist()
        intake.close()
        store.close()
    print(
        f"  taken, on disk, stored with roll-ups: {count / used:,.0f} a CPU second, {used / floor:.1f} times the"
        f" parser (until acknowledged {count / checked:,.0f}); {count / took:,.0f} a second by the clock,"
        f" acknowledged at {count / acknowledged:,.0f} a second"
    )
    print(f"  {size:.0f} bytes each on disk; {kept:,} of {count:,} are there")


def main() -> None:
    """Measure and print; each signal in a process of its own, as the engine takes one folder a process."""
    sys.path.insert(0, str(REQUESTS))
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS
    names = sys.argv[2:] or list(MEASURED)
    for name in names[:-1]:
        if os.fork() == 0:
            measure(name, wanted)
            os._exit(0)
        os.wait()
    measure(names[-1], wanted)


if __name__ == "__main__":
    main()
