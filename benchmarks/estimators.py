"""How fast the estimators are, as ratios against lifelines or as rows a second, best of three.

Run: ``python benchmarks/estimators.py``. Figures of a busy machine: trust the ratios.
"""

from __future__ import annotations

import numpy as np
from _repeated import seconds
from lifelines import KaplanMeierFitter
from lifelines.statistics import logrank_test

from ktlo.metrics.coupling import coupling
from ktlo.metrics.intervals import union
from ktlo.metrics.knowledge import knowledge, truck_factor
from ktlo.metrics.logrank import logrank
from ktlo.metrics.share import Declared, Measured, ktlo_share
from ktlo.metrics.survival import kaplan_meier, summarise

DURATIONS, TOUCHES = 1_000_000, 5_000_000


def survival(rng: np.random.Generator) -> None:
    """Compare curve and test with lifelines."""
    times, observed = rng.lognormal(9, 2, DURATIONS), rng.random(DURATIONS) < 0.8
    half = DURATIONS // 2
    arms = times[:half], observed[:half], times[half:], observed[half:]
    ours = seconds(lambda: kaplan_meier(times, observed))
    theirs = seconds(lambda: KaplanMeierFitter().fit(times, observed))
    everything = seconds(lambda: summarise(times, observed))
    drawn = seconds(lambda: kaplan_meier(times, observed).drawn())
    print(f"Kaplan-Meier, 1,000,000 durations: {ours:.2f} s, lifelines {theirs:.2f} s: {theirs / ours:.0f} x")
    print(f"  with quantiles and mean {everything:.2f} s; with the drawn curve {drawn:.2f} s")
    ours = seconds(lambda: logrank(*arms))
    theirs = seconds(lambda: logrank_test(arms[0], arms[2], arms[1], arms[3]))
    print(f"log-rank, 2 x 500,000: {ours:.2f} s, lifelines {theirs:.2f} s: {theirs / ours:.0f} x")


def outages(rng: np.random.Generator) -> None:
    """Time the union of many intervals."""
    starts = rng.uniform(0, 1e8, DURATIONS)
    ends = starts + rng.exponential(200, DURATIONS)
    spent = seconds(lambda: union(starts, ends, 0, 1e8, 1e8))
    print(f"union of 1,000,000 intervals: {spent:.2f} s")


def share(rng: np.random.Generator) -> None:
    """Time the corrected share of a year."""
    effort = rng.gamma(1, 2, (52, 5, 11))
    study = np.eye(10, 11) * 40 + rng.integers(0, 6, (10, 11))
    layers = [Declared(1.0), Declared(0.95), Declared(0.9), Declared(0.9), Measured(study)]
    spent = seconds(lambda: ktlo_share(effort, layers, np.arange(10) > 0))
    print(f"share, 52 weeks x 5 layers x 10 categories, 500 draws: {1000 * spent:.0f} ms")


def files(rng: np.random.Generator) -> None:
    """Time coupling and knowledge on a history of a million commits."""
    commits = np.sort(rng.integers(0, 1_000_000, TOUCHES))
    modules = rng.integers(0, 2_000, 1_000_000)[commits]
    touched = modules * 50 + np.minimum(rng.zipf(1.4, TOUCHES), 50) - 1
    authors = rng.zipf(1.5, 1_000_000)[commits] % 3_000
    spent = seconds(lambda: coupling(commits, touched))
    print(f"coupling, 5,000,000 rows: {spent:.1f} s, {len(coupling(commits, touched)):,} pairs")
    spent = seconds(lambda: truck_factor(knowledge(commits, touched, authors)))
    print(f"knowledge and truck factor, 5,000,000 rows: {spent:.1f} s")


if __name__ == "__main__":
    generator = np.random.default_rng(1)
    for measure in (survival, outages, share, files):
        measure(generator)
