"""How fast the embedded store takes rows and answers, as figures and ratios.

``python benchmarks/store.py [ROWS]``: fills ``file_changes`` with rows shaped like a large repository's
history (5 million by default), then asks the hotspots' question (changes by path over one year) in
several ways. Prints a table; needs about 2 GB of disk in the temporary folder.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from ktlo.records import TABLES
from ktlo.records.arrow import schema
from ktlo.store.embedded import EmbeddedStore

TABLE = TABLES["file_changes"]
BATCH = 100_000
PATHS = 40_000
YEAR_START = np.datetime64("2025-01-01T00:00:00", "us")


def batch(number: int, random: np.random.Generator) -> pa.RecordBatch:
    """100,000 changes of a few repositories: paths by Zipf's law, ten years of commits in order."""
    ranks = np.minimum(random.zipf(1.3, BATCH), PATHS)
    commits = number * (BATCH // 4) + np.sort(random.integers(0, BATCH // 4, BATCH))
    shas = [f"{commit * 2654435761 % 2**64:016x}{commit:024x}" for commit in commits.tolist()]
    columns = {
        "source": ["git-1"] * BATCH,
        "repository": ["acme/shop"] * BATCH,
        "sha": shas,
        "path": [f"src/area{rank % 97}/module_{rank}.py" for rank in ranks.tolist()],
        "old_path": [""] * BATCH,
        "authored_at": YEAR_START + random.integers(-9 * 365, 365, BATCH).astype("timedelta64[D]"),
        "author_email": [f"dev{n}@acme.example" for n in random.integers(0, 300, BATCH).tolist()],
        "lines_added": random.geometric(0.05, BATCH),
        "lines_deleted": random.geometric(0.1, BATCH),
        "is_binary": np.zeros(BATCH, dtype=bool),
        "row_version": np.full(BATCH, number, dtype=np.uint64),
        "is_deleted": np.zeros(BATCH, dtype=np.uint8),
    }
    wanted = schema(TABLE)
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in wanted]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


HOTSPOTS = """
SELECT path, uniqExact(sha) AS changes, sum(lines_added + lines_deleted) AS churn
FROM {table}
WHERE repository = 'acme/shop' AND authored_at >= '2025-01-01' AND authored_at < '2026-01-01'
GROUP BY path ORDER BY changes DESC LIMIT 50
"""
ONE_PATH = "SELECT count() FROM {table} WHERE repository = 'acme/shop' AND path = 'src/area1/module_1.py'"
COUNT = "SELECT count() FROM {table}"


def milliseconds(work: Callable[[], object], times: int = 5) -> float:
    """Median time of a few runs."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1_000)
    return statistics.median(taken)


def report(name: str, store: EmbeddedStore, table: str) -> None:
    """One line of the table."""
    figures = [
        milliseconds(lambda sql=sql: store.query(sql.format(table=table)))
        for sql in (HOTSPOTS, ONE_PATH, COUNT)
    ]
    parts = store.query("SELECT count() AS n FROM system.parts WHERE table = 'file_changes_log' AND active")[
        "n"
    ][0].as_py()
    print(f"{name:<34}" + "".join(f"{figure:>12.0f}" for figure in figures) + f"{parts:>8}")


def until_settled(store: EmbeddedStore) -> float:
    """Wait until the table's parts are one; seconds waited."""
    start = time.perf_counter()
    active = "SELECT count() AS n FROM system.parts WHERE table = 'file_changes_log' AND active"
    while store.query(active)["n"][0].as_py() > 1:
        time.sleep(1)
    return time.perf_counter() - start


def main() -> None:
    """Run everything."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    random = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(Path(folder))
        start = time.perf_counter()
        store.migrate()
        fresh = time.perf_counter() - start
        again = milliseconds(store.migrate)
        print(f"migrate: fresh {fresh * 1_000:.0f} ms, up to date {again:.1f} ms")
        spent = 0.0
        for number in range(total // BATCH):
            rows = batch(number, random)
            start = time.perf_counter()
            store.insert(TABLE, rows)
            spent += time.perf_counter() - start
        size = store.query("SELECT sum(bytes_on_disk) AS n FROM system.parts WHERE active")["n"][0].as_py()
        print(f"insert: {total / spent:,.0f} rows/s in batches of {BATCH:,}; {size / total:.0f} bytes a row")
        print(f"{'milliseconds':<34}{'hotspots':>12}{'one path':>12}{'count':>12}{'parts':>8}")
        report("view, as collected", store, "ktlo.file_changes")
        report("log without FINAL (may double)", store, "ktlo.file_changes_log")
        print(f"the engine settled by itself after {until_settled(store):.0f} s")
        report("view, settled", store, "ktlo.file_changes")
        rows = batch(total // BATCH, random)
        store.insert(TABLE, rows)
        report("view, settled, one batch later", store, "ktlo.file_changes")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
        print(f"peak memory {peak:,.0f} MiB (Python, Arrow batches and the engine)")
        store.close()


if __name__ == "__main__":
    main()
