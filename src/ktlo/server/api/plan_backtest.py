"""The backtest over HTTP: how far to trust the forecast of the load."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.planning.backtest.asking import ask_backtest
from ktlo.planning.backtest.run import Backtest, Score
from ktlo.report.backtest import reading, verdict
from ktlo.server.api.metrics import Asked, Running
from ktlo.server.api.plan_load import Expected

router = APIRouter(tags=["plan"])


class ScoreOut(BaseModel):
    """How a rule did."""

    policy: str = Field(description="ktlo, fixed (20%), last_quarter or trailing_mean (52 weeks).")
    pinball_loss: float = Field(description="Mean over the quantiles .1 .25 .5 .75 .9, times two.")
    coverage: float = Field(description="Share of outcomes inside its 80% interval.")
    ktlo_less_this: Expected = Field(
        description="ktlo's loss less this rule's; below 0, ktlo is better. 90%."
    )

    @classmethod
    def of(cls, given: Score) -> ScoreOut:
        """A score as JSON has it."""
        return cls(
            policy=given.policy.value,
            pinball_loss=given.loss,
            coverage=given.covered,
            ktlo_less_this=Expected.of(given.against),
        )


class RegretOut(BaseModel):
    """What following a rule cost beyond the best share in hindsight."""

    policy: str
    mean_share: float = Field(description="Mean of the shares that it named.")
    regret_hours_per_week: float
    quarters_kept_up: int = Field(description="Quarters with less than a week of work left over.")
    quarters: int
    ktlo_less_this: Expected


class PastOut(BaseModel):
    """One past forecast of ktlo, and what happened."""

    start: dt.date
    hours: float = Field(description="Hours a week that it really took.")
    hours_low: float
    hours_middle: float
    hours_high: float
    share: float = Field(description="Share of all hours that it really took.")
    share_low: float
    share_middle: float
    share_high: float


class BacktestOut(BaseModel):
    """How the past would have been forecast, with nothing but what was known then."""

    horizon_weeks: int
    step_weeks: int
    history_weeks: int
    origins: int
    trust: str = Field(description="better, as_good, worse or unknown; by the share.")
    reason: str = Field(description="Why there is no verdict.")
    verdict: str = Field(description="How far to trust the forecast, in a sentence.")
    reading: str = Field(description="What that means for a decision.")
    hours_per_week: list[ScoreOut]
    share: list[ScoreOut]
    regret: list[RegretOut]
    past: list[PastOut]
    seed: int

    @classmethod
    def of(cls, given: Backtest) -> BacktestOut:
        """A backtest as JSON has it."""
        return cls(
            horizon_weeks=given.horizon,
            step_weeks=given.step,
            history_weeks=given.history_weeks,
            origins=len(given.past),
            trust=given.trust.value,
            reason=given.reason,
            verdict=verdict(given),
            reading=reading(given),
            hours_per_week=[ScoreOut.of(each) for each in given.hours],
            share=[ScoreOut.of(each) for each in given.share],
            regret=[
                RegretOut(
                    policy=each.policy.value,
                    mean_share=each.share,
                    regret_hours_per_week=each.regret,
                    quarters_kept_up=each.kept_up,
                    quarters=each.quarters,
                    ktlo_less_this=Expected.of(each.against),
                )
                for each in given.regret
            ],
            past=[
                PastOut(
                    start=each.start,
                    hours=each.hours,
                    hours_low=each.low,
                    hours_middle=each.middle,
                    hours_high=each.high,
                    share=each.share,
                    share_low=each.share_low,
                    share_middle=each.share_middle,
                    share_high=each.share_high,
                )
                for each in given.past
            ],
            seed=given.seed,
        )


@router.get("/plan/backtest")
def plan_backtest(
    running: Running,
    question: Asked,
    seed: Annotated[int | None, Query(ge=0, description="Seed of the draws; else planning.seed.")] = None,
) -> BacktestOut:
    """How far to trust the load: forecasts from past moments against a fixed 20%, last quarter and the year's mean.

    All records up to the period's end are used, whatever its start. Many years take some seconds the first time.
    """
    chosen = running.settings.planning.seed if seed is None else seed
    return BacktestOut.of(ask_backtest(running.store, question, running.settings, seed=chosen))
