"""Ten issues of a repository worked out by hand: closed, reopened, not planned, transferred, deleted, with a story.

GitHub has no incidents: those come from a pager or from issues of another source.
"""

from __future__ import annotations

from typing import Any

import pytest
from github_forge import Clock, Forge
from github_published import Published
from github_runs import Collected, run_once

pytestmark = pytest.mark.node
TITLE = "It <b>breaks</b> 💥"
BY_HAND = """
# no | minutes after it was opened, and what                               | state  | as          | closed | events
 1   |                                                                     | open   |             |  -  | opened
 2   | 30 completed                                                        | closed | completed   | 30  | opened closed
 3   | 30 not_planned                                                      | closed | not_planned | 30  | opened closed
 4   | 30 duplicate                                                        | closed | duplicate   | 30  | opened closed
 5   | 10 completed, 20 reopened                                           | open   |             |  -  | opened closed reopened
 6   | 10 completed, 20 reopened, 45 completed                             | closed | completed   | 45  | opened closed reopened closed
 7   | 10 completed, 20 reopened, 30 not_planned, 40 reopened              | open   |             |  -  | opened closed reopened closed reopened
 8   | 5 labeled, 10 commented, 15 completed                               | closed | completed   | 15  | opened labeled commented closed
 9   | 15 completed, 20 commented                                          | closed | completed   | 15  | opened closed commented
10   | 5 commented, 60 deleted                                             | gone   |             |  -  |
"""  # noqa: E501


def lines() -> list[list[str]]:
    rows = [line for line in BY_HAND.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


def write_by_hand(forge: Forge) -> None:
    """Do what the table says, one issue after another."""
    for number, steps, *_ in lines():
        assert forge.open_issue(TITLE, by="mona") == int(number)
        passed = 0
        for step in filter(None, steps.split(",")):
            minutes, what = step.split()
            forge.pass_time(60 * (int(minutes) - passed))
            passed = int(minutes)
            act(forge, int(number), what)
        forge.pass_time(60)
    forge.pass_time(600)


def act(forge: Forge, number: int, what: str) -> None:
    match what:
        case "reopened":
            forge.reopen(number)
        case "labeled":
            forge.label(number, "bug")
        case "commented":
            forge.comment(number, by="hubot")
        case "deleted":
            forge.delete_issue(number)
        case _:
            forge.close(number, what)


@pytest.fixture(scope="module")
def read(published: Published) -> Collected:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GITHUB_TOKEN", "GH_TOKEN"):
            patch.delenv(name, raising=False)
        forge, got = Forge(published, Clock()), Collected()
        write_by_hand(forge)
        assert run_once(forge, got) is None
    return got


@pytest.mark.parametrize("line", lines(), ids=lambda line: line[0])
def test_ten_issues_are_as_worked_out_by_hand(line: list[str], read: Collected) -> None:
    number, _, state, closed_as, closed, events = line
    found: list[dict[str, Any]] = [row for row in read.rows("issues") if row["external_id"] == number]
    if state == "gone":
        assert found == []
        return
    (row,) = found
    assert (row["title"], row["state"], row["closed_as"], row["author"]) == (TITLE, state, closed_as, "mona")
    waited = (row["closed_at"] - row["created_at"]).total_seconds() / 60 if row["closed_at"] else None
    assert waited == (None if closed == "-" else int(closed))
    story = sorted(
        (one for one in read.rows("issue_events") if one["issue_id"] == number),
        key=lambda one: one["occurred_at"],
    )
    assert [one["kind"] for one in story] == events.split()
