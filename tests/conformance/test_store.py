"""What every backend of the store must do: the promises of ``ktlo.store.protocol``, one by one."""

from __future__ import annotations

import datetime as dt
import math
import os
import threading
import uuid
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ktlo.errors import StoreBusyError, StoreError, UserError
from ktlo.records import TABLES
from ktlo.records.arrow import schema
from ktlo.records.schema import Kind, Life
from ktlo.store import Store

GOLDEN = Path(__file__).parent.parent / "store" / "golden"
MOMENT = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
TAGS, COMMITS, ALIASES = TABLES["tags"], TABLES["commits"], TABLES["aliases"]

examples = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def fresh() -> str:
    """A source that no other test uses."""
    return f"git-{uuid.uuid4().hex[:8]}"


def tags(source: str, *names: str, sha: str = "c0ffee", version: int = 1, deleted: int = 0):
    rows = [
        {
            "source": source,
            "repository": "acme/shop",
            "name": name,
            "sha": sha,
            "tagged_at": MOMENT,
            "row_version": version,
            "is_deleted": deleted,
        }
        for name in names
    ]
    return pa.RecordBatch.from_pylist(rows, schema=schema(TAGS))


def names_in(store: Store, source: str) -> list[tuple[str, str]]:
    answer = store.query(
        "SELECT name, sha FROM ktlo.tags WHERE source = {s:String} ORDER BY name", {"s": source}
    )
    return list(zip(answer["name"].to_pylist(), answer["sha"].to_pylist(), strict=True))


def derived(table, *rows: dict) -> pa.RecordBatch:
    blank = {
        Kind.STRING: "",
        Kind.LABEL: "",
        Kind.INTEGER: 0,
        Kind.FLOAT: 0.0,
        Kind.BOOLEAN: False,
        Kind.INSTANT: MOMENT,
        Kind.DATE: MOMENT.date(),
        Kind.STRINGS: [],
        Kind.MAP: [],
    }
    filled = [{c.name: blank[c.kind] for c in table.columns} | row for row in rows]
    return pa.RecordBatch.from_pylist(filled, schema=schema(table))


VERDICTS = TABLES["verdicts"]


def verdict_ids(store: Store) -> list[str]:
    return store.query("SELECT item_id FROM ktlo.verdicts ORDER BY item_id")["item_id"].to_pylist()


# Opening, closing, migrating


def test_a_real_server_is_among_the_backends():
    if "KTLO_CLICKHOUSE_URL" not in os.environ:
        pytest.skip("KTLO_CLICKHOUSE_URL names no ClickHouse server: the embedded engine stands in for one")


def test_a_backend_is_a_store(store):
    assert isinstance(store, Store)


def test_migrating_again_changes_nothing_and_loses_nothing(store):
    source = fresh()
    store.insert(TAGS, tags(source, "v1"))
    before = store.query("SELECT count() AS n FROM ktlo.layout")["n"].to_pylist()
    store.migrate()
    assert names_in(store, source) == [("v1", "c0ffee")]
    assert store.query("SELECT count() AS n FROM ktlo.layout")["n"].to_pylist() == before


def test_a_second_store_on_the_same_place_is_refused_or_sees_the_same_rows(backend, store):
    if "exclusive" in backend.capabilities:
        with pytest.raises(StoreBusyError, match="has this store open"):
            backend.open()
        return
    assert "shared" in backend.capabilities
    source = fresh()
    second = backend.open()
    second.migrate()
    second.insert(TAGS, tags(source, "v1"))
    second.close()
    assert names_in(store, source) == [("v1", "c0ffee")]


# Observed rows


def test_inserting_the_same_rows_twice_changes_nothing(store):
    source = fresh()
    store.insert(TAGS, tags(source, "v1", "v2"))
    store.insert(TAGS, tags(source, "v1", "v2"))
    assert names_in(store, source) == [("v1", "c0ffee"), ("v2", "c0ffee")]


def test_of_two_versions_of_a_row_the_newer_is_true_whichever_comes_first(store):
    source = fresh()
    store.insert(TAGS, tags(source, "v1", sha="new", version=2))
    store.insert(TAGS, tags(source, "v1", sha="old", version=1))
    store.insert(TAGS, tags(source, "v2", sha="old", version=1))
    store.insert(TAGS, tags(source, "v2", sha="new", version=2))
    assert names_in(store, source) == [("v1", "new"), ("v2", "new")]


