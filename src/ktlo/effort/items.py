"""Work items: commits, changes, issues and incidents in the one shape that rules and the model read.

Built from records by :mod:`ktlo.effort.reading`; pure data, so that a rule can be tried on one line of text.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ktlo.records.effort import ItemKind

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, order=True)
class ItemKey:
    """What identifies a work item."""

    item_kind: ItemKind
    source: str
    item_id: str

    def __str__(self) -> str:
        """The key of its category correction."""
        return f"{self.item_kind.value}|{self.source}|{self.item_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """A commit, change, issue or incident.

    Attributes:
        item_kind: what it is.
        source: source of the record.
        item_id: sha or external_id.
        repository: owner/name; empty when none.
        title: subject or title.
        body: rest of the text.
        labels: labels now.
        issue_type: type as the tracker names it.
        request_type: what a service desk's customer asked for, as it names it.
        branch: branch of a change; of a merge commit, the branch its subject names.
        paths: touched paths, where known.
        lines_added: lines; None where nothing was counted.
        lines_deleted: lines; None where nothing was counted.
        is_merge: True for a commit with two or more parents.
        is_by_bot: True when automation wrote it.
        shas: of a change, the commits that are its work (branch, head, merge or squash).
        occurred_at: when it was made.
    """

    item_kind: ItemKind
    source: str = ""
    item_id: str = ""
    repository: str = ""
    title: str = ""
    body: str = ""
    labels: tuple[str, ...] = ()
    issue_type: str = ""
    request_type: str = ""
    branch: str = ""
    paths: tuple[str, ...] = ()
    lines_added: int | None = None
    lines_deleted: int | None = None
    is_merge: bool = False
    is_by_bot: bool = False
    shas: tuple[str, ...] = ()
    occurred_at: dt.datetime = EPOCH

    @property
    def key(self) -> ItemKey:
        """What identifies it."""
        return ItemKey(self.item_kind, self.source, self.item_id)
