"""Quantiles, counts and shares of histograms, classic (``le`` buckets) and native (exponential).

Classic: linear interpolation in the bucket, as Prometheus' ``histogram_quantile``. Native: channels of one histogram
are series of one bundle (``labels.CHANNEL``); interpolation is exponential within a bucket, linear within the zero
bucket, as Prometheus 3 and the OpenTelemetry data model, "ExponentialHistogram".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ktlo.telemetry.promql.labels import CHANNEL, NAME, Labels, value_of, without
from ktlo.telemetry.promql.samples import Bools, Floats
from ktlo.telemetry.promql.vector import Vector, joined, no_series, trimmed

_BUCKET_LABELS = frozenset({"le", NAME})
_CHANNEL_LABELS = frozenset({CHANNEL, NAME})


def is_native(vector: Vector) -> bool:
    """Whether any series is a channel of a native histogram."""
    return any(value_of(labels, CHANNEL) for labels in vector.labels)


def floats_of(vector: Vector) -> Vector:
    """The series that are no parts of native histograms."""
    rows = [at for at, labels in enumerate(vector.labels) if not value_of(labels, CHANNEL)]
    return vector if len(rows) == len(vector.labels) else vector.take(rows)


def quantile(q: Floats, vector: Vector) -> Vector:
    """``histogram_quantile``: of classic buckets and of native histograms."""
    classic: dict[Labels, list[tuple[float, int]]] = {}
    for at, labels in enumerate(vector.labels):
        if value_of(labels, CHANNEL):
            continue
        bound = _bound(value_of(labels, "le"))
        if bound is not None:
            classic.setdefault(without(labels, _BUCKET_LABELS), []).append((bound, at))
    values, present = [], []
    for buckets in classic.values():
        buckets.sort()
        rows = [at for _, at in buckets]
        bounds = np.array([bound for bound, _ in buckets])
        there = vector.present[rows]
        values.append(_patterns(q, bounds, vector.values[rows], there))
        present.append(there.any(axis=0))
    of_classic = (
        Vector(tuple(classic), np.array(values), np.array(present)) if classic else no_series(vector.steps)
    )
    of_native = _over_native(vector, lambda one: one.quantile(q))
    return trimmed(joined([of_classic, of_native], vector.steps))


def _bound(text: str) -> float | None:
    try:
        return float(text.replace("Inf", "inf")) if text else None
    except ValueError:
        return None


def _patterns(q: Floats, bounds: Floats, counts: Floats, present: Bools) -> Floats:
    """The quantile at each step, for each set of buckets that is there together."""
    if present.all():
        return bucket_quantile(q, bounds, counts)
    result = np.full(counts.shape[1], np.nan)
    patterns, of = np.unique(present, axis=1, return_inverse=True)
    of = of.reshape(-1)
    for at in range(patterns.shape[1]):
        rows, steps = np.flatnonzero(patterns[:, at]), np.flatnonzero(of == at)
        if len(rows):
            result[steps] = bucket_quantile(q[steps], bounds[rows], counts[np.ix_(rows, steps)])
    return result


def bucket_quantile(q: Floats, bounds: Floats, counts: Floats) -> Floats:
    """Quantile of cumulative buckets.

    Args:
        q: by step.
        bounds: upper bounds, ascending; equal ones are added up.
        counts: bounds by steps, cumulative.

    Returns:
        By step; NaN where the last bound is not infinite, or nothing was counted.
    """
    steps = counts.shape[1]
    nothing = np.full(steps, np.nan)
    distinct, begins = np.unique(bounds, return_index=True)
    if len(distinct) < len(bounds):
        counts = np.add.reduceat(counts, begins, axis=0)
        bounds = distinct
    result = nothing
    if len(bounds) >= 2 and np.isposinf(bounds[-1]):
        counts = np.maximum.accumulate(counts, axis=0)
        total = counts[-1]
        column = np.arange(steps)
        with np.errstate(all="ignore"):
            rank = q * total
            bucket = np.minimum((counts[:-1] < rank[None, :]).sum(axis=0), len(bounds) - 1)
            safe = np.minimum(bucket, len(bounds) - 2)
            start = np.where(safe > 0, bounds[np.maximum(safe - 1, 0)], 0.0)
            below = np.where(safe > 0, counts[np.maximum(safe - 1, 0), column], 0.0)
            inside = counts[safe, column] - below
            found = start + (bounds[safe] - start) * ((rank - below) / inside)
            found = np.where((safe == 0) & (bounds[0] <= 0), bounds[0], found)
            found = np.where(bucket == len(bounds) - 1, bounds[-2], found)
            result = np.where(total == 0, np.nan, found)
    result = np.where(q < 0, -np.inf, np.where(q > 1, np.inf, result))
    return np.where(np.isnan(q), np.nan, result)


@dataclass(frozen=True, slots=True)
class Native:
    """One native histogram over the steps.

    Attributes:
        lower: lower bounds of its buckets, ascending.
        upper: upper bounds.
        counts: buckets by steps, not cumulative.
        count: observations by step.
        total: sum of observations by step.
    """

    lower: Floats
    upper: Floats
    counts: Floats
    count: Floats
    total: Floats

    def quantile(self, q: Floats) -> Floats:
        """By step; NaN where nothing was counted."""
        if not len(self.lower):
            return np.full(len(self.count), np.nan)
        cumulative = np.cumsum(self.counts, axis=0)
        column = np.arange(len(self.count))
        with np.errstate(all="ignore"):
            rank = q * self.count
            bucket = np.minimum((cumulative < rank[None, :]).sum(axis=0), len(self.lower) - 1)
            inside = self.counts[bucket, column]
            part = np.clip((rank - (cumulative[bucket, column] - inside)) / inside, 0, 1)
            found = _between(self.lower[bucket], self.upper[bucket], part)
        found = np.where(self.count > 0, found, np.nan)
        found = np.where(q < 0, -np.inf, np.where(q > 1, np.inf, found))
        return np.where(np.isnan(q), np.nan, found)

    def below(self, value: float) -> Floats:
        """Observations at most ``value``, interpolated within its bucket."""
        with np.errstate(all="ignore"):
            linear = (value - self.lower) / (self.upper - self.lower)
            same = (self.lower > 0) | (self.upper < 0)
            grown = np.log(value / self.lower) / np.log(self.upper / self.lower)
            part = np.where(same & np.isfinite(grown), grown, linear)
        part = np.where(value >= self.upper, 1.0, np.where(value <= self.lower, 0.0, np.clip(part, 0, 1)))
        return np.asarray((self.counts * part[:, None]).sum(axis=0))


def _between(lower: Floats, upper: Floats, part: Floats) -> Floats:
    """A point inside a bucket: exponential, or linear in one that holds zero."""
    positive, negative = lower > 0, upper < 0
    up = lower * np.power(upper / lower, part)
    down = -(-upper * np.power(lower / upper, 1 - part))
    return np.where(positive, up, np.where(negative, down, lower + (upper - lower) * part))


def natives(vector: Vector) -> dict[Labels, tuple[Native, Bools]]:
    """Native histograms of a vector by their labels, and where each is there."""
    members: dict[Labels, list[tuple[str, int]]] = {}
    for at, labels in enumerate(vector.labels):
        channel = value_of(labels, CHANNEL)
        if channel:
            members.setdefault(without(labels, frozenset({CHANNEL})), []).append((channel, at))
    return {labels: _native(channels, vector) for labels, channels in members.items()}


def _native(channels: list[tuple[str, int]], vector: Vector) -> tuple[Native, Bools]:
    zeros = np.zeros(vector.steps)
    count, total, zero, threshold = zeros, zeros, zeros, 0.0
    present = np.zeros(vector.steps, dtype=np.bool_)
    found: list[tuple[str, int, int, Floats]] = []
    for channel, row in channels:
        values = np.where(vector.present[row], vector.values[row], 0.0)
        if channel == "count":
            count, present = values, vector.present[row]
        elif channel == "sum":
            total = values
        elif channel.startswith("z:"):
            zero, threshold = zero + values, max(threshold, float(channel[2:]))
        else:
            sign, own_scale, bucket = channel.split(":")
            found.append((sign, int(own_scale), int(bucket), values))
    scale = min((each[1] for each in found), default=0)
    merged: dict[tuple[float, float], Floats] = {(-threshold, threshold): zero} if zero.any() else {}
    for sign, own, index, values in found:
        low, high = bucket_bounds(scale, index >> (own - scale))
        bounds = (low, high) if sign == "p" else (-high, -low)
        merged[bounds] = merged.get(bounds, zeros) + values
    bounds_sorted = sorted(merged)
    lower = np.array([low for low, _ in bounds_sorted])
    upper = np.array([high for _, high in bounds_sorted])
    counts = np.array([merged[each] for each in bounds_sorted]).reshape(len(bounds_sorted), vector.steps)
    return Native(lower, upper, counts, count, total), present


def bucket_bounds(scale: int, index: int) -> tuple[float, float]:
    """Bounds of an exponential bucket: ``(base^index, base^(index+1)]`` with base ``2^(2^-scale)``."""

    def power(at: int) -> float:
        exponent = float(np.ldexp(float(at), -scale))
        return float(np.exp2(np.clip(exponent, -1074, 1024)))

    with np.errstate(over="ignore"):
        return power(index), power(index + 1)


def _over_native(vector: Vector, what: Callable[[Native], Floats]) -> Vector:
    found, there = [], []
    labels = []
    for key, (native, present) in natives(vector).items():
        labels.append(without(key, _CHANNEL_LABELS))
        found.append(what(native))
        there.append(present)
    return Vector(tuple(labels), np.array(found), np.array(there)) if labels else no_series(vector.steps)


def count(vector: Vector) -> Vector:
    """``histogram_count``."""
    return _over_native(vector, lambda one: one.count)


def total(vector: Vector) -> Vector:
    """``histogram_sum``."""
    return _over_native(vector, lambda one: one.total)


def average(vector: Vector) -> Vector:
    """``histogram_avg``."""

    def mean(one: Native) -> Floats:
        with np.errstate(all="ignore"):
            return np.asarray(one.total / one.count)

    return _over_native(vector, mean)


def fraction(low: Floats, high: Floats, vector: Vector) -> Vector:
    """``histogram_fraction``: the share of observations between two values, by step."""

    def share(one: Native) -> Floats:
        result = np.full(len(one.count), np.nan)
        for a, b in {(float(x), float(y)) for x, y in zip(low, high, strict=True)}:
            steps = (low == a) & (high == b)
            with np.errstate(all="ignore"):
                part = (one.below(b) - one.below(a)) / one.count
            result = np.where(steps, 0.0 if a >= b else part, result)
        return np.where(one.count > 0, result, np.nan)

    return _over_native(vector, share)
