"""The embedded store keeps what it acknowledged: through kill -9, a full disk, and a second process."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from ktlo.errors import StoreBusyError, StoreError
from ktlo.records import TABLES
from ktlo.records.arrow import schema
from ktlo.records.schema import Life
from ktlo.store import embedded
from ktlo.store.embedded import EmbeddedStore

WRITER = Path(__file__).with_name("writer.py")
KILLS = int(os.environ.get("KTLO_KILLS", "6"))
TAGS = TABLES["tags"]


def tags(*names: str, sha: str = "c0ffee") -> pa.RecordBatch:
    row = {"source": "git", "repository": "acme/shop", "sha": sha, "row_version": 1, "is_deleted": 0}
    row |= {"tagged_at": dt.datetime(2026, 3, 2, tzinfo=dt.UTC)}
    return pa.RecordBatch.from_pylist([row | {"name": name} for name in names], schema=schema(TAGS))


def killed_writer(folder: Path, first: int, seconds: float) -> list[int]:
    """Start the writer, kill it after its first batch and a while; the batches it acknowledged."""
    command = [sys.executable, str(WRITER), str(folder), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        acknowledged = [int(process.stdout.readline())]
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
    return acknowledged + [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]


def test_kill_9_loses_nothing_acknowledged_doubles_nothing_and_mixes_nothing(tmp_path):
    acknowledged: list[int] = []
    for _ in range(KILLS):
        # The batch that may have been cut off is written again, as a source does.
        first = max(acknowledged, default=-1) + 1
        acknowledged += killed_writer(tmp_path / "store", first, random.uniform(0, 0.3))
        store = EmbeddedStore(tmp_path / "store")
        try:
            store.migrate()
            kept = store.query(
                "SELECT splitByChar('-', name)[1] AS batch, count() AS n, uniqExact(name) AS distinct"
                " FROM ktlo.tags GROUP BY batch"
            ).to_pylist()
            replaced = store.query("SELECT title, count() AS n FROM ktlo.verdicts GROUP BY title").to_pylist()
        finally:
            store.close()
        assert {str(number) for number in acknowledged} <= {row["batch"] for row in kept}
        assert {(row["n"], row["distinct"]) for row in kept} == {(500, 500)}
        last = acknowledged[-1]
        assert replaced in ([{"title": str(last), "n": 1_000}], [{"title": str(last + 1), "n": 1_000}])


def test_a_second_process_is_told_which_one_has_the_store(tmp_path):
    command = [sys.executable, str(WRITER), str(tmp_path / "store"), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            process.stdout.readline()
            with pytest.raises(StoreBusyError, match=f"process {process.pid}") as refused:
                EmbeddedStore(tmp_path / "store")
            assert "--data" in refused.value.fix
        finally:
            process.kill()
            process.communicate()
    # The lock goes with the process, however it ended; the file that stays is no obstacle.
    assert (tmp_path / "store" / "ktlo.lock").exists()
    EmbeddedStore(tmp_path / "store").close()


def test_an_answer_never_begins_with_what_a_failed_question_wrote(store):
    for _ in range(3):
        with pytest.raises(StoreError, match="stop here"):
            store.query("SELECT number, throwIf(number = 90000, 'stop here') FROM numbers(100000)")
        assert store.query("SELECT 1 AS a").to_pylist() == [{"a": 1}]


def test_a_closed_store_says_so(store):
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.query("SELECT 1")


def test_a_process_that_has_one_folder_open_is_told_to_close_it_first(store, tmp_path):
    with pytest.raises(StoreError, match="another folder open"):
        EmbeddedStore(tmp_path / "other")


def test_the_folder_is_its_owners_alone(store, tmp_path):
    assert (tmp_path / "store").stat().st_mode & 0o077 == 0


def test_one_statement_may_use_half_of_the_memory_and_no_more(store):
    limit = int(store.query("SELECT getSetting('max_memory_usage') AS n")["n"][0].as_py())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < limit <= memory // 2


_NAMES = (
    "SELECT concat('a rather long name of item ', toString(number * 7919)) AS k, number FROM numbers(3000000)"
)
_LARGE = {
    "Aggregation": f"SELECT count() AS n FROM (SELECT k, count() FROM ({_NAMES}) GROUP BY k)",
    "Join": f"SELECT count() AS n FROM ({_NAMES}) AS a INNER JOIN ({_NAMES}) AS b ON a.k = b.k",
    "Distinct": f"SELECT count() AS n FROM (SELECT DISTINCT k FROM ({_NAMES}))",
}
"""Statements with a step each that holds more than 400 MiB when it is done at once."""


@pytest.mark.parametrize("step", _LARGE)
def test_a_statement_larger_than_its_memory_goes_on_in_parts_and_answers(tmp_path, monkeypatch, step):
    monkeypatch.setattr(embedded, "_memory_limit", lambda: 400 << 20)
    large = EmbeddedStore(tmp_path / "store")
    try:
        assert large.query(_LARGE[step])["n"].to_pylist() == [3_000_000]
        written = large.query(
            "SELECT value FROM system.events WHERE event = {event:String}",
            {"event": f"External{step}WritePart"},
        )
        assert written.num_rows, "nothing was put aside"
    finally:
        large.close()


def test_a_step_may_hold_a_quarter_of_the_memory_of_its_statement(store):
    for step in ("group_by", "sort", "join", "distinct"):
        asked = (
            f"SELECT getSetting('max_bytes_before_external_{step}') * 4 - getSetting('max_memory_usage') AS n"
        )
        assert -4 < int(store.query(asked)["n"][0].as_py()) <= 0


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "store").write_text("not a folder", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be opened"):
        EmbeddedStore(tmp_path / "store")


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """A small file system in memory; needs root."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)], check=False
    )
    if made.returncode:
        pytest.skip("a small file system can only be mounted by root, where the kernel lets it")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    with mounted(tmp_path / "disk", "ro") as disk, pytest.raises(StoreError, match="Read-only") as refused:
        EmbeddedStore(disk / "store")
    assert "--data" in refused.value.fix


