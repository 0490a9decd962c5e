"""Which records are one piece of work: a fix, the change that carried it, and the issue that it closes.

Reads titles and texts through :mod:`ktlo.effort.links`; gives :mod:`ktlo.planning.load.reading` the root of
each commit and change, so that a bug, its pull request and its commits are counted once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ktlo.effort.items import ItemKey, WorkItem
from ktlo.effort.links import Reference, references
from ktlo.records.effort import ItemKind

_DEEPEST = 4
"""Commit, change, issue: a longer chain is a circle."""


class Roots:
    """Finds what a commit or change belongs to.

    Args:
        tracked: issues and incidents: identifier, repository.
        changes: changes under review; ``shas`` are their commits.
    """

    def __init__(self, tracked: Iterable[tuple[ItemKey, str]], changes: Iterable[WorkItem]) -> None:
        self._numbered: dict[tuple[str, str], ItemKey] = {}
        self._named: dict[str, ItemKey] = {}
        for key, repository in tracked:
            self._add(key, repository)
        self._changes: dict[tuple[str, str], ItemKey] = {}
        self._carried: dict[tuple[str, str], ItemKey] = {}
        self._items: dict[ItemKey, WorkItem] = {}
        for change in changes:
            self._items[change.key] = change
            number = change.item_id.rpartition("#")[2]
            self._changes.setdefault((change.repository, number), change.key)
            for sha in change.shas:
                self._carried.setdefault((change.repository, sha), change.key)

    def _add(self, key: ItemKey, repository: str) -> None:
        number = key.item_id.rpartition("#")[2]
        if number.isdigit():
            self._numbered.setdefault((repository, number), key)
        self._named.setdefault(key.item_id, key)

    def of(self, item: WorkItem) -> ItemKey:
        """The issue or incident that an item belongs to, else its change, else itself.

        Commits that name the same number which no record knows are one piece of work, too: their root is a
        change with that number.
        """
        return self._root(item, 0)

    def _root(self, item: WorkItem, depth: int) -> ItemKey:
        found = list(references(item))
        for reference in found:
            target = self._tracked(reference)
            if target is not None and target != item.key:
                return target
        carrier = self._carrier(item, found)
        if carrier is None or carrier == item.key:
            return item.key
        change = self._items.get(carrier)
        return carrier if change is None or depth >= _DEEPEST else self._root(change, depth + 1)

    def _tracked(self, reference: Reference) -> ItemKey | None:
        return self._named.get(reference.name) or self._numbered.get((reference.repository, reference.name))

    def _carrier(self, item: WorkItem, found: list[Reference]) -> ItemKey | None:
        if item.item_kind is not ItemKind.COMMIT:
            return None
        known = self._carried.get((item.repository, item.item_id))
        if known is not None:
            return known
        numbered = [reference for reference in found if reference.name.isdigit()]
        for reference in numbered:
            known = self._changes.get((reference.repository, reference.name))
            if known is not None:
                return known
        if numbered:
            return ItemKey(ItemKind.CHANGE, item.source, f"{numbered[0].repository}#{numbered[0].name}")
        return None


def roots_of(items: Iterable[WorkItem], roots: Roots) -> Mapping[ItemKey, ItemKey]:
    """The root of each item."""
    return {item.key: roots.of(item) for item in items}
