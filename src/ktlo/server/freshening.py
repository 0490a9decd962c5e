"""Works out ``freshness`` anew: locked versions against release dates of the indexes that ``guard.indexes`` names.

Part of the background look (``scanning``). Without an index every version has its reason for being unknown, so that the
page can say what to do.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from ktlo.guard.freshness import freshness
from ktlo.guard.indexes import ECOSYSTEMS, Answer, Indexes, Named
from ktlo.records import TABLES
from ktlo.records.arrow import from_arrow, to_arrow
from ktlo.records.findings import Freshness, LockedVersion
from ktlo.server.runtime import Runtime

_LOCKED = """
SELECT * FROM ktlo.locked_versions WHERE until_at IS NULL
ORDER BY relation = 'direct' DESC, repository, path, package
LIMIT 1 BY repository, path, ecosystem, package, version"""
NO_INDEX = "no index is asked for release dates (guard.indexes in ktlo.yaml)"


def freshen(runtime: Runtime) -> int:
    """Replace the table; how many versions have known dates."""
    settings = runtime.settings.guard
    locked: list[LockedVersion] = from_arrow(runtime.store.query(_LOCKED), LockedVersion)
    answers: dict[tuple[str, str], Answer] = {}
    addresses = {name: address for name, address in settings.indexes.items() if name in ECOSYSTEMS}
    if addresses and locked:
        indexes = Indexes(addresses, runtime.folder / "guard" / "indexes.sqlite", dt.datetime.now(dt.UTC))
        try:
            answers = indexes.ask(_named(locked), settings.server_seconds)
        finally:
            indexes.close()
    why = "not asked yet: the next collection goes on" if addresses else NO_INDEX
    rows = freshness(locked, answers, why)
    runtime.store.replace(TABLES["freshness"], [to_arrow(rows, Freshness)])
    return sum(one.libyears is not None for one in rows)


def _named(locked: list[LockedVersion]) -> list[Named]:
    versions: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in locked:  # direct ones first: they are asked for first
        versions[one.ecosystem, one.package].append(one.version)
    return [Named(*key, tuple(dict.fromkeys(said))) for key, said in versions.items()]
