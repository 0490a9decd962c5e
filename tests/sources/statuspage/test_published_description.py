"""The page in memory answers, by the REST API, as Statuspage describes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from statuspage_published import published
from test_statuspage import Page, incident

ALL = "/v1/pages/kctbh9vrtdwd/incidents"


@pytest.fixture
def page() -> Page:
    if published() is None:
        pytest.skip("pip cannot have atlassian-statuspage: the stand-in is not held against the description")
    made = Page()
    made.past = [incident("P1", "minor", "0 investigating partial_outage, 9 resolved operational")]
    return made


def ask(told: Page, path: str, **query: str) -> httpx.Response:
    address, headers = f"https://api.statuspage.io{path}", {"authorization": "OAuth k3y"}
    return told.answer(httpx.Request("GET", address, params=query, headers=headers))


@pytest.mark.parametrize(("path", "parameter"), [(ALL, "per_page"), (f"{ALL}/P1", "page")])
def test_a_parameter_that_is_not_described_fails_the_test_that_asked(
    page: Page, path: str, parameter: str
) -> None:
    paging = {"page": "1", "limit": "100"} if path == ALL else {}
    assert ask(page, path, **paging).status_code == 200
    with pytest.raises(AssertionError, match=f"no parameter {parameter}"):
        ask(page, path, **{**paging, parameter: "1"})


@pytest.mark.parametrize(
    ("field", "value"),
    [("id", None), ("status", "closed"), ("impact", "PARTIALOUTAGE"), ("severity", "P1"), ("components", {})],
)
def test_an_answer_of_another_form_fails_the_test_that_got_it(page: Page, field: str, value: Any) -> None:
    page.past[0][field] = value
    with pytest.raises(AssertionError, match=field):
        ask(page, ALL, page="1", limit="100")
