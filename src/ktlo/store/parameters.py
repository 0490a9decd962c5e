"""Values for ``{name:Type}`` parameters, in the text form that ClickHouse parses.

A top-level value is in the TabSeparated escape form, a value inside an array in quoted form (ClickHouse,
"Queries with parameters"). The embedded engine takes only this text form for arrays.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"}
)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime has no meaning in a query: {value!r}")
        return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)


def _quoted(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_quoted(member) for member in value) + "]"
    if isinstance(value, bool | int | float):
        return _scalar(value)
    return "'" + _scalar(value).translate(_ESCAPES).replace("'", "\\'") + "'"


_UNESCAPED = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "b": "\b", "f": "\f"}


def unescaped(text: str) -> str:
    """A text without TabSeparated escapes: what :func:`parameter_text` made it from."""
    return re.sub(r"\\(.)", lambda found: _UNESCAPED.get(found[1], found[1]), text, flags=re.DOTALL)


def literal(text: str) -> str:
    """A text as a literal of SQL."""
    return _quoted(text)


def parameter_text(value: Any) -> str:
    """Encode one parameter value.

    Raises:
        ValueError: a datetime without a time zone.
    """
    if value is None:
        return "\\N"
    if isinstance(value, list | tuple):
        return _quoted(value)
    return _scalar(value).translate(_ESCAPES)


def parameter_texts(params: Mapping[str, Any] | None) -> dict[str, str]:
    """Encode all parameters of a query."""
    return {name: parameter_text(value) for name, value in (params or {}).items()}


def parameter_values(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Values for clickhouse-connect, which encodes by itself: moments as text in UTC, lists as lists.

    Raises:
        ValueError: a datetime without a time zone.
    """
    return {name: _plain(value) for name, value in (params or {}).items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return [int(member) if isinstance(member, bool) else _plain(member) for member in value]
    return value if isinstance(value, int | float) and not isinstance(value, bool) else _scalar(value)
