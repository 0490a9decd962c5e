"""What a streamed noun is made of: its table, the ways in, and the views through which rows flow.

Partitions are by the day of arrival, not of the service's clock, so that a clock that is wrong by years makes no
partitions of its own. Roll-ups follow from rows by materialized views, in the same insert as the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Physical:
    """The table behind a streamed noun.

    Attributes:
        name: of the table.
        columns: types and codecs by column.
        family: engine, without Replicated.
        order: sorting key.
        by_day: column by whose day it is partitioned; empty for none.
        aged_by: column by which rows grow old.
        indexes: skipping indexes.
        view: SELECT of the noun's columns where the table's are states; empty when they are the same.
        newest: condition of the rows that the view shows, where a row replaces the earlier one of its key.
        shard_by: column by which a cluster spreads the rows, so that what is asked together lies together.
        kept: setting below ``telemetry:`` that says how many days rows are kept.
    """

    name: str
    columns: Mapping[str, str]
    family: str
    order: str
    by_day: str
    aged_by: str
    indexes: tuple[str, ...] = ()
    view: str = ""
    newest: str = ""
    shard_by: str = "service"
    kept: str = "keep_days"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A stream that can be loaded from files of length-delimited protobuf messages.

    Attributes:
        table: that is inserted into; it keeps nothing.
        columns: of that table.
        schema: proto3 text.
        message: the message that each length-delimited part is.
    """

    table: str
    columns: str
    schema: str
    message: str


@dataclass(frozen=True, slots=True)
class Passing:
    """A table between flows that keeps nothing (``Null``): what several tables are filled from is made once.

    Attributes:
        table: its name.
        columns: types by column.
    """

    table: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Flow:
    """A materialized view: what flows from one table into another.

    Attributes:
        name: of the view.
        target: table that it fills.
        select: makes its SELECT for a database of that name.
        replaces: names of views that did the same before; they are dropped, so that nothing flows twice.
    """

    name: str
    target: str
    select: Callable[[str], str]
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """How one kind of telemetry lies in the store.

    Attributes:
        physical: tables behind its nouns, by name of the noun.
        incoming: ways in.
        flows: what fills the tables; one whose source another fills comes after it.
        passing: tables between flows.
    """

    physical: Mapping[str, Physical]
    incoming: tuple[Incoming, ...] = ()
    flows: tuple[Flow, ...] = ()
    passing: tuple[Passing, ...] = ()
