"""The state database keeps sources, cursors and corrections, in SQLite and in a real PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from ktlo.errors import StoreError
from ktlo.store.state import Base, State


def _program(name: str) -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    on_path = shutil.which(name)
    return found[-1] if found else Path(on_path) if on_path else None


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A throwaway PostgreSQL on a loopback port; the URL of its database."""
    initdb, server = _program("initdb"), _program("postgres")
    if initdb is None or server is None:
        pytest.skip("PostgreSQL's programs are not installed (Debian: apt-get install postgresql)")
    identity: dict[str, object] = {}
    # Not under pytest's folder, which only its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="ktlo-postgresql-"))
    if os.geteuid() == 0:
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            folder.rmdir()
            pytest.skip("PostgreSQL refuses to run as root and there is no user postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        identity = {"user": user.pw_uid, "group": user.pw_gid}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    made = subprocess.run(
        [str(initdb), "-D", str(data), "-U", "ktlo", "-A", "trust", "-N", "--locale=C.UTF-8"],
        capture_output=True,
        text=True,
        cwd=folder,
        **identity,
    )
    assert made.returncode == 0, made.stderr
    options = ["-D", str(data), "-p", str(port), "-k", str(folder), "-c", "fsync=off"]
    log = folder / "log"
    with (
        log.open("wb") as told,
        subprocess.Popen(
            [str(server), *options], stderr=told, stdout=told, cwd=folder, **identity
        ) as process,
    ):
        try:
            while b"ready to accept connections" not in log.read_bytes():
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
            yield f"postgresql+psycopg://ktlo@127.0.0.1:{port}/postgres"
        finally:
            # SIGINT: a fast shutdown, which waits for no client.
            process.send_signal(signal.SIGINT)
            process.wait(60)
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path) -> Iterator[str]:
    """A database with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/state.sqlite"
        return
    server = request.getfixturevalue("postgresql")
    yield server
    engine = sa.create_engine(server)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()


@pytest.fixture
def state(url) -> Iterator[State]:
    opened = State(url)
    yield opened
    opened.close()


def test_sources_are_kept_changed_and_removed(state):
    state.add_source("git:shop", "git", {"path": "/srv/shop 'é"})
    state.add_source("csv:1", "csv", {"columns": {"opened": "Öffnung"}})
    state.add_source("git:shop", "git", {"path": "/srv/shop2"})
    assert [(s.source_id, dict(s.options)) for s in state.sources()] == [
        ("git:shop", {"path": "/srv/shop2"}),
        ("csv:1", {"columns": {"opened": "Öffnung"}}),
    ]
    assert all(s.added_at.tzinfo for s in state.sources())
    assert state.remove_source("csv:1")
    assert not state.remove_source("csv:1")
    assert not state.remove_source("nobody")
    assert [s.source_id for s in state.sources()] == ["git:shop"]


def test_a_cursor_is_what_was_committed_last(state):
    assert state.cursor("git:shop") == {}
    state.set_cursor("git:shop", {"head": "a", "pages": [1, 2]})
    state.set_cursor("git:shop", {"head": "b"})
    assert state.cursor("git:shop") == {"head": "b"}


def test_the_newest_correction_of_a_key_is_in_force_until_withdrawn(state):
    state.correct("category", "commit|git|c0ffee", "bug_fix", "ada")
    state.correct("category", "commit|git|c0ffee", "debt", "ben")
    state.correct("category", "commit|git|f00d", "feature", "ben")
    state.correct("category", "commit|git|f00d", "", "ada")
    state.correct("person", "mail:a@b", "Ada", "ada")
    assert [(c.key, c.value, c.author) for c in state.corrections("category")] == [
        ("commit|git|c0ffee", "debt", "ben")
    ]


def test_what_was_kept_is_there_after_opening_again(url):
    first = State(url)
    first.set_cursor("git:shop", {"head": "a"})
    first.close()
    second = State(url)
    assert second.cursor("git:shop") == {"head": "a"}
    second.close()


def test_threads_write_at_once(state):
    def write(number: int) -> None:
        for turn in range(5):
            state.set_cursor(f"source-{number}", {"turn": turn})
            state.correct("person", f"{number}", f"{turn}", "ada")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {state.cursor(f"source-{number}")["turn"] for number in range(8)} == {4}
    assert len(state.corrections("person")) == 8


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "ktlo.store:state_migrations")
    config.attributes["connection"] = connection
    return config


def test_each_revision_leads_to_the_next_and_the_last_is_what_the_code_reads(url):
    engine = sa.create_engine(url)
    script = ScriptDirectory(str(Path(__import__("ktlo.store").store.__file__).parent / "state_migrations"))
    revisions = [revision.revision for revision in script.walk_revisions()][::-1]
    assert script.get_heads() == revisions[-1:]
    for revision in revisions:
        with engine.begin() as connection:
            command.upgrade(_config(connection), revision)
    made = sa.inspect(engine)
    for table in Base.metadata.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in made.get_columns(table.name)}
        assert columns == {column.name: column.nullable for column in table.columns}
    engine.dispose()
    State(url).close()


def test_a_state_of_a_newer_ktlo_is_told(url):
    State(url).close()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreError, match="newer ktlo"):
        State(url)


@pytest.mark.parametrize("name", ["with space", "per%cent", "que?stion", "ha#sh", "ünïcode", "at@colon:x"])
def test_a_folder_may_have_any_name(tmp_path, name):
    State.in_folder(tmp_path / name).close()
    assert (tmp_path / name / "state.sqlite").exists()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_spoilt_file_is_told(tmp_path):
    (tmp_path / "state.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError, match="not a database") as told:
        State.in_folder(tmp_path)
    assert "state.sqlite" in told.value.where


def test_an_unreachable_server_is_told_without_its_password():
    with pytest.raises(StoreError) as told:
        State("postgresql+psycopg://ktlo:hunter2@127.0.0.1:1/ktlo")
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    "url", ["no url", "nosuchdialect://host/db", "sqlite:////nowhere/at/all/state.sqlite"]
)
def test_what_is_no_usable_url_is_told(url):
    with pytest.raises(StoreError, match="state database"):
        State(url)


def test_the_history_of_a_subject_keeps_what_was_overwritten_and_withdrawn(tmp_path: Path) -> None:
    state = State.in_folder(tmp_path)
    for value in ("0.2", "0.3", ""):
        state.correct("budget", "2026-Q3", value, "ann@example.org")
    assert [said.value for said in state.history("budget")] == ["0.2", "0.3", ""]
    assert state.corrections("budget") == []
    state.close()
