"""Identity under renames and re-collection: the same file keeps its key, and its history counts once."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Any

import debt_world
import pytest
from debt_world import ANN, NOW, QUESTION, SETTINGS, commit, file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import put

from ktlo.planning.debt import Kind, register
from ktlo.planning.debt.names import NAMES, Place, origins
from ktlo.records.effort import Category
from ktlo.store.embedded import EmbeddedStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore(tmp_path_factory.mktemp("names"))
    opened.migrate()
    debt_world.fill(opened)
    yield opened
    opened.close()


def keys(store: EmbeddedStore) -> dict[str, str]:
    found = register(store, None, QUESTION, SETTINGS)
    return {entry.key: entry.title for entry in found.entries if entry.kind is Kind.HOTSPOT}


def test_collecting_again_and_renaming_keep_the_key(store: EmbeddedStore) -> None:
    before = keys(store)
    (key,) = [each for each, title in before.items() if title == "till.py"]
    debt_world.fill(store)  # the same records once more
    assert keys(store) == before
    moved = commit("move-2", NOW - dt.timedelta(days=1), Category.UNATTRIBUTED, "pay/till.py", old_path="till.py",
                   lines=0, days=0.0, author=ANN)  # fmt: skip
    put(store, [*moved, file("pay/till.py")])
    after = keys(store)
    assert after[key] == "pay/till.py"


def moves(repository: str, *steps: tuple[str, str]) -> list[Any]:
    rows: list[Any] = []
    for number, (old, new) in enumerate(steps):
        at = NOW - dt.timedelta(days=200 - number)
        rows += commit(
            f"{repository}-{number}",
            at,
            Category.UNATTRIBUTED,
            new,
            old_path=old,
            repository=repository,
            days=0.0,
        )
    return rows


def test_a_name_that_is_used_again_is_another_file(store: EmbeddedStore) -> None:
    """``a`` moves to ``b``; a new ``a`` appears and moves to ``c``; a third ``a`` stays."""
    put(store, [*moves("r1", ("a", "b"), ("a", "c")), *(file(name, repository="r1") for name in "abc")])
    named = origins(store, [Place("r1", name) for name in "abc"])
    assert named[Place("r1", "b")] == "a"
    assert named[Place("r1", "c")] == "a#2"
    assert named[Place("r1", "a")] == "a#3"
    alone = origins(store, [Place("r1", "c")])
    assert alone[Place("r1", "c")] == "a#2"  # whoever else is asked about


def test_each_moment_of_a_name_belongs_to_one_file(store: EmbeddedStore) -> None:
    rows = store.query(
        f"WITH {NAMES} SELECT file, name, since, until FROM names WHERE repository = 'r1' ORDER BY name, since"
    ).to_pylist()
    assert {(row["file"], row["name"]) for row in rows} == {
        ("a", "a"), ("b", "b"), ("c", "c"), ("b", "a"), ("c", "a"),
    }  # fmt: skip
    spans = [(row["since"], row["until"]) for row in rows if row["name"] == "a"]
    for (_, until), (since, _) in itertools.pairwise(spans):
        assert until <= since


names = st.sampled_from(["a", "b", "c", "d", "e"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(names, names).filter(lambda pair: pair[0] != pair[1]), max_size=6))
def test_however_files_move_no_two_have_one_identity(
    store: EmbeddedStore, steps: list[tuple[str, str]]
) -> None:
    """A loop (a to b to a) ends, and the identities of all present files differ."""
    repository = f"h{abs(hash(tuple(steps)))}"
    present = {"a"}
    done = []
    for old, new in steps:
        if old in present and new not in present:
            present = (present - {old}) | {new}
            done.append((old, new))
        elif old not in present:
            present.add(old)
    put(store, [*moves(repository, *done), *(file(name, repository=repository) for name in present)])
    named = origins(store, [Place(repository, name) for name in present])
    assert len(set(named.values())) == len(present)
