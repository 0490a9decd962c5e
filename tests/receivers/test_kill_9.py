"""Killed in the middle of ingest of all signals and formats at once: what was acknowledged is there, and once.

Three kills on every run; ``KTLO_KILLS=50 pytest tests/receivers/test_kill_9.py -s`` does fifty and prints the counts.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from kill_traffic import DOORS, REPEATING, Traffic

KILLS = int(os.environ.get("KTLO_KILLS", "3"))
SEED = int(os.environ.get("KTLO_KILL_SEED", "7"))
TRACES = ("grpc traces", "http traces", "zipkin")


def free_ports(count: int) -> list[int]:
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in opened]
    for one in opened:
        one.close()
    return ports


@contextmanager
def running(data: Path, ports: list[int]) -> Iterator[subprocess.Popen[bytes]]:
    """ktlo up; killed at the end."""
    command = [sys.executable, "-c", "from ktlo.cli import main; main()", "up", "--data", str(data)]
    command += ["--port", str(ports[2]), "--no-browser", "--config", str(data.parent / "ktlo.yaml")]
    with (data.parent / "up.log").open("ab") as told:
        server = subprocess.Popen(command, cwd=data.parent, stdout=told, stderr=told)
        try:
            deadline = time.monotonic() + 90
            while True:
                assert server.poll() is None, (data.parent / "up.log").read_text()[-2000:]
                assert time.monotonic() < deadline, "ktlo does not start"
                try:
                    httpx.get(f"http://127.0.0.1:{ports[0]}/", timeout=5)
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield server
        finally:
            server.send_signal(signal.SIGKILL)
            server.wait()


def listening(port: int) -> None:
    """Wait for the pages, which open after the receivers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/telemetry.json", timeout=30)
            return
        time.sleep(0.1)


def ask(port: int, sql: str) -> list[dict[str, Any]]:
    answer = httpx.post(f"http://127.0.0.1:{port}/api/v1/query", json={"sql": sql}, timeout=60)
    answer.raise_for_status()
    told = answer.json()
    return [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]


