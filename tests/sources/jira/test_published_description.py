"""The Jira in memory answers as Atlassian describes, and what ktlo asks is described."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from jira_by_hand import NOON, after, site_by_hand
from jira_published import cloud
from jira_published_data_center import data_center
from jira_site import Site
from test_jira import Seen, run, source

from ktlo.sources.jira import walk

pytestmark = pytest.mark.node


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIRA_TOKEN", "t0ken")


@pytest.fixture(params=["cloud", "data center"])
def site(request: pytest.FixtureRequest) -> Site:
    """A Jira that is held against its description."""
    is_cloud = request.param == "cloud"
    if (cloud() if is_cloud else data_center()) is None:
        pytest.skip("npm cannot have the description: the stand-in is not held against it")
    return site_by_hand(is_cloud=is_cloud)


def search(site: Site, **more: Any) -> httpx.Response:
    path, how = ("/rest/api/3/search/jql", "Basic a") if site.is_cloud else ("/rest/api/2/search", "Bearer a")
    query = {"jql": 'key in ("SH-2")', "maxResults": 1, "expand": "changelog", **more}
    fields = "status,components,comment,worklog,reporter"
    with httpx.Client(transport=site.transport(), base_url="https://example.atlassian.net") as client:
        return client.get(path, params={**query, "fields": fields}, headers={"authorization": how})


def test_a_parameter_that_is_not_described_fails_the_test_that_asked(site: Site) -> None:
    assert search(site).status_code == 200
    unknown = "startAt" if site.is_cloud else "nextPageToken"
    with pytest.raises(AssertionError, match=f"no parameter {unknown}"):
        search(site, **{unknown: 0})


def test_a_path_that_is_not_described_fails_the_test_that_asked(site: Site) -> None:
    described = cloud() if site.is_cloud else data_center()
    assert described is not None
    (told,) = described.violations("GET", "/rest/api/3/issues", (), (), {}, {})
    assert told == "there is no GET /rest/api/3/issues"


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("key",), 7, "issues/0/key"),
        (("kye",), "SH-1", "kye"),
        (("changelog", "histories", 0, "items", 0, "from"), 10_000, "from"),
        (("changelog", "histories", 0, "author"), {"login": "ada"}, "login"),
        (("fields", "reporter"), {"displayName": 7}, "SH-2 reporter displayName"),
        (("fields", "status", "statusCategory", "id"), "2", "SH-2 status statusCategory/id"),
        (("fields", "components", 0, "id"), 1, "SH-2 components id"),
        (("fields", "comment", "count"), 0, "SH-2 comment"),
        (("fields", "worklog", "total"), "none", "SH-2 worklog total"),
    ],
)
def test_an_answer_of_another_form_fails_the_test_that_got_it(
    site: Site, place: tuple[Any, ...], value: Any, told: str
) -> None:
    *way, last = place
    part: Any = site.issues["SH-2"]
    for step in way:
        part = part[step]
    part[last] = value
    with pytest.raises(AssertionError, match=told):
        search(site)


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
    monkeypatch.setattr(walk, "WORKLOGS_PER_PAGE", 12)
    run(source(site), seen)
    assert sum(kind == "worked" for kind, _, _ in seen.history("SH-1")) == 30
