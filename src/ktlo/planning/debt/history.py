"""Past work of the kinds that pay debt back, read from commits with a category: what ``principal`` is fitted on.

A refactoring is a run of *debt* commits to one file, none more than 30 days after the last, that together rewrote at
least a quarter of the lines that it then had. Updates are *dependency* commits, small repairs are small *debt*
commits to code. All of it by people: bots have no effort.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.effort.paths import MANIFEST, NOT_BY_HAND
from ktlo.metrics.rows import Rows
from ktlo.planning.debt.names import NAMES
from ktlo.planning.debt.period import Period
from ktlo.planning.debt.principal import (
    FLAKY_REPAIR,
    REFACTORING,
    SECURITY_REPAIR,
    SMALL_REPAIR,
    UPDATE,
    PastWork,
    past_work,
)
from ktlo.planning.debt.touches import MOST_FILES, WORK
from ktlo.planning.demand import Floats
from ktlo.store.protocol import Queryable

_GAP = 30 * 86400.0
_PART, _LEAST_LINES = 0.25, 30.0
_FOCUSED = 15
"""A debt commit that touches more files changes something everywhere; it does not refactor a file."""
_SMALL = 50
_EVER = dt.datetime(1970, 1, 2, tzinfo=dt.UTC)

_REWRITTEN = f"""
WITH {NAMES}, {WORK},
  sized AS (
    SELECT
      repository, file, sha, at, lines, files, category, person_days,
      sum(grown) OVER (
        PARTITION BY repository, file ORDER BY at, sha ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS size
    FROM touches
  )
SELECT repository, file, at, lines, person_days, size
FROM sized WHERE category = 'debt' AND files <= {{most:UInt32}} AND lines > 0 AND size > 0
ORDER BY repository, file, at"""  # noqa: S608 - no value enters the text

_COMMITS = """
WITH
  days AS (
    SELECT item_id AS sha, any(category) AS category, sum(person_days) AS person_days
    FROM ktlo.effort WHERE item_kind = 'commit' GROUP BY sha
  ),
  touched AS (
    SELECT
      sha, sum(lines) AS lines, sumIf(added, is_manifest) AS declared, countIf(NOT is_manifest) AS code,
      max(moment) AS at
    FROM (
      SELECT sha, path, any(lines_added + lines_deleted) AS lines, any(lines_added) AS added,
        match(path, {manifest:String}) AS is_manifest, any(authored_at) AS moment
      FROM ktlo.file_changes
      WHERE authored_at < {end:DateTime64(6, 'UTC')} AND NOT match(path, {not_by_hand:String})
      GROUP BY sha, path
    ) GROUP BY sha HAVING count() <= {most:UInt32}
  ),
  said AS (
    SELECT sha, any(subject) AS subject FROM ktlo.commits WHERE NOT is_merge GROUP BY sha
  )
SELECT
  toString(d.category) AS category, d.person_days AS person_days, t.lines AS lines, t.declared AS declared,
  match(s.subject, '(?i)\\\\bflak(y|iness|e|es)\\\\b') AS is_flaky
FROM days AS d INNER JOIN touched AS t ON t.sha = d.sha INNER JOIN said AS s ON s.sha = d.sha
WHERE d.category IN ('dependency', 'security', 'debt') OR is_flaky"""


@dataclass(frozen=True, slots=True, eq=False)
class Refactorings:
    """Past refactorings, one place each, oldest first within a file.

    Attributes:
        repository: (n,) names.
        path: (n,) of the file as it is called now.
        began: (n,) seconds since 1970.
        ended: (n,) seconds since 1970.
        size: (n,) lines that the file had.
        hours: (n,) that it took.
    """

    repository: npt.NDArray[np.object_]
    path: npt.NDArray[np.object_]
    began: Floats
    ended: Floats
    size: Floats
    hours: Floats

    def __len__(self) -> int:
        return int(self.path.size)


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What each kind of repayment took before.

    Attributes:
        refactoring: of a file, by its lines.
        update: of dependencies, by how many.
        small_repair: a small debt commit, by to-dos.
        flaky_repair: of flaky tests.
        security_repair: a security commit.
        refactorings: the past refactorings themselves.
    """

    refactoring: PastWork
    update: PastWork
    small_repair: PastWork
    flaky_repair: PastWork
    security_repair: PastWork
    refactorings: Refactorings


def history_of(store: Queryable, period: Period) -> History:
    """Read all past work before the end of the period."""
    done = _refactorings(store, period)
    rows = Rows(
        store.query(_COMMITS, period.bound(manifest=MANIFEST, not_by_hand=NOT_BY_HAND, most=MOST_FILES))
    )
    category, hours = rows.text("category"), rows.numbers("person_days") * period.hours_per_day
    lines, declared = rows.numbers("lines"), rows.numbers("declared")
    flaky = rows.numbers("is_flaky") > 0
    updates = (category == "dependency") & (declared > 0)
    small = (category == "debt") & (lines <= _SMALL) & ~flaky
    security = category == "security"
    one = np.ones(len(rows))
    return History(
        refactoring=past_work(REFACTORING, done.size, done.hours),
        update=past_work(UPDATE, declared[updates], hours[updates]),
        small_repair=past_work(SMALL_REPAIR, one[small], hours[small]),
        flaky_repair=past_work(FLAKY_REPAIR, one[flaky], hours[flaky]),
        security_repair=past_work(SECURITY_REPAIR, one[security], hours[security]),
        refactorings=done,
    )


def _refactorings(store: Queryable, period: Period) -> Refactorings:
    bound = period.bound(since=_EVER, not_by_hand=NOT_BY_HAND, most=_FOCUSED)
    rows = Rows(store.query(_REWRITTEN, bound))
    repository, path, at = rows.text("repository"), rows.text("file"), rows.seconds("at")
    if not len(rows):
        none = np.zeros(0)
        return Refactorings(repository, path, none, none, none, none)
    apart = np.concatenate(
        ([True], (repository[1:] != repository[:-1]) | (path[1:] != path[:-1]) | (np.diff(at) > _GAP))
    )
    first = np.flatnonzero(apart)
    last = np.append(first[1:], len(rows)) - 1
    lines = np.add.reduceat(rows.numbers("lines"), first)
    hours = np.add.reduceat(rows.numbers("person_days"), first) * period.hours_per_day
    size = rows.numbers("size")[first]
    kept = (size >= _LEAST_LINES) & (lines >= _PART * size) & (hours > 0)
    return Refactorings(
        repository[first][kept], path[first][kept], at[first][kept], at[last][kept], size[kept], hours[kept]
    )
