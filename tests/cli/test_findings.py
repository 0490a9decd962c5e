"""``ktlo findings`` and ``ktlo updates`` in the terminal."""

from __future__ import annotations


def test_a_house_that_nobody_looked_at_says_so(ktlo):
    said = ktlo("findings")
    assert said.code == 0
    assert "No repository was looked at yet" in said.out
    assert ktlo("findings", "--json").json() == []


def test_updates_of_a_house_without_lock_files_are_none(ktlo):
    assert "No update is known to be due" in ktlo("updates").out
    plan = ktlo("updates", "--json").json()
    assert (plan["updates"], plan["locked"]) == ([], 0)


def test_a_state_that_is_none_is_told(ktlo):
    said = ktlo("findings", "--state", "closed")
    assert said.code == 2
    assert "open" in said.err
