"""Killed in the middle of ingest of all signals and formats at once: what was acknowledged is there, and once.

Three kills on every run; ``KTLO_KILLS=50 pytest tests/receivers/test_kill_9.py -s`` does fifty and prints the counts.
"""

from __future__ import annotations

import json
import os
import random
import time

from arrived_once import TRACES, check, found_in, settled
from kill_traffic import DOORS, Traffic
from running_ktlo import free_ports, listening, running

KILLS = int(os.environ.get("KTLO_KILLS", "3"))
SEED = int(os.environ.get("KTLO_KILL_SEED", "7"))


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
        found = found_in(ports[2])
    print(f"\n{KILLS} kills, {traffic.repeated} requests repeated; acknowledged and stored, by door:")
    for door in DOORS:
        print(f"  {door}: {len(traffic.sent[door])} sent, {len(traffic.acknowledged[door])} acknowledged")
    print(json.dumps(found, indent=1, default=str))
    check(traffic, found)
