"""Commits that ended a vulnerability: work for security, whatever their subject says.

Read from ``findings`` (the commit after which a finding was gone). Only what touches dependency files alone counts: a
commit that also changes code was made for something else too, and its subject says for what.
"""

from __future__ import annotations

import re

from ktlo.effort.items import WorkItem
from ktlo.effort.paths import LOCK_FILE, MANIFEST
from ktlo.records.effort import ItemKind
from ktlo.store.protocol import Queryable

_ENDED = """
SELECT resolved_sha AS sha, arraySort(groupUniqArray(rule)) AS rules, any(package) AS package FROM ktlo.findings
WHERE resolved_sha != '' AND check = 'vulnerabilities' AND startsWith(source, 'git:')
GROUP BY resolved_sha"""
_DEPENDENCIES = re.compile(f"(?:{LOCK_FILE})|(?:{MANIFEST})".replace("(?i)", ""), re.IGNORECASE)


class Ended:
    """What commits ended.

    Args:
        reasons: sentence by commit.
    """

    def __init__(self, reasons: dict[str, str]) -> None:
        self._reasons = reasons

    def reason(self, item: WorkItem) -> str:
        """Why an item is work for security; empty when it ended nothing, or did something else too."""
        if not self._reasons or item.is_merge or not item.paths:
            return ""
        shas = (item.item_id,) if item.item_kind is ItemKind.COMMIT else item.shas
        found = next((self._reasons[sha] for sha in shas if sha in self._reasons), "")
        return found if found and all(_DEPENDENCIES.search(path) for path in item.paths) else ""


def read_ended(store: Queryable) -> Ended:
    """What is on record."""
    reasons = {}
    for row in store.query(_ENDED).to_pylist():
        rules = list(row["rules"])
        more = f" and {len(rules) - 1} more" if len(rules) > 1 else ""
        reasons[row["sha"]] = f"It ended {rules[0]} in {row['package']}{more}"
    return Ended(reasons)
