"""A backtest as a whole: scores of every rule, their differences, the cost of following them, how far to trust.

Takes a :class:`~ktlo.planning.load.history.History` and prices; gives a frozen :class:`Backtest` that every face
tells. The same history and seed give the same backtest.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.planning.assumptions import Prices
from ktlo.planning.backtest.origins import HORIZON, LEAST_BEFORE, STEP, Origins, origins_of
from ktlo.planning.backtest.policies import LEVELS, PRACTICE, Forecasts, Policy, forecast_all, known_outcomes
from ktlo.planning.backtest.regret import PolicyRegret, quarters_of, regret_of
from ktlo.planning.backtest.scores import LEAST_ORIGINS, difference, inside, pinball
from ktlo.planning.load.history import History
from ktlo.planning.load.weeks import monday
from ktlo.wording import counted

Floats = npt.NDArray[np.float64]
Report = Callable[[int, int], None]

_CLAIMED = 0.8


class Trust(enum.StrEnum):
    """How far the forecast is to be trusted, by its past."""

    BETTER = "better"
    """Its share beat every simple rule by more than chance."""
    AS_GOOD = "as_good"
    """No simple rule was shown to beat it."""
    WORSE = "worse"
    """A simple rule beat it by more than chance."""
    UNKNOWN = "unknown"
    """Too few past forecasts."""


@dataclass(frozen=True, slots=True)
class Score:
    """How a rule did, in hours a week or as a share of all hours.

    Attributes:
        policy: the rule.
        loss: mean pinball loss; at the median alone it would be the mean absolute error.
        covered: share of the outcomes that lay in its 80% interval.
        against: ktlo's loss less this rule's, with a 90% interval; below 0, ktlo is better.
    """

    policy: Policy
    loss: float
    covered: float
    against: Estimate


@dataclass(frozen=True, slots=True)
class Past:
    """One past forecast.

    Attributes:
        start: first Monday of the weeks forecast.
        hours: hours a week that work arriving by itself really took.
        low: 10% quantile that ktlo gave, hours a week.
        middle: its median.
        high: 90% quantile.
        share: share of all hours that it really took.
        share_low: 10% quantile of the share that ktlo gave.
        share_middle: its median.
        share_high: 90% quantile.
    """

    start: dt.date
    hours: float
    low: float
    middle: float
    high: float
    share: float
    share_low: float
    share_middle: float
    share_high: float


@dataclass(frozen=True, slots=True)
class Backtest:
    """How the past would have been forecast.

    Attributes:
        horizon: weeks of each forecast.
        step: weeks between two.
        history_weeks: complete weeks of records.
        past: every forecast that is scored with its outcome, oldest first.
        hours: scores of the hours a week, ktlo first.
        share: scores of the share, ktlo first.
        regret: cost of following each rule; empty where there are too few quarters.
        trust: the verdict, by the share.
        counts_left_over: waiting has no price, so that work left over counts five times in the regret.
        reason: why there is no verdict; else empty.
        currency: unit of the prices that the regret used; ``h`` for hours.
        seed: of the draws.
    """

    horizon: int
    step: int
    history_weeks: int
    past: tuple[Past, ...]
    hours: tuple[Score, ...]
    share: tuple[Score, ...]
    regret: tuple[PolicyRegret, ...]
    trust: Trust
    counts_left_over: bool
    reason: str
    currency: str
    seed: int

    @property
    def is_covered(self) -> bool:
        """Whether ktlo's 80% interval of the share held about as often as it says."""
        if not self.share:
            return False
        # Overlapping quarters count as so many that do not overlap; 1.28 standard errors hold four of five.
        apart = max(1.0, len(self.past) * self.step / self.horizon)
        return abs(self.share[0].covered - _CLAIMED) <= 1.2816 * float(
            np.sqrt(_CLAIMED * (1 - _CLAIMED) / apart)
        )

    @property
    def beaten_by(self) -> tuple[Policy, ...]:
        """Rules that did better than ktlo on the share by more than chance."""
        return tuple(s.policy for s in self.share if s.against.low is not None and s.against.low > 0)