def test_a_row_of_the_same_version_replaces_the_earlier_one(store):
    source = fresh()
    store.insert(TAGS, tags(source, "v1", sha="first", version=7))
    store.insert(TAGS, tags(source, "v1", sha="second", version=7))
    assert names_in(store, source) == [("v1", "second")]


def test_a_removed_row_is_gone_until_a_newer_version_brings_it_back(store):
    source = fresh()
    store.insert(TAGS, tags(source, "v1", "v2", version=1))
    store.insert(TAGS, tags(source, "v1", version=2, deleted=1))
    assert names_in(store, source) == [("v2", "c0ffee")]
    store.insert(TAGS, tags(source, "v1", version=1))
    assert names_in(store, source) == [("v2", "c0ffee")]
    store.insert(TAGS, tags(source, "v1", version=3))
    assert [name for name, _ in names_in(store, source)] == ["v1", "v2"]


def test_forgetting_a_source_removes_its_rows_and_no_others(store):
    leaving, staying = fresh() + "' OR 1=1 --", fresh()
    store.insert(TAGS, tags(leaving, "v1", "v2"))
    store.insert(TAGS, tags(staying, "v1"))
    store.forget(leaving)
    assert names_in(store, leaving) == []
    assert names_in(store, staying) == [("v1", "c0ffee")]
    store.insert(TAGS, tags(leaving, "v1"))
    assert names_in(store, leaving) == [("v1", "c0ffee")]


def test_versions_above_a_number_are_forgotten_of_one_source_in_one_table(store):
    one, other = fresh() + "' OR 1=1 --", fresh()
    for source in (one, other):
        for version in (10, 20, 30):
            store.insert(TAGS, tags(source, f"v{version}", version=version))
    store.forget_versions(TAGS, one, 20)
    assert [name for name, _ in names_in(store, one)] == ["v10", "v20"]
    assert [name for name, _ in names_in(store, other)] == ["v10", "v20", "v30"]


def test_zero_rows_are_legal(store):
    store.insert(TAGS, tags(fresh()))
    store.insert(TAGS, schema(TAGS).empty_table())


def test_a_table_of_many_chunks_and_a_slice_go_in_whole(store):
    source = fresh()
    chunks = pa.Table.from_batches([tags(source, "a", "b"), tags(source, "c"), tags(source, "d", "e")])
    store.insert(TAGS, chunks.slice(1, 3))
    store.insert(TAGS, tags(source, "x", "y", "z").slice(1, 1))
    assert [name for name, _ in names_in(store, source)] == ["b", "c", "d", "y"]


def test_an_insert_of_many_rows_is_one_part_so_that_all_or_none_are_in(store):
    source = fresh()
    store.insert(TAGS, tags(source, *(f"v{n:06}" for n in range(200_000))))
    unmerged = store.query(
        "SELECT max(rows) AS n FROM system.parts"
        " WHERE table = 'tags_log' AND min_block_number = max_block_number"
    )
    assert unmerged["n"].to_pylist() == [200_000]


@pytest.mark.parametrize(
    "rows",
    [
        tags("s", "v").drop_columns(["sha"]),
        tags("s", "v").rename_columns([*schema(TAGS).names[:-1], "deleted"]),
        tags("s", "v").set_column(3, "sha", pa.array([1])),
        tags("s", "v").set_column(3, "sha", pa.array([None], pa.string())),
    ],
    ids=["a column missing", "a column of another name", "another type", "nothing where something must be"],
)
def test_rows_of_another_shape_are_refused(store, rows):
    with pytest.raises(ValueError, match="tags"):
        store.insert(TAGS, rows)


def test_observed_tables_are_inserted_into_and_derived_ones_replaced(store):
    with pytest.raises(ValueError, match="derived"):
        store.insert(VERDICTS, derived(VERDICTS))
    with pytest.raises(ValueError, match="observed"):
        store.replace(TAGS, [tags("s", "v")])


# Derived rows


def test_replacing_puts_the_new_content_in_the_place_of_the_old(store):
    store.replace(VERDICTS, [derived(VERDICTS, {"item_id": "a"}, {"item_id": "b"})])
    assert verdict_ids(store) == ["a", "b"]
    store.replace(VERDICTS, iter([derived(VERDICTS, {"item_id": "c"}), derived(VERDICTS, {"item_id": "d"})]))
    assert verdict_ids(store) == ["c", "d"]
    store.replace(VERDICTS, [])
    assert verdict_ids(store) == []


