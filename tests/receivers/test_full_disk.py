"""A disk that is full while all formats arrive: refused as each protocol says, told, and nothing acknowledged is lost.

A real one: a small file system in memory, which needs root; skipped where it cannot be mounted.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from arrived_once import TRACES, check, found_in, settled
from kill_traffic import DOORS, Traffic
from running_ktlo import free_ports, listening, running

MIB = 96


@dataclass
class Happened:
    """What was seen from the first request to the last.

    Attributes:
        traffic: what was sent, acknowledged and refused.
        full: refusals by door while the disk was full.
        acknowledged: requests by door: before the disk was full, while it was, after it.
        told: the state of the receivers while the disk was full, and when there was room again.
        health: what the probe was answered while the disk was full.
        found: what the store has after a restart.
    """

    traffic: Traffic
    full: dict[str, Counter[str]] = field(default_factory=dict)
    acknowledged: list[dict[str, int]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    health: int = 0
    found: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("full") / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={MIB}m", "ktlo-test", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@contextlib.contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Not a byte is free: what others free is taken at once."""
    stop = threading.Event()

    def take() -> None:
        with (disk / "filler").open("ab", buffering=0) as file:
            while not stop.is_set():
                for size in (1 << 20, 1 << 12):
                    with contextlib.suppress(OSError):
                        while file.write(bytes(size)) == size:
                            pass
                stop.wait(0.01)

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        (disk / "filler").unlink()


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture(scope="module")
def happened(disk: Path) -> Happened:
    ports, data = free_ports(3), disk / "data"
    (disk / "ktlo.yaml").write_text(
        f"telemetry: {{http_port: {ports[0]}, grpc_port: {ports[1]}, elastic_port: 0}}\nsql: {{port: 0}}\n",
        encoding="utf-8",
    )
    traffic = Traffic(ports[0], ports[1], time.time_ns() // 60_000_000_000 * 60_000_000_000)
    seen = Happened(traffic)
    with (
        running(data, ports) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{ports[2]}", timeout=30) as page,
    ):
        listening(ports[2])

        def count() -> dict[str, int]:
            return {door: len(traffic.acknowledged[door]) for door in DOORS}

        def more_than(before: dict[str, int]) -> bool:
            return all(len(traffic.acknowledged[door]) > before[door] + 3 for door in DOORS)

        until(lambda: more_than(dict.fromkeys(DOORS, 0)), "not every door takes requests")
        seen.acknowledged.append(count())
        with filled(disk):
            time.sleep(0.5)
            before = {door: Counter(traffic.refused[door]) for door in DOORS}
            until(
                lambda: all((traffic.refused[door] - before[door]).total() > 3 for door in DOORS),
                "not every door refuses",
            )
            until(
                lambda: all(
                    "full" in one["last_error"] for one in page.get("/telemetry.json").json()["signals"]
                ),
                "the store does not try to load",
            )
            seen.full = {door: traffic.refused[door] - before[door] for door in DOORS}
            seen.told.append(page.get("/telemetry.json").json())
            seen.health = page.get("/api/v1/health").status_code
            assert server.poll() is None
            seen.acknowledged.append(count())
        until(lambda: more_than(seen.acknowledged[-1]), "not every door takes requests again")
        traffic.finish()
        until(lambda: page.get("/telemetry.json").json()["is_well"], "it is never well again")
        seen.told.append(page.get("/telemetry.json").json())
        seen.acknowledged.append(count())
    with running(data, ports):
        listening(ports[2])
        settled(ports[2], sum(len(traffic.sent[door]) for door in TRACES))
        seen.found = found_in(ports[2])
    return seen


@pytest.mark.parametrize("door", DOORS)
def test_on_a_full_disk_a_door_refuses_so_that_senders_come_again_and_takes_again_when_there_is_room(
    happened, door
):
    (how,) = happened.full[door]
    assert how == ("UNAVAILABLE with RetryInfo" if door.startswith("grpc") else "503 with Retry-After")
    before, full, after = (each[door] for each in happened.acknowledged)
    assert 0 < before <= full < after


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_a_full_disk_is_told_on_the_telemetry_page_until_it_is_over(happened, signal):
    full, over = ({one["signal"]: one for one in told["signals"]}[signal] for told in happened.told)
    assert full["shed"] > 0
    assert [told["is_well"] for told in happened.told] == [False, True]
    assert "No space left" in full["no_room"]
    assert "full" in full["last_error"]
    assert (over["no_room"], over["last_error"], over["set_aside"]) == ("", "", 0)


def test_a_process_whose_disk_is_full_lives_and_answers_its_probe(happened):
    assert happened.health == 200


def test_after_a_full_disk_and_a_restart_everything_acknowledged_is_there_once(happened):
    check(happened.traffic, happened.found)
