"""The organization in memory answers as Sentry describes; what ktlo makes of what the description leaves open."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from collected_rows import Seen, run
from sentry_organization import Organization, after
from sentry_published import Published, published
from test_sentry import source

ISSUES = "https://sentry.io/api/0/organizations/acme/issues/"


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTRY_KEY", "k3y")


@pytest.fixture(scope="module")
def description() -> Published:
    found = published()
    if found is None:
        pytest.skip("npm cannot have @sentry/api: the stand-in is not held against Sentry's description")
    return found


def ask(organization: Organization, path: str = "", **query: str) -> httpx.Response:
    request = httpx.Request("GET", ISSUES + path, params=query, headers={"authorization": "Bearer k3y"})
    return organization.answer(request)


@pytest.mark.node
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"statsPeriods": "90d"}, "statsPeriods"),
        ({"sort": "oldest"}, "query sort"),
    ],
)
def test_a_parameter_that_is_not_described_fails_the_test_that_asked(
    description: Published, query: dict[str, str], told: str
) -> None:
    assert ask(Organization(), limit="1", sort="date").status_code == 200
    with pytest.raises(AssertionError, match=told):
        ask(Organization(), limit="1", **query)
    with pytest.raises(AssertionError, match="no parameter limit"):
        ask(Organization(), "100/", limit="1")


@pytest.mark.node
@pytest.mark.parametrize(
    ("field", "value"), [("title", None), ("count", 12), ("titel", "x"), ("project", {"slug": "shop"})]
)
def test_an_answer_of_another_form_fails_the_test_that_got_it(
    description: Published, field: str, value: Any
) -> None:
    organization = Organization()
    organization.issues["S0"][field] = value
    with pytest.raises(AssertionError, match=field):
        ask(organization, limit="100")


def test_priority_and_category_are_kept_although_only_the_list_tells_them() -> None:
    organization, seen = Organization(), Seen()
    organization.issues["S1"]["issueCategory"] = "outage"
    run(source(organization), seen)
    first = {row["external_id"]: (row["severity"], row["issue_type"]) for row in seen.shown("issues")}
    assert first["SHOP-S1"] == ("high", "outage")
    assert set(first.values()) == {("high", "bug"), ("high", "outage")}
    run(source(organization), seen)
    again = {row["external_id"]: (row["severity"], row["issue_type"]) for row in seen.shown("issues")}
    assert again == first


def test_an_open_issue_of_which_sentry_keeps_no_event_any_more_stays() -> None:
    """``lastSeen`` may be null in the list."""

    class Old(Organization):
        def _found(self, path: str, query: dict[str, list[str]], headers: dict[str, str]) -> Any:
            found = super()._found(path, query, headers)
            return [one | {"lastSeen": None} for one in found] if "group" in query else found

    organization, seen = Old(), Seen()
    run(source(organization), seen)
    before = seen.shown("issues")
    organization.happen("S1", "set_regression", after(500))  # of the others nothing new was seen
    run(source(organization), seen)
    assert "group" in organization.asked
    assert seen.rejected == []
    assert len(seen.shown("issues")) == len(before) == 10
    assert seen.item("SHOP-S0", "issues")["state"] == "open"


def test_an_activity_of_another_form_costs_its_issue_only() -> None:
    organization, seen = Organization(), Seen()
    organization.issues["S1"]["activity"][0]["dateCreated"] = "soon"
    assert run(source(organization), seen) is None
    assert len(seen.shown("issues")) == 9
    (rejected,) = seen.rejected
    assert "dateCreated" in rejected


def test_a_sentry_that_does_not_know_group_loses_no_issue_and_ends_those_that_ended() -> None:
    """``group`` is taken by Sentry and not described; one that does not take it might answer anything."""

    class Other(Organization):
        def _found(self, path: str, query: dict[str, list[str]], headers: dict[str, str]) -> Any:
            found = super()._found(path, query, headers)
            return [] if "group" in query else found

    organization, seen = Other(), Seen()
    run(source(organization), seen)
    organization.happen("S0", "set_resolved", after(50))
    organization.happen("S1", "set_regression", after(500))
    del organization.issues["S7"]
    run(source(organization), seen)
    assert {row["external_id"] for row in seen.shown("issues")} == {
        f"SHOP-S{number}" for number in (0, 1, 2, 3, 4, 5, 6, 8, 9)
    }
    assert seen.item("SHOP-S0", "issues")["closed_at"] == after(50)
