"""What each source delivered and when: the state that the Sources page, the API and ``ktlo sources`` show."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ktlo.errors import UserError
from ktlo.records import TABLES
from ktlo.records.schema import Life
from ktlo.server.silence import silence_of
from ktlo.sources.hooked import only_listens
from ktlo.sources.registry import make_source
from ktlo.store.protocol import Store

if TYPE_CHECKING:
    from ktlo.server.runtime import Runtime, SourceEntry

_LAST = """
SELECT source, max(c.finished_at) AS finished_at, argMax(c.status, c.started_at) AS status,
  argMax(c.message, c.started_at) AS message, maxIf(c.finished_at, c.status = 'complete') AS complete_at,
  countIf(c.status = 'complete') AS completed
FROM ktlo.collections AS c GROUP BY source"""

_REJECTED = """
SELECT source, countIf(NOT is_kept) AS rejected, countIf(is_kept) AS incomplete
FROM ktlo.rejections GROUP BY source"""

_REJECTIONS = """
SELECT place, reason, excerpt, seen_at, is_kept FROM ktlo.rejections
WHERE source = {source:String} ORDER BY is_kept, place LIMIT {limit:UInt32}"""

_CAME = """
SELECT toString(source) AS source, sumIf(times, status != 'refused') AS accepted,
  sumIf(times, status = 'refused') AS refused,
  maxIf(received_at, status != 'refused') AS last_at, maxIf(received_at, status = 'refused') AS refused_at,
  groupUniqArrayIf(toDate(received_at), status != 'refused' AND received_at > now() - INTERVAL 180 DAY) AS days
