"""Which rows the numbers about bugs rest on: an issue, its verdict, its phases and its reopenings belong together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import world

from ktlo.effort.episodes import derive_phases
from ktlo.metrics.ask import filtered, parameters
from ktlo.metrics.bugs import BUGS
from ktlo.metrics.registry import definition
from ktlo.records import work
from ktlo.records.effort import Category, ItemKind, Layer, Verdict
from ktlo.settings import Settings
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State

OPENED, CLOSED, AGAIN = world.at("01-10"), world.at("01-12"), world.at("01-14")


def _issue(source: str, name: str, closed: dt.datetime | None) -> work.Issue:
    issue: work.Issue = world.made(
        work.Issue, source=source, external_id=name, title=f"{source} {name}", state="closed" if closed else "open",
        created_at=OPENED, closed_at=closed, updated_at=closed or OPENED,
    )  # fmt: skip
    return issue


def _step(source: str, name: str, kind: str, at: dt.datetime) -> work.IssueEvent:
    step: work.IssueEvent = world.made(
        work.IssueEvent, source=source, issue_id=name, event_id=f"{kind} {at}", kind=kind, occurred_at=at
    )
    return step


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """Two trackers whose names and identifiers run into each other: ``a`` with ``bc``, and ``ab`` with ``c``."""
    made = EmbeddedStore(tmp_path / "store")
    made.migrate()
    world.put(
        made,
        [
            _issue("a", "bc", None), _issue("ab", "c", AGAIN + dt.timedelta(minutes=5)), _issue("ab", "d", None),
            *(
                world.made(
                    Verdict, item_kind=ItemKind.ISSUE, source=source, item_id=name, category=category,
                    layer=Layer.MODEL, confidence=confidence, reason="", repository="", title="",
                )
                for source, name, category, confidence in (
                    ("a", "bc", Category.BUG_FIX, 0.5), ("ab", "c", Category.BUG_FIX, 0.75),
                    ("ab", "d", Category.FEATURE, 1.0),
                )
            ),
            _step("ab", "c", "closed", CLOSED), _step("ab", "c", "reopened", CLOSED + dt.timedelta(hours=1)),
            _step("ab", "c", "closed", AGAIN),
        ],
    )  # fmt: skip
    derive_phases(made, State(f"sqlite:///{tmp_path / 'state.sqlite'}"), Settings())
    yield made
    made.close()


def _rows(store: EmbeddedStore) -> dict[tuple[str, str], dict[str, object]]:
    table = store.query(filtered(BUGS, world.PERIOD), parameters(definition("bug_reopen_rate"), world.PERIOD))
    rows = {(row["source"], row["external_id"]): row for row in table.to_pylist()}
    assert len(rows) == table.num_rows, "an issue counts twice"
    return rows


def test_what_belongs_to_one_issue_is_not_given_to_another_whose_name_runs_into_it(
    store: EmbeddedStore,
) -> None:
    rows = _rows(store)
    told = {
        key: (row["confidence"], row["state"], row["closed_at"], row["reopened"]) for key, row in rows.items()
    }
    assert told == {("a", "bc"): (0.5, "open", None, 0), ("ab", "c"): (0.75, "closed", AGAIN, 1)}


def test_phases_of_an_older_state_of_an_issue_are_not_used(store: EmbeddedStore) -> None:
    later = AGAIN + dt.timedelta(days=3)
    world.put(store, [replace(_issue("a", "bc", later), updated_at=later)])
    row = _rows(store)["a", "bc"]
    assert (row["state"], row["closed_at"], row["is_over"]) == ("closed", later, True)
