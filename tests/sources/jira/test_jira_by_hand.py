"""Ten issues and ten incidents of Jira Cloud and Data Center are as worked out by hand."""

from __future__ import annotations

import datetime as dt

import pytest
from jira_by_hand import INCIDENTS, ISSUES, NOON, TITLE, after, lines, site_by_hand
from test_jira import Seen, run, source


@pytest.fixture(scope="module", params=["cloud", "data center"])
def read(request: pytest.FixtureRequest) -> Seen:
    seen = Seen()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JIRA_TOKEN", "t0ken")
        assert run(source(site_by_hand(is_cloud=request.param == "cloud")), seen) is None
    assert seen.rejected == []
    return seen


def moment(said: str) -> dt.datetime | None:
    return None if said == "-" else after(float(said))


def key_of(line: list[str]) -> str:
    """The key that it has in the end."""
    return next((one.partition(" to ")[2] for one in line[3].split(",") if " to " in one), line[0])


@pytest.mark.parametrize("line", lines(ISSUES), ids=lambda line: line[0])
def test_ten_issues_are_as_worked_out_by_hand(line: list[str], read: Seen) -> None:
    _, kind, _, _, state, closed_as, severity, ended, history = line
    key = key_of(line)
    found = read.item(key)
    assert (found["title"], found["issue_type"], found["service"]) == (TITLE, kind, "checkout")
    assert (found["state"], found["closed_as"], found["severity"]) == (state, closed_as, severity)
    assert (found["created_at"], found["closed_at"]) == (NOON, moment(ended))
    told = [(what, after) for what, _, after in read.history(key)]
    assert sorted(what for what, _ in told) == sorted(history.split())
    assert [what for what, _ in told if what != "status"] == [
        one for one in history.split() if one != "status"
    ]
    assert [after for what, after in told if what == "worked"] == ["3600"] * history.count("worked")


@pytest.mark.parametrize("line", lines(INCIDENTS), ids=lambda line: line[0])
def test_ten_incidents_have_the_phases_worked_out_by_hand(line: list[str], read: Seen) -> None:
    _, _, _, _, state, service, severity, began, acknowledged, mitigated, ended, reopened = line
    key = key_of(line)
    found = read.item(key)
    assert (found["title"], found["service"], found["severity"]) == (TITLE, service, severity)
    assert (found["state"], found["reopen_count"]) == (state, int(reopened))
    assert (found["started_at"], found["detected_at"]) == (moment(began), NOON)
    assert (found["acknowledged_at"], found["mitigated_at"]) == (moment(acknowledged), moment(mitigated))
    assert (found["resolved_at"], found["closed_at"]) == (moment(ended), moment(ended))
    kinds = [what for what, _, _ in read.history(key)]
    assert kinds.count("reopened") == int(reopened)


def test_nothing_else_is_there_and_nothing_under_an_earlier_key(read: Seen) -> None:
    assert {row["external_id"] for row in read.shown("issues")} == {key_of(one) for one in lines(ISSUES)}
    assert {row["external_id"] for row in read.shown("incidents")} == {
        key_of(one) for one in lines(INCIDENTS)
    }
    assert len(lines(ISSUES)) == len(lines(INCIDENTS)) == 10
