"""Small real records with names from life, and a store and a state to put them in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from ktlo.effort.classify import NoClassifier
from ktlo.effort.derive import Derivation, derive
from ktlo.records import TABLES, table_of
from ktlo.records.arrow import to_arrow
from ktlo.records.code import Commit, FileChange
from ktlo.records.people import TimeOff
from ktlo.records.reliability import Incident, IncidentEvent
from ktlo.records.schema import Kind
from ktlo.records.services import CatalogEntry
from ktlo.records.work import Change, Issue, IssueEvent, Review
from ktlo.settings import Settings
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

settings.register_profile("effort", deadline=None)  # two cores, many suites: slow is not wrong
settings.load_profile("effort")

MONDAY = dt.datetime(2026, 3, 2, 10, 0, tzinfo=dt.UTC)
GOLDEN = Path(__file__).parents[1] / "golden"

_EMPTY: dict[Kind, Any] = {
    Kind.STRING: "",
    Kind.LABEL: "",
    Kind.INTEGER: 0,
    Kind.FLOAT: 0.0,
    Kind.BOOLEAN: False,
    Kind.INSTANT: MONDAY,
    Kind.DATE: MONDAY.date(),
    Kind.STRINGS: (),
    Kind.MAP: {},
}


def _record(noun: type, defaults: dict[str, Any], said: dict[str, Any]) -> Any:
    """A record with what is said, then the defaults, then empty values."""
    table = table_of(noun)
    blank = {column.name: None if column.optional else _EMPTY[column.kind] for column in table.columns}
    common = {"repository": "acme/shop", "source": "github:acme/shop"}
    return noun(**blank | {name: common[name] for name in common.keys() & blank.keys()} | defaults | said)


@dataclass
class Records:
    """A store that a test fills by saying only what matters."""

    store: EmbeddedStore
    state: State
    settings: Settings
    waiting: dict[type, list[Any]] = field(default_factory=dict)

    def put(self, *records: Any) -> None:
        """Keep records until they are needed: one insert a table is much quicker than one a row."""
        for record in records:
            self.waiting.setdefault(type(record), []).append(record)

    def flush(self) -> None:
        while self.waiting:
            noun, records = self.waiting.popitem()
            self.store.insert(TABLES[table_of(noun).name], to_arrow(records, noun))

    def commit(self, sha: str, author: str = "Ada Lovelace <ada@acme.org>", **said: Any) -> None:
        name, _, mail = author.partition(" <")
        moment = said.get("authored_at", MONDAY)
        defaults = {
            "source": "git:acme/shop",
            "sha": sha,
            "author_name": name,
            "author_email": mail.rstrip(">"),
            "committer_name": name,
            "committer_email": mail.rstrip(">"),
            "committed_at": moment,
            "authored_at": moment,
            "dated_by": "author",
            "subject": f"work {sha}",
        }
        self.put(_record(Commit, defaults, said))

    def file(self, sha: str, path: str, lines: int) -> None:
        said = {"source": "git:acme/shop", "sha": sha, "path": path, "lines_added": lines}
        self.put(_record(FileChange, {}, said))

    def change(self, number: int, author: str = "ada", **said: Any) -> None:
        url = f"https://github.com/acme/shop/pull/{number}"
        defaults = {"external_id": str(number), "author": author, "url": url, "title": f"change {number}"}
        self.put(_record(Change, {"state": "merged", **defaults}, said))

    def review(self, number: int, reviewer: str, review_id: str = "1", **said: Any) -> None:
        defaults = {
            "change_id": str(number),
            "review_id": review_id,
            "reviewer": reviewer,
            "state": "approved",
        }
        self.put(_record(Review, defaults, said))

    def issue(self, number: int | str, author: str = "ada", **said: Any) -> None:
        url = f"https://github.com/acme/shop/issues/{number}"
        defaults = {"external_id": str(number), "author": author, "url": url, "title": f"issue {number}"}
        self.put(_record(Issue, {"state": "open", **defaults}, said))

    def issue_event(self, number: int | str, kind: str, actor: str, event_id: str = "1", **said: Any) -> None:
        defaults = {
            "issue_id": str(number),
            "kind": kind,
            "actor": actor,
            "event_id": f"{kind}{event_id}{actor}",
        }
        self.put(_record(IssueEvent, defaults, said))

    def incident(self, name: str, **said: Any) -> None:
        defaults = {"source": "pager", "repository": "", "external_id": name, "title": f"incident {name}"}
        self.put(_record(Incident, {"state": "resolved", **defaults}, said))

    def incident_event(self, name: str, kind: str, actor: str, **said: Any) -> None:
        defaults = {
            "source": "pager",
            "incident_id": name,
            "kind": kind,
            "actor": actor,
            "event_id": kind + actor,
        }
        self.put(_record(IncidentEvent, defaults, said))

    def time_off(self, person: str, first: dt.date, last: dt.date) -> None:
        said = {"source": "hr", "person": person, "external_id": person, "first_day": first, "last_day": last}
        self.put(_record(TimeOff, {}, said))

    def catalog_entry(self, name: str, **said: Any) -> None:
        self.put(
            _record(CatalogEntry, {"name": name, "path": "catalog-info.yaml", "kind": "Component"}, said)
        )

    def configure(self, **said: Any) -> None:
        self.settings = Settings.model_validate(self.settings.model_dump() | said)

    def derive(self, classifier: Any = None) -> Derivation:
        self.flush()
        return derive(self.store, self.state, self.settings, classifier or (lambda _: NoClassifier()))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return self.store.query(sql).to_pylist()

    def effort(self) -> dict[tuple[str, str], float]:
        """Person-days by (person, item), all days together."""
        rows = self.rows("SELECT person, item_id, sum(person_days) AS days FROM ktlo.effort GROUP BY ALL")
        return {(row["person"], row["item_id"]): row["days"] for row in rows}

    def verdict(self, item_id: str, kind: str = "commit") -> dict[str, Any]:
        [row] = [
            r
            for r in self.rows("SELECT * FROM ktlo.verdicts")
            if (r["item_id"], r["item_kind"]) == (item_id, kind)
        ]
        return row


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    store = EmbeddedStore(tmp_path / "records")
    store.migrate()
    state = State.in_folder(tmp_path)
    yield Records(store, state, Settings())
    state.close()
    store.close()


@pytest.fixture(scope="session")
def monday() -> dt.datetime:
    """Ten o'clock UTC on Monday, 2 March 2026."""
    return MONDAY


@pytest.fixture(scope="session")
def golden_lines() -> Callable[[str], list[str]]:
    """Lines of a golden table, without comments and blank lines."""

    def read(name: str) -> list[str]:
        lines = (GOLDEN / name).read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.strip() and not line.startswith("#")]

    return read
