"""How much of each signal the store has, and when the newest of it arrived."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ktlo.store.protocol import Store


@dataclass(frozen=True, slots=True)
class Stream:
    """A signal as it is stored.

    Attributes:
        signal: ``traces``, ``metrics`` or ``logs``.
        item: what one item is called.
        kept: setting below ``telemetry:`` that says how many days it is kept.
        tables: that hold its items.
    """

    signal: str
    item: str
    kept: str
    tables: tuple[str, ...]


STREAMS = (
    Stream("traces", "span", "keep_days", ("spans",)),
    Stream("logs", "log record", "keep_logs_days", ("log_records",)),
    Stream("metrics", "data point", "keep_metrics_days", ("metric_points", "metric_histograms")),
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What there is of a signal.

    Attributes:
        stream: the signal.
        items: in the store.
        newest: when the newest arrived; None when there is none.
    """

    stream: Stream
    items: int
    newest: dt.datetime | None


def stored(store: Store, stream: Stream) -> Stored:
    """Count a signal's items; raises StoreError."""
    counted = [
        store.query(f"SELECT count() AS n, max(received_at) AS newest FROM ktlo.{table}").to_pylist()[0]  # noqa: S608
        for table in stream.tables
    ]
    items = sum(one["n"] for one in counted)
    return Stored(stream, items, max(one["newest"] for one in counted) if items else None)
