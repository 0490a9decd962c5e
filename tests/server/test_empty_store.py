"""A ktlo to which nothing is connected: every page is there, says what is missing, and names what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from ktlo.metrics.dialects.explain import COMPARED
from ktlo.server.app import make_app
from ktlo.server.runtime import Runtime
from ktlo.server.security import Access
from ktlo.settings import Settings

FILLED_BY_A_SOURCE = (
    "/", "/effort", "/reliability", "/bugs", "/hotspots", "/deployments", "/items", "/sources", "/sources/statuses",
    "/rows/bug_age", "/rows/person_days", "/rows/incidents", "/rows/ktlo_share", "/plan", "/plan/load",
    "/metrics/dialects", *(f"/metrics/dialects/{name}" for name in COMPARED),
)  # fmt: skip
FILLED_BY_A_COMMAND = (
    "/metrics/dialects", *(f"/metrics/dialects/{name}" for name in COMPARED), "/plan/history", "/plan/staffing",
    "/plan/scenarios", "/plan/report", "/debt", "/findings", "/findings/updates", "/functions",
)  # fmt: skip


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, visiting: Any) -> Iterator[Any]:
    runtime = Runtime(Settings(), tmp_path_factory.mktemp("empty"))
    app = make_app(runtime, Access())
    app.state.preparing.patience = 60
    yield visiting(app)
    app.state.collecting.close()
    runtime.close()


@pytest.mark.parametrize("path", FILLED_BY_A_SOURCE)
def test_a_page_without_records_leads_to_a_source(empty: Any, path: str) -> None:
    page = empty.page(path)
    assert re.search(r'href="/sources/add"[^>]*>Add a source<', page)
    assert not re.search(r">\s*(?:0(?:\.0)?\s?%|NaN|inf|None)\s*<", page)


@pytest.mark.parametrize("path", FILLED_BY_A_COMMAND)
def test_a_page_without_records_names_the_command_that_fills_it(empty: Any, path: str) -> None:
    page = empty.page(path)
    assert re.search(r"<code>(?:ktlo|pip) ", page)
    assert not re.search(r">\s*(?:0(?:\.0)?\s?%|NaN|inf|None)\s*<", page)


def test_an_item_that_is_sought_and_not_there_is_told_how_to_be_named(empty: Any) -> None:
    assert "Nothing is called so" in empty.page("/items?item=SHOP-1")


@pytest.mark.parametrize("name", COMPARED)
def test_a_metric_of_nothing_is_explained_as_not_estimable_in_every_dialect(empty: Any, name: str) -> None:
    told = empty.get(f"/api/v1/dialects/{name}").json()
    assert told["dialects"]
    assert all(one["value"] is None and one["reason"] for one in told["dialects"])


@pytest.mark.parametrize("path", [*FILLED_BY_A_SOURCE, *FILLED_BY_A_COMMAND])
def test_nothing_is_missing_is_never_said_where_nothing_was_collected(empty: Any, path: str) -> None:
    page = empty.page(path)
    assert "nothing collected yet" not in page or "Nothing known to be missing" not in page
