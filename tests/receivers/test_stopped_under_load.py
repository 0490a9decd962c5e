"""SIGTERM while all formats arrive, as a service manager sends it: ktlo ends in order, nothing acknowledged is lost.

Two stops on every run; ``KTLO_STOPS=20 pytest tests/receivers/test_stopped_under_load.py -s`` does twenty.
"""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from arrived_once import TRACES, check, found_in, settled
from kill_traffic import DOORS, Traffic
from running_ktlo import free_ports, listening, running

STOPS = int(os.environ.get("KTLO_STOPS", "2"))
PATIENCE = 90
"""Seconds after which systemd would kill what has not ended."""


@dataclass
class Happened:
    """What was seen.

    Attributes:
        traffic: what was sent and acknowledged.
        statuses: with which the process ended, each time.
        left: files in the spools after each end.
        taken: requests by door that were acknowledged by each process that was stopped.
        found: what the store has in the end.
    """

    traffic: Traffic
    statuses: list[int] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    taken: list[dict[str, int]] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def happened(tmp_path_factory: pytest.TempPathFactory) -> Happened:
    folder = tmp_path_factory.mktemp("stopped")
    ports, data = free_ports(3), folder / "data"
    (folder / "ktlo.yaml").write_text(
        f"telemetry: {{http_port: {ports[0]}, grpc_port: {ports[1]}, elastic_port: 0}}\nsql: {{port: 0}}\n",
        encoding="utf-8",
    )
    rnd = random.Random(7)
    seen = Happened(Traffic(ports[0], ports[1], time.time_ns() // 60_000_000_000 * 60_000_000_000))
    for _ in range(STOPS):
        with running(data, ports) as server:
            listening(ports[2])
            before = {door: len(seen.traffic.acknowledged[door]) for door in DOORS}
            time.sleep(2 + 3 * rnd.random())
            server.send_signal(signal.SIGTERM)
            seen.statuses.append(server.wait(PATIENCE))
            seen.left += [file.name for file in Path(data / "spool").rglob("*-*") if file.is_file()]
            seen.taken.append({door: len(seen.traffic.acknowledged[door]) - before[door] for door in DOORS})
    with running(data, ports):
        seen.traffic.finish()
        listening(ports[2])
        settled(ports[2], sum(len(seen.traffic.sent[door]) for door in TRACES))
        seen.found = found_in(ports[2])
    print(f"\n{STOPS} stops; acknowledged {seen.taken}")
    return seen


def test_it_ends_in_order(happened):
    assert happened.statuses == [0] * STOPS


def test_it_leaves_nothing_in_the_spools(happened):
    assert happened.left == []


@pytest.mark.parametrize("door", DOORS)
def test_every_door_was_at_work_when_it_was_told_to_end(happened, door):
    assert all(taken[door] > 0 for taken in happened.taken)


def test_everything_acknowledged_is_there_once(happened):
    check(happened.traffic, happened.found)
