"""How a store's layout grows, and what it refuses rather than spoil."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ktlo.errors import StoreError
from ktlo.records import TABLES
from ktlo.store import ddl, layout
from ktlo.store.ddl import Place
from ktlo.store.embedded import EmbeddedStore
from ktlo.store.streams import PHYSICAL, SIGNALS, TRACES, errors

GOLDEN = Path(__file__).parent / "golden" / "layout.txt"


def described() -> str:
    lines = [f"layout {layout.LAYOUT_VERSION}"]
    for table in sorted(TABLES.values(), key=lambda t: t.name):
        lines.append(f"{table.name} ({table.life}) by {', '.join(table.order)}")
        lines += [f"  {name} {kind}" for name, kind in ddl.columns_of(table)]
        made = PHYSICAL.get(table.name)
        lines += [f"  index {index}" for index in (made.indexes if made else ())]
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


def test_a_view_with_the_rules_of_an_earlier_version_goes_so_that_nothing_is_counted_twice(store):
    (flow,) = (one for one in errors.SIGNAL.flows if one.name.startswith("spans_to_error_events"))
    earlier = flow.replaces[0]
    store.execute(f"CREATE MATERIALIZED VIEW ktlo.`{earlier}` TO ktlo.error_events AS {flow.select('ktlo')}")
    forget(store)
    store.migrate()
    views = store.query(
        "SELECT name FROM system.tables WHERE database = 'ktlo' AND name LIKE 'spans_to_error_events%'"
    )
    assert views.column("name").to_pylist() == [flow.name] != [earlier]


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


def test_a_group_of_errors_names_a_hundred_services_and_keeps_those_of_an_earlier_layout(store):
    assert errors.MOST_SERVICES == 100
    group = "(fingerprint, services, occurrences) SELECT 'f', ['old-1', 'old-2', 'shop-0'], 3"
    for column in ("some_services", "reporting"):
        store.execute(
            f"ALTER TABLE ktlo.error_groups_states DROP COLUMN {column} SETTINGS mutations_sync = 2"
        )
    store.execute(f"INSERT INTO ktlo.error_groups_states {group}")
    forget(store)
    store.migrate()
    asked = "SELECT services, services_reporting, occurrences FROM ktlo.error_groups"
    (row,) = store.query(asked).to_pylist()
    assert (sorted(row["services"]), row["services_reporting"], row["occurrences"]) == (
        ["old-1", "old-2", "shop-0"], 3, 3,
    )  # fmt: skip
    for first in (0, 500):
        store.execute(
            "INSERT INTO ktlo.error_events (fingerprint, occurred_at, service, received_at)"
            f" SELECT 'f', now64(9), concat('shop-', toString(number)), now64(6) FROM numbers({first}, 600)"
        )
    store.execute("OPTIMIZE TABLE ktlo.error_groups_states FINAL")
    (row,) = store.query(asked).to_pylist()
    assert len(row["services"]) == 100
    assert row["services_reporting"] == pytest.approx(1100, rel=0.05)
    assert row["occurrences"] == 1203
    (states,) = store.query(
        "SELECT length(some_services) AS named, length(services) AS earlier FROM ktlo.error_groups_states"
    ).to_pylist()
    assert states == {"named": 100, "earlier": 3}


TRACES_ALONE = Path(__file__).parent / "golden" / "layout_of_traces_alone.sql"
"""The streamed tables as ktlo first made them, in November 2026: traces, and nothing that follows from them later."""


@pytest.fixture
def early_store(tmp_path):
    """A store of the layout of traces alone, with one span in it."""
    opened = EmbeddedStore(tmp_path / "early")
    for statement in TRACES_ALONE.read_text(encoding="utf-8").split("\n;\n"):
        opened.execute(statement)
    load(opened, "01" * 16)
    yield opened
    opened.close()


def load(store, trace_id: str, attributes: dict[str, int] = {}) -> None:  # noqa: B006 - only read
    """Load one failed span the way receivers do."""
    from google.protobuf.internal.encoder import _VarintBytes
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    span = group.scope_spans.add().spans.add(
        name="GET /", kind=2, start_time_unix_nano=1_800_000_000_000_000_000
    )
    for key, value in attributes.items():
        span.attributes.add(key=key).value.int_value = value
    span.trace_id, span.span_id, span.status.code = bytes.fromhex(trace_id), b"12345678", 2
    span.end_time_unix_nano = span.start_time_unix_nano + 1_000_000
    body = request.SerializeToString()
    file = store._folder / "one.segment"
    file.write_bytes(_VarintBytes(len(body)) + body)
    store.load(TRACES, file, trace_id)


def names_of(store, sql: str) -> set[str]:
    return set(store.query(sql)["name"].to_pylist())


def test_an_early_store_keeps_its_spans_and_its_figures_and_gets_every_index_and_flow(early_store):
    early_store.migrate()
    assert early_store.query("SELECT trace_id, service FROM ktlo.spans").to_pylist() == [
        {"trace_id": "01" * 16, "service": "shop"}
    ]
    assert early_store.query("SELECT calls FROM ktlo.operation_minutes")["calls"].to_pylist() == [1]
    indexes = names_of(early_store, "SELECT name FROM system.data_skipping_indices WHERE table = 'spans'")
    assert indexes == {index.split()[0] for index in PHYSICAL["spans"].indexes}
    flows = names_of(
        early_store, "SELECT name FROM system.tables WHERE database = 'ktlo' AND engine = 'MaterializedView'"
    )
    assert flows == {flow.name for signal in SIGNALS for flow in signal.flows}


def test_what_an_early_store_receives_after_flows_through_everything_once(early_store):
    early_store.migrate()
    load(early_store, "02" * 16)
    for table, expected in (
        ("spans", 2),
        ("call_ends", 1),
        ("error_events", 1),
        ("instance_minutes_states", 1),
    ):
        assert early_store.query(f"SELECT count() AS n FROM ktlo.{table}")["n"].to_pylist() == [expected], (
            table
        )
    (calls,) = early_store.query("SELECT sum(calls) AS n FROM ktlo.operation_minutes")["n"].to_pylist()
    assert calls == 2


def test_a_flow_of_an_earlier_version_and_one_that_was_changed_are_replaced(store):
    store.execute(
        "CREATE MATERIALIZED VIEW ktlo.spans_to_error_events_0 TO ktlo.error_events AS"
        " SELECT trace_id AS fingerprint, started_at AS occurred_at FROM ktlo.spans"
    )
    store.execute("DROP TABLE ktlo.spans_to_trace_summaries SYNC")
    store.execute(
        "CREATE MATERIALIZED VIEW ktlo.spans_to_trace_summaries TO ktlo.trace_summaries_states AS"
        " SELECT 'wrong' AS trace_id FROM ktlo.spans"
    )
    forget(store)
    store.migrate()
    load(store, "03" * 16)
    assert store.query("SELECT trace_id FROM ktlo.trace_summaries")["trace_id"].to_pylist() == ["03" * 16]
    assert store.query("SELECT count() AS n FROM ktlo.error_events")["n"].to_pylist() == [1]


def test_a_view_of_a_persons_own_stays(store):
    store.execute(
        "CREATE MATERIALIZED VIEW ktlo.my_slow_spans ENGINE = MergeTree ORDER BY trace_id AS"
        " SELECT trace_id FROM ktlo.spans WHERE duration_ns > 1000000000"
    )
    forget(store)
    store.migrate()
    assert store.query("SELECT count() AS n FROM ktlo.my_slow_spans")["n"].to_pylist() == [0]


def test_an_index_that_is_no_longer_declared_leaves(store):
    store.execute("ALTER TABLE ktlo.spans ADD INDEX by_nothing flags TYPE minmax")
    store.execute("ALTER TABLE ktlo.spans DROP INDEX by_time")
    forget(store)
    store.migrate()
    indexes = names_of(store, "SELECT name FROM system.data_skipping_indices WHERE table = 'spans'")
    assert "by_nothing" not in indexes
    assert "by_time" in indexes


def test_ends_of_calls_of_an_earlier_layout_stay_one_call_each_and_the_next_count_theirs(store):
    load(store, "04" * 16)
    store.execute("ALTER TABLE ktlo.call_ends DROP COLUMN also")
    store.execute("DROP TABLE ktlo.error_repeats_rows SYNC")
    forget(store)
    store.migrate()
    load(store, "05" * 16, {"elastic.composite.count": 3, "elastic.composite.sum_ms": 6})
    calls = store.query("SELECT also + 1 AS calls FROM ktlo.call_ends ORDER BY received_at")["calls"]
    assert calls.to_pylist() == [1, 3]
    assert store.query("SELECT count() AS n FROM ktlo.error_repeats")["n"].to_pylist() == [0]
