"""The Jira in memory answers as Atlassian describes, and what ktlo asks is described."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from jira_by_hand import NOON, after, site_by_hand
from jira_published import Published, published
from jira_site import Site
from test_jira import Seen, run, source

pytestmark = pytest.mark.node


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIRA_TOKEN", "t0ken")


@pytest.fixture(scope="module")
def description() -> Published:
    found = published()
    if found is None:
        pytest.skip("npm cannot have jira.js: the stand-in is not held against Atlassian's description")
    return found


def ask(site: Site, path: str, query: dict[str, Any]) -> httpx.Response:
    with httpx.Client(transport=site.transport(), base_url="https://example.atlassian.net") as client:
        return client.get(path, params=query, headers={"authorization": "Basic a"})


def test_a_parameter_that_is_not_described_fails_the_test_that_asked(description: Published) -> None:
    query = {"jql": "key in (SH-1)", "maxResults": 1, "fields": "summary"}
    assert ask(site_by_hand(), "/rest/api/3/search/jql", query).status_code == 200
    with pytest.raises(AssertionError, match="no parameter startAt"):
        ask(site_by_hand(), "/rest/api/3/search/jql", {**query, "startAt": 0})


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("key",), 7, "issues/0/key"),
        (("kye",), "SH-1", "kye"),
        (("changelog", "histories", 0, "items", 0, "from"), 10_000, "from"),
        (("changelog", "histories", 0, "author"), {"login": "ada"}, "login"),
        (("fields", "status", "statusCategory", "id"), "2", "SH-2 status statusCategory/id"),
        (("fields", "components", 0, "id"), 1, "SH-2 components id"),
        (("fields", "comment", "count"), 0, "SH-2 comment"),
        (("fields", "worklog", "total"), "none", "SH-2 worklog total"),
    ],
)
def test_an_answer_of_another_form_fails_the_test_that_got_it(
    description: Published, place: tuple[Any, ...], value: Any, told: str
) -> None:
    site = site_by_hand()
    *way, last = place
    part: Any = site.issues["SH-2"]
    for step in way:
        part = part[step]
    part[last] = value
    with pytest.raises(AssertionError, match=told):
        ask(
            site,
            "/rest/api/3/search/jql",
            {
                "jql": 'key in ("SH-2")',
                "maxResults": 1,
                "fields": "status,components,comment,worklog",
                "expand": "changelog",
            },
        )


@pytest.mark.parametrize("is_cloud", [True, False])
def test_worklogs_beyond_what_a_search_gives_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, is_cloud: bool
) -> None:
    site, seen = Site(now=after(100), is_cloud=is_cloud), Seen()
    site.create("SH-1", NOON)
    for hour in range(30):
        site.work("SH-1", after(hour))
    original = site._shown

    def shown(issue: dict[str, Any]) -> dict[str, Any]:
        whole = original(issue)
        told = whole["fields"]["worklog"]
        cut = {**told, "worklogs": told["worklogs"][:20]}
        return {**whole, "fields": {**whole["fields"], "worklog": cut}}

    monkeypatch.setattr(site, "_shown", shown)
    run(source(site), seen)
    assert sum(kind == "worked" for kind, _, _ in seen.history("SH-1")) == 30
