"""Rows behind a number as the page shows them: instants, flags, names and where a row leads."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from ktlo.metrics.registry import definition
from ktlo.server.web.rows import shown_rows

MIDNIGHT = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def shown(metric: str, *rows: dict[str, Any]) -> tuple[dict[str, list[str]], list[Any]]:
    columns, found = shown_rows(pa.Table.from_pylist(list(rows)), definition(metric))
    return {c.title: [row.cells[at] for row in found] for at, c in enumerate(columns)}, found


def test_midnight_is_a_moment_among_moments_and_a_day_among_days() -> None:
    later = MIDNIGHT + dt.timedelta(hours=2)
    cells, _ = shown("deployment_frequency", {"title": "a", "at": MIDNIGHT}, {"title": "b", "at": later})
    assert cells["when"] == ["21 Nov 2026 00:00 UTC", "21 Nov 2026 02:00 UTC"]
    cells, _ = shown("person_days", {"title": "a", "at": MIDNIGHT}, {"title": "b", "at": MIDNIGHT})
    assert cells["when"] == ["21 Nov 2026", "21 Nov 2026"]


def test_a_flag_is_said_in_words() -> None:
    cells, _ = shown("deployment_frequency", {"title": "a", "is_failed": 0}, {"title": "b", "is_failed": 1})
    assert cells["failed"] == ["no", "yes"]


def test_a_deployment_leads_to_its_page() -> None:
    _, (row,) = shown("deployment_frequency", {"title": "shop v1", "deployment_id": "cdevents:e|7 & 8"})
    assert row.href == "/deployments/deployment?id=cdevents%3Ae%7C7+%26+8"


@pytest.mark.parametrize(
    ("identifier", "name"),
    [("0f" * 20, "0f0f0f0f0f0f"), ("INC-2026-11-27-checkout", "INC-2026-11-27-checkout")],
)
def test_only_a_commit_is_shortened(identifier: str, name: str) -> None:
    _, (row,) = shown("incidents", {"title": "", "external_id": identifier, "source": "s"})
    assert row.name == name
