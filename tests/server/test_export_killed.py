"""``ktlo export`` killed at random: under a final name there is a whole day or nothing, and the next run ends it.

Three kills on every run; ``KTLO_KILLS=30 pytest tests/server/test_export_killed.py -s`` does thirty.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ktlo.cli import export
from ktlo.server.runtime import Runtime
from ktlo.settings import Settings
from ktlo.store.streams import TRACES

sys.path.insert(0, str(Path(__file__).parents[1] / "receivers"))

from otlp_requests import Said, request, segment

KILLS = int(os.environ.get("KTLO_KILLS", "3"))
SEED = int(os.environ.get("KTLO_KILL_SEED", "7"))
DAYS, IN_A_DAY = 12, 2_000
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("export-killed")
    runtime = Runtime(Settings(), made / "data")
    for day in range(DAYS):
        spans = [
            Said(
                f"{day:04x}{n:012x}", "GET /", -(day + 1) * DAY_MS + n, 5, trace_id=f"{day + 1:016x}{n:016x}"
            )
            for n in range(IN_A_DAY)
        ]
        (made / "one.segment").write_bytes(segment(request("web", *spans)))
        runtime.store.load(TRACES, made / "one.segment", f"day-{day}")
    runtime.close()
    return made


def rows_of(lake: Path) -> Counter[str]:
    """Rows by day under final names; every file is read to its end."""
    found: Counter[str] = Counter()
    for file in lake.glob("spans/day=*/part-*.parquet"):
        found[file.parent.name] += pq.read_table(file).num_rows
    return found


def test_killed_while_it_exports_no_half_day_is_there_and_the_next_run_completes_it(folder, tmp_path):
    rnd, lake = random.Random(SEED), tmp_path / "lake"
    command = [sys.executable, "-c", "from ktlo.cli import main; main()", "export", "spans", "-o", str(lake)]
    command += ["--data", str(folder / "data"), "--from", "2000-01-01", "--again"]
    begun = time.monotonic()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    took = time.monotonic() - begun
    whole = rows_of(lake)
    assert whole.total() == DAYS * IN_A_DAY
    at_work = 0
    for _ in range(KILLS):
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            time.sleep(took * rnd.uniform(0.3, 1.0))
            process.kill()
            process.communicate()
        at_work += process.returncode != 0
        found = rows_of(lake)
        assert all(found[day] in (0, whole[day]) for day in whole), found
        assert sum(found[day] == 0 for day in whole) <= 1
    print(f"\n{KILLS} kills, {at_work} of them before the end of an export of {took:.1f} s")
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    assert rows_of(lake) == whole
    assert list(lake.rglob(".*")) == []


class _KilledError(BaseException):
    """The process ends here."""


class _Steps:
    """Ends at a chosen change of the file system; an audit hook, which cannot be taken away, only put to rest."""

    def __init__(self) -> None:
        self.left = -1
        sys.addaudithook(self.step)

    def step(self, event: str, _: object) -> None:
        if self.left >= 0 and event in ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "open"):
            self.left -= 1
            if self.left < 0:
                raise _KilledError


class _Client:
    def raw(self, *_: object, **__: object) -> bytes:
        return b"new"


def test_a_day_is_replaced_whole_at_whichever_step_the_process_ends(tmp_path):
    place, steps = tmp_path / "day=2026-03-02", _Steps()
    plan, pieces = {"noun": "spans", "time": "at"}, [{"start": "", "end": ""}] * 3
    seen = set()
    for last in range(40):
        place.mkdir(exist_ok=True)
        for file in range(3):
            (place / f"part-{file:04d}.parquet").write_bytes(b"old")
        steps.left = last
        with contextlib.suppress(_KilledError):
            export._write_day(_Client(), plan, pieces, place)
        steps.left = -1
        there = tuple(sorted(file.read_bytes() for file in place.glob("*")))
        assert there in ((), (b"old",) * 3, (b"new",) * 3), last
        seen.add(there)
    assert len(seen) == 3
    assert [file.name for file in tmp_path.iterdir()] == [place.name]
