"""Table declarations turned into ClickHouse DDL, the same for the embedded engine, a server and a cluster.

An observed noun ``commits`` becomes the table ``commits_log`` (every version, ReplacingMergeTree) and the
view ``commits`` (newest version of each key, removals hidden). A noun that may vanish has no row in its view as long
as it is gone from its service (``missing_items``). A derived noun becomes one MergeTree.
On a cluster each table gets a Replicated engine, ``ON CLUSTER`` and a Distributed front.
"""

from __future__ import annotations

from dataclasses import dataclass

from ktlo.records.arrow import DELETED, VERSION
from ktlo.records.schema import TABLES, Column, Kind, Life, Table
from ktlo.store import streams

_TYPES: dict[Kind, str] = {
    Kind.STRING: "String",
    Kind.LABEL: "LowCardinality(String)",
    Kind.INTEGER: "Int64",
    Kind.FLOAT: "Float64",
    Kind.BOOLEAN: "Bool",
    Kind.INSTANT: "DateTime64(6, 'UTC')",
    Kind.DATE: "Date32",
    Kind.STRINGS: "Array(String)",
    Kind.MAP: "Map(LowCardinality(String), String)",
    Kind.INSTANT_NS: "DateTime64(9, 'UTC')",
    Kind.INSTANTS_NS: "Array(DateTime64(9, 'UTC'))",
    Kind.MAPS: "Array(Map(LowCardinality(String), String))",
    Kind.FLOATS: "Array(Float64)",
    Kind.INTEGERS: "Array(Int64)",
}

_DURABLE = "fsync_after_insert = 1, fsync_part_directory = 1"

# Once a table has been left alone for a minute, its parts become one, and taking the newest of each key
# costs next to nothing: 30 ms instead of 1,800 over 5 million file changes (benchmarks/store.py).
_SETTLING = "min_age_to_force_merge_seconds = 60, min_age_to_force_merge_on_partition_only = 1"

# A batch of a derived table that is sent again after a lost answer is dropped by its token.
_RESENT_BATCHES = "non_replicated_deduplication_window = 1000"

LAYOUT = "layout"
"""Name of the table that records which layout the store has."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where tables are made.

    Attributes:
        database: database name.
        cluster: cluster name for ON CLUSTER and Replicated engines; empty on a single node.
    """

    database: str = "ktlo"
    cluster: str = ""

    @property
    def on_cluster(self) -> str:
        """The clause that follows a name in DDL."""
        return f" ON CLUSTER `{self.cluster}`" if self.cluster else ""


def column_type(column: Column) -> str:
    """ClickHouse type of a column; a dictionary-encoded optional column nests Nullable inside."""
    base = _TYPES[column.kind]
    if not column.optional:
        return base
    if column.kind is Kind.LABEL:
        return "LowCardinality(Nullable(String))"
    return f"Nullable({base})"


def rows_table(table: Table) -> str:
    """Name of the table that rows are written to."""
    if table.life is Life.STREAMED:
        return streams.PHYSICAL[table.name].name
    return f"{table.name}_log" if table.life is Life.OBSERVED else table.name


def columns_of(table: Table) -> list[tuple[str, str]]:
    """Names and types of the physical columns, bookkeeping included."""
    if table.life is Life.STREAMED:
        return [
            (name, kind.partition(" CODEC")[0]) for name, kind in streams.PHYSICAL[table.name].columns.items()
        ]
    columns = [(column.name, column_type(column)) for column in table.columns]
    if table.life is Life.OBSERVED:
        columns += [(VERSION, "UInt64"), (DELETED, "UInt8")]
    return columns


def _engine(table: Table, place: Place, local: str) -> str:
    arguments = [VERSION, DELETED] if table.life is Life.OBSERVED else []
    family = "ReplacingMergeTree" if table.life is Life.OBSERVED else "MergeTree"
    if place.cluster:
        path = f"'/clickhouse/tables/{{uuid}}/{{shard}}/{local}'"
        arguments = [path, "'{replica}'", *arguments]
        family = f"Replicated{family}"
    return f"{family}({', '.join(arguments)})"


def local_name(front: str, place: Place) -> str:
    """Name of the table that holds the rows of ``front``: itself, or the one on each node of a cluster."""
    return f"{front}_local" if place.cluster else front


def create_database(place: Place) -> str:
    """Statement that makes the database, if it is missing."""
    return f"CREATE DATABASE IF NOT EXISTS {place.database}{place.on_cluster}"


def create_layout(place: Place) -> str:
    """Statement that makes the table of layouts, if it is missing; whole on every node of a cluster."""
    engine = "MergeTree"
    if place.cluster:
        engine = f"ReplicatedMergeTree('/clickhouse/tables/{{uuid}}/{LAYOUT}', '{{shard}}-{{replica}}')"
    return (
        f"CREATE TABLE IF NOT EXISTS {place.database}.`{LAYOUT}`{place.on_cluster} (\n"
        "  `version` UInt32,\n  `fingerprint` String,\n  `ktlo` String,\n  `migrated_at` DateTime64(6, 'UTC')\n"
        f")\nENGINE = {engine}\nORDER BY (`migrated_at`)\nSETTINGS {_DURABLE}"
    )


