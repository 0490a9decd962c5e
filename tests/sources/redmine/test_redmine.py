"""Redmine, a real one: ten issues worked out by hand, what changed since, what was deleted, and bad keys."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest
from collected_rows import Seen, run
from redmine_server import KEY, Redmine

from ktlo.errors import UserError
from ktlo.sources.protocol import Status
from ktlo.sources.redmine import RedmineSource
from ktlo.sources.redmine.source import RedmineConfig

NOON = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
STATUSES = {"New": 1, "In Progress": 2, "Resolved": 3, "Feedback": 4, "Closed": 5, "Rejected": 6}
BY_HAND = """
# tracker | hours after noon and status                                             | state     | ack | ended | reopened
Bug      |                                                                          | open      | -  | -  | 0
Bug      | 1 In Progress, 4 Resolved, 9 Closed                                      | closed    | -  | 4  | 0
Bug      | 1 In Progress, 4 Resolved, 6 Feedback                                    | open      | -  | -  | 1
Bug      | 2 Closed, 5 In Progress, 9 Closed                                        | closed    | -  | 9  | 1
Bug      | 3 Rejected                                                               | closed    | -  | 3  | 0
Incident |                                                                          | open      | -  | -  | 0
Incident | 1 In Progress, 5 Resolved                                                | resolved  | 1  | 5  | 0
Incident | 1 In Progress, 5 Resolved, 8 Closed                                      | resolved  | 1  | 5  | 0
Incident | 1 In Progress, 5 Closed, 6 In Progress, 9 Closed                         | resolved  | 1  | 9  | 1
Incident | 2 Rejected                                                               | cancelled | -  | 2  | 0
"""


def after(hours: float) -> dt.datetime:
    return NOON + dt.timedelta(hours=hours)


def lines() -> list[list[str]]:
    rows = [line for line in BY_HAND.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def stamp(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDMINE_KEY", KEY)


def source(redmine: Redmine, **options: Any) -> RedmineSource:
    given = {"url": redmine.url, "token": "env:REDMINE_KEY", "since": dt.date(2026, 8, 1)}
    return RedmineSource(RedmineConfig(**{**given, **options}))


def made_by_hand(redmine: Redmine) -> list[int]:
    """The issues of the table, made in Redmine itself, then moved to their times."""
    made = []
    for tracker, steps, *_ in lines():
        number = redmine.create(f"<b>Slow</b> 🔥 {len(made)}", 3 if tracker == "Incident" else 1)
        moments = [stamp(NOON)]
        for step in filter(None, steps.split(",")):
            hours, _, name = step.strip().partition(" ")
            redmine.change(number, status_id=STATUSES[name])
            moments.append(stamp(after(int(hours))))
        redmine.backdate(number, *moments)
        made.append(number)
    return made


@pytest.fixture(scope="module")
def numbers(redmine: Redmine) -> list[int]:
    return made_by_hand(redmine)


@pytest.fixture(scope="module")
def read(redmine: Redmine, numbers: list[int]) -> Seen:
    seen = Seen()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDMINE_KEY", KEY)
        assert run(source(redmine), seen) is None
    return seen


@pytest.mark.parametrize("place", range(10))
def test_ten_issues_are_as_worked_out_by_hand(read: Seen, numbers: list[int], place: int) -> None:
    tracker, _, state, acknowledged, ended, reopened = lines()[place]
    key = str(numbers[place])
    moment = None if ended == "-" else after(int(ended))
    if tracker == "Incident":
        found = read.item(key)
        assert found["acknowledged_at"] == (None if acknowledged == "-" else after(int(acknowledged)))
        assert (found["state"], found["resolved_at"], found["reopen_count"]) == (state, moment, int(reopened))
        assert [kind for kind, _ in read.steps(key)].count("reopened") == int(reopened)
    else:
        found = read.item(key, "issues")
        assert (found["state"], found["closed_at"]) == (state, moment)
        kinds = [row["kind"] for row in read.shown("issue_events") if row["issue_id"] == key]
        assert kinds.count("reopened") == int(reopened)
    assert (found["severity"], found["service"]) == ("High", "Shop")
    assert found["title"].startswith("<b>Slow</b> 🔥")


def test_what_changed_since_is_read_and_what_was_deleted_is_removed(redmine: Redmine) -> None:
    seen, made = Seen(), source(redmine)
    number, gone = redmine.create("late"), redmine.create("gone")
    assert run(made, seen) is None
    assert seen.item(str(number), "issues")["state"] == "open"
    redmine.change(number, status_id=5, notes="done")
    redmine.ask("DELETE", f"/issues/{gone}.json")
    seen.cursor["compared_at"] = "2026-01-01T00:00:00Z"
    assert run(made, seen) is None
    assert seen.item(str(number), "issues")["state"] == "closed"
    kinds = [row["kind"] for row in seen.shown("issue_events") if row["issue_id"] == str(number)]
    assert sorted(kinds) == ["closed", "commented", "opened"]
    assert str(gone) not in {row["external_id"] for row in seen.shown("issues")}


def test_a_run_cut_off_anywhere_goes_on_to_the_same_rows(
    redmine: Redmine, numbers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ktlo.sources.redmine.source.PER_PAGE", 4)
    whole = Seen()
    run(source(redmine), whole)
    for cut in range(1, len(whole.batches), 2):
        seen = Seen()
        run(source(redmine), seen, stop_after=cut)
        run(source(redmine), seen)
        assert seen.rows == whole.rows


def test_the_check_says_how_many_and_by_whom(redmine: Redmine, numbers: list[int]) -> None:
    health = asyncio.run(source(redmine).check())
    assert health.status is Status.READY
    assert "issues can be read" in health.summary


def test_a_key_that_is_not_accepted_says_where_to_get_one(
    redmine: Redmine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDMINE_KEY", "0" * 40)
    failure = run(source(redmine), Seen())
    assert isinstance(failure, UserError)
    assert "API access key" in failure.fix
    assert asyncio.run(source(redmine).check()).status is Status.UNREACHABLE


def test_a_project_that_is_not_there_is_a_sentence(redmine: Redmine) -> None:
    health = asyncio.run(source(redmine, project="nowhere").check())
    assert health.status is Status.UNREACHABLE
