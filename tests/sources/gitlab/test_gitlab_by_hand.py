"""Ten issues, incidents and deployments of GitLab are as worked out by hand."""

from __future__ import annotations

import datetime as dt

import pytest
from gitlab_by_hand import DEPLOYMENTS, INCIDENTS, ISSUES, TITLE, after, lines, listed, project_by_hand
from test_gitlab import Seen, incident_steps, run, source


@pytest.fixture(scope="module")
def read() -> Seen:
    seen = Seen()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITLAB_TOKEN", "glpat")
        assert run(source(project_by_hand()), seen) is None
    assert seen.rejected == []
    return seen


def moment(said: str) -> dt.datetime | None:
    return None if said == "-" else after(float(said))


@pytest.mark.parametrize("line", lines(ISSUES), ids=lambda line: line[0])
def test_ten_issues_are_as_worked_out_by_hand(line: list[str], read: Seen) -> None:
    iid, kind, _, labels, _, state, closed_as, severity, closed, history = line
    found = read.shown("issues")[iid]
    assert (found["title"], found["issue_type"], found["labels"]) == (TITLE, kind, listed(labels))
    assert (found["state"], found["closed_as"], found["severity"]) == (state, closed_as, severity)
    assert found["closed_at"] == moment(closed)
    told = [row for row in read.shown("issue_events").values() if row["issue_id"] == iid]
    # What happens in one second has no order that GitLab tells.
    told.sort(key=lambda row: (row["occurred_at"], history.index(row["kind"])))
    assert [row["kind"] for row in told] == history.split()


@pytest.mark.parametrize("line", lines(INCIDENTS), ids=lambda line: line[0])
def test_ten_incidents_are_as_worked_out_by_hand(line: list[str], read: Seen) -> None:
    iid, _, _, _, steps, state, severity, closed, reopened, history = line
    found = read.shown("incidents")[iid]
    assert (found["title"], found["state"], found["severity"]) == (TITLE, state, severity)
    assert found["detected_at"] == after(int(steps.split()[0]))
    assert (found["resolved_at"], found["closed_at"]) == (moment(closed), moment(closed))
    assert found["reopen_count"] == int(reopened)
    assert [kind for _, kind, _ in incident_steps(read, iid)] == history.split()


@pytest.mark.parametrize("line", lines(DEPLOYMENTS), ids=lambda line: line[0])
def test_ten_deployments_are_as_worked_out_by_hand(line: list[str], read: Seen) -> None:
    number, _, _, _, status, version, started, finished = line
    found = read.shown("deployments")[number]
    assert (found["status"], found["version"], found["environment"]) == (status, version, "production")
    assert (found["started_at"], found["finished_at"]) == (moment(started), moment(finished))


def test_nothing_else_is_there(read: Seen) -> None:
    assert len(lines(ISSUES)) == len(lines(INCIDENTS)) == 10
    assert set(read.shown("issues")) == {line[0] for line in lines(ISSUES)}
    assert set(read.shown("incidents")) == {line[0] for line in lines(INCIDENTS)}
