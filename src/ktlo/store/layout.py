"""The store's layout: what tables there should be, what there are, and the way from one to the other.

The way only adds: missing tables, columns, indexes and views; flows, which hold no rows, are made anew. A store that a
newer ktlo made, or one whose columns or keys cannot be reached by adding, is refused with a sentence before anything is
touched. Which layout a store has is kept in its table ``layout``, so that a store up to date costs two questions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from ktlo import __version__
from ktlo.errors import StoreError
from ktlo.records.schema import TABLES, Life, Table
from ktlo.store import ddl, layout_flow, streams

LAYOUT_VERSION = 1
"""Raised when a released layout changes; ``tests/store/golden/layout.txt`` holds what it stands for."""


class Engine(Protocol):
    """What a migration needs of a backend."""

    def execute(self, sql: str) -> None:
        """Run one statement that answers nothing."""

    def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """Answer one SELECT."""


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What the store says about its own layout."""

    version: int
    fingerprint: str
    ktlo: str


@dataclass(frozen=True, slots=True)
class _Present:
    """A table as the engine has it: types by column, the sorting key, its engine and the names of its indexes."""

    types: Mapping[str, str]
    order: tuple[str, ...]
    engine: str
    indexes: frozenset[str]


def statements(place: ddl.Place) -> list[str]:
    """Every statement of a fresh store, in order."""
    made = [ddl.create_database(place), ddl.create_layout(place)]
    for table in TABLES.values():
        made += ddl.create_table(table, place)
    for table in TABLES.values():  # one may ask another table, too
        made += ddl.create_view(table, place)
    return made + streams.create_flow(place)


def fingerprint(place: ddl.Place) -> str:
    """Digest of the whole layout; two stores with one fingerprint have the same tables and views."""
    return hashlib.sha256("\n".join(statements(place)).encode()).hexdigest()


def migrate(engine: Engine, place: ddl.Place) -> None:
    """Bring the store to this version's layout; nothing is touched when it is there already.

    Raises:
        StoreError: the store is newer, or differs in a way that adding cannot mend; it is unchanged.
    """
    recorded = _recorded(engine, place)
    wanted = fingerprint(place)
    if recorded is not None:
        if recorded.version > LAYOUT_VERSION:
            raise StoreError(
                f"this store was made by a newer ktlo ({recorded.ktlo}, layout {recorded.version};"
                f" this is {__version__}, layout {LAYOUT_VERSION})",
                where=place.database,
                fix=f"Use ktlo {recorded.ktlo} or newer, or give this one its own folder with --data",
            )
        if (recorded.version, recorded.fingerprint) == (LAYOUT_VERSION, wanted):
            return
    engine.execute(ddl.create_database(place))
    present = _present(engine, place)
    outdated = [table for table in TABLES.values() if _is_outdated(table, present, place)]
    for table in outdated:
        for statement in ddl.drop_table(ddl.rows_table(table), place):
            engine.execute(statement)
    for statement in layout_flow.flow_removals({name: one.engine for name, one in present.items()}, place):
        engine.execute(statement)
    for statement in _additions(present, place):
        engine.execute(statement)
    for statement in statements(place):
        engine.execute(statement)
    engine.execute(
        f"INSERT INTO {place.database}.`{ddl.LAYOUT}`"  # noqa: S608 - a number, a digest and our own version
        f" VALUES ({LAYOUT_VERSION}, '{wanted}', '{__version__}', now64(6))"
    )


def _recorded(engine: Engine, place: ddl.Place) -> _Recorded | None:
    known = engine.query(
        "SELECT name FROM system.tables WHERE database = {database:String} AND name = {name:String}",
        {"database": place.database, "name": ddl.LAYOUT},
    )
    if known.num_rows == 0:
        return None
    rows = engine.query(
        f"SELECT version, fingerprint, ktlo FROM {place.database}.`{ddl.LAYOUT}`"  # noqa: S608 - our own name
        " ORDER BY migrated_at DESC LIMIT 1"
    ).to_pylist()
    return _Recorded(**rows[0]) if rows else None


def _present(engine: Engine, place: ddl.Place) -> dict[str, _Present]:
    columns = engine.query(
        "SELECT table, name, type FROM system.columns WHERE database = {database:String}",
        {"database": place.database},
    ).to_pylist()
    tables = engine.query(
        "SELECT name, sorting_key, engine FROM system.tables WHERE database = {database:String}",
        {"database": place.database},
    ).to_pylist()
    indexes = engine.query(
        "SELECT table, name FROM system.data_skipping_indices WHERE database = {database:String}",
        {"database": place.database},
    ).to_pylist()
    return {
        table["name"]: _Present(
            {column["name"]: column["type"] for column in columns if column["table"] == table["name"]},
            tuple(part.strip("`() ") for part in table["sorting_key"].split(",")),
            table["engine"],
            frozenset(index["name"] for index in indexes if index["table"] == table["name"]),
        )
        for table in tables
    }


def _is_outdated(table: Table, present: Mapping[str, _Present], place: ddl.Place) -> bool:
    """True for a derived table of another shape, which is made anew: its content is computed again.

    Raises:
        StoreError: another table than a derived one has another type or key: its rows cannot be had again.
    """
    name = ddl.local_name(ddl.rows_table(table), place)
    there = present.get(name)
    if there is None:
        return False
    reasons = [
        f"the column {column} is {there.types[column]}, and this ktlo ({__version__}) wants {kind}"
        for column, kind in ddl.columns_of(table)
        if column in there.types and there.types[column] != kind
    ]
    if table.life is not Life.STREAMED and there.order != table.order:
        reasons.append(
            f"the key is ({', '.join(there.order)}), and this ktlo ({__version__}) wants"
            f" ({', '.join(table.order)})"
        )
    if reasons and table.life is not Life.DERIVED:
        raise StoreError(
            reasons[0],
            where=f"{place.database}.{name}",
            fix="Nothing was changed. Use the ktlo that made this store, or collect into a new folder"
            " with --data",
        )
    return bool(reasons)


def _additions(present: Mapping[str, _Present], place: ddl.Place) -> list[str]:
    added = []
    for table in TABLES.values():
        there = present.get(ddl.local_name(ddl.rows_table(table), place))
        if there is None:
            continue
        for column, kind in ddl.columns_of(table):
            if column not in there.types:
                added += ddl.add_column(table, place, column, kind)
        if table.life is Life.STREAMED:
            added += layout_flow.index_changes(table.name, there.indexes, place)
    return added
