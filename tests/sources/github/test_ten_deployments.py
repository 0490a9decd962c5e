"""Ten deployments of a repository worked out by hand: never reported, failed and mended, superseded."""

from __future__ import annotations

import pytest
from github_forge import Clock, Forge
from github_published import Published
from github_runs import Collected, run_once

pytestmark = pytest.mark.node
BY_HAND = """
# no | minutes after it was made, and what its statuses say | status      | finished
 1   |                                                      | unknown     | -
 2   | 1 queued                                             | in_progress | -
 3   | 1 queued, 2 in_progress                              | in_progress | -
 4   | 1 in_progress, 5 success                             | success     | 5
 5   | 1 in_progress, 5 failure                             | failure     | 5
 6   | 2 error                                              | failure     | 2
 7   | 1 in_progress, 5 success, 40 inactive                | success     | 5
 8   | 1 in_progress, 40 inactive                           | inactive    | 40
 9   | 1 in_progress, 5 failure, 9 in_progress, 12 success  | success     | 12
10   | 5 success, 9 failure, 30 inactive                    | failure     | 9
"""


def lines() -> list[list[str]]:
    rows = [line for line in BY_HAND.strip().splitlines() if not line.startswith("#")]
    return [[cell.strip() for cell in line.split("|")] for line in rows]


@pytest.fixture(scope="module")
def read(published: Published) -> Collected:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GITHUB_TOKEN", "GH_TOKEN"):
            patch.delenv(name, raising=False)
        forge, got = Forge(published, Clock()), Collected()
        for number, steps, *_ in lines():
            assert forge.deploy("production") == int(number)
            passed = 0
            for step in filter(None, steps.split(",")):
                minutes, state = step.split()
                forge.pass_time(60 * (int(minutes) - passed))
                passed = int(minutes)
                forge.report(int(number), state)
            forge.pass_time(60)
        forge.pass_time(600)
        assert run_once(forge, got) is None
    return got


@pytest.mark.parametrize("line", lines(), ids=lambda line: line[0])
def test_ten_deployments_are_as_worked_out_by_hand(line: list[str], read: Collected) -> None:
    number, _, status, finished = line
    (row,) = [one for one in read.rows("deployments") if one["external_id"] == number]
    assert (row["status"], row["environment"]) == (status, "production")
    waited = (row["finished_at"] - row["started_at"]).total_seconds() / 60 if row["finished_at"] else None
    assert waited == (None if finished == "-" else int(finished))
