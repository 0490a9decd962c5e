"""Functions of a range: rate and its kin, and everything ``_over_time``.

Each takes :class:`Windows` and gives values and where there are any. Formulas: Prometheus, promql/functions.go;
extrapolation as its "rate" documentation describes.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ktlo.telemetry.promql.samples import Bools, Floats, Longs
from ktlo.telemetry.promql.windows import Windows


class Growth(enum.Enum):
    """What :func:`extrapolated` computes: counter or not, a second or in all."""

    RATE = (True, True)
    INCREASE = (True, False)
    DELTA = (False, False)


class Rules(enum.Enum):
    """Whose rules hold where versions of Prometheus differ."""

    PROMETHEUS_3 = 3
    """Ranges and lookback exclude their left end; extrapolation to zero as since 2.53."""
    PROMETHEUS_2 = 2
    """Both ends belong to a range."""


@dataclass(frozen=True, slots=True)
class Reduced:
    """One number for each series and step.

    Attributes:
        values: numbers.
        present: where there is one.
    """

    values: Floats
    present: Bools


RangeFunction = Callable[[Windows, Rules], Reduced]


def _resets(windows: Windows) -> Floats:
    """What counter resets within each window hide: each value before a fall, added up."""
    values = windows.samples.values
    fallen = np.zeros(len(values))
    if len(values) > 1:
        falls = values[1:] < values[:-1]
        fallen[1:] = np.where(falls, values[:-1], 0.0)
    starts = windows.samples.starts[:-1]
    fallen[starts[starts < len(fallen)]] = 0.0
    if not fallen.any():
        return np.zeros(windows.low.shape)
    if not np.isfinite(fallen).all():
        begin = np.minimum(windows.low + 1, windows.high)
        within = Windows(windows.samples, begin, windows.high, windows.ends, windows.range_ms)
        return within.reduced(np.add, fallen)
    total = np.concatenate([[0.0], np.cumsum(fallen)])
    return np.asarray(total[windows.high] - total[np.minimum(windows.low + 1, windows.high)])


def extrapolated(windows: Windows, rules: Rules, growth: Growth) -> Reduced:
    """rate, increase, delta: growth between first and last sample, extrapolated to the ends of the window."""
    is_counter, is_rate = growth.value
    count = windows.count
    present = count >= 2
    if not present.any():
        return Reduced(np.zeros(count.shape), present)
    first_at, first = windows.first()
    last_at, last = windows.last()
    with np.errstate(all="ignore"):
        grown = last - first
        if is_counter:
            grown = grown + _resets(windows)
        sampled = (last_at - first_at) / 1000.0
        average = sampled / np.maximum(count - 1, 1)
        to_start = (first_at - (windows.ends - windows.range_ms)) / 1000.0
        to_end = (windows.ends - last_at) / 1000.0
        most = average * 1.1
        half = average / 2
        if rules is Rules.PROMETHEUS_3:
            to_start = np.where(to_start >= most, half, to_start)
        if is_counter:
            to_zero = sampled * (first / grown)
            bounded = (grown > 0) & (first >= 0) & (to_zero < to_start)
            to_start = np.where(bounded, to_zero, to_start)
        if rules is Rules.PROMETHEUS_2:
            to_start = np.where(to_start < most, to_start, half)
        to_end = np.where(to_end < most, to_end, half)
        factor = (sampled + to_start + to_end) / sampled
        if is_rate:
            factor = factor / (windows.range_ms / 1000.0)
        return Reduced(grown * factor, present)


def instant_growth(windows: Windows, *, is_rate: bool) -> Reduced:
    """Irate and idelta: between the last two samples."""
    present = windows.count >= 2
    last_at, last = windows.last()
    at = np.maximum(windows.high - 2, 0)
    before_at, before = windows.samples.times[at], windows.samples.values[at]
    with np.errstate(all="ignore"):
        grown = last - before
        if is_rate:
            grown = np.where(last < before, last, grown) / ((last_at - before_at) / 1000.0)
        present = present & (last_at != before_at)
    return Reduced(grown, present)


def _present(windows: Windows) -> Bools:
    return windows.count > 0


def _count(windows: Windows, _: Rules) -> Reduced:
    return Reduced(windows.count.astype(np.float64), _present(windows))


def _sum(windows: Windows, _: Rules) -> Reduced:
    return Reduced(windows.reduced(np.add, windows.samples.values), _present(windows))


def _mean(windows: Windows) -> Floats:
    with np.errstate(all="ignore"):
        return windows.reduced(np.add, windows.samples.values) / windows.count


def _avg(windows: Windows, _: Rules) -> Reduced:
    return Reduced(_mean(windows), _present(windows))


def _min(windows: Windows, _: Rules) -> Reduced:
    return Reduced(windows.reduced(np.fmin, windows.samples.values), _present(windows))


def _max(windows: Windows, _: Rules) -> Reduced:
    return Reduced(windows.reduced(np.fmax, windows.samples.values), _present(windows))


def _last(windows: Windows, _: Rules) -> Reduced:
    return Reduced(windows.last()[1], _present(windows))


def _first(windows: Windows, _: Rules) -> Reduced:
    return Reduced(windows.first()[1], _present(windows))


def _ones(windows: Windows, _: Rules) -> Reduced:
    return Reduced(np.ones(windows.low.shape), _present(windows))


def _variance(windows: Windows) -> Floats:
    """Population variance, in two passes."""
    result = np.zeros(windows.low.shape)
    flat = result.ravel()
    mean = _mean(windows).ravel()
    width = windows.low.shape[1]
    for part, some in windows.parts():
        index, begins, filled = some.unfolded()
        if len(filled):
            sizes = some.count.ravel()[filled]
            centre = np.repeat(mean[part.start * width : part.stop * width][filled], sizes)
            with np.errstate(all="ignore"):
                squares = (windows.samples.values[index] - centre) ** 2
                flat[part.start * width : part.stop * width][filled] = (
                    np.add.reduceat(squares, begins) / sizes
                )
    return result


def _stdvar(windows: Windows, _: Rules) -> Reduced:
    return Reduced(_variance(windows), _present(windows))


def _stddev(windows: Windows, _: Rules) -> Reduced:
    return Reduced(np.sqrt(_variance(windows)), _present(windows))


def _between(windows: Windows, differs: Callable[[Floats, Floats], Bools]) -> Reduced:
    """How many neighbours within each window differ in a way."""
    values = windows.samples.values
    marks = np.zeros(len(values) + 1, dtype=np.int64)
    if len(values) > 1:
        marks[2:] = np.cumsum(differs(values[:-1], values[1:]))
    low = np.minimum(windows.low + 1, windows.high)
    # marks[k] counts the pairs (i-1, i) with i < k; a pair of two series is never inside one window.
    return Reduced((marks[windows.high] - marks[low]).astype(np.float64), _present(windows))


def _changes(windows: Windows, _: Rules) -> Reduced:
    return _between(windows, lambda a, b: (a != b) & ~(np.isnan(a) & np.isnan(b)))


def _reset_count(windows: Windows, _: Rules) -> Reduced:
    return _between(windows, lambda a, b: b < a)


def regression(windows: Windows, origins: Longs) -> tuple[Floats, Floats, Bools]:
    """Least squares line through each window (Prometheus: ``linearRegression``).

    Args:
        windows: at least two samples count.
        origins: series by steps, the moment where the intercept is, milliseconds.

    Returns:
        Slope a second, intercept, and where there is one.
    """
    shape = windows.low.shape
    slope, intercept = np.zeros(shape), np.zeros(shape)
    width = shape[1]
    values, times = windows.samples.values, windows.samples.times
    for part, some in windows.parts():
        index, begins, filled = some.unfolded()
        if not len(filled):
            continue
        sizes = some.count.ravel()[filled]
        origin = np.repeat(origins[part].ravel()[filled], sizes)
        x, y = (times[index] - origin) / 1000.0, values[index]
        with np.errstate(all="ignore"):
            sum_x, sum_y = np.add.reduceat(x, begins), np.add.reduceat(y, begins)
            mean_x, mean_y = sum_x / sizes, sum_y / sizes
            dx, dy = x - np.repeat(mean_x, sizes), y - np.repeat(mean_y, sizes)
            sloped = np.add.reduceat(dx * dy, begins) / np.add.reduceat(dx * dx, begins)
            level = mean_y - sloped * mean_x
            low = np.minimum.reduceat(y, begins)
            constant = low == np.maximum.reduceat(y, begins)
        sloped = np.where(constant & np.isfinite(low), 0.0, sloped)
        level = np.where(constant & np.isfinite(low), low, level)
        slope.ravel()[part.start * width : part.stop * width][filled] = sloped
        intercept.ravel()[part.start * width : part.stop * width][filled] = level
    return slope, intercept, windows.count >= 2


def _deriv(windows: Windows, _: Rules) -> Reduced:
    slope, _level, present = regression(windows, windows.first()[0])
    return Reduced(slope, present)


def predict_linear(windows: Windows, seconds: Floats) -> Reduced:
    """The regression line so many seconds after each step."""
    origins = np.broadcast_to(windows.ends, windows.low.shape)
    slope, intercept, present = regression(windows, origins)
    return Reduced(slope * seconds + intercept, present)


def quantile_over_time(windows: Windows, q: Floats) -> Reduced:
    """Quantiles of the values of each window, interpolated linearly; ``q`` by step."""
    result = np.zeros(windows.low.shape)
    width = windows.low.shape[1]
    for part, some in windows.parts():
        index, begins, filled = some.unfolded()
        if len(filled):
            sizes = some.count.ravel()[filled]
            of = np.repeat(np.arange(len(filled)), sizes)
            values = windows.samples.values[index]
            ranked = values[np.lexsort((values, ~np.isnan(values), of))]
            result.ravel()[part.start * width : part.stop * width][filled] = quantiles_of_runs(
                ranked, begins, sizes, q[filled % width]
            )
    return Reduced(result, _present(windows))


def quantiles_of_runs(ranked: Floats, begins: Longs, sizes: Longs, q: Floats) -> Floats:
    """Quantile of each run of ranked values (NaN first); below 0 and above 1 infinite, as Prometheus has it."""
    with np.errstate(all="ignore"):
        rank = q * (sizes - 1)
        safe = np.where(np.isfinite(rank), np.clip(rank, 0, sizes - 1), 0)
        lower = np.floor(safe).astype(np.int64)
        upper = np.minimum(lower + 1, sizes - 1)
        weight = safe - np.floor(safe)
        found = ranked[begins + lower] * (1 - weight) + ranked[begins + upper] * weight
    found = np.where(q < 0, -np.inf, np.where(q > 1, np.inf, found))
    return np.where(np.isnan(q), np.nan, found)


def _mad(windows: Windows, rules: Rules) -> Reduced:
    """Median of the absolute deviations from the median."""
    half = np.full(windows.low.shape[1], 0.5)
    median = quantile_over_time(windows, half).values
    result = np.zeros(windows.low.shape)
    width = windows.low.shape[1]
    for part, some in windows.parts():
        index, begins, filled = some.unfolded()
        if len(filled):
            sizes = some.count.ravel()[filled]
            of = np.repeat(np.arange(len(filled)), sizes)
            off = np.abs(windows.samples.values[index] - median[part].ravel()[filled][of])
            ranked = off[np.lexsort((off, ~np.isnan(off), of))]
            result.ravel()[part.start * width : part.stop * width][filled] = quantiles_of_runs(
                ranked, begins, sizes, np.full(len(filled), 0.5)
            )
    del rules
    return Reduced(result, _present(windows))


def double_exponential_smoothing(windows: Windows, smoothing: float, trend: float) -> Reduced:
    """Holt's linear method over each window (Prometheus: ``holt_winters`` until 2.x)."""
    result = np.zeros(windows.low.shape)
    values = windows.samples.values
    for series in range(windows.low.shape[0]):
        for step in range(windows.low.shape[1]):
            low, high = int(windows.low[series, step]), int(windows.high[series, step])
            if high - low < 2:
                continue
            level, slope = float(values[low]), float(values[low + 1] - values[low])
            before = 0.0
            for at in range(low + 1, high):
                if at > low + 1:
                    slope = trend * (level - before) + (1 - trend) * slope
                raised = (1 - smoothing) * (level + slope)
                before, level = level, smoothing * float(values[at]) + raised
            result[series, step] = level
    return Reduced(result, windows.count >= 2)


