"""The rows behind an entry: every kind has a statement of its own, and each has to run."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from debt_world import QUESTION, SETTINGS

from ktlo.planning.debt import register
from ktlo.planning.debt.behind import rows_behind
from ktlo.planning.debt.entry import Entry, Kind, unknown
from ktlo.planning.debt.period import Period
from ktlo.store.embedded import EmbeddedStore

END = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PERIOD = Period(END - dt.timedelta(days=364), END, hours_per_day=6, draws=1, seed=1)


@pytest.mark.parametrize("kind", Kind)
def test_the_rows_behind_an_entry_of_any_kind_can_be_asked_for(kind: Kind, debt_store: EmbeddedStore) -> None:
    nothing = unknown("nothing was counted")
    entry = Entry("k", kind, "t", "no/where", "p", nothing, nothing, np.zeros(1), paths=("p",), subject="s")
    assert rows_behind(debt_store, entry, PERIOD).num_rows == 0


def test_every_entry_of_the_register_has_rows_of_its_repository(debt_store: EmbeddedStore) -> None:
    found = register(debt_store, None, QUESTION, SETTINGS, draws=50)
    assert len({entry.kind for entry in found.entries}) > 1
    for entry in found.entries:
        rows = rows_behind(debt_store, entry, found.period).to_pylist()
        assert rows, entry.title
        assert {row.get("repository", entry.repository) for row in rows} == {entry.repository}
