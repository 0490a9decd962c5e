"""How the records of a world are made and written: what is not said of one is empty, zero or unknown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ktlo.records import TABLES
from ktlo.records.arrow import to_arrow
from ktlo.records.schema import Life, table_of
from ktlo.store.protocol import Store


def at(text: str) -> dt.datetime:
    """``01-05 09:30`` of 2026 (or with its year), UTC."""
    full = text if text.count("-") == 2 else f"2026-{text}"
    return dt.datetime.fromisoformat(full).replace(tzinfo=dt.UTC)


START, NOW = at("01-05"), at("03-02")

_BLANKS: Mapping[str, Any] = {"str": "", "int": 0, "float": 0.0, "bool": False, "tuple[str, ...]": ()}


def made(noun: type, **given: Any) -> Any:
    """A record with the given fields; the others empty, zero, or unknown."""
    values = {}
    for field in fields(noun):
        if field.name in given:
            values[field.name] = given[field.name]
        else:
            values[field.name] = _blank(str(field.type))
    return noun(**values)


def _blank(annotation: str) -> Any:
    inner = annotation.removeprefix("Annotated[").split(", Field(")[0].split(",\n")[0].strip()
    return None if "None" in inner else _BLANKS.get(inner, START)


def put(store: Store, records: list[Any]) -> None:
    """Write records of any nouns."""
    by_noun: dict[type, list[Any]] = {}
    for record in records:
        by_noun.setdefault(type(record), []).append(record)
    for noun, members in by_noun.items():
        table = table_of(noun)
        assert TABLES[table.name] is table
        if table.life is Life.OBSERVED:
            store.insert(table, to_arrow(members, noun, version=1))
        else:
            store.replace(table, [to_arrow(members, noun)])