def _extreme_time(windows: Windows, function: np.ufunc) -> Reduced:
    """When the extreme value of each window was, the last of equals, in seconds."""
    extreme = windows.reduced(function, windows.samples.values)
    result = np.zeros(windows.low.shape)
    width = windows.low.shape[1]
    for part, some in windows.parts():
        index, begins, filled = some.unfolded()
        if len(filled):
            sizes = some.count.ravel()[filled]
            target = np.repeat(extreme[part].ravel()[filled], sizes)
            times = np.where(windows.samples.values[index] == target, windows.samples.times[index], 0)
            result.ravel()[part.start * width : part.stop * width][filled] = (
                np.maximum.reduceat(times, begins) / 1000.0
            )
    return Reduced(result, _present(windows))


RANGE_FUNCTIONS: dict[str, RangeFunction] = {
    "rate": lambda w, rules: extrapolated(w, rules, Growth.RATE),
    "increase": lambda w, rules: extrapolated(w, rules, Growth.INCREASE),
    "delta": lambda w, rules: extrapolated(w, rules, Growth.DELTA),
    "irate": lambda w, _: instant_growth(w, is_rate=True),
    "idelta": lambda w, _: instant_growth(w, is_rate=False),
    "count_over_time": _count,
    "sum_over_time": _sum,
    "avg_over_time": _avg,
    "min_over_time": _min,
    "max_over_time": _max,
    "last_over_time": _last,
    "first_over_time": _first,
    "present_over_time": _ones,
    "stddev_over_time": _stddev,
    "stdvar_over_time": _stdvar,
    "mad_over_time": _mad,
    "changes": _changes,
    "resets": _reset_count,
    "deriv": _deriv,
    "ts_of_first_over_time": lambda w, _: Reduced(w.first()[0] / 1000.0, _present(w)),
    "ts_of_last_over_time": lambda w, _: Reduced(w.last()[0] / 1000.0, _present(w)),
    "ts_of_max_over_time": lambda w, _: _extreme_time(w, np.fmax),
    "ts_of_min_over_time": lambda w, _: _extreme_time(w, np.fmin),
}
"""Functions of a range alone, by name."""

KEEPS_NAME = frozenset({"last_over_time", "first_over_time"})
"""Of them, those whose result is the metric itself."""
