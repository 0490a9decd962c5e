"""Entries for files that cost more than comparable code: more bug fixing, slower changes.

Takes ``touches`` (hours by file), ``excess`` (fixes beyond comparable code), ``slowdown`` (the clock) and past
refactorings. The files with the highest classical score (changes times complexity) are listed too, with "no extra
cost shown" where that is what the records say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ktlo.metrics.estimate import LEVEL
from ktlo.planning.debt.entry import (
    SURE,
    Amount,
    Entry,
    Fact,
    Kind,
    amount,
    judge,
    key_of,
    nothing_shown,
    stream,
)
from ktlo.planning.debt.excess import Codes, Expectation, expectation
from ktlo.planning.debt.history import History
from ktlo.planning.debt.names import Place, origins
from ktlo.planning.debt.period import Period
from ktlo.planning.debt.persistence import LEAST_FIXES, Persistence, folder_groups
from ktlo.planning.debt.slowdown import Slowdown
from ktlo.planning.debt.touches import FileWork
from ktlo.planning.demand import Floats
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

MOST_FILES = 40
"""Files with extra cost that become entries."""
BY_SCORE = 5
"""Files with the highest score that are listed even without."""
_CANDIDATES = 200
_LIKELY = 0.75
"""Below this the draws, which add the uncertainty of what is expected, cannot reach what counts as shown."""
_BORROWED = 4.0
"""Fixes that a file's hours for each fix are believed to have been seen at everybody's mean."""


@dataclass(frozen=True, slots=True, eq=False)
class Bugs:
    """What bug fixing costs file by file.

    Attributes:
        work: hours by file.
        expected: the comparison; ``None`` with too few fixes.
        hours_each: (n,) hours of a fix in each file, shrunk to the mean of all.
        variation: coefficient of variation of a fix's hours.
    """

    work: FileWork
    expected: Expectation | None
    hours_each: Floats
    variation: float

    def excess_hours(
        self, places: Codes, period: Period, draws: int, rng: np.random.Generator
    ) -> Floats | None:
        """Draw hours a month of bug fixing beyond comparable code, for some files; may be below zero.

        Args:
            places: (m,) of the files.
            period: over which fixes were counted.
            draws: how many.
            rng: where draws come from.

        Returns:
            (draws, m), or ``None`` with too few fixes.
        """
        if self.expected is None:
            return None
        excess = self.expected.draw(places, draws, rng)
        shape = (self.work.fixes[places] + _BORROWED) / max(self.variation**2, 1e-6)
        each = self.hours_each[places] * rng.standard_gamma(shape, size=excess.shape) / shape
        hours: Floats = excess * each / period.months
        return hours


def bugs_of(work: FileWork) -> Bugs:
    """Compare every file with comparable code."""
    total, squares, count = work.fix_hours.sum(), work.fix_hours_squared.sum(), work.fixes.sum()
    mean = float(total / count) if count else 0.0
    variation = float(np.sqrt(max(squares / count / mean**2 - 1, 0.0))) if mean > 0 else 0.0
    each = (work.fix_hours + _BORROWED * mean) / (work.fixes + _BORROWED)
    if not len(work):
        return Bugs(work, None, each, variation)
    found = expectation(work.fixes, work.lines, work.others, work.repository, folder_groups(work))
    return Bugs(work, found, each, variation)


def hotspots(
    store: Queryable,
    period: Period,
    bugs: Bugs,
    lasting: Persistence,
    slow: Slowdown,
    history: History,
    relief: Floats,
) -> list[Entry]:
    """Make the entries, those with the highest interest first.

    Args:
        store: for earlier names.
        period: over which interest is measured.
        bugs: what bug fixing costs.
        lasting: the part of it that goes on.
        slow: what the clock says.
        history: past refactorings.
        relief: (draws,) share of the extra cost that a repayment removes.
    """
    work = bugs.work
    score = (work.fixes + work.others) * work.complexity
    by_score = np.argsort(-score, kind="stable")[:BY_SCORE]
    candidates = set(by_score[score[by_score] > 0].tolist())
    if bugs.expected is not None:
        gain = bugs.expected.mean_excess() * bugs.hours_each
        likely = np.argsort(-gain, kind="stable")[:_CANDIDATES]
        sure = bugs.expected.probability() >= _LIKELY
        candidates |= set(likely[(gain[likely] > 0) & sure[likely]].tolist())
    known = {(work.name(place), str(work.paths[place])): place for place in range(len(work))}
    often = sorted(slow.places, key=lambda name: -float(slow.mean[slow.places[name]]))[:_CANDIDATES]
    candidates |= {known[name] for name in often if name in known and slow.mean[slow.places[name]] > 0}
    places = [Place(work.name(place), str(work.paths[place])) for place in sorted(candidates)]
    first_names = origins(store, places)
    entries = []
    for place in sorted(candidates):
        where = Place(work.name(place), str(work.paths[place]))
        key = key_of(Kind.HOTSPOT, where.repository, first_names[where])
        entry = _entry(place, where, key, period, bugs, lasting, slow, history, relief)
        if entry.interest.is_shown or place in by_score:
            entries.append(entry)
    entries.sort(key=lambda e: (-(e.interest.estimate.value or 0.0), e.repository, e.path))
    shown = [entry for entry in entries if entry.interest.is_shown][:MOST_FILES]
    return shown + [entry for entry in entries if not entry.interest.is_shown]


def _entry(
    place: int,
    where: Place,
    key: str,
    period: Period,
    bugs: Bugs,
    lasting: Persistence,
    slow: Slowdown,
    history: History,
    relief: Floats,
) -> Entry:
    work, rng = bugs.work, stream(period.seed, key)
    interest, facts = _interest(key, place, where, period, bugs, lasting, slow, rng)
    lines = float(work.lines[place])
    principal = history.refactoring.draw(max(lines, 1.0), period.draws, rng)
    basis = f"{history.refactoring.basis}, for one of {lines:,.0f} lines"
    return Entry(
        key=key,
        kind=Kind.HOTSPOT,
        title=where.path,
        repository=where.repository,
        path=where.path,
        service=str(work.services[place]),
        team=str(work.teams[place]),
        principal=amount(principal, history.refactoring.n, basis),
        interest=interest,
        relief=relief,
        evidence=facts,
        paths=(where.path,),
    )


def _interest(
    key: str,
    place: int,
    where: Place,
    period: Period,
    bugs: Bugs,
    lasting: Persistence,
    slow: Slowdown,
    rng: np.random.Generator,
) -> tuple[Amount, tuple[Fact, ...]]:
    """Extra bug fixing and extra time for changes, each counted where it is shown."""
    work, zero = bugs.work, np.zeros(period.draws)
    told: list[str] = []
    judged, judging = judge(key)
    own_place = np.array([place])
    mending = bugs.excess_hours(own_place, period, period.draws, rng)
    weighed = bugs.excess_hours(own_place, period, judged, judging)
    extra, hidden = zero, 0.0
    if mending is None or weighed is None:
        told.append("too few bug fixes in the period to compare")
    elif np.mean(weighed > 0) >= SURE and work.fixes[place] >= LEAST_FIXES:
        extra = extra + np.maximum(mending[:, 0], 0) * lasting.draws
        told.append("bug fixing beyond comparable code, as far as it goes on")
    else:
        hidden += max(0.0, float(np.quantile(mending[:, 0], (1 + LEVEL) / 2)))
        told.append("no more bug fixing shown than in comparable code")
    factor = slow.draw(where.repository, where.path, period.draws, rng)
    monthly = float(work.other_hours[place]) / period.months
    if factor is None:
        told.append("too few sittings to compare the pace of changes")
    elif slow.probability(where.repository, where.path) >= SURE:
        extra = extra + np.maximum(0, 1 - 1 / factor) * monthly
        told.append("changes take longer than comparable ones")
    else:
        hidden += max(0.0, 1 - 1 / float(np.quantile(factor, (1 + LEVEL) / 2))) * monthly
        told.append("changes not shown to take longer than comparable ones")
    basis = "; ".join(told).capitalize()
    n = int(work.fixes[place])
    interest = amount(extra, n, basis) if extra.any() else nothing_shown(hidden, n, basis, period.draws)
    expected = float(bugs.expected.expected[place]) if bugs.expected is not None else None
    facts = [
        Fact("Bug fixes in the period", float(n)),
        Fact("Bug fixes expected of comparable code", expected),
        Fact("Hours of bug fixing", float(work.fix_hours[place]), "h"),
        Fact("Other changes", float(work.others[place])),
        Fact("Hours of other changes", float(work.other_hours[place]), "h"),
        Fact("Lines", float(work.lines[place]), "lines"),
        Fact("Complexity", float(work.complexity[place]), "levels"),
    ]
    if factor is not None:
        low, middle, high = np.quantile(factor, (0.025, 0.5, 0.975))
        pace = f"{middle:.2f} times as long as comparable ones ({low:.2f} to {high:.2f})"
        facts.append(
            Fact(
                "Time that changes take",
                f"{pace}, {counted(slow.commits_of(where.repository, where.path), 'commits')}",
            )
        )
    return interest, tuple(facts)
