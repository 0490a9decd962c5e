"""Whether a row is an item or a step in an item's life, and in which order the steps stand.

Evidence: a key repeats, its state changes from row to row, rows carry a time of change, counters such as
``sys_mod_count`` count up. Read by ``propose``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from ktlo.sources.csv.config import EventOrder, Shape
from ktlo.sources.csv.dates import DateError, DateStyle, parse_instant
from ktlo.sources.csv.fields import words
from ktlo.sources.csv.profile import PROFILE_ROWS
from ktlo.sources.csv.rows import Row
from ktlo.wording import counted

_COUNTERS = (
    "sys mod count",
    "mod count",
    "reopen count",
    "reassignment count",
    "update count",
    "revision",
    "sequence",
)
_STEADY = 0.95


@dataclass(frozen=True, slots=True)
class ShapeFinding:
    """What a row is.

    Attributes:
        shape: item or event.
        order: order of an item's rows, for events.
        reasons: why, one sentence each.
    """

    shape: Shape
    order: EventOrder
    reasons: tuple[str, ...]


@dataclass(slots=True)
class _Tally:
    rows: int = 0
    changes: int = 0
    forward: int = 0
    backward: int = 0


def find_shape(
    rows: Iterator[Row],
    key: str,
    state: str | None,
    event_at: str | None,
    style: DateStyle | None,
    columns: list[str],
) -> ShapeFinding:
    """Judge the shape by the rows.

    Args:
        rows: the file's rows, at most the first 100,000 are looked at.
        key: column of the item's key.
        state: column of its state, where there is one.
        event_at: column that may be the time of each change.
        style: how that column's dates are written; ``None`` when unproven.
        columns: all columns, for the counters among them.
    """
    last: dict[str, tuple[str, dt.datetime | None]] = {}
    tally = _Tally()
    for row in islice(rows, PROFILE_ROWS):
        item = row.cells.get(key, ("",))[0].strip()
        if not item:
            continue
        tally.rows += 1
        now_state = row.cells.get(state, ("",))[0].strip() if state else ""
        at = _moment(row.cells.get(event_at, ("",))[0].strip(), style) if event_at else None
        if item in last:
            before_state, before_at = last[item]
            tally.changes += before_state != now_state
            if at is not None and before_at is not None:
                tally.forward += at > before_at
                tally.backward += at < before_at
        last[item] = now_state, at
    repeats = tally.rows - len(last)
    counters = [column for column in columns if words(column) in _COUNTERS]
    if repeats < 0.05 * tally.rows or not tally.changes or event_at is None:
        if repeats:
            taken = "which is taken as a duplicate" if repeats == 1 else "which are taken as duplicates"
            reason = f"{key} repeats in {counted(repeats, 'rows')}, {taken}: {_why_items(tally, event_at)}"
        else:
            reason = f"one row an item: {key} never repeats in {counted(tally.rows, 'rows')}"
        return ShapeFinding(Shape.ITEMS, EventOrder.TIME, (reason,))
    reason = (
        f"one row an event: {counted(tally.rows, 'rows')} with {len(last)} different {key}, and {state} changes"
        f" {tally.changes} times between them"
    )
    if counters:
        reason += f"; counters: {', '.join(counters)}"
    order, why = _order(tally)
    return ShapeFinding(Shape.EVENTS, order, (reason, why))


def _why_items(tally: _Tally, event_at: str | None) -> str:
    if event_at is None:
        return "no column tells when a row was written"
    return "few rows repeat" if tally.changes else "no state changes between them"


def _order(tally: _Tally) -> tuple[EventOrder, str]:
    moved = tally.forward + tally.backward
    if moved and tally.forward >= _STEADY * moved:
        against = f", but for {counted(tally.backward, 'rows')}" if tally.backward else ""
        return (
            EventOrder.FILE,
            f"rows of an item stand in the order of time{against}: the file's order is kept",
        )
    if moved and tally.backward >= _STEADY * moved:
        return EventOrder.FILE_REVERSED, "rows of an item stand newest first: the file's order is reversed"
    return EventOrder.TIME, "rows of an item are mixed: their times order them"


def _moment(text: str, style: DateStyle | None) -> dt.datetime | None:
    try:
        return parse_instant(text, style, dt.UTC) if text and style else None
    except DateError:
        return None
