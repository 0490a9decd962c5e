"""Hotspots: complicated code that changes often, code that changes together, knowledge held by one person.

Rows are source files of the current tree with their changes in the period. Tornhill, Your Code as a Crime
Scene, 2015: change frequency times complexity finds where maintenance effort goes. Coupling: ``coupling``.
"""

from __future__ import annotations

import numpy as np

from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.metrics.proportions import wilson
from ktlo.metrics.question import Dimension, Window
from ktlo.metrics.registry import Better, Family, Statistics, Unit, metric
from ktlo.metrics.rows import Rows

_BY = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM)

HOTSPOTS = """
WITH
  members AS (
    SELECT member, any(service) AS service, any(team) AS team FROM ktlo.service_members
    WHERE kind = 'repository' GROUP BY member
  ),
  fixing AS (
    SELECT item_id AS sha FROM ktlo.verdicts WHERE item_kind = 'commit' AND category = 'bug_fix'
  ),
  mails AS (
    SELECT alias, any(person) AS person FROM ktlo.aliases WHERE kind = 'mail' GROUP BY alias
  ),
  touched AS (
    -- Distinct commits, since two sources may read one repository; as numbers, which takes half the time.
    SELECT
      repository, path, author_email, uniqExact(cityHash64(sha)) AS commits,
      uniqExactIf(cityHash64(sha), sha IN (SELECT sha FROM fixing)) AS fixing_commits,
      max(authored_at) AS touched_at
    FROM ktlo.file_changes
    WHERE authored_at >= {start:DateTime64(6, 'UTC')} AND authored_at < {end:DateTime64(6, 'UTC')}
    GROUP BY repository, path, author_email
  ),
  known AS (
    SELECT
      t.repository AS repository, t.path AS path, if(p.person != '', p.person, t.author_email) AS author,
      sum(t.commits) AS own, sum(t.fixing_commits) AS own_fixes, max(t.touched_at) AS own_at
    FROM touched AS t LEFT JOIN mails AS p ON p.alias = lowerUTF8(t.author_email)
    GROUP BY repository, path, author
  ),
  changed AS (
    SELECT
      repository, path, sum(own) AS revisions, sum(own_fixes) AS fixes, count() AS authors,
      max(own) / sum(own) AS main_author_share, argMax(author, (own, author)) AS main_author,
      max(own_at) AS last_at
    FROM known GROUP BY repository, path
  )
SELECT
  f.repository AS repository, m.service AS service, m.team AS team, f.path AS path, f.language AS language,
  f.lines AS lines, f.complexity AS complexity, c.revisions AS revisions, c.fixes AS bug_fixes,
  c.authors AS authors, c.main_author AS main_author,
  c.main_author_share AS main_author_share, c.last_at AS at, c.revisions * f.complexity AS score
FROM (SELECT repository, path, any(language) AS language, any(lines) AS lines, any(complexity) AS complexity
      FROM ktlo.files WHERE role = 'source' GROUP BY repository, path) AS f
INNER JOIN changed AS c ON c.repository = f.repository AND c.path = f.path
LEFT JOIN members AS m ON m.member = f.repository
ORDER BY score DESC, revisions DESC, repository, path"""


@metric(
    title="Hotspots",
    family=Family.HOTSPOTS,
    unit=Unit.COUNT,
    definition="How many source files carry half of the score of all; a file's score is its number of commits"
    " in the period times its complexity (summed indentation) now. The rows are the files, highest score first.",
    reading="A handful of files usually carries half. They are where a mending hour saves most. Changes made"
    " under a file's earlier name are not counted.",
    source="Tornhill, Your Code as a Crime Scene, 2015; complexity after Hindle, Godfrey and Holt, ICPC 2008",
    dimensions=_BY,
    headline="files",
    tables=("file_changes", "files"),
    sql=HOTSPOTS,
    counts="files",
    is_summed=True,
)
def hotspots(rows: Rows, window: Window) -> Statistics:
    """Concentration of change times complexity."""
    del window  # the SQL has taken the period; `at` is only the last change
    if not len(rows):
        none = not_estimable("no source file was changed in this period")
        return {"files": none, "share_of_top_ten": none}
    scores = np.sort(rows.numbers("score"))[::-1]
    total = float(scores.sum())
    if total == 0:
        none = not_estimable("none of the changed files has any indentation", len(rows))
        return {"files": none, "share_of_top_ten": none}
    carried = int(np.searchsorted(np.cumsum(scores), total / 2)) + 1
    return {
        "files": Estimate(float(carried), None, None, len(rows)),
        "share_of_top_ten": Estimate(float(scores[:10].sum() / total), None, None, len(rows)),
    }


@metric(
    title="Files that one person knows",
    family=Family.HOTSPOTS,
    unit=Unit.SHARE,
    definition="Of the source files changed in the period by at least three commits, the share to which one"
    " person (whatever the addresses) made at least 80% of the commits.",
    reading="Knowledge that leaves with one person. Pairing and rotation spread it.",
    source="After Bird et al., Don't Touch My Code!, ESEC/FSE 2011; Wilson, JASA 1927",
    dimensions=_BY,
    headline="share",
    better=Better.LOWER,
    tables=("file_changes", "files"),
    sql=HOTSPOTS,
    detail=f"SELECT * FROM (\n{HOTSPOTS}\n) WHERE revisions >= 3",  # noqa: S608 - no value enters the text
    counts="files",
    is_summed=True,
)
def single_author_files(rows: Rows, window: Window) -> Statistics:
    """Share of files with one dominant author."""
    del window  # as above
    often = rows.numbers("revisions") >= 3
    alone = often & (rows.numbers("main_author_share") >= 0.8)
    return {"share": wilson(int(alone.sum()), int(often.sum()))}
