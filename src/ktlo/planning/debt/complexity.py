"""Entries for repositories whose code gets more nested, where the trend can be told from chance.

Takes the metric ``complexity_trend`` (Theil and Sen over quarterly samples). What it costs shows in the hotspots' bug
fixing and pace, so no interest is counted here: it would be counted twice.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ktlo.metrics.ask import ask
from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.registry import definition
from ktlo.planning.debt.entry import Entry, Fact, Kind, amount, key_of, stream, unknown
from ktlo.planning.debt.history import History
from ktlo.planning.debt.period import Period
from ktlo.planning.demand import Floats
from ktlo.store.protocol import Queryable

_REASON = "What nesting costs shows in the hotspots' bug fixing; counting it here would count it twice"

_SAMPLES = """
SELECT s.repository AS repository, any(m.service) AS service, any(m.team) AS team,
  argMax(s.lines, s.sampled_at) AS lines, argMax(s.complexity, s.sampled_at) AS complexity,
  arrayMap(p -> p.2, arraySort(groupArray((s.sampled_at, s.complexity)))) AS series
FROM (SELECT repository, sampled_at, any(lines) AS lines, any(complexity) AS complexity
      FROM ktlo.code_samples WHERE sampled_at < {end:DateTime64(6, 'UTC')} GROUP BY repository, sampled_at) AS s
LEFT JOIN (SELECT member, any(service) AS service, any(team) AS team FROM ktlo.service_members
           WHERE kind = 'repository' GROUP BY member) AS m ON m.member = s.repository
GROUP BY repository ORDER BY repository"""

_QUARTER = 365.25 / 4 / 7
_PRIOR_GROWTH = (0.0, 0.001)
"""Mean and standard deviation a week where fewer than three quarters are known: about none, give or take 5% a year."""


def complexity(store: Queryable, question: Question, period: Period, history: History) -> list[Entry]:
    """Make an entry for each repository whose nesting rises beyond chance."""
    samples = {row["repository"]: row for row in store.query(_SAMPLES, period.bound()).to_pylist()}
    if not samples:
        return []
    asked = replace(question, only={}, by=Dimension.REPOSITORY, grain=None)
    entries = []
    for figure in ask(store, definition("complexity_trend"), asked).figures:
        slope, row = figure.statistics["slope"], samples.get(figure.group)
        if row is None or slope.value is None or slope.low is None or slope.low <= 0 or not row["lines"]:
            continue
        level = row["complexity"] / row["lines"]
        # A year's growth, as lines of the present nesting that would have to go.
        grown = max(1.0, slope.value * row["lines"] / max(level, 1e-9))
        key = key_of(Kind.COMPLEXITY, figure.group)
        draws = history.refactoring.draw(grown, period.draws, stream(period.seed, key))
        basis = f"{history.refactoring.basis}, for {grown:,.0f} lines: what a year's growth is worth"
        entries.append(
            Entry(
                key=key,
                kind=Kind.COMPLEXITY,
                title=f"The code of {figure.group} gets more nested",
                repository=figure.group,
                path="",
                service=row["service"] or "",
                team=row["team"] or "",
                principal=amount(draws, history.refactoring.n, basis),
                interest=unknown(_REASON, slope.n),
                relief=np.ones(period.draws),
                evidence=(
                    Fact("Indentation of the average line grows a year by", slope.value, "levels"),
                    Fact("At least (95%)", slope.low, "levels"),
                    Fact("Indentation of the average line now", level, "levels"),
                    Fact("Quarters sampled", float(slope.n)),
                ),
            )
        )
    return entries


def growth_per_week(store: Queryable, period: Period, rng: np.random.Generator) -> Floats:
    """Draw how fast debt grows when nothing is paid: the relative growth of complexity in the quarters sampled.

    Returns:
        (draws,) relative growth a week; a stated prior around none where fewer than three quarters are known.
    """
    steps = [
        np.diff(np.log(series))
        for row in store.query(_SAMPLES, period.bound()).to_pylist()
        if (series := np.array([value for value in row["series"] if value > 0])).size >= 3
    ]
    if not steps:
        return rng.normal(*_PRIOR_GROWTH, size=period.draws)
    quarters = np.concatenate(steps)
    # A Bayesian bootstrap (Rubin, 1981) of the mean quarter.
    weights = rng.dirichlet(np.ones(quarters.size), size=period.draws)
    growth: Floats = weights @ quarters / _QUARTER
    return growth
