"""How large the store is, by what lies in it: asked of the engine's system tables, for ktlo's view of itself."""

from __future__ import annotations

from dataclasses import dataclass

from ktlo.store.protocol import Store

_SIZE = """
SELECT multiIf(table IN ('spans', 'log_records', 'metric_points', 'metric_histograms', 'call_ends'), table,
    match(table, '_states$|_rows$|^error_events$'), 'roll-ups', 'records') AS table,
  toInt64(sum(rows)) AS rows, toInt64(count()) AS parts, toInt64(sum(bytes_on_disk)) AS bytes
FROM system.parts WHERE active AND database = {database:String} GROUP BY table ORDER BY table"""


@dataclass(frozen=True, slots=True)
class EngineSize:
    """Part of the store.

    Attributes:
        table: a large table by its name, else ``roll-ups`` or ``records``.
        rows: rows.
        parts: files of the engine that rows lie in; many mean that inserts are small or merging is behind.
        bytes: on disk.
    """

    table: str
    rows: int
    parts: int
    bytes: int


def engine_size(store: Store) -> list[EngineSize]:
    """What the store holds; raises StoreError."""
    return [EngineSize(**row) for row in store.query(_SIZE, {"database": store.database}).to_pylist()]
