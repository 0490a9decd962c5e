"""What paying back brought, measured: bug fixes before and after, against files that were as bad and left alone.

Files are refactored when they have just been at their worst, so they get better either way. Each is therefore compared
with the files of its repository that had as many fixes in the same half year before and were not refactored: what they
had afterwards is what would have happened. Observed over expected is a standardised ratio (Breslow and Day, Statistical
Methods in Cancer Research II, 1987, chapter 2), its interval a Bayesian bootstrap over refactorings (Rubin 1981).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ktlo.effort.paths import NOT_BY_HAND
from ktlo.metrics.comparison import Comparison, compare_rates
from ktlo.metrics.estimate import LEVEL, Estimate, not_estimable
from ktlo.metrics.rows import Rows
from ktlo.planning.debt.history import Refactorings
from ktlo.planning.debt.names import NAMES
from ktlo.planning.debt.period import Period
from ktlo.planning.debt.touches import MOST_FILES, WORK
from ktlo.planning.demand import Floats
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

LOOK = 26 * 7 * 86400.0
"""Seconds looked at before and after."""
SOUGHT = 0.5
"""The improvement that a repayment is hoped to bring, and that "needs about n more weeks" is computed for."""
LEAST_AFTER = 4 * 7 * 86400.0
"""Seconds after a repayment below which nothing is compared."""
MOST_MEASURED = 400
"""Refactorings that are followed, the newest first."""
_LEAST_POOLED, _LEAST_EXPECTED = 5, 5.0
_SAME = 5
"""From so many fixes on, files count as equally bad."""
_EVER = dt.datetime(1970, 1, 2, tzinfo=dt.UTC)
_WEEK = 7 * 86400.0
_MOST_WEEKS = 520
_ANYTHING = (
    "A repayment is taken to remove anything from none to all of the extra cost, each as likely, because it could not"
    " be measured"
)

_FIXES = f"""
WITH {NAMES}, {WORK}
SELECT
  repository, file, groupArray(toUnixTimestamp64Micro(toDateTime64(at, 6, 'UTC'))) AS moments,
  groupArray(toUInt8(is_fix)) AS fixes
