"""How many OTLP spans ktlo takes: from the body of a request to rows on disk with every roll-up, by CPU second.

Run: ``python benchmarks/otlp_ingest.py [SPANS]``. The floor is the protobuf parser alone over the same bodies, in the
same run. HTTP is left out: it is measured by the requests, not by the spans. Trust the ratios.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ktlo.receivers.intake import Intake
from ktlo.receivers.otlp import signals
from ktlo.receivers.otlp.exchange import Encoding, Export
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import TRACES

REQUESTS = Path(__file__).parents[1] / "tests" / "receivers"
SPANS = 200_000
IN_A_REQUEST = 512


def cpu() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    sys.path.insert(0, str(REQUESTS))
    from otlp_requests import Said, request

    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else SPANS
    bodies = []
    for number in range(-(-wanted // IN_A_REQUEST)):
        spans = [
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
        bodies.append(request(f"service-{number % 10}", *spans).SerializeToString())
    count = len(bodies) * IN_A_REQUEST

    begun = cpu()
    for body in bodies:
        ExportTraceServiceRequest().ParseFromString(body)
    floor = cpu() - begun
    print(f"{count:,} spans, {sum(map(len, bodies)) / count:.0f} bytes each as OTLP")
    print(f"the protobuf parser alone: {count / floor:,.0f} spans a CPU second")

    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(Path(folder) / "store")
        store.migrate()
        intake = Intake("traces", TRACES, store, Path(folder) / "spool")
        export = Export(signals.TRACES, intake)
        begun, clock = cpu(), time.perf_counter()
        for body in bodies:
            export.take(body, Encoding.PROTOBUF)
        acknowledged = time.perf_counter() - clock
        intake.flush()
        used, took = cpu() - begun, time.perf_counter() - clock
        (size,) = store.query(
            "SELECT sum(bytes_on_disk) / sum(rows) AS b FROM system.parts"
            " WHERE database = 'ktlo' AND table = 'spans' AND active"
        )["b"].to_pylist()
        (kept,) = store.query("SELECT count() AS n FROM ktlo.spans")["n"].to_pylist()
        intake.close()
        store.close()
    print(
        f"taken, on disk, stored with roll-ups: {count / used:,.0f} spans a CPU second,"
        f" {used / floor:.1f} times the parser; {count / took:,.0f} a second by the clock,"
        f" acknowledged at {count / acknowledged:,.0f} a second"
    )
    print(f"{size:.0f} bytes a span on disk; {kept:,} of {count:,} are there")


if __name__ == "__main__":
    main()
