"""How many events of Elastic's agents ktlo takes: from NDJSON to rows on disk with every roll-up, by CPU second.

Run: ``python benchmarks/elastic_intake.py [EVENTS]``. Events are those of the published agents, out of
tests/receivers/golden, with identifiers and times of their own. Floors in the same run: the standard library's JSON
parser, and msgspec's with the structs of the protocol. HTTP is left out, gzip is not. Trust the ratios.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from otlp_ingest import cpu

from ktlo.receivers.elastic.batch import read
from ktlo.receivers.elastic.stream import Exports, Stream
from ktlo.receivers.intake import Intake
from ktlo.receivers.otlp import signals
from ktlo.receivers.otlp.exchange import Accepted, Export
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import TRACES

GOLDEN = Path(__file__).parents[1] / "tests" / "receivers" / "golden" / "elastic"
EVENTS = 100_000
IN_A_REQUEST = 500
MIX = (
    "request_python",
    "span_redis_python",
    "span_http_python",
    "request_node",
    "span_sql_node",
    "span_http_node",
)


def main() -> None:
    """Measure and print."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    shapes = [event(name) for name in MIX]
    metadata = (GOLDEN / "metadata_python.txt").read_text(encoding="utf-8").splitlines()[1].encode()
    lines = [fresh(*shape) for shape in itertools.islice(itertools.cycle(shapes), wanted)]
    bodies = [
        gzip.compress(b"\n".join([metadata, *lines[at : at + IN_A_REQUEST]]) + b"\n", 1)
        for at in range(0, wanted, IN_A_REQUEST)
    ]
    print(f"{wanted:,} transactions and spans, {sum(map(len, lines)) / wanted:.0f} bytes each as JSON")

    begun = cpu()
    for line in lines:
        json.loads(line)
    standard = cpu() - begun
    begun = cpu()
    for line in lines:
        read(line)
    floor = cpu() - begun
    print(
        f"parsed alone: {wanted / standard:,.0f} a CPU second by the standard library,"
        f" {wanted / floor:,.0f} by msgspec into structs"
    )

    begun = cpu()
    send(bodies, Exports(Nowhere(), Nowhere(), Nowhere()))
    turned = cpu() - begun
    print(
        f"turned into OTLP: {wanted / turned:,.0f} a CPU second, {turned / standard:.1f} times the first parser"
    )

    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(Path(folder) / "store")
        store.migrate()
        intake = Intake("traces", TRACES, store, Path(folder) / "spool")
        export = Export(signals.TRACES, intake)
        begun, clock = cpu(), time.perf_counter()
        send(bodies, Exports(export, export, export))
        acknowledged = time.perf_counter() - clock
        intake.flush()
        used = cpu() - begun
        (kept,) = store.query("SELECT count() AS n FROM ktlo.spans")["n"].to_pylist()
        intake.close()
        store.close()
    print(
        f"taken, on disk, stored with roll-ups: {wanted / used:,.0f} a CPU second; acknowledged at"
        f" {wanted / acknowledged:,.0f} a second by the clock; {kept:,} of {wanted:,} are there"
    )


class Nowhere:
    """Takes what was turned into OTLP and lets it go."""

    def offer(self, request: Any, sender: object = None) -> Accepted:
        """Write it out, as the spool would get it."""
        request.SerializeToString()
        return Accepted(0, 0, "")

    def reject(self, reason: str, items: int = 1) -> None:
        """Nothing of a benchmark is rejected."""
        sys.exit(reason)


def send(bodies: list[bytes], exports: Exports) -> None:
    """Send requests, one after another."""
    for body in bodies:
        stream = Stream(exports, "gzip")
        stream.feed(body)
        stream.finish()
        if stream.outcome.status != 202:
            sys.exit(str(stream.outcome.as_json()))


def event(name: str) -> tuple[str, dict[str, Any]]:
    """Kind and content of an event of a published agent."""
    line = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8").splitlines()[1]
    ((kind, content),) = json.loads(line).items()
    return kind, content


def fresh(kind: str, content: dict[str, Any]) -> bytes:
    """The same with identifiers and a time of its own."""
    own = {
        **content,
        "id": os.urandom(8).hex(),
        "trace_id": os.urandom(16).hex(),
        "timestamp": time.time_ns() // 1000,
    }
    return json.dumps({kind: own}).encode()


if __name__ == "__main__":
    main()
