"""A program that the durability tests start and kill: it writes batches and says which are acknowledged.

``python writer.py FOLDER FIRST``: batch N goes into the tags, then becomes the whole content of the
verdicts; each line printed is the number of a batch for which both are done.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import pyarrow as pa

from ktlo.records import TABLES
from ktlo.records.arrow import schema
from ktlo.store.embedded import EmbeddedStore

MOMENT = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
ROWS = 500


def tags(number: int) -> pa.RecordBatch:
    row = {"source": "git", "repository": "acme/shop", "sha": "c0ffee", "tagged_at": MOMENT}
    row |= {"row_version": 1, "is_deleted": 0}
    rows = [row | {"name": f"{number}-{n}"} for n in range(ROWS)]
    return pa.RecordBatch.from_pylist(rows, schema=schema(TABLES["tags"]))


def verdicts(number: int) -> pa.RecordBatch:
    row = {"source": "git", "item_kind": "commit", "repository": "acme/shop", "title": str(number)}
    row |= {"category": "feature", "layer": "model", "confidence": 0.5, "reason": "", "occurred_at": MOMENT}
    names = [column.name for column in TABLES["verdicts"].columns]
    rows = [{name: (row | {"item_id": str(n)}).get(name) for name in names} for n in range(ROWS)]
    return pa.RecordBatch.from_pylist(rows, schema=schema(TABLES["verdicts"]))


def main() -> None:
    store = EmbeddedStore(Path(sys.argv[1]))
    store.migrate()
    number = int(sys.argv[2])
    while True:
        store.insert(TABLES["tags"], tags(number))
        store.replace(TABLES["verdicts"], [verdicts(number)] * 2)
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    main()