def run_backtest(
    history: History, prices: Prices, *, seed: int, report: Report = lambda done, total: None
) -> Backtest:
    """Forecast the past from every origin, and score it.

    Args:
        history: as read from the records.
        prices: for the regret.
        seed: of ktlo's draws.
        report: called with how many steps are done, and of how many.
    """
    origins = origins_of(history)
    places = quarters_of(origins, HORIZON, STEP)
    steps = len(origins) + int(places.size)
    forecasts = forecast_all(history, origins, HORIZON, seed, lambda done, _: report(done, steps))
    regret = regret_of(
        history, origins, places, prices, HORIZON, seed, lambda done, _: report(len(origins) + done, steps)
    )
    scored = np.array(known_outcomes(origins, HORIZON), dtype=np.int64) >= PRACTICE
    origins = Origins(origins.weeks[scored], origins.hours[scored], origins.capacity[scored])
    forecasts = {policy: Forecasts(f.hours[scored], f.share[scored]) for policy, f in forecasts.items()}
    hours = _scores(forecasts, origins.hours / HORIZON, seed, lambda each: each.hours / HORIZON)
    share = _scores(forecasts, origins.share, seed, lambda each: each.share)
    trust, reason = _verdict(history, origins, share)
    return Backtest(
        horizon=HORIZON,
        step=STEP,
        history_weeks=history.weeks,
        past=_past(origins, forecasts[Policy.KTLO]),
        hours=hours,
        share=share,
        regret=regret,
        trust=trust,
        counts_left_over=prices.waiting_week is None,
        reason=reason,
        currency=prices.currency,
        seed=seed,
    )


def _scores(
    forecasts: dict[Policy, Forecasts], outcome: Floats, seed: int, of: Callable[[Forecasts], Floats]
) -> tuple[Score, ...]:
    if not outcome.size:
        return ()
    own = pinball(of(forecasts[Policy.KTLO]), outcome)
    found = []
    for policy, each in forecasts.items():
        loss = own if policy is Policy.KTLO else pinball(of(each), outcome)
        against = (
            not_estimable("this is ktlo's own") if policy is Policy.KTLO else difference(own, loss, seed)
        )
        found.append(Score(policy, float(loss.mean()), float(inside(of(each), outcome).mean()), against))
    return tuple(found)


def _verdict(history: History, origins: Origins, share: tuple[Score, ...]) -> tuple[Trust, str]:
    # The first so many origins are practice: their outcomes must be known at the first that is scored.
    practice = -(-HORIZON // STEP) + PRACTICE - 1
    needed = LEAST_BEFORE + HORIZON + (practice + LEAST_ORIGINS - 1) * STEP
    if len(origins) < LEAST_ORIGINS:
        return Trust.UNKNOWN, (
            f"{counted(history.weeks, 'complete weeks')} of history give"
            f" {counted(len(origins), 'past forecasts')} that can be scored; a"
            f" verdict needs {LEAST_ORIGINS}, which is {counted(needed, 'weeks')}"
        )
    if not origins.hours.any():
        return (
            Trust.UNKNOWN,
            "no hours on work that arrives by itself are recorded in the weeks that could be forecast",
        )
    others = [score.against for score in share if score.policy is not Policy.KTLO]
    if any(each.low is not None and each.low > 0 for each in others):
        return Trust.WORSE, ""
    if all(each.high is not None and each.high < 0 for each in others):
        return Trust.BETTER, ""
    return Trust.AS_GOOD, ""


def _past(origins: Origins, own: Forecasts) -> tuple[Past, ...]:
    middle = LEVELS.size // 2
    share = origins.share
    return tuple(
        Past(
            start=monday(int(week)),
            hours=float(origins.hours[i] / HORIZON),
            low=float(own.hours[i, 0] / HORIZON),
            middle=float(own.hours[i, middle] / HORIZON),
            high=float(own.hours[i, -1] / HORIZON),
            share=float(share[i]),
            share_low=float(own.share[i, 0]),
            share_middle=float(own.share[i, middle]),
            share_high=float(own.share[i, -1]),
        )
        for i, week in enumerate(origins.weeks)
    )
