"""Killed while a store is migrated, while old rows leave, while a source is forgotten: the next start goes on.

Three kills of each on every run; ``KTLO_KILLS=30 pytest tests/store/test_upkeep_killed.py -s`` does thirty.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from ktlo.records import TABLES
from ktlo.records.arrow import schema
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import PHYSICAL, SIGNALS, TRACES

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import Said, request, segment

UPKEEP = Path(__file__).with_name("upkeep.py")
TRACES_ALONE = Path(__file__).parent / "golden" / "layout_of_traces_alone.sql"
KILLS = int(os.environ.get("KTLO_KILLS", "3"))
RND = random.Random(int(os.environ.get("KTLO_KILL_SEED", "7")))


@contextmanager
def opened(folder: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(folder)
    try:
        yield store
    finally:
        store.close()


def spans(store: EmbeddedStore, first: int, count: int) -> None:
    """Load failed spans of numbers of their own."""
    said = [
        Said(f"{n:016x}", "GET /", n, 5, trace_id=f"{n:032x}", error=True)
        for n in range(first, first + count)
    ]
    file = store._folder / "one.segment"
    file.write_bytes(segment(request("shop", *said)))
    store.load(TRACES, file, f"from-{first}")
    file.unlink()


def whole(folder: Path, *words: str) -> float:
    """Do it without a kill; answers the seconds it took from the open store on."""
    with subprocess.Popen(
        [sys.executable, UPKEEP, folder, *words], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        process.stdout.readline()
        begun = time.monotonic()
        assert process.stdout.readline() == "done\n"
        return time.monotonic() - begun


def killed(folder: Path, seconds: float, *words: str) -> bool:
    """Do it, and kill it so many seconds after the store is open; whether it was still at work."""
    with subprocess.Popen(
        [sys.executable, UPKEEP, folder, *words], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        rest, _ = process.communicate()
    return "done" not in rest


def one(store: EmbeddedStore, sql: str, **params: Any) -> Any:
    (row,) = store.query(sql, params).to_pylist()
    return next(iter(row.values())) if len(row) == 1 else tuple(row.values())


def test_killed_while_an_early_store_is_migrated_the_next_start_ends_it_and_nothing_is_lost(tmp_path):
    with opened(tmp_path / "early") as store:
        for statement in TRACES_ALONE.read_text(encoding="utf-8").split("\n;\n"):
            store.execute(statement)
        for batch in range(3):
            spans(store, 1 + batch * 500, 500)
    shutil.copytree(tmp_path / "early", tmp_path / "whole", symlinks=True)
    took, at_work = whole(tmp_path / "whole", "migrate"), 0
    for number in range(KILLS):
        folder = tmp_path / f"killed-{number}"
        shutil.copytree(tmp_path / "early", folder, symlinks=True)
        for _ in range(RND.choice((1, 1, 2))):
            at_work += killed(folder, took * RND.uniform(0, 1), "migrate")
        with opened(folder) as store:
            store.migrate()
            assert one(store, "SELECT count(), uniqExact(span_id) FROM ktlo.spans") == (1500, 1500)
            assert one(store, "SELECT sum(calls) FROM ktlo.operation_minutes") == 1500
            flows = store.query(
                "SELECT name FROM system.tables WHERE database = 'ktlo' AND engine = 'MaterializedView'"
            )
            assert set(flows["name"].to_pylist()) == {
                flow.name for signal in SIGNALS for flow in signal.flows
            }
            indexes = store.query("SELECT name FROM system.data_skipping_indices WHERE table = 'spans'")
            assert set(indexes["name"].to_pylist()) == {i.split()[0] for i in PHYSICAL["spans"].indexes}
            spans(store, 5001, 100)
            assert one(store, "SELECT count(), uniqExact(span_id) FROM ktlo.spans") == (1600, 1600)
            assert one(store, "SELECT sum(calls) FROM ktlo.operation_minutes") == 1600
            for noun in ("call_ends", "error_minutes"):
                counted = "sum(occurrences)" if noun == "error_minutes" else "count()"
                assert one(store, f"SELECT {counted} FROM ktlo.{noun}") == 100, noun
        shutil.rmtree(folder)
    print(f"\nmigration: {at_work} kills before its end, of {took:.2f} s")


def test_killed_while_old_rows_leave_those_that_are_kept_stay_and_the_next_start_removes_the_rest(tmp_path):
    with opened(tmp_path / "store") as store:
        store.migrate()
        for age in range(12):
            spans(store, 1 + age * 300, 300)
        # As if they had come day by day: moved beside the flows, which have counted them.
        store.execute("CREATE TABLE ktlo.aged AS ktlo.spans")
        store.execute(
            "INSERT INTO ktlo.aged SELECT * REPLACE(now64(6) - toIntervalDay(intDiv("
            "reinterpretAsUInt64(reverse(unhex(span_id))) - 1, 300)) - toIntervalHour(1) AS received_at)"
            " FROM ktlo.spans"
        )
        store.execute("TRUNCATE TABLE ktlo.spans")
        store.execute("ALTER TABLE ktlo.spans ATTACH PARTITION ALL FROM ktlo.aged")
        store.execute("DROP TABLE ktlo.aged SYNC")
        assert _ages(store) == dict.fromkeys(range(12), (300, 300))
    shutil.copytree(tmp_path / "store", tmp_path / "whole", symlinks=True)
    took, at_work = whole(tmp_path / "whole", "retain", "9"), 0
    for number in range(KILLS):
        folder, days = tmp_path / f"killed-{number}", RND.randrange(3, 10)
        shutil.copytree(tmp_path / "store", folder, symlinks=True)
        at_work += killed(folder, took * RND.uniform(0, 1), "retain", str(days))
        with opened(folder) as store:
            store.migrate()
            ages = _ages(store)
            assert all(ages[age] == (300, 300) for age in range(days)), ages
        whole(folder, "retain", str(days))
        with opened(folder) as store:
            assert _ages(store) == dict.fromkeys(range(days), (300, 300))
        shutil.rmtree(folder)
    print(f"\nretention: {at_work} kills before its end, of {took:.2f} s")


def _ages(store: EmbeddedStore) -> dict[int, tuple[int, int]]:
    """Spans, and different ones, by the days since they were received."""
    rows = store.query(
        "SELECT intDiv(dateDiff('second', received_at, now64(6)), 86400) AS age, count() AS n, uniqExact(span_id) AS u"
        " FROM ktlo.spans GROUP BY age"
    )
    return {row["age"]: (row["n"], row["u"]) for row in rows.to_pylist()}


def test_killed_while_a_source_is_forgotten_others_stay_and_the_next_try_ends_it(tmp_path):
    row = {"repository": "acme/shop", "sha": "c0ffee", "tagged_at": dt.datetime(2026, 3, 2, tzinfo=dt.UTC)}
    row |= {"row_version": 1, "is_deleted": 0}
    with opened(tmp_path / "store") as store:
        store.migrate()
        for source in ("gone", "stays"):
            for batch in range(4):
                rows = [row | {"source": source, "name": f"{batch}-{n}"} for n in range(2_000)]
                store.insert(TABLES["tags"], pa.RecordBatch.from_pylist(rows, schema=schema(TABLES["tags"])))
    shutil.copytree(tmp_path / "store", tmp_path / "whole", symlinks=True)
    took, at_work = whole(tmp_path / "whole", "forget", "gone"), 0
    count = "SELECT count(), uniqExact(name) FROM ktlo.tags WHERE source = {s:String}"
    for number in range(KILLS):
        folder = tmp_path / f"killed-{number}"
        shutil.copytree(tmp_path / "store", folder, symlinks=True)
        at_work += killed(folder, took * RND.uniform(0, 1), "forget", "gone")
        with opened(folder) as store:
            store.migrate()
            assert one(store, count, s="stays") == (8_000, 8_000)
            store.forget("gone")
            assert one(store, count, s="gone") == (0, 0)
            assert one(store, count, s="stays") == (8_000, 8_000)
        shutil.rmtree(folder)
    print(f"\nforgetting: {at_work} kills before its end, of {took:.2f} s")
