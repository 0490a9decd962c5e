"""Earlier names of today's files: so that history counts across renames, and an entry keeps its identity.

Git's renames come with ``file_changes.old_path``. A name belongs to a file from when it was last left by another
until it was renamed; a name that was used again later belongs to both, each in its own time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from ktlo.store.protocol import Queryable

HOPS = 5
"""Renames of one file that its history is followed through."""
MOST_HOPS = 50
"""The same for its identity; a longer chain is a loop."""


_MOVED = """
    SELECT
      c.repository AS repository, c.path AS path, c.old_path AS old_path, c.at AS at,
      arrayMax(arrayConcat([toDateTime64(0, 6, 'UTC')], arrayFilter(m -> m < c.at, l.moments))) AS left_since
    FROM (
      SELECT repository, path, old_path, max(authored_at) AS at FROM ktlo.file_changes
      WHERE old_path != '' GROUP BY repository, path, old_path
    ) AS c
    LEFT JOIN (
      SELECT repository, old_path AS name, groupUniqArray(authored_at) AS moments
      FROM ktlo.file_changes WHERE old_path != '' GROUP BY repository, name
    ) AS l ON l.repository = c.repository AND l.name = c.old_path"""
"""Each rename once, with when its old name had last been left by another file."""

_FIRST = """
    SELECT
      f.repository AS repository, f.path AS file, f.path AS name,
      toDateTime64(greatest(toDateTime64(0, 6, 'UTC'), l.at), 6, 'UTC') AS since,
      toDateTime64('2299-01-01', 6, 'UTC') AS until
    FROM (SELECT DISTINCT repository, path FROM ktlo.files WHERE role = 'source') AS f
    LEFT JOIN (SELECT repository, old_path, max(at) AS at FROM renames GROUP BY repository, old_path) AS l
      ON l.repository = f.repository AND l.old_path = f.path"""
"""The present name: from when another file last left it."""


_COLUMNS = "{0}.1 AS repository, {0}.2 AS file, {0}.3 AS name, {0}.4 AS since, {0}.5 AS until"


def _read(array: str) -> str:
    """Rows of an array of names."""
    return f"SELECT {_COLUMNS.format('e')} FROM (SELECT arrayJoin({array}) AS e)"  # noqa: S608 - no value enters


def _hop(number: int) -> str:
    before = "SELECT * FROM hop0" if number == 1 else _read(f"names{number - 1}")
    return f"""
  (
    SELECT groupArray((h.repository, h.file, r.old_path, r.left_since, r.at))
    FROM ({before}) AS h INNER JOIN renames AS r ON r.repository = h.repository AND r.path = h.name
    WHERE r.at >= h.since AND r.at < h.until
  ) AS names{number},"""  # noqa: S608 - no value enters


_HOPS = "".join(_hop(number) for number in range(1, HOPS + 1))
_ALL = " UNION ALL ".join(_read(f"names{number}") for number in range(1, HOPS + 1))

# What stands in parentheses before AS is a scalar: the engine works it out once, however often it is read.
NAMES = f"""
  (SELECT groupArray((repository, path, old_path, at, left_since)) FROM ({_MOVED})) AS moved,
  renames AS (
    SELECT r.1 AS repository, r.2 AS path, r.3 AS old_path, r.4 AS at, r.5 AS left_since
    FROM (SELECT arrayJoin(moved) AS r)
  ),
  hop0 AS ({_FIRST}),{_HOPS}
  names AS (SELECT * FROM hop0 UNION ALL {_ALL})"""  # noqa: S608 - no value enters
"""Common table expressions; ``names`` has repository, file (its name now), name, since, until (half-open)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file by its present name."""

    repository: str
    path: str


_RENAMED = """
SELECT repository, path, groupArray(old_path) AS before, groupArray(authored_at) AS moments
FROM ktlo.file_changes
WHERE old_path != '' AND has({paths:Array(String)}, path)
GROUP BY repository, path"""

_LEFT = """
SELECT repository, old_path AS name, groupUniqArray(authored_at) AS moments
FROM ktlo.file_changes WHERE has({names:Array(String)}, old_path) GROUP BY repository, name"""


_EVER = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)


def origins(store: Queryable, places: Iterable[Place]) -> dict[Place, str]:
    """The first name that each file had, followed through all its renames.

    Two files that share a first name (one was moved, another took its place and was moved as well) are told
    apart: the one that left it earlier keeps the bare name, later ones get ``#2``, ``#3``.

    Args:
        store: asked once a hop, for all files together.
        places: files by their present names.
    """
    current = {place: (place.path, dt.datetime.max.replace(tzinfo=dt.UTC)) for place in places}
    moving = set(current)
    for _ in range(MOST_HOPS):
        if not moving:
            break
        asked = sorted({current[place][0] for place in moving})
        rows = store.query(_RENAMED, {"paths": asked}).to_pylist()
        renamed = {
            (row["repository"], row["path"]): list(zip(row["moments"], row["before"], strict=True))
            for row in rows
        }
        left = _moments_left(store, asked)
        still = set()
        for place in moving:
            name, before = current[place]
            # A name may have been given several times: what counts is the last time before this file left it, and
            # after another file did.
            since = max((at for at in left.get((place.repository, name), ()) if at < before), default=_EVER)
            moves = renamed.get((place.repository, name), ())
            earlier = [move for move in moves if since <= move[0] < before]
            if earlier:
                at, old = max(earlier)
                current[place] = (old, at)
                still.add(place)
        moving = still
    moments = _moments_left(store, sorted({name for name, _ in current.values()}))
    named = {}
    for place, (name, until) in current.items():
        others = sum(moment < until for moment in moments.get((place.repository, name), ()))
        named[place] = f"{name}#{others + 1}" if others else name
    return named


def _moments_left(store: Queryable, names: list[str]) -> dict[tuple[str, str], list[dt.datetime]]:
    """When names were left by a rename, by repository and name."""
    rows = store.query(_LEFT, {"names": names}).to_pylist()
    return {(row["repository"], row["name"]): row["moments"] for row in rows}
