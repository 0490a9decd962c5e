"""Work items as people look for them: by identifier, or those whose category most needs a look.

Read from ``verdicts`` and ``effort``; shown by the Effort page, the API and ``ktlo classify``.
"""

from __future__ import annotations

import pyarrow as pa

from ktlo.metrics.ask import filtered, parameters
from ktlo.metrics.question import Question
from ktlo.metrics.registry import definition
from ktlo.records.effort import ItemKind
from ktlo.store.protocol import Queryable, Store

_EFFORT = """
  SELECT item_kind, source, item_id, sum(person_days) AS person_days FROM ktlo.effort
  GROUP BY item_kind, source, item_id"""

_COLUMNS = """
  v.item_kind AS item_kind, v.source AS source, v.item_id AS item_id, v.repository AS repository,
  v.title AS title, v.category AS category, v.layer AS layer, v.confidence AS confidence,
  v.reason AS reason, v.occurred_at AS occurred_at, e.person_days AS person_days"""

_FOUND = f"""
SELECT {_COLUMNS}
FROM ktlo.verdicts AS v
LEFT JOIN ({_EFFORT}) AS e ON e.item_kind = v.item_kind AND e.source = v.source AND e.item_id = v.item_id
WHERE v.item_id = {{text:String}}
  OR (v.item_kind = 'commit' AND length({{text:String}}) >= 7 AND startsWith(v.item_id, {{text:String}}))
ORDER BY v.item_kind, v.source, v.item_id LIMIT {{limit:UInt32}}"""  # noqa: S608 - no value enters the text

_UNSURE = f"""
SELECT {_COLUMNS}
FROM ktlo.verdicts AS v
INNER JOIN ({_EFFORT}) AS e ON e.item_kind = v.item_kind AND e.source = v.source AND e.item_id = v.item_id
WHERE v.layer != 'correction'
ORDER BY e.person_days * (1 - v.confidence) DESC, v.item_id LIMIT {{limit:UInt32}}"""  # noqa: S608


_ADDRESSES = {
    ItemKind.CHANGE: "SELECT url FROM ktlo.changes",
    ItemKind.ISSUE: "SELECT url FROM ktlo.issues",
    ItemKind.INCIDENT: "SELECT url FROM ktlo.incidents",
}
_TITLED = f"""
SELECT {_COLUMNS}
FROM ktlo.verdicts AS v
LEFT JOIN ({_EFFORT}) AS e ON e.item_kind = v.item_kind AND e.source = v.source AND e.item_id = v.item_id
WHERE positionCaseInsensitiveUTF8(v.title, {{text:String}}) > 0
ORDER BY v.occurred_at DESC, v.item_id LIMIT {{limit:UInt32}}"""  # noqa: S608


_HEAVIEST = """
SELECT item_kind, source, item_id, any(title) AS title, any(repository) AS repository,
  any(category) AS category, any(layer) AS layer, sum(person_days) AS spent
FROM ({parts})
GROUP BY item_kind, source, item_id
ORDER BY spent DESC, item_kind, source, item_id LIMIT {{limit:UInt32}}"""


def heaviest_items(store: Queryable, question: Question, limit: int) -> pa.Table:
    """Items that took most effort in a period, all their days added up; ``spent`` is in person-days.

    Raises:
        UsageError: a filter that effort does not have.
    """
    defined = definition("person_days")
    sql = _HEAVIEST.format(parts=filtered(defined.rows_sql, question))
    return store.query(sql, {**parameters(defined, question), "limit": limit})


def address(store: Store, item_kind: ItemKind, source: str, item_id: str) -> str:
    """Where a person reads an item in the tool it comes from; empty when nowhere."""
    if item_kind not in _ADDRESSES:
        return ""
    sql = f"{_ADDRESSES[item_kind]} WHERE source = {{source:String}} AND external_id = {{id:String}} LIMIT 1"
    found = store.query(sql, {"source": source, "id": item_id})
    return str(found["url"][0].as_py()) if found.num_rows else ""


def titled_items(store: Store, text: str, limit: int) -> pa.Table:
    """Items whose title contains a text, in either case; newest first."""
    return store.query(_TITLED, {"text": text.strip(), "limit": limit})


def find_items(store: Store, text: str, limit: int) -> pa.Table:
    """Items that an identifier names: a number, a key, or a sha of seven digits or more."""
    return store.query(_FOUND, {"text": text.strip().lstrip("#"), "limit": limit})


def unsure_items(store: Store, limit: int) -> pa.Table:
    """Items whose category most needs a look: effort times doubt, largest first."""
    return store.query(_UNSURE, {"limit": limit})
