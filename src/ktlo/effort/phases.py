"""The episodes of one item, as they were derived last (``effort/episodes``): for its page and the API."""

from __future__ import annotations

from ktlo.effort.items import ItemKey
from ktlo.records.arrow import from_arrow
from ktlo.records.phases import Episode
from ktlo.store.protocol import Queryable

_EPISODES = """
SELECT * FROM ktlo.phases WHERE item_kind = {kind:String} AND source = {source:String} AND item_id = {id:String}
ORDER BY episode"""


def read_phases(store: Queryable, key: ItemKey) -> list[Episode]:
    """Episodes of an incident or bug, the first first; none of what has no phases, or was not derived yet."""
    bound = {"kind": key.item_kind.value, "source": key.source, "id": key.item_id}
    return from_arrow(store.query(_EPISODES, bound), Episode)
