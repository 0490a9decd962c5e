"""From records in a store to persons, verdicts and effort, and back to the reasons."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest


def test_an_empty_store_derives_nothing_and_says_so(records: Any) -> None:
    derived = records.derive()
    assert (derived.persons, derived.items, derived.parts) == (0, 0, 0)


def test_a_commit_becomes_part_of_its_authors_day(records: Any) -> None:
    records.commit("a1", lines_added=7)
    records.derive()
    assert records.effort() == {("ada@acme.org", "a1"): pytest.approx((1 + 0.5 * 3) / 8)}