FROM (
  SELECT repository, file, sha, any(at) AS at, any(category) = 'bug_fix' AND any(files) <= {{most:UInt32}} AS is_fix
  FROM touches GROUP BY repository, file, sha
) GROUP BY repository, file ORDER BY repository, file"""  # noqa: S608 - no value enters the text


@dataclass(frozen=True, slots=True, eq=False)
class FixTimes:
    """When each source file was mended, and since when it exists.

    Attributes:
        files: (n,) repository and path, ascending.
        repository: (n,) codes.
        born: (n,) seconds of its first change.
        file: (m,) row of ``files`` of each change, in order of time.
        at: (m,) seconds of each change, ascending.
        is_fix: (m,) True for a bug fix.
    """

    files: npt.NDArray[np.str_]
    repository: npt.NDArray[np.int64]
    born: Floats
    file: npt.NDArray[np.int64]
    at: Floats
    is_fix: npt.NDArray[np.bool_]

    def counts(self, start: float, end: float, *, fixes: bool = True) -> Floats:
        """(n,) fixes, or other changes, of every file in a half-open stretch."""
        first, last = np.searchsorted(self.at, (start, end))
        own = self.file[first:last][self.is_fix[first:last] == fixes]
        found: Floats = np.bincount(own, minlength=self.files.size).astype(np.float64)
        return found

    def place(self, repository: str, path: str) -> int | None:
        """Row of a file; ``None`` when it has no history."""
        name = f"{repository}\n{path}"
        row = int(np.searchsorted(self.files, name))
        return row if row < self.files.size and self.files[row] == name else None


@dataclass(frozen=True, slots=True, eq=False)
class Payoff:
    """One repayment, before against after.

    Attributes:
        repository: where.
        path: the file as it is called now.
        paid_at: when it was done.
        hours: that it took; ``None`` when unknown.
        before: bug fixes in the half year before.
        after: bug fixes since, at most half a year.
        weeks_after: how long that is.
        expected: bug fixes that files as bad as this one had meanwhile; ``None`` where there are none.
        comparison: rate before against rate after, in words.
        weeks_needed: further weeks until halving would be seen; ``None`` when that cannot be said or is done.
    """

    repository: str
    path: str
    paid_at: dt.datetime
    hours: float | None
    before: int
    after: int
    weeks_after: float
    expected: float | None
    comparison: Comparison
    weeks_needed: int | None

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        if self.comparison.detectable:
            return self.comparison.sentence
        before, after = counted(self.before, "bug-fix commits"), counted(self.after, "bug-fix commits")
        told = f"{before} in half a year before, {after} in {self.weeks_after:.0f} weeks after"
        if self.weeks_needed is None:
            return f"cannot be told at this pace: {told}"
        return f"not detectable yet: {told}; halving needs about {counted(self.weeks_needed, 'more weeks')}"


@dataclass(frozen=True, slots=True, eq=False)
class Payoffs:
    """Every repayment, and all of them together.

    Attributes:
        each: newest first.
        ratio: fixes after over those of files as bad and left alone, all together; 0.7 means 30% fewer.
        relief: (draws,) share of the extra cost that a repayment removes, 0 to 1.
        basis: where the relief comes from.
    """

    each: tuple[Payoff, ...]
    ratio: Estimate
    relief: Floats
    basis: str


def fix_times(store: Queryable, period: Period) -> FixTimes:
    """Read when files were mended, over all of history before the end of the period."""
    bound = period.bound(since=_EVER, not_by_hand=NOT_BY_HAND, most=MOST_FILES)
    rows = Rows(store.query(_FIXES, bound))
    repository, repositories = rows.coded("repository")
    names = np.array([f"{name}\n" for name in repositories] or [""], dtype=str)
    keys = (
        np.char.add(names[repository], rows.text("file").astype(str))
        if len(rows)
        else np.zeros(0, dtype="<U1")
    )
    order = np.argsort(keys, kind="stable")
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    moments, changes = _flat(rows, "moments"), _lengths(rows, "moments")
    file, at, is_fix = np.repeat(place, changes), moments / 1e6, _flat(rows, "fixes") > 0
    born = np.minimum.reduceat(at, np.cumsum(changes) - changes) if len(rows) else np.zeros(0)
    by_time = np.argsort(at, kind="stable")
    return FixTimes(keys[order], repository[order], born[order], file[by_time], at[by_time], is_fix[by_time])


def _lengths(rows: Rows, name: str) -> npt.NDArray[np.int64]:
    """(n,) lengths of a column of lists."""
    column: Any = rows.table.column(name).combine_chunks()
    lengths: npt.NDArray[np.int64] = np.diff(column.offsets.to_numpy()).astype(np.int64)
    return lengths


def _flat(rows: Rows, name: str) -> Floats:
    """Members of a column of lists, one after the other."""
    column: Any = rows.table.column(name).combine_chunks()
    flat: Floats = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    return flat


def measured(
    times: FixTimes, repository: str, path: str, began: float, ended: float, now: float, hours: float | None
) -> Payoff | None:
    """Compare a file before and after a repayment.

    Args:
        times: when files were mended.
        repository: of the file.
        path: of the file, as it is called now.
        began: when the repayment began, seconds.
        ended: when it was done, seconds.
        now: end of what is known, seconds.
        hours: that it took.

    Returns:
        The comparison; ``None`` for a file without history, or less than four weeks after.
    """
    place = times.place(repository, path)
    after_end = min(ended + LOOK, now)
    if place is None or after_end - ended < LEAST_AFTER:
        return None
    before_start = max(began - LOOK, float(times.born[place]))
    before, after = times.counts(began - LOOK, began), times.counts(ended + 1, after_end)
    own_before, own_after = int(before[place]), int(after[place])
    busy = np.floor(np.log2(1 + times.counts(began - LOOK, began, fixes=False)))
    alike = (
        (times.repository == times.repository[place])
        & (np.minimum(before, _SAME) == min(own_before, _SAME))
        & (busy == busy[place])
        & (times.born < began)
    )
    alike[place] = False
    expected = float(after[alike].mean()) if alike.any() else None
    span = max(began - before_start, 1.0)
    comparison = compare_rates(
        own_before, span, own_after, after_end - ended, noun="bug-fix commits", improvement=SOUGHT
    )
    return Payoff(
        repository=repository,
        path=path,
        paid_at=dt.datetime.fromtimestamp(ended, dt.UTC),
        hours=hours,
        before=own_before,
        after=own_after,
        weeks_after=(after_end - ended) / _WEEK,
        expected=expected,
        comparison=comparison,
        weeks_needed=_weeks_needed(comparison, own_before + own_after, span + after_end - ended),
    )


def _weeks_needed(comparison: Comparison, events: int, seconds: float) -> int | None:
    """Further weeks, at the pace so far, until enough fixes are there to see halving."""
    if comparison.detectable or comparison.needed_n is None or events == 0:
        return None
    missing = comparison.needed_n - events
    weeks = math.ceil(missing / (events / (seconds / _WEEK)))
    return weeks if 0 < weeks <= _MOST_WEEKS else None


def payoffs(times: FixTimes, done: Refactorings, period: Period, rng: np.random.Generator) -> Payoffs:
    """Measure every past refactoring that has had time to show.

    Args:
        times: when files were mended.
        done: past refactorings.
        period: its end is the end of what is known.
        rng: for the interval of all together.
    """
    now = period.end.timestamp()
    found: list[Payoff] = []
    for row in np.argsort(-done.ended, kind="stable")[:MOST_MEASURED].tolist():
        payoff = measured(
            times,
            str(done.repository[row]),
            str(done.path[row]),
            float(done.began[row]),
            float(done.ended[row]),
            now,
            float(done.hours[row]),
        )
        if payoff is not None:
            found.append(payoff)
    found.sort(key=lambda payoff: payoff.paid_at, reverse=True)
    ratio, relief, basis = _pooled(found, period.draws, rng)
    return Payoffs(tuple(found), ratio, relief, basis)


def _pooled(found: Sequence[Payoff], draws: int, rng: np.random.Generator) -> tuple[Estimate, Floats, str]:
    compared = [payoff for payoff in found if payoff.expected is not None]
    observed = np.array([payoff.after for payoff in compared], dtype=np.float64)
    expected = np.array([payoff.expected for payoff in compared], dtype=np.float64)
    if len(compared) < _LEAST_POOLED or expected.sum() < _LEAST_EXPECTED:
        reason = f"too few refactorings with enough bug fixing to compare: {len(compared)}"
        return not_estimable(reason, len(compared)), rng.uniform(0, 1, draws), _ANYTHING
    weights = rng.dirichlet(np.ones(observed.size), size=draws)
    ratios = (weights @ observed) / np.maximum(weights @ expected, 1e-9)
    tail = (1 - LEVEL) / 2
    value = float(observed.sum() / expected.sum())
    low, high = (float(q) for q in np.quantile(ratios, (tail, 1 - tail)))
    ratio = Estimate(value, min(low, value), max(high, value), len(compared))
    told = (
        f"After {counted(len(compared), 'refactorings')} of this team, files had {value:.2f} times the bug fixes of"
        f" files as bad and as busy that were left alone ({low:.2f} to {high:.2f})"
    )
    if ratio.high is not None and ratio.high < 1:
        basis = f"{told}; a repayment is taken to remove what that leaves"
        return ratio, np.clip(1 - ratios, 0, 1), basis
    why = "people refactor what they are about to work on" if low > 1 else "no effect shown yet"
    basis = f"{told}: {why}. {_ANYTHING}"
    return ratio, rng.uniform(0, 1, draws), basis
