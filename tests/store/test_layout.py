"""How a store's layout grows, and what it refuses rather than spoil."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ktlo.errors import StoreError
from ktlo.records import TABLES
from ktlo.store import ddl, layout
from ktlo.store.ddl import Place

GOLDEN = Path(__file__).parent / "golden" / "layout.txt"


def described() -> str:
    lines = [f"layout {layout.LAYOUT_VERSION}"]
    for table in sorted(TABLES.values(), key=lambda t: t.name):
        lines.append(f"{table.name} ({table.life}) by {', '.join(table.order)}")
        lines += [f"  {name} {kind}" for name, kind in ddl.columns_of(table)]
    return "\n".join(lines) + "\n"


def test_the_layout_is_the_one_its_version_stands_for():
    """Columns were added? Write the file anew with KTLO_REWRITE=1; raise LAYOUT_VERSION after a release."""
    if os.environ.get("KTLO_REWRITE"):
        GOLDEN.write_text(described(), encoding="utf-8")
    assert described() == GOLDEN.read_text(encoding="utf-8")


def forget(store) -> None:
    """Make the store look like one of another layout, so that migrate() looks closer."""
    store.execute("TRUNCATE TABLE ktlo.layout")


def test_a_store_up_to_date_is_asked_two_questions_and_left_alone(store, monkeypatch):
    statements = []
    monkeypatch.setattr(store, "execute", statements.append)
    store.migrate()
    assert statements == []


def test_a_missing_column_table_and_view_are_added(store):
    store.execute("ALTER TABLE ktlo.commits_log DROP COLUMN body")
    store.execute("DROP TABLE ktlo.tags_log SYNC")
    store.execute("DROP VIEW ktlo.issues")
    forget(store)
    store.migrate()
    assert store.query("SELECT body FROM ktlo.commits").num_columns == 1
    assert store.query("SELECT * FROM ktlo.tags").num_columns == len(TABLES["tags"].columns)
    assert store.query("SELECT * FROM ktlo.issues").num_columns == len(TABLES["issues"].columns)


def test_a_migration_that_was_cut_off_is_taken_up_again(store, monkeypatch):
    forget(store)
    store.execute("DROP TABLE ktlo.tags_log SYNC")
    run, count = store.execute, 0

    def cut_off(sql: str) -> None:
        nonlocal count
        count += 1
        if count > 8:
            raise KeyboardInterrupt
        run(sql)

    monkeypatch.setattr(store, "execute", cut_off)
    with pytest.raises(KeyboardInterrupt):
        store.migrate()
    monkeypatch.undo()
    store.migrate()
    assert store.query("SELECT * FROM ktlo.tags").num_rows == 0


def test_a_store_made_by_a_newer_ktlo_is_refused(store):
    store.execute("INSERT INTO ktlo.layout VALUES (99, 'x', '7.0', now64(6) + INTERVAL 1 HOUR)")
    with pytest.raises(StoreError, match=r"newer ktlo \(7\.0, layout 99") as refused:
        store.migrate()
    assert "7.0" in refused.value.fix


def test_a_column_of_another_type_is_refused_and_nothing_is_touched(store):
    store.execute("ALTER TABLE ktlo.tags_log MODIFY COLUMN tagged_at DateTime64(3, 'UTC')")
    store.execute("DROP VIEW ktlo.issues")
    forget(store)
    with pytest.raises(StoreError, match=r"tagged_at is DateTime64\(3, 'UTC'\)"):
        store.migrate()
    views = store.query("SELECT name FROM system.tables WHERE database = 'ktlo' AND name = 'issues'")
    assert views.num_rows == 0


def test_another_key_is_refused(store):
    store.execute("DROP TABLE ktlo.tags_log SYNC")
    create = ddl.create_table(TABLES["tags"], Place())[0]
    store.execute(create.replace("ORDER BY (`source`, `repository`, `name`)", "ORDER BY (`name`)"))
    forget(store)
    with pytest.raises(StoreError, match=r"the key is \(name\)"):
        store.migrate()


def test_a_derived_table_of_another_shape_is_made_anew(store):
    store.execute("ALTER TABLE ktlo.verdicts MODIFY COLUMN confidence Float32")
    forget(store)
    store.migrate()
    kind = store.query(
        "SELECT type FROM system.columns WHERE database = 'ktlo' AND table = 'verdicts' AND name = 'confidence'"
    )
    assert kind["type"].to_pylist() == ["Float64"]
