"""Lists that are read newest first, of which entries are deleted while pages are turned."""

from collections.abc import Callable
from typing import Any

import pytest
from github_forge import Forge
from github_runs import Collected

pytestmark = pytest.mark.node
Collect = Callable[..., Collected]


@pytest.mark.parametrize(
    ("path", "kept", "table", "column"),
    [
        ("/actions/runs", "runs", "workflow_runs", "external_id"),
        ("/deployments", "deployments", "deployments", "external_id"),
        ("/releases", "releases", "releases", "external_id"),
        ("/issues/events", "events", "issue_events", "event_id"),
    ],
)
def test_what_is_deleted_while_pages_are_turned_takes_nothing_else_with_it(
    forge: Forge, collect: Collect, path: str, kept: str, table: str, column: str
) -> None:
    issue = forge.open_issue()
    for number in range(230):
        forge.pass_time(60)
        {
            "runs": forge.run_workflow,
            "deployments": forge.deploy,
            "releases": lambda number=number: forge.publish(f"v{number}"),
            "events": lambda: forge.event(issue, "reopened"),
        }[kept]()
    forge.pass_time(600)
    there: list[dict[str, Any]] = getattr(forge, kept)

    def delete(_count: int) -> None:
        if forge.requests[-1][0].endswith(path) and len(there) > 215:
            del there[-5:]

    forge.after = delete
    found = {row[column] for row in collect().rows(table)}
    assert len(there) == 215
    assert {str(one["id"]) for one in there} <= found


def test_a_list_that_is_another_with_each_request_is_said_and_gone_on_with_later(
    forge: Forge, collect: Collect
) -> None:
    for _ in range(230):
        forge.pass_time(60)
        forge.run_workflow()
    forge.publish("v1.0.0")
    forge.pass_time(600)
    whole = list(forge.runs)

    def come_and_go(path: str, query: dict[str, str]) -> None:
        if path.endswith("/actions/runs"):
            # The newest are there only for who asks for the first page.
            forge.runs[:] = whole if query["page"] == "1" else whole[:150]

    forge.fault = come_and_go
    got = collect()
    [said] = [one for one in got.warnings if "workflow runs" in one]
    assert said.startswith("the list changed faster than it could be read: workflow runs are not complete")
    assert len(got.rows("releases")) == 1, "the other lists are read"
    assert len(forge.requests) < 60
    forge.fault, forge.runs[:] = None, whole
    assert len(collect(got).rows("workflow_runs")) == 230