def test_a_replacement_that_fails_half_way_leaves_the_old_content(store):
    store.replace(VERDICTS, [derived(VERDICTS, {"item_id": "kept"})])

    def batches():
        yield derived(VERDICTS, {"item_id": "lost"})
        raise RuntimeError("the estimator broke")

    with pytest.raises(RuntimeError, match="estimator"):
        store.replace(VERDICTS, batches())
    assert verdict_ids(store) == ["kept"]
    store.replace(VERDICTS, [derived(VERDICTS, {"item_id": "next"})])
    assert verdict_ids(store) == ["next"]


def test_the_mark_is_another_after_each_write_and_the_same_after_questions(backend, store):
    if "exclusive" not in backend.capabilities:
        assert store.mark() is None, "others write, too: nobody can tell what they wrote"
        return
    source = fresh()

    def breaking():
        yield derived(VERDICTS, {"item_id": "lost"})
        raise RuntimeError("the estimator broke")

    def broken():
        with pytest.raises(RuntimeError, match="estimator"):
            store.replace(VERDICTS, breaking())

    writes = (
        lambda: store.insert(TAGS, tags(source, "v1")),
        lambda: store.replace(VERDICTS, [derived(VERDICTS, {"item_id": "a"})]),
        broken,
        lambda: store.forget(source),
        lambda: store.forget_versions(TAGS, source, 1),
    )
    for write in writes:
        before = store.mark()
        assert before is not None
        store.query("SELECT count() FROM ktlo.tags")
        assert store.mark() == before
        write()
        assert store.mark() != before


def test_equal_batches_of_one_replacement_are_all_kept(store):
    batch = derived(VERDICTS, {"item_id": "twice"})
    store.replace(VERDICTS, [batch, batch])
    assert verdict_ids(store) == ["twice", "twice"]


def test_readers_see_the_old_content_or_the_new_and_never_a_mixture(store):
    generations = [[derived(VERDICTS, *({"item_id": f"{g}"} for _ in range(50)))] * 2 for g in range(8)]
    store.replace(VERDICTS, generations[0])
    seen, done = set(), threading.Event()

    def read():
        while not done.is_set():
            rows = store.query("SELECT item_id, count() AS n FROM ktlo.verdicts GROUP BY item_id").to_pylist()
            seen.add(tuple((row["item_id"], row["n"]) for row in rows))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for generation in generations:
            store.replace(VERDICTS, generation)
    finally:
        done.set()
        reader.join()
    assert seen
    assert seen <= {((f"{g}", 100),) for g in range(8)}


# What goes in comes out


