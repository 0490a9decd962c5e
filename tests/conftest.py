"""The house that faces are tested on: one month of two services, made by hand, with real store and state.

A process has one engine, so the house is built and closed once a session; who needs it opens a copy.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

MARCH = "from=2025-03-01&to=2025-03-31"
"""The month in which everything happened, as a query string."""

YAML = """
services:
  shop: {repositories: [acme/shop], names: [storefront], team: Storefront}
  search: {repositories: [acme/search], names: [search], team: Discovery}
teams:
  Storefront: {members: [ada@acme.org]}
  Discovery: {members: [grace@acme.org]}
"""

_WORK = (
    # day of March 2025, repository, author, subject, path, lines
    (3, "acme/shop", "ada", "feat: guest checkout", "src/checkout.py", 220),
    (3, "acme/shop", "ada", "test: guest checkout", "tests/test_checkout.py", 80),
    (4, "acme/shop", "ada", "fix: totals with two vouchers", "src/totals.py", 12),
    (5, "acme/shop", "ada", "chore(deps): bump requests to 2.32", "requirements.txt", 2),
    (6, "acme/shop", "ada", "fix: <b>escape</b> the buyer's name", "src/checkout.py", 9),
    (7, "acme/search", "grace", "feat: synonyms", "src/index.py", 310),
    (10, "acme/search", "grace", "perf: read the index once", "src/index.py", 40),
    (11, "acme/search", "grace", "refactor: split the parser", "src/parser.py", 160),
    (12, "acme/search", "grace", "fix: empty query", "src/parser.py", 4),
    (13, "acme/shop", "grace", "ci: cache the build", ".github/workflows/ci.yml", 18),
    (14, "acme/shop", "ada", "feat: order history", "src/history.py", 190),
    (17, "acme/shop", "ada", "something with the totals", "src/totals.py", 33),
    (18, "acme/search", "grace", "fix: security: validate the redirect", "src/parser.py", 21),
    (19, "acme/shop", "ada", "feat: gift cards", "src/checkout.py", 140),
)
_INCIDENTS = (
    # name, service, severity, day, hour, hours until resolved (None: open)
    ("INC-1", "storefront", "1 - Critical", 4, 9, 2.0),
    ("INC-2", "storefront", "2 - High", 6, 14, 5.0),
    ("INC-3", "search", "2 - High", 11, 8, 1.0),
    ("INC-4", "search", "3 - Moderate", 18, 16, 26.0),
    ("INC-5", "storefront", "3 - Moderate", 20, 10, 8.0),
    ("INC-6", "storefront", "2 - High", 28, 11, None),
)
_OUTAGES = (
    # service, day, hour, hours; the second overlaps the first: together 3 hours of the shop
    ("storefront", 4, 9, 2.0),
    ("storefront", 4, 10, 2.0),
    ("search", 11, 8, 1.0),
)
_BUGS = (
    # number, repository, title, day opened, day closed
    ("11", "acme/shop", "Totals are wrong with two vouchers", 3, 4),
    ("12", "acme/shop", "Name is shown as HTML <script>alert(1)</script>", 5, 6),
    ("13", "acme/search", "Empty query fails", 10, 12),
    ("14", "acme/shop", "=cmd|' /C calc'!A0", 15, None),
)


def at(day: int, hour: float = 10) -> dt.datetime:
    """A moment of March 2025, UTC."""
    return dt.datetime(2025, 3, day, tzinfo=dt.UTC) + dt.timedelta(hours=hour)


def record(noun: type, **said: Any) -> Any:
    """A record that says only what matters."""
    from ktlo.records import table_of
    from ktlo.records.schema import Kind

    empty = {
        Kind.STRING: "", Kind.LABEL: "", Kind.INTEGER: 0, Kind.FLOAT: 0.0, Kind.BOOLEAN: False,
        Kind.INSTANT: at(1), Kind.DATE: at(1).date(), Kind.STRINGS: (), Kind.MAP: {},
    }  # fmt: skip
    names = {field.name for field in dataclasses.fields(noun)}
    blank = {c.name: None if c.optional else empty[c.kind] for c in table_of(noun).columns}
    return noun(**{**{name: blank[name] for name in names}, **said})


def _commits() -> Iterable[Any]:
    from ktlo.records.code import Commit, FileChange

    for number, (day, repository, author, subject, path, lines) in enumerate(_WORK):
        moment, mail = at(day, 9 + number % 3), f"{author}@acme.org"
        common = {"source": f"git:{repository}", "repository": repository, "sha": f"{number:040x}"[::-1]}
        yield record(
            Commit, **common, authored_at=moment, committed_at=moment, author_name=author.capitalize(),
            author_email=mail, committer_name=author.capitalize(), committer_email=mail, subject=subject,
            files_changed=1, lines_added=lines, paths=(path,), dated_by="author",
        )  # fmt: skip
        yield record(
            FileChange, **common, path=path, authored_at=moment, author_email=mail, lines_added=lines
        )


def _tree() -> Iterable[Any]:
    from ktlo.records.code import File

    for path, repository in {(path, repository): None for _, repository, _, _, path, _ in _WORK}:
        if path.endswith(".py"):
            yield record(
                File, source=f"git:{repository}", repository=repository, path=path, language="Python",
                lines=100 + 10 * len(path), complexity=20.0 + len(path), role="source",
            )  # fmt: skip


def _reliability() -> Iterable[Any]:
    from ktlo.records.reliability import Incident, IncidentEvent, Outage

    for name, service, severity, day, hour, lasted in _INCIDENTS:
        end = None if lasted is None else at(day, hour + lasted)
        yield record(
            Incident, source="csv:incidents", external_id=name, service=service, severity=severity,
            title=f"{service} is slow", state="resolved" if end else "open", detected_at=at(day, hour),
            acknowledged_at=at(day, hour + 0.25), resolved_at=end, responders=("ada@acme.org",),
            url=f"https://desk.example/{name}",
        )  # fmt: skip
        yield record(
            IncidentEvent, source="csv:incidents", incident_id=name, event_id="1", kind="acknowledged",
            occurred_at=at(day, hour + 0.25), actor="ada@acme.org",
        )  # fmt: skip
    for number, (service, day, hour, lasted) in enumerate(_OUTAGES):
        yield record(
            Outage, source="csv:outages", external_id=str(number), service=service,
            started_at=at(day, hour), ended_at=at(day, hour + lasted), severity="full",
        )  # fmt: skip


def _issues() -> Iterable[Any]:
    from ktlo.records.work import Issue

    for number, repository, title, opened, closed in _BUGS:
        yield record(
            Issue, source="csv:issues", external_id=number, repository=repository, title=title,
            issue_type="Bug", labels=("bug",), state="closed" if closed else "open",
            closed_as="completed" if closed else "", author="ada@acme.org", created_at=at(opened),
            closed_at=at(closed) if closed else None, updated_at=at(closed or opened),
            url=f"https://tracker.example/{number}",
        )  # fmt: skip


def _collections() -> Iterable[Any]:
    from ktlo.records.collection import Collection, Rejection

    for source in ("git:acme/shop", "git:acme/search", "csv:incidents", "csv:outages", "csv:issues"):
        yield Collection(
            source=source, started_at=at(31, 6), finished_at=at(31, 7), status="complete", rows=10,
            rejected=0, message="",
        )  # fmt: skip
    yield record(
        Rejection, source="csv:incidents", place="incidents.csv:7", reason="the end is before the start",
        excerpt="INC-7,<i>odd</i>", seen_at=at(31, 7), is_kept=False,
    )  # fmt: skip


def git_repository(folder: Path, subjects: Iterable[str]) -> Path:
    """A real git repository with one commit a subject."""

    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)

    folder.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main")
    git("config", "user.name", "Ada")
    git("config", "user.email", "ada@acme.org")
    for number, subject in enumerate(subjects):
        (folder / f"file{number}.py").write_text(f"def work():\n    return {number}\n", encoding="utf-8")
        git("add", ".")
        git("commit", "--quiet", "-m", subject)
    return folder


@pytest.fixture(scope="session")
def house_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house, built and closed: ``house/data`` (store and state) and ``house/ktlo.yaml``."""
    from ktlo.effort.classify import NoClassifier
    from ktlo.effort.derive import derive
    from ktlo.records import table_of
    from ktlo.records.arrow import to_arrow
    from ktlo.server.runtime import Runtime
    from ktlo.settings import load_settings

    folder = tmp_path_factory.mktemp("house")
    (folder / "ktlo.yaml").write_text(YAML, encoding="utf-8")
    git_repository(folder / "shop", ["feat: begin", "fix: mend"])
    runtime = Runtime(load_settings(folder / "ktlo.yaml"), folder / "data")
    by_noun: dict[type, list[Any]] = {}
    for each in (*_commits(), *_tree(), *_reliability(), *_issues(), *_collections()):
        by_noun.setdefault(type(each), []).append(each)
    for noun, records in by_noun.items():
        runtime.store.insert(table_of(noun), to_arrow(records, noun))
    runtime.add_source("git", {"path": str(folder / "shop"), "name": "acme/shop"})
    derive(runtime.store, runtime.state, runtime.settings, lambda _: NoClassifier())
    runtime.close()
    return folder