def settled(port: int, calls: int) -> None:
    """Wait until spools are empty and calls are paired."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.5)
        state = httpx.get(f"http://127.0.0.1:{port}/telemetry.json", timeout=30).json()
        (edges,) = ask(port, "SELECT sum(calls) AS n FROM ktlo.service_edges WHERE server LIKE '% b'")
        if not any(one["waiting_bytes"] for one in state["signals"]) and (edges["n"] or 0) >= calls:
            return


def test_killed_while_all_formats_arrive_nothing_acknowledged_is_lost_and_nothing_is_there_twice(tmp_path):
    rnd = random.Random(SEED)
    ports, data = free_ports(3), tmp_path / "data"
    (tmp_path / "ktlo.yaml").write_text(
        f"telemetry: {{http_port: {ports[0]}, grpc_port: {ports[1]}, elastic_port: 0}}\n", encoding="utf-8"
    )
    now = time.time_ns() // 60_000_000_000 * 60_000_000_000
    traffic = Traffic(ports[0], ports[1], now)
    for _ in range(KILLS):
        with running(data, ports):
            # Short and long: in the first load, between two, while the edges are paired.
            time.sleep(rnd.choice((0.05, 0.3, 1.1, 2.5, 6)) * rnd.uniform(0.5, 1.5))
    with running(data, ports):
        traffic.finish()
        listening(ports[2])
        settled(ports[2], sum(len(traffic.sent[door]) for door in TRACES))
        found = _found(ports[2])
    sent, acknowledged = traffic.sent, traffic.acknowledged
    print(f"\n{KILLS} kills, {traffic.repeated} requests repeated; acknowledged and stored, by door:")
    for door in DOORS:
        print(f"  {door}: {len(sent[door])} sent, {len(acknowledged[door])} acknowledged")
    print(json.dumps(found, indent=1, default=str))
    assert traffic.strange == []
    assert all(acknowledged[door] for door in DOORS)
    assert all(acknowledged[door] == sent[door] for door in REPEATING)

    count = {door: len(sent[door]) for door in DOORS}
    elastic = set(found["elastic spans"])
    assert len(elastic) == len(found["elastic spans"])
    assert acknowledged["elastic"] <= elastic <= sent["elastic"]
    count["elastic"] = len(elastic)
    for name in ("elastic logs", "elastic points", "elastic errors"):
        once = set(found[name])
        assert len(once) == len(found[name]), name
        assert acknowledged["elastic"] <= once <= sent["elastic"], name
    for door in TRACES:
        for side in ("a", "b"):
            assert found["spans"][f"{door} {side}"] == [count[door]] * 2, door
            assert found["operation_minutes"][f"{door} {side}"] == [count[door]], door
            assert found["operation_hours"][f"{door} {side}"] == [count[door]], door
            assert found["instance_minutes"][f"{door} {side}"] == [count[door]], door
            assert found["call_ends"][f"{door} {side}"] == [count[door]] * 2, door
        assert found["trace_summaries"][door] == [count[door], 2, 2], door
        assert found["edges"][f"{door} a"] == [count[door]], door
        assert found["error_events"][f"{door} b"] == [count[door]], door
        assert found["error_groups"][f"{door} b"] == [count[door]], door
        assert found["error_minutes"][f"{door} b"] == [count[door]], door
    for door in ("grpc logs", "http logs"):
        assert found["logs"][door] == [count[door]] * 2, door
        assert found["log_minutes"][door] == [count[door]], door
    for door in ("grpc metrics", "http metrics", "remote write"):
        assert found["points"][door] == [count[door]] * 3, door
    assert found["operation_minutes"]["elastic"] == [len(elastic)]
    assert found["error_groups"]["elastic"] == [len(found["elastic errors"])]
    assert found["error_minutes"]["elastic"] == [len(found["elastic errors"])]
    assert found["log_minutes"]["elastic"] == [len(found["elastic logs"]) + len(found["elastic errors"])]


def _found(port: int) -> dict[str, Any]:
    """What the store has: numbers by service, and for Elastic the numbers that arrived."""

    def by(select: str) -> dict[str, list[int]]:
        return {row.pop("by"): [int(value) for value in row.values()] for row in ask(port, select)}

    first = ", ".join(f"'{number:02x}'" for number in range(1, len(DOORS) + 1))
    names = ", ".join(f"'{door}'" for door in DOORS)
    place = f"transform(substring(trace_id, 1, 2), [{first}], [{names}], '')"
    span = "SELECT toInt64(reinterpretAsUInt64(reverse(unhex(concat('000', substring(span_id, 4)))))) AS n"
    found: dict[str, Any] = {
        "spans": by("SELECT service AS by, count(), uniqExact(span_id) FROM ktlo.spans GROUP BY service"),
        "call_ends": by(
            "SELECT service AS by, count(), uniqExact(span) FROM ktlo.call_ends GROUP BY service"
        ),
        "trace_summaries": by(
            f"SELECT {place} AS by, count(), min(spans), max(spans) FROM ktlo.trace_summaries"
            " WHERE NOT has(services, 'ktlo') GROUP BY by"
        ),
        "edges": by(
            "SELECT client AS by, sum(calls) FROM ktlo.service_edges WHERE server LIKE '% b' GROUP BY by"
        ),
        "error_events": by("SELECT service AS by, count() FROM ktlo.error_events GROUP BY by"),
        "error_groups": by("SELECT services[1] AS by, sum(occurrences) FROM ktlo.error_groups GROUP BY by"),
        "error_minutes": by("SELECT service AS by, sum(occurrences) FROM ktlo.error_minutes GROUP BY by"),
        "logs": by(
            "SELECT service AS by, count(), uniqExact(attributes['n']) FROM ktlo.log_records GROUP BY by"
        ),
        "log_minutes": by("SELECT service AS by, sum(records) FROM ktlo.log_minutes GROUP BY by"),
        "points": by(
            "SELECT s.service AS by, count(), uniqExact(p.value), max(p.value) FROM ktlo.metric_points AS p"
            " JOIN ktlo.metric_series AS s USING (series) GROUP BY by"
        ),
    }
    for noun in ("operation_minutes", "operation_hours"):
        found[noun] = by(f"SELECT service AS by, sum(calls) FROM ktlo.{noun} GROUP BY by")
    found["instance_minutes"] = by("SELECT service AS by, sum(spans) FROM ktlo.instance_minutes GROUP BY by")
    for name, select in {
        "elastic spans": f"{span} FROM ktlo.spans WHERE service = 'elastic'",
        "elastic errors": f"{span} FROM ktlo.error_events WHERE service = 'elastic'",
        "elastic logs": "SELECT toInt64(substring(body, 9)) AS n FROM ktlo.log_records"
        " WHERE service = 'elastic' AND body LIKE 'elastic %'",
        "elastic points": "SELECT toInt64(p.value) AS n FROM ktlo.metric_points AS p"
        " JOIN ktlo.metric_series AS s USING (series) WHERE s.service = 'elastic' AND s.name = 'killed'",
    }.items():
        (told,) = ask(port, f"SELECT groupArray(n) AS n FROM ({select})")
        found[name] = sorted(int(one) for one in told["n"])
    return found
