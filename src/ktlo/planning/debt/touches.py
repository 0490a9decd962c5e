"""What each source file of today took in effort: hours of bug fixing and of other changes, whatever its name was.

A commit's person-days are spread over its files by the lines that were written by hand. Reviews, comments and
triage of bug work are on changes and issues, not on files; they follow the fixing commits (``overhead``). SQL does
the work: one row a file comes back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.effort.paths import NOT_BY_HAND
from ktlo.metrics.rows import Rows
from ktlo.planning.debt.names import NAMES
from ktlo.planning.debt.period import Period
from ktlo.planning.demand import Floats
from ktlo.store.protocol import Queryable

MOST_FILES = 50
"""A commit that touches more files (a reformatting, a renaming) says nothing about any of them."""

WORK = """
  written AS (
    SELECT
      repository, sha, path, any(lines_added + lines_deleted) AS lines, any(lines_added) AS added,
      any(lines_added) - any(lines_deleted) AS grown, any(authored_at) AS at, any(author_email) AS mail
    FROM ktlo.file_changes
    WHERE authored_at < {end:DateTime64(6, 'UTC')} AND authored_at >= {since:DateTime64(6, 'UTC')}
      AND NOT match(path, {not_by_hand:String})
    GROUP BY repository, sha, path
  ),
  sizes AS (
    SELECT repository, sha, sum(lines + 1) AS weight, count() AS files FROM written GROUP BY repository, sha
  ),
  days AS (
    SELECT item_id AS sha, any(category) AS category, sum(person_days) AS person_days
    FROM ktlo.effort WHERE item_kind = 'commit' GROUP BY sha
  ),
  touches AS (
    -- One row a file of today and commit; `part` is the file's share of the commit.
    SELECT
      n.repository AS repository, n.file AS file, w.sha AS sha, w.at AS at, w.mail AS mail, w.lines AS lines,
      w.grown AS grown, s.files AS files, (w.lines + 1) / s.weight AS part, toString(d.category) AS category,
      d.person_days * (w.lines + 1) / s.weight AS person_days
    FROM written AS w
    INNER JOIN names AS n ON n.repository = w.repository AND n.name = w.path
    INNER JOIN sizes AS s ON s.repository = w.repository AND s.sha = w.sha
    LEFT JOIN days AS d ON d.sha = w.sha
    WHERE w.at >= n.since AND w.at < n.until
  )"""
"""Common table expressions after ``NAMES``; wants ``since``, ``end`` and ``not_by_hand`` bound."""

_FILES = f"""
WITH {NAMES}, {WORK},
  spent AS (
    SELECT
      repository, file,
      uniqExactIf(sha, is_fix) AS fixes, uniqExactIf(sha, NOT is_fix) AS others,
      sumIf(person_days, is_fix) AS fix_days, sumIf(person_days * person_days, is_fix) AS fix_days_squared,
      sumIf(person_days, NOT is_fix) AS other_days
    FROM (SELECT *, category = 'bug_fix' AS is_fix FROM touches WHERE lines > 0 AND files <= {{most:UInt32}})
    GROUP BY repository, file
  ),
  members AS (
    SELECT member, any(service) AS service, any(team) AS team FROM ktlo.service_members
    WHERE kind = 'repository' GROUP BY member
  )
SELECT
  f.repository AS repository, m.service AS service, m.team AS team, f.path AS path, f.lines AS lines,
  f.complexity AS complexity, s.fixes AS fixes, s.others AS others, s.fix_days AS fix_days,
  s.fix_days_squared AS fix_days_squared, s.other_days AS other_days
FROM (SELECT repository, path, any(lines) AS lines, any(complexity) AS complexity FROM ktlo.files
      WHERE role = 'source' GROUP BY repository, path) AS f
LEFT JOIN spent AS s ON s.repository = f.repository AND s.file = f.path
LEFT JOIN members AS m ON m.member = f.repository
ORDER BY repository, path"""  # noqa: S608 - no value enters the text

_OVERHEAD = """
SELECT
  repository, sum(person_days) AS all_days, sumIf(person_days, item_kind = 'commit') AS commit_days
FROM ktlo.effort
WHERE category = 'bug_fix' AND day >= toDate({start:DateTime64(6, 'UTC')})
  AND day < toDate({end:DateTime64(6, 'UTC')})
GROUP BY repository"""

_LEAST_DAYS, _MOST_OVERHEAD = 1.0, 3.0
"""Below a person-day of fixing commits the ratio says nothing; above threefold something else is going on."""


@dataclass(frozen=True, slots=True, eq=False)
class FileWork:
    """Source files of today, one place each, in order of repository and path.

    Attributes:
        repository: (n,) codes into ``repositories``.
        repositories: their names.
        services: (n,) by the catalogue.
        teams: (n,) owning teams.
        paths: (n,) present names.
        lines: (n,) lines that are not blank.
        complexity: (n,) summed indentation.
        fixes: (n,) bug-fixing commits in the period.
        others: (n,) other commits in the period.
        fix_hours: (n,) hours of bug fixing, reviews and triage included.
        fix_hours_squared: (n,) sum of the squares of each fix's hours.
        other_hours: (n,) hours of other changes.
    """

    repository: npt.NDArray[np.int64]
    repositories: list[str]
    services: npt.NDArray[np.object_]
    teams: npt.NDArray[np.object_]
    paths: npt.NDArray[np.object_]
    lines: Floats
    complexity: Floats
    fixes: Floats
    others: Floats
    fix_hours: Floats
    fix_hours_squared: Floats
    other_hours: Floats

    def __len__(self) -> int:
        return int(self.paths.size)

    def name(self, place: int) -> str:
        """Repository of a file."""
        return self.repositories[int(self.repository[place])]


def file_work(store: Queryable, period: Period) -> FileWork:
    """Ask what every source file took over the period."""
    bound = period.bound(since=period.start, not_by_hand=NOT_BY_HAND, most=MOST_FILES)
    rows = Rows(store.query(_FILES, bound))
    repository, repositories = rows.coded("repository")
    scale = np.full(len(rows), period.hours_per_day)
    overhead = _overhead(store, period)
    by_repository = np.array([overhead.get(name, 1.0) for name in repositories] or [1.0])
    fix_scale = scale * by_repository[repository] if len(rows) else scale
    return FileWork(
        repository=repository,
        repositories=repositories,
        services=rows.text("service"),
        teams=rows.text("team"),
        paths=rows.text("path"),
        lines=rows.numbers("lines"),
        complexity=rows.numbers("complexity"),
        fixes=rows.numbers("fixes"),
        others=rows.numbers("others"),
        fix_hours=rows.numbers("fix_days") * fix_scale,
        fix_hours_squared=rows.numbers("fix_days_squared") * fix_scale**2,
        other_hours=rows.numbers("other_days") * scale,
    )


def _overhead(store: Queryable, period: Period) -> dict[str, float]:
    """By repository: all hours of bug work over those of its commits, 1 where too little is known."""
    rows = store.query(_OVERHEAD, period.bound()).to_pylist()
    return {
        row["repository"]: min(row["all_days"] / row["commit_days"], _MOST_OVERHEAD)
        for row in rows
        if row["commit_days"] >= _LEAST_DAYS
    }
