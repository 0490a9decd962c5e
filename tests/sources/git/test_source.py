"""The source from end to end: collector, embedded store and state together, and a process that is killed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from ktlo.sources.collector import collect
from ktlo.sources.git import GitSource
from ktlo.sources.registry import make_source
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from ktlo.sources.collector import collect
from ktlo.sources.git.log import Limits
from ktlo.sources.registry import make_source
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

Limits.__init__.__defaults__ = (50, 50_000, 10**7)
repository, folder = sys.argv[1], Path(sys.argv[2])
store, state = EmbeddedStore(folder), State.in_folder(folder)
store.migrate()

def report(progress):
    if progress.done >= 150:
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(collect(make_source("git", {"path": repository}), store, state, report))
"""


def long_history(repo, commits: int) -> None:
    stream = b""
    for number in range(1, commits + 1):
        body = b"".join(b"line %d  # TODO %d\n" % (line, number) for line in range(3))
        stream += b"commit refs/heads/main\ncommitter Ada <ada@example.org> %d +0000\ndata 6\nchange\n" % (
            1_700_000_000 + number * 60
        )
        stream += b"M 644 inline f%d.py\ndata %d\n%s\n" % (number % 20, len(body), body)
    repo.load(stream)
    repo.git("tag", "v1", "main")


def content(store: EmbeddedStore) -> dict[str, list]:
    columns = {table: f"SELECT * FROM ktlo.{table} ORDER BY ALL" for table in GitSource.brings}
    return {table: store.query(sql).to_pylist() for table, sql in columns.items()}


def test_a_killed_collection_is_continued_and_a_second_one_changes_nothing(repo, tmp_path):
    long_history(repo, 300)
    folder = tmp_path / "store"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(repo.path), str(folder)],
        capture_output=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},  # what a killed process cannot clean up
    )
    assert killed.returncode == -9, killed.stderr.decode()
    store, state = EmbeddedStore(folder), State.in_folder(folder)
    try:
        source = make_source("git", {"path": str(repo.path)})
        already = store.query("SELECT count() AS n FROM ktlo.commits")["n"][0].as_py()
        assert already == 150
        continued = asyncio.run(collect(source, store, state))
        assert continued.status == "complete", continued.message
        whole = content(store)
        assert len(whole["commits"]) == len(whole["file_changes"]) == 300
        assert len(whole["files"]) == 20
        second = asyncio.run(collect(source, store, state))
        assert (second.status, second.rows) == ("complete", 0)
        assert content(store) == whole
        counted = store.query("SELECT count() AS n FROM ktlo.commits_log")["n"][0].as_py()
        assert counted <= 300 + 50
    finally:
        store.close()
        state.close()


def test_a_failure_is_a_sentence_in_the_collection(tmp_path):
    store, state = EmbeddedStore(tmp_path / "store"), State.in_folder(tmp_path / "store")
    try:
        store.migrate()
        outcome = asyncio.run(collect(make_source("git", {"path": str(tmp_path)}), store, state))
        assert outcome.status == "failed"
        assert "no git repository" in outcome.message
    finally:
        store.close()
        state.close()


def test_the_event_loop_stays_free_while_git_works(repo, monkeypatch):
    """Other tasks run between and during batches: a slow step of git does not hold them up."""
    repo.commit(a="1")
    source = make_source("git", {"path": str(repo.path)})
    slow = source._batches

    ticked, went_on = threading.Event(), []

    def waiting(*arguments):
        for batch in slow(*arguments):
            ticked.clear()
            went_on.append(all(went_on) and ticked.wait(60))
            yield batch

    monkeypatch.setattr(source, "_batches", waiting)

    async def run() -> int:
        batches = 0

        async def tick() -> None:
            while True:
                await asyncio.sleep(0.005)
                ticked.set()

        ticking = asyncio.create_task(tick())
        async for _ in source.collect({}):
            batches += 1
        ticking.cancel()
        return batches

    batches = asyncio.run(run())
    assert went_on == [True] * batches
    assert batches


def test_a_collection_that_is_cancelled_ends_its_processes(repo):
    long_history(repo, 300)
    source = make_source("git", {"path": str(repo.path)})

    async def run() -> None:
        async def all_of_it() -> None:
            async for _ in source.collect({}):
                await asyncio.sleep(0)

        task = asyncio.create_task(all_of_it())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_a_url_is_mirrored_and_kept_up_to_date(repo, tmp_path, collect):
    repo.commit("one", a="1")
    repo.git("tag", "v1")
    url = f"file://{repo.path}"
    shelf = collect(url)
    assert [row["subject"] for row in shelf.rows("commits")] == ["one"]
    assert [row["name"] for row in shelf.rows("tags")] == ["v1"]
    repo.git("branch", "-m", "main", "trunk")
    repo.git("commit", "--quiet", "--amend", "-m", "rewritten")
    repo.git("tag", "-d", "v1")
    collect(url, shelf)
    assert [row["subject"] for row in shelf.rows("commits")] == ["rewritten"]
    assert shelf.rows("tags") == []
    assert list((tmp_path / "data" / "mirrors").iterdir())
