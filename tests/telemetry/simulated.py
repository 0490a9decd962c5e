"""Two stretches of made-up operations whose truth is known, for the calibration of trends."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from ktlo.telemetry.compared import Compared, Key, stretches

NOW = dt.datetime(2026, 11, 23, 9, 20, tzinfo=dt.UTC)


@dataclass(frozen=True)
class World:
    """How operations behave.

    Attributes:
        operations: how many.
        calls: median calls an hour.
        day_noise: standard deviation of a whole day's level (logarithm of calls, log odds of slow and failing calls).
        hour_noise: the same of an hour, half of which lasts into the next.
        failing: share of calls that fail.
        changed: how many of them change in the later stretch.
        slower: by what their share of calls beyond the common p95 is multiplied.
        failing_more: by what their share of failing calls is multiplied.
        busier: by what their calls are multiplied.
    """

    operations: int = 150
    calls: float = 400
    day_noise: float = 0.08
    hour_noise: float = 0.25
    failing: float = 0.01
    changed: int = 0
    slower: float = 1.0
    failing_more: float = 1.0
    busier: float = 1.0


def _noise(rng: np.random.Generator, of: World, hours: int) -> np.ndarray:
    shape = (2, of.operations, hours)
    fresh = rng.normal(0, of.hour_noise * np.sqrt(1 - 0.25), shape)
    steps = np.empty(shape)
    steps[..., 0] = fresh[..., 0]
    for hour in range(1, hours):
        steps[..., hour] = 0.5 * steps[..., hour - 1] + fresh[..., hour]
    days = rng.normal(0, of.day_noise, (2, of.operations, -(-hours // 24)))
    return steps + np.repeat(days, 24, axis=2)[..., :hours]


def simulated(rng: np.random.Generator, of: World, span: str = "week") -> Compared:
    """Draw two stretches; the first ``changed`` operations change."""
    what = stretches(span, NOW)
    hours, is_changed = what.hours, np.arange(of.operations) < of.changed

    def level(times: float) -> np.ndarray:
        out = np.ones((2, of.operations, 1))
        out[1, is_changed] = times
        return out

    def hit(calls: np.ndarray, share: float, times: float) -> np.ndarray:
        odds = share / (1 - share) * level(times) * np.exp(_noise(rng, of, hours))
        return rng.binomial(calls.astype(np.int64), odds / (1 + odds)).astype(float)

    daily = 1 + 0.8 * np.sin(np.arange(hours) / 24 * 2 * np.pi)
    size = of.calls * np.exp(rng.normal(0, 1, (1, of.operations, 1)))
    calls = rng.poisson(size * daily * level(of.busier) * np.exp(_noise(rng, of, hours))).astype(float)
    p95 = np.ones((2, of.operations))
    p95[1, is_changed] = of.slower**0.5
    return Compared(
        what,
        tuple(Key("shop", "production", "server", f"GET /{number}") for number in range(of.operations)),
        0,
        np.ones(hours, dtype=bool),
        calls,
        hit(calls, of.failing, of.failing_more),
        calls * 0.1,
        hit(calls, 0.05, of.slower),
        p95,
        np.where(calls > 0, np.exp(_noise(rng, of, hours)), np.nan),
        np.full(of.operations, 0.02),
        ("",) * of.operations,
        np.ones((of.operations, hours), dtype=bool),
    )