def _values(column) -> st.SearchStrategy:
    text = st.text(max_size=20)
    long_ago = dt.datetime(1900, 1, 1)  # noqa: DTZ001 - hypothesis adds the zone
    far_away = dt.datetime(2299, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001
    by_kind = {
        Kind.STRING: text,
        Kind.LABEL: text,
        Kind.INTEGER: st.integers(-(2**63), 2**63 - 1),
        Kind.FLOAT: st.floats(),
        Kind.BOOLEAN: st.booleans(),
        Kind.INSTANT: st.datetimes(long_ago, far_away, timezones=st.just(dt.UTC)),
        Kind.DATE: st.dates(long_ago.date(), far_away.date()),
        Kind.STRINGS: st.lists(text, max_size=3),
        Kind.MAP: st.dictionaries(text, text, max_size=3).map(lambda d: list(d.items())),
    }
    values = by_kind[column.kind]
    return st.none() | values if column.optional else values


@st.composite
def tables_with_rows(draw):
    kept = sorted(name for name, table in TABLES.items() if table.life is not Life.STREAMED)
    table = TABLES[draw(st.sampled_from(kept))]
    row = st.fixed_dictionaries({column.name: _values(column) for column in table.columns})
    rows = draw(st.lists(row, max_size=5, unique_by=lambda r: tuple(str(r[k]) for k in table.key)))
    return table, rows


def _comparable(row: dict) -> str:
    def plain(value):
        if isinstance(value, float) and math.isnan(value):
            return "NaN"
        if isinstance(value, dt.datetime):
            return value.isoformat()
        if isinstance(value, list) and value and isinstance(value[0], tuple):
            return sorted(value)
        return value

    return repr(sorted((name, plain(value)) for name, value in row.items()))


@examples
@given(tables_with_rows())
def test_every_record_comes_back_as_it_went_in(store, drawn):
    table, rows = drawn
    columns = ", ".join(f"`{column.name}`" for column in table.columns)
    if table.life is Life.DERIVED:
        store.replace(table, [pa.RecordBatch.from_pylist(rows, schema=schema(table))])
    else:
        store.execute(f"TRUNCATE TABLE ktlo.`{table.name}_log`")
        bookkeeping = {"row_version": 1, "is_deleted": 0}
        store.insert(table, pa.RecordBatch.from_pylist([r | bookkeeping for r in rows], schema=schema(table)))
    answer = store.query(f"SELECT {columns} FROM ktlo.`{table.name}`")
    assert sorted(map(_comparable, answer.to_pylist())) == sorted(map(_comparable, rows))


# Questions

AWKWARD = st.text(alphabet=st.sampled_from("aé🔧'\"`\\\t\n\r\0\b{}:%$?;-/*N "), max_size=12) | st.text(
    max_size=12
)
PARAMETERS = st.one_of(
    st.tuples(st.just("String"), AWKWARD),
    st.tuples(st.just("Nullable(String)"), st.none() | AWKWARD),
    st.tuples(st.just("Array(String)"), st.lists(AWKWARD, max_size=4)),
    st.tuples(st.just("Array(Nullable(String))"), st.lists(st.none() | AWKWARD, max_size=4)),
    st.tuples(st.just("Int64"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("Array(Int64)"), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4)),
    st.tuples(st.just("Float64"), st.floats(allow_nan=False)),
    st.tuples(st.just("Bool"), st.booleans()),
    st.tuples(st.just("Date32"), st.dates(dt.date(1900, 1, 1), dt.date(2299, 12, 31))),
    st.tuples(
        st.just("DateTime64(6, 'UTC')"),
        st.datetimes(
            dt.datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
            dt.datetime(2299, 1, 1),  # noqa: DTZ001
            timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=-5, minutes=-30))]),
        ),
    ),
    st.tuples(
        st.just("Array(DateTime64(6, 'UTC'))"),
        st.lists(st.datetimes(dt.datetime(1971, 1, 1), timezones=st.just(dt.UTC)), max_size=3),  # noqa: DTZ001
    ),
)


@settings(examples, max_examples=150)
@given(PARAMETERS)
def test_every_parameter_arrives_as_it_was_given(store, drawn):
    kind, value = drawn
    if kind.startswith("Array(DateTime"):
        value = [moment.replace(year=min(moment.year, 2290)) for moment in value]
    assert store.query(f"SELECT {{v:{kind}}} AS v", {"v": value})["v"].to_pylist() == [value]


def test_a_tuple_is_as_good_as_a_list_and_text_never_becomes_sql(store):
    answer = store.query(
        "SELECT {a:Array(String)} AS a, {b:String} AS b",
        {"a": ("x", "y"), "b": "'; DROP TABLE ktlo.tags_log; --"},
    )
    assert answer.to_pylist() == [{"a": ["x", "y"], "b": "'; DROP TABLE ktlo.tags_log; --"}]


def test_a_long_list_of_parameters_arrives(store):
    shas = [f"{n:040x}" for n in range(5_000)]
    answer = store.query("SELECT length({shas:Array(String)}) AS n", {"shas": shas})
    assert answer["n"].to_pylist() == [5_000]


def test_a_moment_without_a_zone_is_refused(store):
    with pytest.raises(ValueError, match="naive"):
        store.query("SELECT {t:DateTime64(6, 'UTC')}", {"t": dt.datetime(2026, 1, 1)})  # noqa: DTZ001


def test_an_answer_without_rows_still_has_its_columns(store):
    answer = store.query("SELECT sha, tagged_at FROM ktlo.tags WHERE source = 'nobody'")
    assert answer.schema.names == ["sha", "tagged_at"]
    assert answer.num_rows == 0


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELEC 1", "Syntax error"),
        ("SELECT * FROM ktlo.nowhere", "nowhere"),
        ("SELECT {x:String}", "x"),
        ("SELECT throwIf(1, 'stop here')", "stop here"),
    ],
)
def test_a_wrong_question_is_told_in_the_engines_words(store, sql, says):
    with pytest.raises(StoreError, match=says):
        store.query(sql)