@pytest.fixture(scope="module")
def house_copy(house_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house that a module's tests may change."""
    copy = tmp_path_factory.mktemp("copy") / "house"
    shutil.copytree(house_folder, copy, symlinks=True)
    return copy


@pytest.fixture(scope="session")
def march() -> str:
    """The month in which everything happened, as a query string."""
    return MARCH


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Gives the engine's folder of an empty store that was migrated once, made when first asked for."""
    folder = tmp_path_factory.mktemp("migrated") / "data"

    def engine() -> Path:
        from ktlo.store import embedded

        if not folder.exists():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(embedded, "_make_sure_of_room", lambda _: None)
                store = embedded.EmbeddedStore(folder)
                store.migrate()
                store.close()
        return folder / "engine"

    return engine


@pytest.fixture(scope="module", autouse=True)
def new_stores_are_copies(request: pytest.FixtureRequest, migrated: Callable[[], Path]) -> Iterator[None]:
    """A new store of this process begins as a copy of a migrated one, not in the tests of stores themselves.

    Migrating takes a second of two cores, and hundreds of tests begin with a new store.
    """
    if "store" in request.path.parent.parts or request.path.parent.name == "conformance":
        yield
        return
    from ktlo.store import embedded

    check = embedded._make_sure_of_room

    def copied(folder: Path) -> None:
        check(folder)
        if not (folder / "engine").exists():
            shutil.copytree(migrated(), folder / "engine", symlinks=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "_make_sure_of_room", copied)
        yield


@dataclasses.dataclass(frozen=True)
class Said:
    """What a command did."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """What it printed, as a program reads it."""
        return json.loads(self.out)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """``command("metrics", "--json")``: ktlo as a shell without a terminal would run it, in this process."""
    from ktlo.cli import main, output

    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    # The consoles are made when their module is first imported, perhaps by a test with another width.
    for one in (output.console, output.notes):
        monkeypatch.setattr(one, "_width", 200)

    def run(*words: str) -> Said:
        monkeypatch.setattr("sys.argv", ["ktlo", *words])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return run


@contextlib.contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an application on a free port of this machine while the block runs; gives its address."""
    import uvicorn

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
        listener.close()


@pytest.fixture(scope="session")
def serve() -> Callable[[Any], contextlib.AbstractContextManager[str]]:
    """Serves an application over a real socket; see :func:`served`."""
    return served
