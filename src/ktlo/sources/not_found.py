"""Removals of what a service no longer shows, which may be there all the same: a lost right looks like a deletion.

Such a removal gets the version of the row that is known. Of rows of one version the later written one holds, so that
the item is gone now, and there again as soon as it is read again, changed or not.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from ktlo.records import TABLES
from ktlo.records.arrow import DELETED, VERSION
from ktlo.store.ddl import rows_table
from ktlo.store.protocol import Store

NOT_FOUND = 0
"""Version of a removal that rests on nothing being found."""


def outranking(rows: Mapping[str, pa.RecordBatch], store: Store) -> dict[str, pa.RecordBatch]:
    """Rows to be written, their removals of what was not found with the version of what is known.

    Args:
        rows: batches by table, of one source.
        store: holds what is known.

    Returns:
        The same rows; removals of what is not known are left out.
    """
    return {name: _of_known(name, batch, store) for name, batch in rows.items()}


def unrevived(rows: Mapping[str, pa.RecordBatch], store: Store) -> dict[str, pa.RecordBatch]:
    """Rows that a webhook told, without those of items that were removed since: only a reading brings one back.

    Args:
        rows: batches by table, of one source.
        store: holds what is known.
    """
    return {name: _without_removed(name, batch, store) for name, batch in rows.items()}


def _without_removed(name: str, batch: pa.RecordBatch, store: Store) -> pa.RecordBatch:
    if not _has_items(batch):
        return batch
    removed = _versions(name, batch, store, only_removed=True)
    if not removed:
        return batch
    told = zip(batch["external_id"].to_pylist(), batch[VERSION].to_pylist(), strict=True)
    return batch.filter(
        pa.array([(version or 0) > removed.get(str(item), -1) for item, version in told], pa.bool_())
    )


def _of_known(name: str, batch: pa.RecordBatch, store: Store) -> pa.RecordBatch:
    if not _has_items(batch):
        return batch
    is_removal = pc.equal(batch[DELETED], pa.scalar(1, batch[DELETED].type))
    is_undated = pc.equal(batch[VERSION], pa.scalar(NOT_FOUND, batch[VERSION].type))
    is_gone = pc.and_(is_removal, is_undated)
    if not pc.any(is_gone).as_py():
        return batch
    known = _versions(name, batch.filter(is_gone), store)
    of_known = pa.array([known.get(str(item)) for item in batch["external_id"].to_pylist()], pa.uint64())
    versions = pc.if_else(is_gone, of_known, batch[VERSION])
    place = batch.schema.get_field_index(VERSION)
    dated = batch.set_column(place, batch.schema.field(place), versions)
    return dated.filter(pc.is_valid(dated[VERSION]))


def _has_items(batch: pa.RecordBatch) -> bool:
    return "external_id" in batch.schema.names and batch.num_rows > 0


def _versions(
    name: str, batch: pa.RecordBatch, store: Store, *, only_removed: bool = False
) -> dict[str, int]:
    """The newest versions of some items by identifier, of all that are known or of those that are removed now."""
    place = f"FROM ktlo.`{rows_table(TABLES[name])}`"
    which = "WHERE source = {source:String} AND external_id IN {ids:Array(String)}"
    removed = f" AND external_id NOT IN (SELECT external_id {place} FINAL {which})" if only_removed else ""
    found = store.query(
        f"SELECT external_id, max({VERSION}) AS version {place} {which}{removed} GROUP BY external_id",
        {"source": batch["source"][0].as_py(), "ids": batch["external_id"].to_pylist()},
    )
    return {str(row["external_id"]): int(row["version"]) for row in found.to_pylist()}
