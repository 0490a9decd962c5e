"""Who knows the code of an entry: the people with most commits to its files in the last two years.

For asking and for planning, not for blaming. One statement for all entries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ktlo.planning.debt.entry import Entry, Knower
from ktlo.planning.debt.period import MEASURED, Period
from ktlo.store.protocol import Queryable

MOST = 3

_KNOWERS = """
WITH mails AS (
  SELECT alias, any(person) AS person FROM ktlo.aliases WHERE kind = 'mail' GROUP BY alias
)
SELECT c.repository AS repository, c.path AS path, if(m.person != '', m.person, c.mail) AS who,
  any(if(p.name != '', p.name, who)) AS name, sum(c.commits) AS commits
FROM (
  SELECT repository, path, lowerUTF8(author_email) AS mail, uniqExact(sha) AS commits FROM ktlo.file_changes
  WHERE has({paths:Array(String)}, path)
    AND authored_at >= {since:DateTime64(6, 'UTC')} AND authored_at < {end:DateTime64(6, 'UTC')}
  GROUP BY repository, path, mail
) AS c LEFT JOIN mails AS m ON m.alias = c.mail
  LEFT JOIN ktlo.persons AS p ON p.person = if(m.person != '', m.person, c.mail)
WHERE who NOT IN (SELECT person FROM ktlo.persons WHERE is_bot)
GROUP BY repository, path, who"""


def with_knowers(store: Queryable, entries: Sequence[Entry], period: Period) -> list[Entry]:
    """The entries with who knows their code."""
    paths = sorted({path for entry in entries for path in entry.paths})
    if not paths:
        return list(entries)
    rows = store.query(
        _KNOWERS, {"paths": paths, "since": period.end - 2 * MEASURED, "end": period.end}
    ).to_pylist()
    by_file: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        by_file.setdefault((row["repository"], row["path"]), Counter())[row["who"]] += row["commits"]
    names = {row["who"]: row["name"] for row in rows}
    told = []
    for entry in entries:
        commits: Counter[str] = Counter()
        for path in entry.paths:
            commits += by_file.get((entry.repository, path), Counter())
        ranked = sorted(commits.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST]
        told.append(replace(entry, knowers=tuple(Knower(who, n, names[who]) for who, n in ranked)))
    return told
