"""Code that never ran of a service that the catalogue does not know: its repository is told by the commits that ran."""

from __future__ import annotations

import datetime as dt

from unused_world import END, fill

from ktlo.metrics.question import Question
from ktlo.planning.debt.register import register
from ktlo.settings import Settings
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State
from ktlo.telemetry.unused import unused_functions


def test_a_service_that_the_catalogue_does_not_know_is_its_repository_by_the_commits_that_ran(tmp_path):
    store = EmbeddedStore(tmp_path / "store")
    store.migrate()
    fill(store, tmp_path, versions=("b" * 40, "c" * 40), catalogue=False)
    found = unused_functions(store, END)
    assert [(one.path, [each.name for each in one.unused], one.inferred) for one in found.files] == [
        ("src/shop/cart.py", ["gone", "fresh"], ("shop",)), ("src/shop/cli.py", [], ("shop",)),
    ]  # fmt: skip
    assert found.not_matched == (("lonely", "the catalogue names no repository of lonely", 1),)
    question = Question(END - dt.timedelta(days=90), END, END)
    state = State(f"sqlite:///{tmp_path}/state.sqlite")
    (entry,) = register(store, state, question, Settings(), draws=50).entries
    uncertain = {one.label: one.value for one in entry.evidence}["Uncertain"]
    assert "the repository of shop is inferred: it alone has the commits that ran" in uncertain
    store.close()