def create_table(table: Table, place: Place, *, name: str | None = None) -> list[str]:
    """Statements that make the table rows are written to, if it is missing."""
    if table.life is Life.STREAMED:
        return streams.create_table(table.name, place)
    front = name or rows_table(table)
    local = local_name(front, place)
    columns = ",\n  ".join(f"`{column}` {kind}" for column, kind in columns_of(table))
    order = ", ".join(f"`{column}`" for column in table.order)
    settings = f"{_DURABLE}, {_SETTLING if table.life is Life.OBSERVED else _RESENT_BATCHES}"
    statements = [
        (
            f"CREATE TABLE IF NOT EXISTS {place.database}.`{local}`{place.on_cluster} (\n  {columns}\n)"
            f"\nENGINE = {_engine(table, place, local)}\nORDER BY ({order})\nSETTINGS {settings}"
        )
    ]
    if place.cluster:
        key = ", ".join(f"`{column}`" for column in table.key)
        statements.append(
            f"CREATE TABLE IF NOT EXISTS {place.database}.`{front}`{place.on_cluster}"
            f" AS {place.database}.`{local}`\nENGINE = Distributed('{place.cluster}',"
            f" '{place.database}', '{local}', cityHash64({key}))"
        )
    return statements


def create_view(table: Table, place: Place) -> list[str]:
    """Statement that makes the view people query; none where that is the table itself."""
    if table.life is Life.STREAMED:
        return streams.create_view(table.name, place)
    if table.life is Life.DERIVED:
        return []
    columns = ", ".join(f"`{column.name}`" for column in table.columns)
    return [
        (
            f"CREATE OR REPLACE VIEW {place.database}.`{table.name}`{place.on_cluster} AS\n"
            f"SELECT {columns} FROM {place.database}.`{rows_table(table)}` FINAL"
            f"{_unless_gone(table, place) if table.vanishes else ''}"
        )
    ]


def _unless_gone(table: Table, place: Place) -> str:
    """The condition that an item is not gone from its service.

    By a digest of 64 bits, which costs a quarter of comparing two strings; of 500,000 items and 100,000 gone ones two
    share one with a probability of 3 in a billion.
    """
    item, notes = "cityHash64(`source`, `external_id`)", rows_table(TABLES["missing_items"])
    gone = f"SELECT {item} FROM {place.database}.`{notes}` FINAL WHERE `noun` = '{table.name}' AND `is_gone`"  # noqa: S608 - ktlo's own names
    return f"\nWHERE {item} {'GLOBAL ' if place.cluster else ''}NOT IN ({gone})"


def add_column(table: Table, place: Place, column: str, kind: str) -> list[str]:
    """Statements that add a column that a newer version of ktlo declares."""
    front = rows_table(table)
    return [
        f"ALTER TABLE {place.database}.`{name}`{place.on_cluster} ADD COLUMN IF NOT EXISTS `{column}` {kind}"
        for name in _both(front, place)
    ]


def drop_table(front: str, place: Place) -> list[str]:
    """Statements that remove a table, if it is there; waits until its name is free again."""
    return [
        f"DROP TABLE IF EXISTS {place.database}.`{name}`{place.on_cluster} SYNC"
        for name in reversed(_both(front, place))
    ]


def exchange(front: str, other: str, place: Place) -> list[str]:
    """Statements that swap the content of two tables at once.

    On a cluster the tables with the rows are swapped, under Distributed fronts that stay as they are;
    each node swaps in one step, after it has every row, but nodes follow one another within moments.
    """
    one, two = local_name(front, place), local_name(other, place)
    statements = []
    if place.cluster:
        statements.append(f"SYSTEM SYNC REPLICA{place.on_cluster} {place.database}.`{two}`")
    statements.append(
        f"EXCHANGE TABLES {place.database}.`{two}` AND {place.database}.`{one}`{place.on_cluster}"
    )
    return statements


def _both(front: str, place: Place) -> list[str]:
    """The table with the rows, and on a cluster its Distributed front after it."""
    return [local_name(front, place), front] if place.cluster else [front]


def delete_source(table: Table, place: Place) -> str:
    """Statement that removes the rows of one source, bound as ``source``; ended when it returns."""
    return _delete(table, place, "source = {source:String}")


def delete_versions(table: Table, place: Place) -> str:
    """The same for its rows of a version above the one that is bound as ``above``."""
    return _delete(table, place, f"source = {{source:String}} AND {VERSION} > {{above:UInt64}}")


def _delete(table: Table, place: Place, where: str) -> str:
    name = local_name(rows_table(table), place)
    return (
        f"ALTER TABLE {place.database}.`{name}`{place.on_cluster}"
        f" DELETE WHERE {where} SETTINGS mutations_sync = 2"
    )
