"""What the store has of the traffic of the crash tests, and that it is what was acknowledged: all of it, and once."""

from __future__ import annotations

import time
from typing import Any

import httpx
from kill_traffic import DOORS, REPEATING, Traffic
from running_ktlo import ask

TRACES = ("grpc traces", "http traces", "zipkin")


def settled(port: int, calls: int) -> None:
    """Wait until spools are empty and calls are paired."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.5)
        state = httpx.get(f"http://127.0.0.1:{port}/telemetry.json", timeout=30).json()
        (edges,) = ask(port, "SELECT sum(calls) AS n FROM ktlo.service_edges WHERE server LIKE '% b'")
        if not any(one["waiting_bytes"] for one in state["signals"]) and (edges["n"] or 0) >= calls:
            return


def check(traffic: Traffic, found: dict[str, Any]) -> None:
    """Fail unless everything that was acknowledged is there, once, in rows and in all that follows from them.

    Args:
        traffic: finished.
        found: what the store has; see :func:`found_in`.
    """
    sent, acknowledged = traffic.sent, traffic.acknowledged
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


def found_in(port: int) -> dict[str, Any]:
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
