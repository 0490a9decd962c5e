"""How a noun is declared once and used everywhere.

A record is a frozen dataclass whose annotations say type, meaning and unit. :func:`record` turns it
into a :class:`Table`, from which the store derives its DDL, ``records.arrow`` its Arrow schema, and the
documentation its reference page. Nothing here knows an engine.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_args, get_origin

R = TypeVar("R")


class Kind(enum.StrEnum):
    """The types a column may have; each store and Arrow map them in one table of their own."""

    STRING = "string"
    LABEL = "label"  # a string with few distinct values (dictionary-encoded)
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    INSTANT = "instant"  # UTC, microseconds
    DATE = "date"
    STRINGS = "strings"
    MAP = "map"  # string to string
    INSTANT_NS = "instant_ns"  # UTC, nanoseconds
    INSTANTS_NS = "instants_ns"
    MAPS = "maps"
    FLOATS = "floats"
    INTEGERS = "integers"


class Life(enum.StrEnum):
    """How rows of a table come and go."""

    OBSERVED = "observed"
    """Collected from outside; a row replaces an earlier one of the same key when its version is not
    older, and a row with ``is_deleted`` removes it."""

    DERIVED = "derived"
    """Computed from observed rows; the whole content is replaced at once."""

    STREAMED = "streamed"
    """Telemetry: arrives in bulk, is never changed, and leaves when its retention ends."""


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """What a person must know about a column, given in the annotation of a record's attribute."""

    doc: str
    """Meaning, in words."""
    unit: str = ""
    """Unit of the number (``s``, ``lines``, ``person-days``); empty for the unitless."""
    label: bool = False
    """True when the column has few distinct values: stored dictionary-encoded, usable as a dimension."""
    kind: Kind | None = None
    """Type of the column where the annotation alone does not tell it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    kind: Kind
    optional: bool
    doc: str
    unit: str


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """The shape of one noun in the store.

    Attributes:
        name: name that queries use (plural noun).
        record: the dataclass that a row is.
        columns: in declaration order; bookkeeping columns are not among them.
        key: names of the columns that identify a row; inserting a key twice changes nothing.
        order: sorting key in the store; starts with what questions filter by, contains the key.
        life: how rows come and go.
        vanishes: its service may cease to show a row, which is then in ``missing_items``; keyed by source and
            external_id.
    """

    name: str
    record: type
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    order: tuple[str, ...]
    life: Life
    doc: str
    vanishes: bool = False

    def column(self, name: str) -> Column:
        """Return the column called ``name``; raises KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


TABLES: dict[str, Table] = {}
"""Every table by name; filled by :func:`record` when ``ktlo.records`` is imported."""

_BY_RECORD: dict[type, Table] = {}

_KINDS: dict[Any, Kind] = {
    str: Kind.STRING,
    int: Kind.INTEGER,
    float: Kind.FLOAT,
    bool: Kind.BOOLEAN,
    dt.datetime: Kind.INSTANT,
    dt.date: Kind.DATE,
}


def _column(name: str, annotation: Any) -> Column:
    if get_origin(annotation) is not Annotated:
        raise TypeError(f"{name}: annotate it as Annotated[type, Field(...)]")
    declared, field = get_args(annotation)[:2]
    optional = False
    if get_origin(declared) in (types.UnionType, typing.Union):
        members = [member for member in get_args(declared) if member is not type(None)]
        optional = len(members) < len(get_args(declared))
        declared = members[0]
    origin = get_origin(declared)
    if field.kind is not None:
        kind = field.kind
    elif origin is tuple:
        kind = Kind.STRINGS
    elif origin is dict:
        kind = Kind.MAP
    elif isinstance(declared, type) and issubclass(declared, enum.StrEnum):
        kind = Kind.LABEL
    else:
        kind = _KINDS[declared]
    if field.label:
        kind = Kind.LABEL
    return Column(name, kind, optional, field.doc, field.unit)


def record(
    table: str,
    *,
    key: tuple[str, ...],
    order: tuple[str, ...] | None = None,
    life: Life = Life.OBSERVED,
    vanishes: bool = False,
) -> Callable[[type[R]], type[R]]:
    """Register a frozen dataclass as a noun with a table.

    Args:
        table: plural noun, the name queries use.
        key: attributes that identify a row.
        order: sorting key of the store; ``key`` when not given; must contain the key.
        life: observed (default) or derived.
        vanishes: see :class:`Table`.

    Raises:
        TypeError: an attribute lacks its Annotated declaration, or key and order disagree.
    """

    def register(cls: type[R]) -> type[R]:
        hints = typing.get_type_hints(cls, include_extras=True)
        columns = tuple(
            _column(f.name, hints[f.name])
            for f in dataclasses.fields(cls)  # type: ignore[arg-type]
        )
        names = {column.name for column in columns}
        sorting = order or key
        if not set(key) <= set(sorting) <= names:
            raise TypeError(f"{table}: order {sorting} must contain key {key}")
        declared = Table(
            name=table,
            record=cls,
            columns=columns,
            key=key,
            order=sorting,
            life=life,
            doc=(cls.__doc__ or "").strip(),
            vanishes=vanishes,
        )
        TABLES[table] = declared
        _BY_RECORD[cls] = declared
        return cls

    return register


def table_of(noun: type) -> Table:
    """Return the table of a record class; raises KeyError when it was never registered."""
    return _BY_RECORD[noun]
