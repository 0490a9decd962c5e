"""What a run remembers for the next one: which history is in, and how far an interrupted walk came.

Kept as JSON in the state. Every change of it is committed *before* rows that it announces and *after* rows
that it confirms, so a kill at any moment repeats a piece of work and never forgets one.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Walk:
    """One pass over history: everything reachable from ``tips`` and not from ``excluded``.

    The order is git's own (newest first), which depends on nothing but these commits, so the position in
    it is a number; ``last`` is the commit at that position, to notice if it no longer is.

    Attributes:
        tips: where to start, sorted.
        excluded: what is not wanted, sorted.
        removing: True when the commits found are to be removed.
        mailmap: object id of the mailmap that is applied.
        boundary: where history was cut when the walk began.
        handled: commits delivered so far.
        last: object id of the last one.
    """

    tips: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    removing: bool = False
    mailmap: str = ""
    boundary: tuple[str, ...] = ()
    handled: int = 0
    last: str = ""


@dataclass(frozen=True, slots=True)
class Cursor:
    """State of a repository's collection.

    Attributes:
        complete: tips whose whole history is in the store.
        walk: the walk under way; ``None`` between runs that ended well.
        mailmap: object id of the mailmap with which the history was read.
        boundary: where history was cut when it was read.
        tags: names of the tags in the store.
        tags_state: digest of the tags, to see whether they changed.
        trees: commits whose tree may be in the store: one, or more after an interruption.
        tree_state: what the snapshot was made with; empty when it was not finished.
        samples: commit measured for each past date.
        version: highest row version given so far.
    """

    complete: tuple[str, ...] = ()
    walk: Walk | None = None
    mailmap: str = ""
    boundary: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    tags_state: str = ""
    trees: tuple[str, ...] = ()
    tree_state: str = ""
    samples: Mapping[str, str] = field(default_factory=dict)
    version: int = 0

    def to_json(self) -> dict[str, Any]:
        """As kept in the state."""
        packed = base64.b85encode(zlib.compress("\0".join(self.tags).encode())).decode()
        return {"format": FORMAT} | asdict(replace(self, tags=())) | {"tags": packed if self.tags else ""}


def read_cursor(said: Mapping[str, Any]) -> Cursor:
    """Read a kept cursor; one of another format (a newer or older ktlo) starts anew, which is safe."""
    if said.get("format") != FORMAT:
        return Cursor(version=int(said.get("version", 0) or 0))
    walk = said["walk"]
    tags = said["tags"]
    return Cursor(
        complete=tuple(said["complete"]),
        walk=None
        if walk is None
        else Walk(
            tips=tuple(walk["tips"]),
            excluded=tuple(walk["excluded"]),
            removing=walk["removing"],
            mailmap=walk["mailmap"],
            boundary=tuple(walk["boundary"]),
            handled=walk["handled"],
            last=walk["last"],
        ),
        mailmap=said["mailmap"],
        boundary=tuple(said["boundary"]),
        tags=tuple(zlib.decompress(base64.b85decode(tags)).decode().split("\0")) if tags else (),
        tags_state=said["tags_state"],
        trees=tuple(said["trees"]),
        tree_state=said["tree_state"],
        samples=dict(said["samples"]),
        version=said["version"],
    )
