"""Is a change between two periods more than chance? A verdict, and one sentence that says it.

Takes durations, counts or share estimates of an earlier and a later period from the definitions of
metrics; the verdict goes beside their numbers instead of an arrow. Durations: log-rank test. Rates: exact
conditional binomial test (Przyborowski and Wilenski 1940). Proportions: the N - 1 chi-squared test, or
Fisher's where counts are small (Campbell, Statistics in Medicine 2007, 26:3661-3675). Shares of effort:
paired bootstrap draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, ndtri

from ktlo.metrics.estimate import LEVEL, Estimate, not_estimable
from ktlo.metrics.intervals import rate
from ktlo.metrics.logrank import logrank
from ktlo.metrics.proportions import difference, newcombe
from ktlo.metrics.sample_size import POWER, durations_needed, events_needed, trials_needed
from ktlo.metrics.share import ShareEstimate
from ktlo.metrics.survival import checked, kaplan_meier
from ktlo.wording import counted

IMPROVEMENT = 0.10
"""The change that people hope to see, and that "needs about n" is computed for."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether two periods differ.

    Attributes:
        detectable: True when chance alone would show such a difference in fewer than 5% of cases.
        p_value: two-sided; ``None`` when there is nothing to compare.
        needed_n: observations in both periods together that a change of 10% would need to be seen with
            80% probability; weeks for shares of effort; ``None`` when that cannot be said.
        sentence: the verdict in words.
        difference: later minus earlier, with its interval, in the metric's unit.
    """

    detectable: bool
    p_value: float | None
    needed_n: int | None
    sentence: str
    difference: Estimate


def compare_durations(
    before_durations: npt.ArrayLike,
    before_observed: npt.ArrayLike,
    after_durations: npt.ArrayLike,
    after_observed: npt.ArrayLike,
    *,
    noun: str = "incidents",
    improvement: float = IMPROVEMENT,
) -> Comparison:
    """Compare how long things took.

    Args:
        before_durations: (n,) seconds, of the earlier period.
        before_observed: (n,) True where the end was seen.
        after_durations: (m,) seconds, of the later period.
        after_observed: (m,) True where the end was seen.
        noun: what they are, in the plural.
        improvement: the change to compute ``needed_n`` for.

    Raises:
        ValueError: lengths differ, or a duration is negative or missing.
    """
    first, first_seen = checked(before_durations, before_observed)
    second, second_seen = checked(after_durations, after_observed)
    if not (first.size and second.size):
        return _nothing_in(noun, first.size, second.size)
    pooled = kaplan_meier(np.concatenate((first, second)), np.concatenate((first_seen, second_seen)))
    needed = durations_needed(pooled, improvement)
    earlier = kaplan_meier(first, first_seen).quantile(0.5)
    later = kaplan_meier(second, second_seen).quantile(0.5)
    apart = difference(earlier, later)
    test = logrank(first, first_seen, second, second_seen)
    if test.p_value is None:
        sentence = f"cannot be compared yet: too few of {counted(pooled.n, noun)} have ended"
        return Comparison(False, None, needed, sentence, apart)
    if test.p_value >= 1 - LEVEL:
        sentence = _not_detectable(counted(pooled.n, noun), pooled.n, needed, improvement, noun="")
        return Comparison(False, test.p_value, needed, sentence, apart)
    direction = "shorter" if test.log_hazard_ratio > 0 else "longer"
    detail = ""
    if earlier.value is not None and later.value is not None:
        detail = f"median {_time(earlier.value)} before, {_time(later.value)} now, "
    sentence = f"detectable: times got {direction} ({detail}{_p(test.p_value)})"
    return Comparison(True, test.p_value, needed, sentence, apart)


def compare_rates(
    before_count: int,
    before_exposure: float,
    after_count: int,
    after_exposure: float,
    *,
    noun: str = "incidents",
    per: float = 7 * 86400.0,
    improvement: float = IMPROVEMENT,
) -> Comparison:
    """Compare how often something happened.

    Args:
        before_count: events in the earlier period.
        before_exposure: its length, seconds.
        after_count: events in the later period.
        after_exposure: its length, seconds.
        noun: what they are, in the plural.
        per: seconds in the unit of the difference; a week by default.
        improvement: the change to compute ``needed_n`` for.

    Raises:
        ValueError: a negative count or exposure.
    """
    apart = difference(rate(before_count, before_exposure, per), rate(after_count, after_exposure, per))
    if before_exposure == 0 or after_exposure == 0:
        sentence = "cannot be compared: the period has not begun"
        return Comparison(False, None, None, sentence, apart)
    total = before_count + after_count
    if total == 0:
        return Comparison(False, None, None, f"no {noun} in this period or the one before", apart)
    later_share = after_exposure / (before_exposure + after_exposure)
    needed = events_needed(improvement, later_share)
    from scipy.stats import binomtest  # a second to import, so only where rates are compared

    p_value = float(binomtest(after_count, total, later_share).pvalue)
    if p_value >= 1 - LEVEL:
        sentence = _not_detectable(counted(total, noun), total, needed, improvement, noun="")
        return Comparison(False, p_value, needed, sentence, apart)
    direction = "fewer" if after_count * before_exposure < before_count * after_exposure else "more"
    sentence = f"detectable: {direction} {noun} than before ({before_count:,} then, {after_count:,} now, {_p(p_value)})"
    return Comparison(True, p_value, needed, sentence, apart)


def compare_proportions(
    before_successes: int,
    before_trials: int,
    after_successes: int,
    after_trials: int,
    *,
    noun: str = "deployments",
    improvement: float = IMPROVEMENT,
) -> Comparison:
    """Compare two shares of a count, such as failed deployments or reopened bugs.

    Args:
        before_successes: how many had the property in the earlier period.
        before_trials: out of how many.
        after_successes: how many had it in the later period.
        after_trials: out of how many.
        noun: what is counted, in the plural.
        improvement: the change, as a part of the share, to compute ``needed_n`` for.

    Raises:
        ValueError: a negative count, or more successes than trials.
    """
    apart = newcombe(before_successes, before_trials, after_successes, after_trials)
    total = before_trials + after_trials
    if not (before_trials and after_trials):
        return _nothing_in(noun, before_trials, after_trials)
    share = (before_successes + after_successes) / total
    needed = trials_needed(share, improvement)
    p_value = _two_proportions(before_successes, before_trials, after_successes, after_trials)
    if p_value >= 1 - LEVEL:
        sentence = _not_detectable(counted(total, noun), total, needed, improvement, noun="")
        return Comparison(False, p_value, needed, sentence, apart)
    first, second = before_successes / before_trials, after_successes / after_trials
    direction = "fell" if second < first else "rose"
    sentence = f"detectable: the share {direction} from {first:.0%} to {second:.0%} ({_p(p_value)})"
    return Comparison(True, p_value, needed, sentence, apart)


def compare_shares(
    before: ShareEstimate, after: ShareEstimate, *, improvement: float = IMPROVEMENT
) -> Comparison:
    """Compare two shares of effort that were estimated with the same seed and number of draws.

    The draws are paired: in each, both periods see the same confusion of the classifier, so what it gets
    wrong in both cancels, and only the weeks differ.

    Args:
        before: share of the earlier period.
        after: share of the later period.
        improvement: the change, as a part of the share, to compute ``needed_n`` (weeks) for.

    Raises:
        ValueError: the two have different numbers of draws.
    """
    first, second, weeks = before.share, after.share, before.weeks + after.weeks
    if first.value is None or second.value is None:
        return _nothing_in("effort", before.weeks, after.weeks)
    if before.weeks < 2 or after.weeks < 2:
        sentence = "cannot be compared: a share of effort needs two weeks with effort in each period"
        return Comparison(False, None, None, sentence, not_estimable("fewer than two weeks", weeks))
    if before.draws.size != after.draws.size:
        raise ValueError("the two shares were estimated with different numbers of draws")
    apart = after.draws - before.draws
    value = second.value - first.value
    low, high = np.quantile(apart, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    gap = Estimate(value, min(value, float(low)), max(value, float(high)), weeks)
    below = (np.count_nonzero(apart <= 0) + 1) / (apart.size + 1)
    above = (np.count_nonzero(apart >= 0) + 1) / (apart.size + 1)
    p_value = float(min(1.0, 2 * min(below, above)))
    sought = improvement * first.value
    error = float(apart.std(ddof=1))
    power = float(ndtri((1 + LEVEL) / 2) + ndtri(POWER))
    needed = math.ceil(weeks * (power * error / sought) ** 2) if sought > 0 else None
    if p_value >= 1 - LEVEL:
        sentence = _not_detectable(counted(weeks, "weeks"), weeks, needed, improvement, noun=" weeks")
        return Comparison(False, p_value, needed, sentence, gap)
    direction = "fell" if value < 0 else "rose"
    sentence = (
        f"detectable: the share {direction} from {first.value:.0%} to {second.value:.0%} ({_p(p_value)})"
    )
    return Comparison(True, p_value, needed, sentence, gap)


def _two_proportions(first: int, first_of: int, second: int, second_of: int) -> float:
    total, hits = first_of + second_of, first + second
    if hits in (0, total):
        return 1.0
    smallest = min(first_of, second_of) * min(hits, total - hits) / total
    if smallest < 1:
        from scipy.stats import fisher_exact  # as above

        table = np.array([[first, first_of - first], [second, second_of - second]])
        return float(fisher_exact(table).pvalue)
    cross = first * (second_of - second) - second * (first_of - first)
    squared = (total - 1) * cross**2 / (first_of * second_of * hits * (total - hits))
    return float(chdtrc(1, squared))


def _nothing_in(noun: str, earlier: int, later: int) -> Comparison:
    if earlier:
        missing = f"no {noun} in this period"
    else:
        missing = (
            f"no {noun} in the period before" if later else f"no {noun} in this period or the one before"
        )
    sentence = f"cannot be compared: {missing}" if earlier or later else missing
    return Comparison(False, None, None, sentence, not_estimable(missing, earlier + later))


def _not_detectable(amount: str, n: int, needed: int | None, improvement: float, *, noun: str) -> str:
    if needed is None:
        return f"not detectable yet with {amount} in both periods"
    if n >= needed:
        return f"no change found: {amount} in both periods are enough to show a {improvement:.0%} improvement"
    rounded = _about(needed)
    wanted = f"a {improvement:.0%} improvement needs about {rounded}{noun}"
    return f"not detectable yet: {amount} in both periods, and {wanted}"


def _about(n: int) -> str:
    """Write a number with two digits that mean something: 2,828 is 2,800."""
    digits = max(0, len(str(n)) - 2)
    return f"{round(n, -digits):,}"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def _time(seconds: float) -> str:
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= (3 if unit == "d" else 1) * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
