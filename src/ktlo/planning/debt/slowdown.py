"""Do changes to a file take longer than comparable changes elsewhere? Told by the clock, not by the effort model.

Effort's hours follow from a commit's size by a formula, so commits of one size take the same hours in any file: they
cannot show a slowdown. The clock can: minutes between a person's previous commit and this one, where both are of one
sitting. Compared with commits of the same size by the same person; files shrunk towards no difference by what they
differ in all (DerSimonian and Laird, Controlled Clinical Trials 1986, 7:177-188), because the slowest of many files is
slow partly by chance. Where commits are squashed on merging, sittings are few and nothing is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from ktlo.effort.paths import NOT_BY_HAND
from ktlo.metrics.rows import Rows
from ktlo.planning.debt.names import NAMES
from ktlo.planning.debt.period import MEASURED, Period
from ktlo.planning.debt.touches import MOST_FILES, WORK
from ktlo.planning.demand import Floats
from ktlo.store.protocol import Queryable

_SITTING = (60.0, 4 * 3600.0)
"""Seconds between two commits of one sitting: less is a split, more is a break."""
LEAST_COMMITS = 5
"""Commits of a file below which nothing is said about it."""
LEAST_SITTINGS = 60
"""Sittings below which nothing is said at all."""
_OWN = 5.0
"""Sittings that a person is believed to have had at everybody's pace."""

_SITTINGS = f"""
WITH {NAMES}, {WORK},
  mails AS (
    SELECT alias, any(person) AS person FROM ktlo.aliases WHERE kind = 'mail' GROUP BY alias
  ),
  made AS (
    SELECT sha, any(authored_at) AS at, any(lowerUTF8(author_email)) AS mail
    FROM ktlo.commits
    WHERE NOT is_merge AND dated_by = 'author'
      AND authored_at >= {{since:DateTime64(6, 'UTC')}} AND authored_at < {{end:DateTime64(6, 'UTC')}}
    GROUP BY sha
  ),
  sat AS (
    SELECT sha, person, seconds FROM (
      SELECT
        sha, person, dateDiff('second', lagInFrame(at) OVER (
          PARTITION BY person ORDER BY at, sha ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
        ), at) AS seconds
      FROM (SELECT m.sha AS sha, m.at AS at, if(p.person != '', p.person, m.mail) AS person
            FROM made AS m LEFT JOIN mails AS p ON p.alias = m.mail)
    ) WHERE seconds >= {{shortest:Float64}} AND seconds <= {{longest:Float64}}
  )
SELECT t.repository AS repository, t.file AS path, s.person AS person, s.seconds AS seconds, z.lines AS lines
FROM touches AS t
INNER JOIN sat AS s ON s.sha = t.sha
INNER JOIN (SELECT repository, sha, sum(lines) AS lines FROM written GROUP BY repository, sha) AS z
  ON z.repository = t.repository AND z.sha = t.sha
WHERE t.part >= 0.5 AND t.files <= {{most:UInt32}} AND t.category NOT IN ('bug_fix', '')"""  # noqa: S608 - as above


@dataclass(frozen=True, slots=True, eq=False)
class Slowdown:
    """How much slower changes to files are, by the clock.

    Attributes:
        places: (repository, path) to the row of the arrays below.
        mean: (n,) logarithm of how many times as long changes to a file take, shrunk.
        error: (n,) its standard deviation.
        commits: (n,) that it rests on.
        sittings: commits of all files that were compared.
    """

    places: dict[tuple[str, str], int]
    mean: Floats
    error: Floats
    commits: npt.NDArray[np.int64]
    sittings: int

    def draw(self, repository: str, path: str, draws: int, rng: np.random.Generator) -> Floats | None:
        """Draw how many times as long changes to a file take; ``None`` where nothing can be said.

        Returns:
            (draws,) factors; 1 is no difference, below 1 is quicker.
        """
        place = self.places.get((repository, path))
        if place is None:
            return None
        factors: Floats = np.exp(self.mean[place] + self.error[place] * rng.standard_normal(draws))
        return factors

    def probability(self, repository: str, path: str) -> float:
        """Probability that changes to a file take longer than comparable ones; 0 where nothing can be said."""
        place = self.places.get((repository, path))
        if place is None or self.error[place] == 0:
            return 0.0
        return float(ndtr(self.mean[place] / self.error[place]))

    def commits_of(self, repository: str, path: str) -> int:
        """Commits that the comparison of a file rests on."""
        place = self.places.get((repository, path))
        return int(self.commits[place]) if place is not None else 0


def slowdown_of(store: Queryable, period: Period) -> Slowdown:
    """Compare sittings of the last two years."""
    bound = period.bound(
        since=period.end - 2 * MEASURED, not_by_hand=NOT_BY_HAND, most=MOST_FILES,
        shortest=_SITTING[0], longest=_SITTING[1],
    )  # fmt: skip
    rows = Rows(store.query(_SITTINGS, bound))
    person, _ = rows.coded("person")
    pairs = np.char.add(np.char.add(rows.text("repository").astype(str), "\n"), rows.text("path").astype(str))
    names, file = np.unique(pairs, return_inverse=True)
    places = [(name.partition("\n")[0], name.partition("\n")[2]) for name in names.tolist()]
    return compared(rows.numbers("seconds"), rows.numbers("lines"), person, file.astype(np.int64), places)


def compared(
    seconds: Floats,
    lines: Floats,
    person: npt.NDArray[np.int64],
    file: npt.NDArray[np.int64],
    places: list[tuple[str, str]],
) -> Slowdown:
    """Compare how long changes took with changes of the same size by the same person.

    Args:
        seconds: (n,) since the person's previous commit.
        lines: (n,) changed.
        person: (n,) codes.
        file: (n,) codes into ``places``.
        places: repository and path of each file.
    """
    nothing = Slowdown({}, np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64), int(seconds.size))
    if seconds.size < LEAST_SITTINGS:
        return nothing
    told = np.log(seconds)
    size = np.floor(np.log2(1 + lines)).astype(np.int64)
    # Size first, then people; twice, since the two are not independent.
    by_size, by_person = np.zeros(size.max() + 1), np.zeros(person.max() + 1)
    for _ in range(3):
        by_size = _means(told - by_person[person], size, 0.0)
        by_person = _means(told - by_size[size], person, _OWN)
    left = told - by_size[size] - by_person[person]
    count = np.bincount(file, minlength=len(places))
    mean = _means(left, file, 0.0)
    kept = count >= LEAST_COMMITS
    if kept.sum() < 3:
        return nothing
    within = float(np.sum((left - mean[file])[kept[file]] ** 2) / max(count[kept].sum() - kept.sum(), 1))
    n, own = count[kept].astype(np.float64), mean[kept]
    weight = n / within
    middle = float(np.average(own, weights=weight))
    excess = float(np.sum(weight * (own - middle) ** 2)) - (n.size - 1)
    between = max(0.0, excess / float(weight.sum() - np.sum(weight**2) / weight.sum()))
    share = between / (between + within / n)
    shrunk = share * own
    error = np.sqrt(share * within / n)
    rows = {places[place]: row for row, place in enumerate(np.flatnonzero(kept).tolist())}
    return Slowdown(rows, shrunk, error, count[kept].astype(np.int64), int(seconds.size))


def _means(values: Floats, group: npt.NDArray[np.int64], borrowed: float) -> Floats:
    sums = np.bincount(group, weights=values)
    means: Floats = sums / np.maximum(np.bincount(group) + borrowed, 1)
    return means