def test_a_full_disk_is_told_and_what_was_stored_stays(tmp_path):
    with mounted(tmp_path / "disk", "size=64m") as disk:
        store = EmbeddedStore(disk / "store")
        try:
            store.migrate()
            store.insert(TAGS, tags("v1"))
            noise = [os.urandom(2_000).hex() for _ in range(20_000)]
            with pytest.raises(StoreError, match="disk is full"):
                store.insert(TAGS, tags(*noise))
            counted = store.query("SELECT name FROM ktlo.tags")
            assert counted["name"].to_pylist() == ["v1"]
            store.insert(TAGS, tags("v2"))
            assert store.query("SELECT count() AS n FROM ktlo.tags")["n"].to_pylist() == [2]
        finally:
            store.close()


TRACES_ALONE = Path(__file__).parent / "golden" / "layout_of_traces_alone.sql"
"""The streamed tables as ktlo first made them; much is to be added."""


@pytest.mark.parametrize("free", [0, 100, 1_000, 4_200])
def test_a_migration_on_a_full_disk_is_refused_and_the_store_is_opened_and_migrated_when_there_is_room(
    tmp_path, free
):
    with mounted(tmp_path / "disk", "size=64m") as disk:
        with contextlib.closing(EmbeddedStore(disk / "store")) as store:
            for statement in TRACES_ALONE.read_text(encoding="utf-8").split("\n;\n"):
                store.execute(statement)
        fill(disk / "filler", free)
        with contextlib.closing(EmbeddedStore(disk / "store")) as store:
            with pytest.raises(StoreError, match="disk is full") as refused:
                store.migrate()
            assert "Make room" in refused.value.fix
        assert not [path for path in (disk / "store" / "engine").rglob("*.sql") if not path.stat().st_size]
        (disk / "filler").unlink()
        with contextlib.closing(EmbeddedStore(disk / "store")) as store:
            store.migrate()
            store.insert(TAGS, tags("v1"))
            assert store.query("SELECT name FROM ktlo.tags")["name"].to_pylist() == ["v1"]


def test_the_empty_definition_of_a_table_under_way_hinders_neither_replacing_nor_opening(tmp_path):
    # So the engine leaves it when the disk fills up between the look for room and the writing.
    table = next(one for one in TABLES.values() if one.life is Life.DERIVED)
    torn = tmp_path / "store" / "engine" / "metadata" / "ktlo" / f"{table.name}_next.sql"
    with contextlib.closing(EmbeddedStore(tmp_path / "store")) as store:
        store.migrate()
        torn.touch()
        store.replace(table, [])
        assert not torn.exists()
        torn.touch()
    with contextlib.closing(EmbeddedStore(tmp_path / "store")) as store:
        assert store.query(f"SELECT count() AS n FROM ktlo.{table.name}")["n"].to_pylist() == [0]


def test_a_store_is_opened_and_read_on_a_full_disk_and_a_new_one_is_not_begun(tmp_path):
    with mounted(tmp_path / "disk", "size=64m") as disk:
        with contextlib.closing(EmbeddedStore(disk / "store")) as store:
            store.migrate()
            store.insert(TAGS, tags("v1"))
        fill(disk / "filler", 0)
        with contextlib.closing(EmbeddedStore(disk / "store")) as store:
            store.migrate()
            assert store.query("SELECT name FROM ktlo.tags")["name"].to_pylist() == ["v1"]
        with pytest.raises(StoreError, match="the store cannot be opened: the disk is full") as refused:
            EmbeddedStore(disk / "another")
        assert "Make room" in refused.value.fix


def fill(filler: Path, free: int) -> None:
    """Leave so many KiB free."""
    with filler.open("ab", buffering=0) as file:
        while (there := shutil.disk_usage(filler.parent).free - (free << 10)) > 0:
            with contextlib.suppress(OSError):
                file.write(bytes(min(there, 1 << 20)))