FROM ktlo.deliveries GROUP BY source"""

_BEFORE = """
SELECT count() AS n FROM ktlo.collections
WHERE status = 'complete' AND finished_at < {moment:DateTime64(6, 'UTC')}"""

_BOOKKEEPING = ("collections", "missing_items", "rejections", "source_checks")


class Listening(enum.StrEnum):
    """State of a source that cannot be asked: what it was told, not what was read."""

    HEARD = "listening"
    """Something came, and no rhythm of it has ended."""
    WAITING = "waiting"
    """No delivery was taken yet."""
    SILENT = "silent"
    """Nothing came for longer than chance would explain."""


@dataclass(frozen=True, slots=True)
class Came:
    """Webhooks of a source.

    Attributes:
        accepted: taken, or with nothing in them that is used.
        refused: without proof, too large, not understood, or come while the secret could not be read.
        last_at: when the last accepted one came; ``None`` before the first.
        refused_at: when the last refused one came; ``None`` before the first.
    """

    accepted: int = 0
    refused: int = 0
    last_at: dt.datetime | None = None
    refused_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceState:
    """One source, as it is doing.

    Attributes:
        source_id: identifier.
        kind: kind of source.
        options: configuration; secrets are references.
        origin: ``ktlo.yaml``, ``added`` or ``removed``.
        status: of the last collection: complete, partial, failed; ``never`` before the first; ``removed``
            when it is no longer read and something of it is still here. Of one that only listens: see
            :class:`Listening`.
        message: what went wrong last, in words.
        finished_at: end of the last collection.
        complete_at: end of the last complete one; ``None`` for one that only listens.
        rows: rows in the store, by table.
        rejected: pieces of input turned away.
        incomplete: rows that are in with something missing.
        only_listens: it cannot be asked: all that it knows was sent to it.
        came: its webhooks.
    """

    source_id: str
    kind: str
    options: Mapping[str, Any]
    origin: str
    status: str
    message: str
    finished_at: dt.datetime | None
    complete_at: dt.datetime | None
    rows: Mapping[str, int]
    rejected: int
    incomplete: int
    only_listens: bool = False
    came: Came = Came()

    @property
    def turned_away(self) -> int:
        """Pieces of input and webhooks that were turned away."""
        return self.rejected + self.came.refused


def _by_source(table: pa.Table) -> dict[str, dict[str, Any]]:
    return {row["source"]: row for row in table.to_pylist()} if table.num_rows else {}


def rows_by_source(store: Store) -> dict[str, dict[str, int]]:
    """Rows in the store by source and table."""
    parts = " UNION ALL ".join(
        f"SELECT '{table.name}' AS noun, source, count() AS n FROM ktlo.{table.name} GROUP BY source"  # noqa: S608 - ktlo's own names
        for table in TABLES.values()
        if table.life is Life.OBSERVED and table.name not in _BOOKKEEPING
    )
    counted: dict[str, dict[str, int]] = {}
    for row in store.query(parts).to_pylist():
        counted.setdefault(row["source"], {})[row["noun"]] = row["n"]
    return counted


def source_states(runtime: Runtime) -> list[SourceState]:
    """Every source that is read, in order of configuration."""
    return _states(runtime, runtime.sources())


def removed_states(runtime: Runtime) -> list[SourceState]:
    """Sources that are no longer read and whose records are still in the store."""
    return [
        replace(
            state,
            status="removed",
            message=f"no longer read; `ktlo sources remove {state.source_id} --forget` clears it",
        )
        for state in _states(runtime, runtime.left_over())
    ]


def _states(runtime: Runtime, entries: Iterable[SourceEntry]) -> list[SourceState]:
    last, rejected = _by_source(runtime.store.query(_LAST)), _by_source(runtime.store.query(_REJECTED))
    came, rows = _by_source(runtime.store.query(_CAME)), rows_by_source(runtime.store)
    states = []
    for entry in entries:
        run = last.get(entry.source_id)
        turned = rejected.get(entry.source_id, {})
        hooks = came.get(entry.source_id)
        state = SourceState(
            source_id=entry.source_id,
            kind=entry.kind,
            options=entry.options,
            origin=entry.origin,
            status=run["status"] if run else "never",
            message=run["message"] if run else "",
            finished_at=run["finished_at"] if run else None,
            complete_at=run["complete_at"] if run and run["completed"] else None,
            rows={noun: n for noun, n in rows.get(entry.source_id, {}).items() if noun != "deliveries"},
            rejected=turned.get("rejected", 0),
            incomplete=turned.get("incomplete", 0),
            only_listens=_only_listens(entry),
            came=_came(hooks) if hooks else Came(),
        )
        states.append(_as_listening(state, hooks["days"] if hooks else ()) if state.only_listens else state)
    return states


def _came(row: Mapping[str, Any]) -> Came:
    return Came(
        accepted=row["accepted"],
        refused=row["refused"],
        last_at=row["last_at"] if row["accepted"] else None,
        refused_at=row["refused_at"] if row["refused"] else None,
    )


def _only_listens(entry: SourceEntry) -> bool:
    try:
        return only_listens(make_source(entry.kind, entry.options))
    except UserError:
        return False


def _as_listening(state: SourceState, days: Collection[dt.date]) -> SourceState:
    """A source that cannot be asked is never read to its end: what came, and when, is all that is known."""
    if state.status in ("partial", "failed"):
        return replace(state, complete_at=None)
    silence = silence_of(days, dt.datetime.now(dt.UTC).date())
    if silence is not None:
        return replace(state, status=Listening.SILENT, message=silence.said, complete_at=None)
    status = Listening.HEARD if state.came.last_at else Listening.WAITING
    return replace(state, status=status, complete_at=None)


def rejections_of(store: Store, source_id: str, limit: int) -> pa.Table:
    """Input of a source that was turned away or came in incomplete."""
    return store.query(_REJECTIONS, {"source": source_id, "limit": limit})


def has_collected_before(store: Store, moment: dt.datetime) -> bool:
    """True when any source had been read to its end before a moment."""
    return bool(store.query(_BEFORE, {"moment": moment})["n"][0].as_py())
