"""Code that production never ran, as debt: over versions and processes, worked out by hand."""

from __future__ import annotations

import datetime as dt

import pytest
from unused_world import END, FIRST, fill

from ktlo.metrics.question import Question
from ktlo.planning.debt.behind import rows_behind
from ktlo.planning.debt.entry import Kind, Standing, Status
from ktlo.planning.debt.journal import Journal
from ktlo.planning.debt.register import register
from ktlo.settings import Settings
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.state import State
from ktlo.telemetry.unused import is_seldom, unused_functions


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unused")
    store = EmbeddedStore(folder / "store")
    store.migrate()
    fill(store, folder)
    yield store, State(f"sqlite:///{folder}/state.sqlite")
    store.close()


def test_a_function_is_unused_when_no_version_ran_it_and_it_is_still_there(watched):
    found = unused_functions(watched[0], END)
    cart, cli = found.files
    assert (cart.repository, cart.path, cart.functions) == ("acme/shop", "src/shop/cart.py", 7)
    # `dropped` is in no version of now; `told` was called, as the statistics know; `inner` goes with `gone`.
    assert [one.name for one in cart.unused] == ["gone", "fresh"]
    assert cart.seldom == ("handle_error",)
    gone, fresh = cart.unused
    assert (gone.line, gone.days, gone.calls, gone.processes) == (22, 31, 3101, 2 + 1)
    assert (fresh.days, fresh.calls, fresh.processes, fresh.is_enough) == (10, 1000, 1, False)
    assert gone.is_enough
    assert (cli.unused, cli.seldom) == ((), ("tool",)), "a command's entry"
    assert found.not_matched == (("lonely", "the catalogue names no repository of lonely", 1),)


def test_before_anything_was_watched_nothing_is_unused(watched):
    assert unused_functions(watched[0], FIRST - dt.timedelta(days=1)).files == ()
    assert unused_functions(watched[0], END + dt.timedelta(days=120)).files == ()


def test_it_is_an_entry_of_the_register_with_its_evidence(watched):
    store, state = watched
    question = Question(END - dt.timedelta(days=90), END, END)
    found = register(store, state, question, Settings(), draws=200)
    (entry,) = [one for one in found.entries if one.kind is Kind.UNUSED]
    assert (entry.title, entry.repository, entry.path) == (
        "1 function of src/shop/cart.py never ran", "acme/shop", "src/shop/cart.py",
    )  # fmt: skip
    assert (entry.service, entry.team, entry.subject) == ("shop", "Tills", "shop")
    facts = {one.label: one.value for one in entry.evidence}
    assert facts["Functions that never ran (line)"] == "gone (22)"
    assert facts["Days with calls meanwhile, at least"] == 31
    assert "handle_error" in facts["Uncertain"]
    assert "1 function more not watched for long enough" in facts["Uncertain"]
    assert entry.principal.estimate.value > 0
    assert entry.interest.estimate.value is None
    assert any("1 function never ran but was not watched for long enough" in note for note in found.notes)
    assert any("lonely never ran and belong to no known file" in note for note in found.notes)
    rows = rows_behind(store, entry, found.period).to_pylist()
    assert {row["function"] for row in rows} >= {"gone", "fresh", "handle_error"}
    assert "total" not in {row["function"] for row in rows}


def test_a_repository_that_has_been_quiet_for_months_has_its_entries_too(watched):
    """Where nothing was committed lately, a register is about the last commit's day: what runs now still counts."""
    quiet = END - dt.timedelta(days=200)
    question = Question(quiet - dt.timedelta(days=90), quiet, END)
    assert [one.kind for one in register(*watched, question, Settings(), draws=50).entries] == [Kind.UNUSED]


def test_it_can_be_dismissed_as_others_can(watched):
    store, state = watched
    question = Question(END - dt.timedelta(days=90), END, END)
    (entry,) = register(store, state, question, Settings(), draws=50).entries
    day = END.date()
    kept = Standing(Status.ACCEPTED, "the yearly report needs it", day + dt.timedelta(days=300), None, "Ada")
    Journal(state).decide(entry, kept, day)
    (again,) = register(store, state, question, Settings(), draws=50).entries
    assert (again.key, again.standing.status) == (entry.key, Status.ACCEPTED)
    assert register(store, state, question, Settings(), draws=50).owed == ()


@pytest.mark.parametrize(
    ("module", "name", "seldom"),
    [
        ("shop.cart", "total", False),
        ("shop.cart", "Cart.add", False),
        ("shop.cart", "Cart.__repr__", True),
        ("shop.cart", "on_timeout", True),
        ("shop.cart", "main", True),
        ("shop.cart", "domain", False),
        ("shop.__main__", "run", True),
        ("shop.migrations.one", "forwards", True),
        ("shop.client", "get", False),
        ("shop.cart", "total.<locals>.retry", True),
    ],
)
def test_what_may_seldom_run_is_known_by_name(module, name, seldom):
    assert is_seldom(module, name) is seldom
