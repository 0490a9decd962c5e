"""What changed in p95, rate and errors per operation, named only when the change is there.

Takes two stretches side by side (``compared``), tests every operation and measure together (``shifts``), and names what
is both unlikely to be chance (false discovery rate 5%) and large enough to matter. A slower p95 is tested as more calls
beyond the p95 of both stretches together, which needs no shape of the durations. The rest says how much it would take.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from ktlo.store.protocol import Queryable
from ktlo.telemetry.compared import HOUR, Compared, Stretches, read_compared
from ktlo.telemetry.deployments import Mark, marks
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.shifts import Differences, Shifts, discoveries, not_below_exact, rates, shares, shifted
from ktlo.telemetry.trend import LEAST, Least, Measure, Trend, Trends, Turned, Verdict
from ktlo.telemetry.turning import turn

Floats = npt.NDArray[np.float64]

FALSE_NAMES = 0.05
"""Share of the named changes that may be chance (false discovery rate)."""
_SEEN = float(ndtri(0.975) + ndtri(0.8))
"""Standard errors of a change that is seen with a chance of 80% at a level of 5%."""
_CAUSE_WITHIN = dt.timedelta(hours=3)


def trends(store: Queryable, of: Stretches, service: str = "", least: Least = LEAST) -> Trends:
    """Compare every operation in two stretches.

    Args:
        store: holds the roll-up by hour and deployments.
        of: what is compared with what.
        service: service.name; empty for all.
        least: from what on a change matters.
    """
    found = judged(read_compared(store, of, service), least)
    whole = Interval(of.read_earlier.start, of.later.end)
    names = dict.fromkeys(one.key.service for one in (*found.named, *found.others))
    deployed = {name: marks(store, whole, name) for name in names} if found.named else {}

    def caused(one: Trend) -> Trend:
        if one.turned is None:
            return one
        own = one.key.service
        for name in (own, *(name for name in deployed if name != own)):
            mark = _cause(one, deployed[name])
            if mark is not None:
                return replace(one, turned=replace(one.turned, deployment=mark, deployed=name))
        return one

    return replace(found, named=tuple(caused(one) for one in found.named))


def judged(of: Compared, least: Least = LEAST) -> Trends:
    """Name what changed; pure, deployments are not looked at."""
    block, asked, days = of.stretches.block, of.stretches.asked, of.stretches.asked_blocks
    both = (of.calls[0] > 0) & (of.calls[1] > 0) & of.there
    calls = np.where(both, of.calls, 0.0)
    within = calls * asked
    volume = within.sum(axis=2).min(axis=0) if len(of.keys) else np.zeros(0)
    enough = volume >= least.calls
    slow = shares(np.where(both, of.slow[1], 0), calls[1], np.where(both, of.slow[0], 0), calls[0], block)
    errors = shares(
        np.where(both, of.errors[1], 0), calls[1], np.where(both, of.errors[0], 0), calls[0], block
    )
    rate = rates(of.calls[1], of.calls[0], of.there & of.reporting, block)
    present = (of.calls * (of.there & of.reporting & asked)).sum(axis=2)
    in_both = present.min(axis=0) >= least.calls if len(of.keys) else np.zeros(0, dtype=bool)
    shifts = {
        Measure.P95: shifted(_only(slow, enough), days),
        Measure.ERRORS: shifted(_only(errors, enough), days),
        Measure.RATE: shifted(_only(rate, in_both), days),
    }
    volumes = within.sum(axis=2)
    expected = np.divide(volumes[1], volumes.sum(axis=0), out=np.full(len(of.keys), 0.5), where=volume > 0)
    failed = np.where(both & asked, of.errors, 0).sum(axis=2)
    p = {measure: one.p for measure, one in shifts.items()}
    p[Measure.ERRORS] = not_below_exact(p[Measure.ERRORS], failed[1], failed[0], expected)
    tested = {Measure.P95: enough, Measure.ERRORS: enough & (failed.sum(axis=0) > 0), Measure.RATE: in_both}
    order = tuple(Measure)
    joined = discoveries(
        np.concatenate([p[one] for one in order]), np.concatenate([tested[one] for one in order])
    )
    q = dict(zip(order, np.split(joined, len(order)), strict=True))
    told = [
        _trend(of, number, measure, shifts[measure], q[measure], both[number] & asked, least)
        for number in range(len(of.keys))
        for measure in order
    ]
    named = sorted(
        (one for one in told if one.verdict in (Verdict.CHANGED, Verdict.NEW, Verdict.GONE)),
        key=lambda one: (order.index(one.measure), -abs(one.added), one.key.service, one.key.name),
    )
    kept = frozenset(id(one) for one in named)
    return Trends(
        of.stretches,
        int((of.there & asked).sum()),
        tuple(_turned(of, one) if one.verdict is Verdict.CHANGED else one for one in named),
        tuple(one for one in told if id(one) not in kept),
        of.left_out,
        of.since,
    )


def _only(of: Differences, rows: npt.NDArray[np.bool_]) -> Differences:
    """Differences of what is tested; the rest has no information, and no say in what is shared."""
    return Differences(of.values, np.where(rows[:, None], of.variances, np.inf))


def _trend(
    of: Compared,
    number: int,
    measure: Measure,
    found: Shifts,
    q: Floats,
    both: npt.NDArray[np.bool_],
    least: Least,
) -> Trend:
    key, asked = of.keys[number], of.stretches.asked
    there = of.there & of.reporting[number] & asked
    minutes = max(int(there.sum()), 1) * 60
    hours = there if measure is Measure.RATE else both
    calls = (of.calls[:, number] * hours).sum(axis=1)
    days = asked.sum() / 24
    wide = stdtrit(max(found.blocks[number] - 1, 1), 0.975) * found.error[number]
    shift = found.shift[number]
    low: float | None = None
    high: float | None = None
    if measure is Measure.P95:
        before, after = (_or_none(value) for value in of.p95[:, number])
        apart, error = _log_p95(of, number, both)
        if apart is not None:
            low, high = math.exp(apart - error), math.exp(apart + error)
        added = _mean_apart(of, number, both) * of.calls[1, number, asked].sum() / days / 3600
        least_shift = max(float(of.slope[number]), 1e-6)
    elif measure is Measure.ERRORS:
        before, after = (
            float((of.errors[place, number] * both).sum() / calls[place]) if calls[place] else None
            for place in (0, 1)
        )
        if np.isfinite(shift) and np.isfinite(wide):
            low, high = shift - wide, shift + wide
        added = (shift if np.isfinite(shift) else 0.0) * of.calls[1, number, asked].sum() / days
        least_shift = max(least.error_share, least.error_ratio * (before or 0))
    else:
        before, after = (float(value) / minutes for value in calls)
        if np.isfinite(shift) and np.isfinite(wide):
            low, high = math.exp(min(shift - wide, 700)), math.exp(min(shift + wide, 700))
        added = (after - before) * 1440
        least_shift = math.log1p(least.share)
    ratio = after / before if before and after is not None else None
    tested = bool(np.isfinite(q[number]))
    trend = Trend(
        key, measure, Verdict.NONE, before, after, ratio, low, high, float(q[number]) if tested else None,
        int(calls.sum()), int(hours.sum()), _needed(calls.sum(), found.error[number], least_shift), added,
        trace=of.traces[number],
    )  # fmt: skip
    return replace(trend, verdict=_verdict(trend, of, number, least, shift, found.error[number], least_shift))


def _verdict(
    one: Trend, of: Compared, number: int, least: Least, shift: float, error: float, least_shift: float
) -> Verdict:
    present = (of.calls[:, number] * (of.there & of.reporting[number] & of.stretches.asked)).sum(axis=1)
    if one.measure is Measure.RATE and present.max() >= least.calls and present.min() == 0:
        return Verdict.NEW if present[0] == 0 else Verdict.GONE
    if one.q is None:
        is_quiet = (
            one.measure is Measure.ERRORS
            and one.before == 0
            and one.after == 0
            and one.calls >= 2 * least.calls
        )
        return Verdict.NONE if is_quiet else Verdict.TOO_FEW
    if one.q <= FALSE_NAMES:
        return Verdict.CHANGED if _matters(one, least, shift) else Verdict.SMALL
    return Verdict.NONE if _SEEN * error <= least_shift else Verdict.NOT_DETECTABLE


def _matters(one: Trend, least: Least, shift: float) -> bool:
    if one.measure is Measure.ERRORS:
        size = abs(shift)
        return size >= least.error_share and size >= least.error_ratio * (one.before or 0)
    if one.ratio is None or one.ratio <= 0:
        return True
    is_same_way = one.measure is Measure.RATE or (one.ratio > 1) == (shift > 0)
    return is_same_way and abs(math.log(one.ratio)) >= math.log1p(least.share)


def _needed(calls: float, error: float, least_shift: float) -> int | None:
    """Calls of both stretches with which a shift of the least size that matters is seen with a chance of 80%."""
    if not calls or not np.isfinite(error) or error <= 0:
        return None
    return math.ceil(calls * (_SEEN * error / least_shift) ** 2)


def _or_none(value: float) -> float | None:
    return None if not np.isfinite(value) else float(value)


def _weights(of: Compared, number: int, both: npt.NDArray[np.bool_]) -> Floats:
    earlier, later = of.calls[0, number], of.calls[1, number]
    weights: Floats = np.divide(earlier * later, earlier + later, out=np.zeros_like(later), where=both)
    return weights


def _mean_apart(of: Compared, number: int, both: npt.NDArray[np.bool_]) -> float:
    """Seconds by which a call took longer, hour against the same hour."""
    weight = _weights(of, number, both)
    if not weight.sum():
        return 0.0
    mean = np.divide(of.total[:, number], of.calls[:, number], out=np.zeros((2, len(both))), where=both)
    return float((weight * (mean[1] - mean[0])).sum() / weight.sum())


def _log_p95(of: Compared, number: int, both: npt.NDArray[np.bool_]) -> tuple[float | None, float]:
    """Logarithm of the ratio of p95 of all hours, and half the width of its 95% interval from blocks."""
    before, after = of.p95[:, number]
    usable = both & (of.hourly_p95[:, number] > 0).all(axis=0)
    if not (np.isfinite(before) and np.isfinite(after) and before > 0 and after > 0) or not usable.any():
        return None, 0.0
    weight = np.where(usable, _weights(of, number, both), 0)
    apart = np.zeros(len(both))
    apart[usable] = np.log(of.hourly_p95[1, number, usable] / of.hourly_p95[0, number, usable])
    block = of.stretches.block
    mass = np.bincount(block, weight)
    said = mass > 0
    if said.sum() < 2:
        return None, 0.0
    means = np.bincount(block, weight * apart)[said] / mass[said]
    middle = float(np.average(means, weights=mass[said]))
    spread = float(np.average((means - middle) ** 2, weights=mass[said])) / (said.sum() - 1)
    return math.log(after / before), float(stdtrit(said.sum() - 1, 0.975) * math.sqrt(spread))


def _turned(of: Compared, one: Trend) -> Trend:
    number = of.keys.index(one.key)
    calls = np.concatenate(list(of.calls[:, number]))
    if one.measure is Measure.RATE:
        step = turn(np.log(calls + 0.5), np.where(np.concatenate([of.there, of.there]), 1.0, 0.0))
    else:
        counted = of.slow if one.measure is Measure.P95 else of.errors
        values = np.divide(
            np.concatenate(list(counted[:, number])), calls, out=np.zeros_like(calls), where=calls > 0
        )
        step = turn(values, calls)
    if step is None:
        return one
    at, first, last = (_instant(of.stretches, hour) for hour in (step.at, step.first, step.last))
    return replace(one, turned=Turned(at, first, last, None))


def _instant(of: Stretches, hour: int) -> dt.datetime:
    return of.read_earlier.start + hour * HOUR


def _cause(one: Trend, deployed: list[Mark]) -> Mark | None:
    """The deployment that is nearest to the turn, within the hours that it may lie in and three around them."""
    turned = one.turned
    if turned is None:
        return None
    near = [
        mark
        for mark in deployed
        if mark.outcome != "failure"
        and mark.environment in ("", one.key.environment)
        and turned.first - _CAUSE_WITHIN <= mark.at <= turned.last + HOUR
        and turned.at - 2 * _CAUSE_WITHIN <= mark.at <= turned.at + _CAUSE_WITHIN
    ]
    return min(near, key=lambda mark: abs(mark.at - turned.at), default=None)
