"""Statements over what the signals declare: tables, views, flows, retention, and loading of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ktlo.store.streams import coverage, edges, errors, functions, hours, logs, metrics, traces, versions
from ktlo.store.streams.physical import Incoming

if TYPE_CHECKING:
    from ktlo.store.ddl import Place

SIGNALS = (
    traces.SIGNAL,
    logs.SIGNAL,
    metrics.SIGNAL,
    versions.SIGNAL,
    hours.SIGNAL,
    edges.SIGNAL,
    errors.SIGNAL,
    functions.SIGNAL,
    coverage.SIGNAL,
)
"""Every signal; one that reads another's tables comes after it."""

PHYSICAL = {noun: made for signal in SIGNALS for noun, made in signal.physical.items()}
"""Tables behind streamed nouns, by name of the noun."""

_DURABLE = "fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000"


def create_table(noun: str, place: Place) -> list[str]:
    """Statements that make the table behind a streamed noun, if it is missing."""
    made = PHYSICAL[noun]
    local = f"{made.name}_local" if place.cluster else made.name
    parts = [f"`{name}` {kind}" for name, kind in made.columns.items()]
    parts += [f"INDEX {index}" for index in made.indexes]
    engine = f"{made.family}()"
    if place.cluster:
        engine = f"Replicated{made.family}('/clickhouse/tables/{{uuid}}/{{shard}}/{local}', '{{replica}}')"
    by_day = f"\nPARTITION BY toDate({made.by_day})" if made.by_day else ""
    body = ",\n  ".join(parts)
    statements = [
        (
            f"CREATE TABLE IF NOT EXISTS {place.database}.`{local}`{place.on_cluster} (\n  {body}\n)"
            f"\nENGINE = {engine}{by_day}\nORDER BY ({made.order})\nSETTINGS {_DURABLE}"
        )
    ]
    if place.cluster:
        statements.append(
            f"CREATE TABLE IF NOT EXISTS {place.database}.`{made.name}`{place.on_cluster}"
            f" AS {place.database}.`{local}`\nENGINE = Distributed('{place.cluster}',"
            f" '{place.database}', '{local}', cityHash64({made.shard_by}))"
        )
    return statements


def create_view(noun: str, place: Place) -> list[str]:
    """Statement of the view that people query; none where the table already is what they query."""
    made = PHYSICAL[noun]
    if not made.view:
        return []
    rows = f"GROUP BY {made.order}" if not made.newest else f"FINAL WHERE {made.newest}"
    return [
        (
            f"CREATE OR REPLACE VIEW {place.database}.`{noun}`{place.on_cluster} AS\n"
            f"SELECT {made.view} FROM {place.database}.`{made.name}` AS s {rows}"
        )
    ]


def keep(noun: str, days: int, place: Place) -> tuple[str, str]:
    """How long rows are kept: the clause as the engine prints it, and the statement that sets it."""
    made = PHYSICAL[noun]
    local = f"{made.name}_local" if place.cluster else made.name
    clause = f"TTL toDateTime({made.aged_by}) + toIntervalDay({days})"
    return clause, f"ALTER TABLE {place.database}.`{local}`{place.on_cluster} MODIFY {clause}"


def create_flow(place: Place) -> list[str]:
    """Statements that make what telemetry flows through, if missing: the ways in and the materialized views."""
    statements = [
        (
            f"CREATE TABLE IF NOT EXISTS {place.database}.`{way.table}`{place.on_cluster} (\n"
            f"  {way.columns}\n)\nENGINE = Null"
        )
        for signal in SIGNALS
        for way in signal.incoming
    ]
    statements += [
        f"CREATE TABLE IF NOT EXISTS {place.database}.`{between.table}`{place.on_cluster} (\n  "
        + ",\n  ".join(f"`{name}` {kind.partition(' CODEC')[0]}" for name, kind in between.columns.items())
        + "\n)\nENGINE = Null"
        for signal in SIGNALS
        for between in signal.passing
    ]
    statements += [
        f"DROP VIEW IF EXISTS {place.database}.`{name}`{place.on_cluster} SYNC"
        for signal in SIGNALS
        for flow in signal.flows
        for name in flow.replaces
    ]
    statements += [
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {place.database}.`{flow.name}`{place.on_cluster}"
        f" TO {place.database}.`{flow.target}` AS\n{flow.select(place.database)}"
        for signal in SIGNALS
        for flow in signal.flows
    ]
    return statements


def load_settings(stream: Incoming, token: str) -> dict[str, str | int]:
    """Settings of an INSERT that loads a file: in one block, and only once by its token."""
    return {
        "max_insert_block_size": 1_000_000_000,
        "min_insert_block_size_rows": 1_000_000_000,
        "min_insert_block_size_bytes": 0,
        "max_insert_threads": 1,
        "insert_deduplication_token": token,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
    }


def schema_settings(stream: Incoming) -> dict[str, str | int]:
    """Settings that give a server the schema with the INSERT."""
    return {
        "format_schema_source": "string",
        "format_schema": stream.schema,
        "format_schema_message_name": stream.message,
    }


def load_statement(stream: Incoming, place: Place, file: str, schema_file: str, token: str) -> str:
    """INSERT of a file of messages, all of it or nothing, for an engine that reads this machine's files.

    Args:
        stream: what the file holds.
        place: the database.
        file: path of the messages.
        schema_file: path of a file with the stream's schema. The engine would keep a copy of a schema that is given
            as text in whatever folder the process was started in.
        token: names the content.
    """
    settings = ", ".join(
        f"{name} = {value if isinstance(value, int) else _literal(value)}"
        for name, value in {
            **load_settings(stream, token),
            "format_schema": f"{schema_file}:{stream.message}",
        }.items()
    )
    return (
        f"INSERT INTO {place.database}.`{stream.table}` FROM INFILE {_literal(file)}"
        f" SETTINGS {settings} FORMAT Protobuf"
    )


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
