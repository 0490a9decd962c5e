"""Lists that are read newest first, of which entries are deleted while pages are turned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from gitlab_project import Project, stamp, user
from test_gitlab import Seen, after, run, source

from ktlo.sources.rest import gathering, lists


def comment(project: Project, number: int) -> None:
    project.comment("Issue", 1, after(number), "ada")


def release(project: Project, number: int) -> None:
    at = stamp(after(number))
    project.releases.append(
        {"tag_name": f"v{number}", "name": "", "released_at": at, "author": user("ada"), "_links": {}}
    )


@pytest.mark.parametrize(
    ("path", "happen", "kept", "table"),
    [("/events", comment, "events", "issue_events"), ("/releases", release, "releases", "releases")],
)
def test_what_is_deleted_while_pages_are_turned_takes_nothing_else_with_it(
    path: str,
    happen: Callable[[Project, int], None],
    kept: str,
    table: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", "glpat")
    for module in (gathering, lists):
        monkeypatch.setattr(module, "PER_PAGE", 10)
    project, seen = Project(now=after(100)), Seen()
    project.open_issue(1, after(0))
    for number in range(40):
        happen(project, number)
    there: list[dict[str, Any]] = getattr(project, kept)
    answer = project.answer

    def deleting(request: httpx.Request) -> httpx.Response:
        found = answer(request)
        if project.asked[-1] == path and len(there) > 28:
            del there[-4:]
        return found

    monkeypatch.setattr(project, "answer", deleting)
    assert run(source(project), seen) is None
    assert len(there) == 28
    names = {one["tag_name"] if "tag_name" in one else f"1 note-{one['note']['id']}" for one in there}
    assert names <= set(seen.shown(table))
