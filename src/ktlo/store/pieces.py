"""A table cut into pieces by day, each small enough to be written out at once.

A piece never crosses midnight (UTC), so that files can lie in one folder a day. Rows are counted by minute first, and
minutes are put together until a piece is full.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ktlo.errors import NotFoundError, UsageError
from ktlo.records.schema import TABLES, Kind
from ktlo.store.protocol import Queryable

ROWS_IN_A_PIECE = 500_000
_MOMENTS = (Kind.INSTANT, Kind.INSTANT_NS, Kind.DATE)
_PREFERRED = ("started_at", "logged_at", "at", "minute", "detected_at", "created_at", "authored_at", "day")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a table.

    Attributes:
        day: that it lies in; ``None`` for a table without moments.
        start: first moment; ``None`` for everything.
        end: moment after the last one.
        rows: that were counted.
    """

    day: dt.date | None
    start: dt.datetime | None
    end: dt.datetime | None
    rows: int


def moment_of(noun: str, column: str = "") -> str:
    """The column by which a noun's rows are cut; empty when it has none.

    Raises:
        NotFoundError: there is no such noun.
        UsageError: the column is none of it, or holds no moments.
    """
    if noun not in TABLES:
        raise NotFoundError(
            f"there is no noun {noun[:60]!r}", fix="docs/reference/records.md lists them; or give SQL"
        )
    moments = [one.name for one in TABLES[noun].columns if one.kind in _MOMENTS]
    if column:
        if column not in moments:
            raise UsageError(
                f"{noun} has no moment {column[:60]!r}", fix=f"It has: {', '.join(moments) or 'none'}"
            )
        return column
    known = [name for name in _PREFERRED if name in moments]
    return (known or moments or [""])[0]


def statement(noun: str, column: str, piece: Piece) -> tuple[str, dict[str, str]]:
    """SELECT of a piece's rows in the noun's order, and its parameters as text."""
    if not column or piece.start is None or piece.end is None:
        return f"SELECT * FROM {noun}", {}  # noqa: S608 - a declared noun
    condition, values = _within(column, piece.start, piece.end)
    return f"SELECT * FROM {noun} WHERE {condition} ORDER BY {column}", values  # noqa: S608


def pieces(
    store: Queryable,
    noun: str,
    column: str,
    start: dt.datetime,
    end: dt.datetime,
    most_rows: int = ROWS_IN_A_PIECE,
) -> list[Piece]:
    """Cut a noun's rows from ``start`` to before ``end``.

    Args:
        store: where they are.
        noun: a declared one.
        column: of :func:`moment_of`; empty gives one piece with everything.
        start: first moment.
        end: moment after the last one.
        most_rows: of a piece, unless a single minute has more.
    """
    if not column:
        rows = store.query(f"SELECT count() AS n FROM ktlo.{noun}")["n"][0].as_py()  # noqa: S608
        return [Piece(None, None, None, rows)] if rows else []
    minute = f"toDateTime64(toStartOfMinute(toDateTime64(t.{column}, 6, 'UTC')), 6, 'UTC')"
    counted = store.query(
        f"SELECT {minute} AS minute, count() AS n FROM ktlo.{noun} AS t"  # noqa: S608
        f" WHERE toDateTime64(t.{column}, 6, 'UTC') >= {{start:DateTime64(6, 'UTC')}}"
        f" AND toDateTime64(t.{column}, 6, 'UTC') < {{end:DateTime64(6, 'UTC')}} GROUP BY minute ORDER BY minute",
        {"start": start, "end": end},
    ).to_pylist()
    return list(_gathered(counted, start, end, most_rows))


def _gathered(
    counted: Iterable[dict[str, Any]], start: dt.datetime, end: dt.datetime, most_rows: int
) -> Iterable[Piece]:
    day: dt.date | None = None
    begin, until, rows = start, start, 0
    for row in counted:
        minute: dt.datetime = row["minute"].astimezone(dt.UTC)
        if rows and (minute.date() != day or rows + row["n"] > most_rows):
            yield Piece(day, begin, until, rows)
            rows = 0
        if not rows:
            day, begin = minute.date(), max(start, minute)
        rows += row["n"]
        until = min(end, minute + dt.timedelta(minutes=1))
    if rows:
        yield Piece(day, begin, until, rows)


def _within(column: str, start: dt.datetime, end: dt.datetime) -> tuple[str, dict[str, str]]:
    text = "%Y-%m-%d %H:%M:%S.%f"
    moment = f"toDateTime64({column}, 6, 'UTC')"
    condition = f"{moment} >= {{start:DateTime64(6, 'UTC')}} AND {moment} < {{end:DateTime64(6, 'UTC')}}"
    return condition, {"start": start.strftime(text), "end": end.strftime(text)}