def test_eight_threads_insert_and_ask_at_once(store):
    source, failures = fresh(), []

    def work(number: int) -> None:
        try:
            for turn in range(4):
                store.insert(TAGS, tags(source, f"{number}-{turn}"))
                assert (f"{number}-{turn}", "c0ffee") in names_in(store, source)
                store.query_readonly("SELECT count() FROM tags", 1)
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(names_in(store, source)) == 32


# What a person typed


def statements(file: str, secret: Path | str = "") -> list[str]:
    lines = (GOLDEN / file).read_text(encoding="utf-8").splitlines()
    return [
        line.replace("{secret}", str(secret)).replace("\\n", "\n")
        for line in lines
        if line and not line.startswith("#")
    ]


def test_hostile_statements_are_refused_and_do_nothing(store, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("hunter2\n", encoding="utf-8")
    store.insert(TAGS, tags("canary", "v1"))
    tables = store.query("SELECT name FROM system.tables WHERE database = 'ktlo' ORDER BY name")
    hostile = statements("hostile.txt", secret)
    assert len(hostile) > 60
    for statement in hostile:
        with pytest.raises(UserError) as refused:
            pytest.fail(f"{statement} was answered: {store.query_readonly(statement, 10).to_pylist()}")
        assert "hunter2" not in str(refused.value), statement
        assert refused.value.fix, statement
    assert names_in(store, "canary") == [("v1", "c0ffee")]
    assert store.query("SELECT name FROM system.tables WHERE database = 'ktlo' ORDER BY name") == tables
    assert not Path("/tmp/ktlo-stolen").exists()


@pytest.mark.parametrize("statement", statements("friendly.txt"))
def test_friendly_questions_are_answered(store, statement):
    assert store.query_readonly(statement, 100).num_columns > 0


def test_a_deep_or_long_statement_is_refused_in_words(store):
    for statement in (
        "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
        "SELECT " + " + ".join("1" for _ in range(40_000)),
        "SELECT '\0'; DROP TABLE ktlo.aliases",
    ):
        with pytest.raises(UserError):
            store.query_readonly(statement, 1)


def test_the_limit_keeps_the_first_rows_in_the_order_asked_for(store):
    backwards = store.query_readonly("SELECT number AS n FROM numbers(1000) ORDER BY n DESC", 3)
    assert backwards["n"].to_pylist() == [999, 998, 997]
    within = store.query_readonly("SELECT number AS n FROM numbers(1000) ORDER BY n LIMIT 2 OFFSET 5", 3)
    assert within["n"].to_pylist() == [5, 6]
    both = store.query_readonly(
        "SELECT number AS n FROM numbers(5) UNION ALL SELECT number FROM numbers(5)", 7
    )
    assert both.num_rows == 7


def test_the_limit_is_on_the_answer_and_not_on_what_it_is_computed_from(store):
    counted = store.query_readonly(
        "SELECT count() AS n, (SELECT max(number) FROM numbers(500)) AS m FROM (SELECT * FROM numbers(1000))"
        " WHERE number IN (SELECT number FROM numbers(900))",
        1,
    )
    assert counted.to_pylist() == [{"n": 900, "m": 499}]


def test_a_limit_of_nothing_is_a_mistake_of_the_caller(store):
    with pytest.raises(ValueError, match="limit"):
        store.query_readonly("SELECT 1", 0)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SELECT sum(cityHash64(number)) FROM numbers(1000000000000)", "longer than 1 s"),
        ("SELECT uniqExact(number) FROM numbers(1000000000)", "memory|longer"),
        ("SELECT groupArray(number) FROM numbers(100000000)", "memory|longer"),
        ("SELECT repeat('x', 10000) FROM numbers(1500)", "larger than 8 MiB"),
    ],
    ids=["time", "memory", "one large value", "a large answer"],
)
def test_a_question_that_wants_too_much_is_stopped_in_words(store, statement, says):
    with pytest.raises(UserError, match=says):
        store.query_readonly(statement, 1_000)
    assert store.query_readonly("SELECT 1 AS a", 1).to_pylist() == [{"a": 1}]


# Last: closes the store


def test_a_store_can_be_closed_twice_and_opened_again_in_the_same_process(backend, store):
    source = fresh()
    store.insert(TAGS, tags(source, "v1"))
    store.close()
    store.close()
    again = backend.open()
    again.migrate()
    assert names_in(again, source) == [("v1", "c0ffee")]
    again.close()
