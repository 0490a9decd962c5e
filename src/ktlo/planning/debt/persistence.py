"""How much of an extra cost goes on: what files cost beyond comparable code in one year, and in the year after.

Trouble moves on: a file that needed many repairs last year needs fewer next year even when nobody pays anything back,
beyond what ``excess`` takes off as bad luck. Interest is about the time ahead, so it is held to what went on in this
team's own past years, and to a stated prior where these are few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ktlo.metrics.estimate import Estimate
from ktlo.planning.debt.entry import SURE, spread_of
from ktlo.planning.debt.excess import Codes, Expectation, expectation
from ktlo.planning.debt.payoff import FixTimes
from ktlo.planning.debt.period import MEASURED, Period
from ktlo.planning.debt.touches import FileWork
from ktlo.planning.demand import Floats
from ktlo.wording import counted

YEARS = 6
"""Past years that are followed into the next."""
LEAST_FIXES = 3
"""Bug fixes in a year below which a file is not said to be mended too often."""
PRIOR = 0.55
"""Measured on vite, redis and huggingface/datasets: .52, .55 and .58 (docs/planning-debt.md)."""
_PRIOR_FIXES = 10.0
"""Extra fixes that the prior is worth."""


@dataclass(frozen=True, slots=True, eq=False)
class Persistence:
    """The part of an extra cost that goes on for another year.

    Attributes:
        draws: (draws,) 0 to 1.
        estimate: their mean and middle 95%; n is how many files and years were followed.
        basis: where it comes from, in one sentence.
    """

    draws: Floats
    estimate: Estimate
    basis: str


def folder_groups(work: FileWork) -> Codes:
    """(n,) code of the part of a repository that each file is in: its first folder."""
    parts = np.array([path.partition("/")[0] if "/" in path else "" for path in work.paths], dtype=str)
    keys = np.char.add(np.char.add(work.repository.astype(str), "\n"), parts)
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)


def persistence_of(times: FixTimes, work: FileWork, period: Period, rng: np.random.Generator) -> Persistence:
    """Follow the files that cost extra in past years into the next.

    Args:
        times: when files were changed and mended.
        work: today's files; their present size stands for their past one.
        period: its end is the end of the last year.
        rng: for the interval.
    """
    is_known = len(work) and times.files.size
    expected, real = _followed(times, work, period) if is_known else (np.zeros(0), np.zeros(0))
    prior = rng.beta(4 * PRIOR, 4 * (1 - PRIOR), size=period.draws)
    if expected.size:
        weights = rng.dirichlet(np.ones(expected.size), size=period.draws) * expected.size
        draws = (weights @ real + _PRIOR_FIXES * prior) / (weights @ expected + _PRIOR_FIXES)
    else:
        draws = prior
    draws = np.clip(draws, 0.0, 1.0)
    estimate = spread_of(draws, int(expected.size))
    told = f"{estimate.value or 0:.0%} ({estimate.low or 0:.0%} to {estimate.high or 0:.0%})"
    if expected.size:
        seen = counted(int(expected.size), "files and years")
        basis = f"Of what files cost beyond comparable code in a year, {told} went on in the next: {seen} of this team"
    else:
        basis = (
            f"How much of an extra cost goes on is a stated prior, {told}, measured on public repositories"
        )
    return Persistence(draws, estimate, basis)


def _followed(times: FixTimes, work: FileWork, period: Period) -> tuple[Floats, Floats]:
    """Extra fixes predicted for files that cost extra in a past year, and those they had in the next."""
    names = np.array([f"{name}\n" for name in work.repositories], dtype=str)
    keys = np.char.add(names[work.repository], work.paths.astype(str))
    row = np.minimum(np.searchsorted(times.files, keys), max(times.files.size - 1, 0))
    place = np.where(times.files[row] == keys, row, -1) if times.files.size else np.full(len(work), -1)
    group, year = folder_groups(work), MEASURED.total_seconds()
    predicted, real = [], []
    end = period.end.timestamp()
    for back in range(YEARS, 0, -1):
        start, middle, stop = end - (back + 1) * year, end - back * year, end - (back - 1) * year
        before = _expected(times, work, place, group, start, middle)
        after = _expected(times, work, place, group, middle, stop)
        if before is None or after is None:
            continue
        shown = (before.probability() >= SURE) & (before.fixes >= LEAST_FIXES)
        predicted.append(before.mean_excess()[shown])
        real.append((after.fixes - after.expected)[shown])
    if not predicted:
        return np.zeros(0), np.zeros(0)
    return np.concatenate(predicted), np.concatenate(real)


def _expected(
    times: FixTimes, work: FileWork, place: Codes, group: Codes, start: float, end: float
) -> Expectation | None:
    if not times.files.size:
        return None
    there = place >= 0
    fixes = np.where(there, times.counts(start, end)[place], 0.0)
    others = np.where(there, times.counts(start, end, fixes=False)[place], 0.0)
    return expectation(fixes, work.lines, others, work.repository, group)
