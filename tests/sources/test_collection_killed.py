"""Killed in the middle of a collection and of a replay: nothing is lost, nothing is there twice, the cursor is behind.

One kill of each on every run; ``KTLO_KILLS=20 pytest tests/sources/test_collection_killed.py -s`` does twenty. The
tracker is the one of ``benchmarks/tracker_collection.py``, behind a socket.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ktlo.sources.alertmanager import AlertmanagerSource
from ktlo.sources.alertmanager.source import AlertsConfig
from ktlo.sources.delivering import Refusals, deliver
from ktlo.sources.hooked import Incoming
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

PROGRAM = Path(__file__).with_name("collecting_program.py")
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "tracker_collection.py"
KILLS = int(os.environ.get("KTLO_KILLS", "1"))
RND = random.Random(int(os.environ.get("KTLO_KILL_SEED", "7")))
ISSUES = 2_000
NOON, BEFORE = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC), dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def benchmark() -> Any:
    spec = importlib.util.spec_from_file_location("tracker_collection", BENCHMARK)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tracker() -> Iterator[tuple[Any, str]]:
    made = benchmark()
    one = made.Tracker(ISSUES)
    server = made.listening(one)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield one, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@contextmanager
def opened(folder: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(folder)
    try:
        yield store
    finally:
        store.close()


def program(folder: Path, *words: str, kill_after: float | None = None) -> tuple[str, float]:
    """Run it to its end, or kill it so many seconds after the store is open: what it said, and the seconds it took."""
    environment = {**os.environ, "TRACKER_TOKEN": "t", "TMPDIR": str(folder.parent)}
    command = [sys.executable, PROGRAM, folder, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        begun = time.monotonic()
        if kill_after is None:
            said, _ = process.communicate(timeout=300)
            assert said.startswith("done"), said
        else:
            time.sleep(kill_after)
            process.kill()
            said, _ = process.communicate()
        return said, time.monotonic() - begun


def content(store: EmbeddedStore, *tables: str) -> dict[str, list[dict[str, Any]]]:
    return {table: store.query(f"SELECT * FROM ktlo.{table} ORDER BY ALL").to_pylist() for table in tables}


def test_killed_in_the_middle_of_a_collection_the_next_one_goes_on_and_ends_the_same(
    tracker: tuple[Any, str], tmp_path: Path
) -> None:
    made, url = tracker
    said, took = program(tmp_path / "whole", "collect", url)
    assert said.startswith("done complete")
    with opened(tmp_path / "whole") as store:
        whole = content(store, "issues", "issue_events")
    assert len(whole["issues"]) == ISSUES
    at_work, again = 0, 0
    for number in range(KILLS):
        folder = tmp_path / f"killed-{number}"
        for _ in range(RND.choice((1, 2))):
            said, _ = program(folder, "collect", url, kill_after=took * RND.uniform(0.05, 0.95))
            at_work += "done" not in said
            state = State.in_folder(folder)
            cursor = state.cursor("jira:" + url.removeprefix("http://"))
            state.close()
            reached = dt.datetime.fromisoformat(cursor["reached"]) if cursor else BEFORE
            with opened(folder) as store:
                store.migrate()
                found = content(store, "issues")["issues"]
            # All that is behind the cursor is in, each once.
            behind = {f"SHOP-{n}" for n in range(ISSUES) if made.changed(n) < reached}
            keys = [row["external_id"] for row in found]
            assert behind <= set(keys)
            assert len(keys) == len(set(keys))
            again += len(keys) - len(behind)
        said, _ = program(folder, "collect", url)
        assert said.startswith("done complete")
        with opened(folder) as store:
            assert content(store, "issues", "issue_events") == whole
        shutil.rmtree(folder)
    print(f"\ncollection: {at_work} kills before its end, of {took:.2f} s; {again} issues ahead of a cursor")


def alert(number: int, minutes: int | None) -> bytes:
    began = NOON + dt.timedelta(minutes=number)
    ended = began + dt.timedelta(minutes=minutes) if minutes else dt.datetime(1, 1, 1, tzinfo=dt.UTC)
    told = {
        "status": "resolved" if minutes else "firing",
        "labels": {"alertname": "Slow", "service": "checkout", "component": "db", "n": str(number)},
        "annotations": {"summary": "Slow"},
        "startsAt": began.isoformat(),
        "endsAt": ended.isoformat(),
        "fingerprint": f"{number:016x}",
    }
    return json.dumps({"version": "4", "status": told["status"], "alerts": [told]}).encode()


def test_killed_in_the_middle_of_a_replay_the_next_one_ends_it(tmp_path: Path) -> None:
    source = AlertmanagerSource(AlertsConfig(name="prod"))
    with opened(tmp_path / "told") as store:
        store.migrate()
        for number in range(40):
            for minutes in (None, 10):
                deliver(
                    source, Incoming({}, alert(number, minutes), NOON), store, Refusals(), needs_secret=False
                )
        before = content(store, "incidents", "incident_events", "deliveries")
    assert (len(before["incidents"]), len(before["deliveries"])) == (40, 80)
    shutil.copytree(tmp_path / "told", tmp_path / "whole", symlinks=True)
    said, took = program(tmp_path / "whole", "replay", "component")
    assert said.split()[:2] == ["done", "80"]
    with opened(tmp_path / "whole") as store:
        whole = content(store, "incidents", "incident_events", "deliveries")
    assert {row["service"] for row in whole["incidents"]} == {"db"}
    at_work = 0
    for number in range(KILLS):
        folder = tmp_path / f"killed-{number}"
        shutil.copytree(tmp_path / "told", folder, symlinks=True)
        said, _ = program(folder, "replay", "component", kill_after=took * RND.uniform(0.05, 0.95))
        at_work += "done" not in said
        with opened(folder) as store:
            store.migrate()
            found = content(store, "incidents", "incident_events", "deliveries")
        for table, rows in found.items():
            assert len(rows) == len(before[table]), table
        assert {row["service"] for row in found["incidents"]} <= {"checkout", "db"}
        assert {row["state"] for row in found["incidents"]} == {"resolved"}
        program(folder, "replay", "component")
        with opened(folder) as store:
            assert content(store, "incidents", "incident_events", "deliveries") == whole
        shutil.rmtree(folder)
    print(f"\nreplay: {at_work} kills before its end, of {took:.2f} s")
