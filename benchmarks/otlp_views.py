"""What each flow costs of a span's way into the store: the same spans loaded with a flow taken away, interleaved.

Run: ``python benchmarks/otlp_views.py [ITEMS]``. CPU seconds of loading alone; differences below a tenth are noise.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "receivers"))

from otlp_ingest import IN_A_REQUEST, cpu, spans

from ktlo.receivers.spool import length_prefix
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import SIGNALS, TRACES

ROUNDS = 3


def main() -> None:
    """Measure and print."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    bodies = [spans(number) for number in range(-(-wanted // IN_A_REQUEST))]
    count = len(bodies) * IN_A_REQUEST
    flows = [flow for signal in SIGNALS for flow in signal.flows if "spans_to" in flow.name]
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(Path(folder) / "store")
        store.migrate()
        file = Path(folder) / "one.segment"
        file.write_bytes(b"".join(length_prefix(len(body)) + body for body in bodies))
        number = 0

        def loaded() -> float:
            nonlocal number
            number += 1
            store.execute("SYSTEM STOP MERGES")
            begun = cpu()
            store.load(TRACES, file, f"round-{number}")
            return cpu() - begun

        def without(names: list[str]) -> float:
            made: Callable[[str], str] = lambda name: next(f for f in flows if f.name == name).select("ktlo")  # noqa: E731
            for name in names:
                store.execute(f"DROP TABLE ktlo.`{name}` SYNC")
            used = loaded()
            for name in names:
                target = next(flow.target for flow in flows if flow.name == name)
                store.execute(f"CREATE MATERIALIZED VIEW ktlo.`{name}` TO ktlo.`{target}` AS\n{made(name)}")
            return used

        loaded()
        everything = min(loaded() for _ in range(ROUNDS))
        print(f"{count:,} spans with every flow: {everything / count * 1e6:.1f} CPU us a span")
        for flow in flows:
            used = min(without([flow.name]) for _ in range(ROUNDS))
            print(
                f"  without {flow.name:32} {used / count * 1e6:5.1f} ({(everything - used) / everything:+.0%})"
            )
        bare = min(without([flow.name for flow in flows]) for _ in range(ROUNDS))
        print(f"  without all of them {bare / count * 1e6:24.1f}", flush=True)
        store.close()


if __name__ == "__main__":
    main()
