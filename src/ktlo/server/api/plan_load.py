"""The load over HTTP: what keeping the lights on asks for, fitted from the records."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.metrics.estimate import Estimate
from ktlo.planning.load.asking import ask_load
from ktlo.planning.load.summary import ClassSummary, LoadSummary
from ktlo.server.api.metrics import Asked, Running
from ktlo.server.tables import plain

router = APIRouter(tags=["plan"])


class Expected(BaseModel):
    """A number with its interval."""

    value: float | None = Field(description="Null when it is not estimable; see reason.")
    low: float | None = Field(description="Lower end of the interval.")
    high: float | None = Field(description="Upper end of the interval.")
    n: int = Field(description="Sample size.")
    reason: str = Field(description="Why there is no value.")

    @classmethod
    def of(cls, given: Estimate) -> Expected:
        """An estimate as JSON has it."""
        return cls(
            value=plain(given.value),
            low=plain(given.low),
            high=plain(given.high),
            n=given.n,
            reason=given.reason,
        )


class WeekOut(BaseModel):
    """A week, past or ahead."""

    start: dt.date = Field(description="Its Monday.")
    seen: int | None = Field(description="Items that arrived; null ahead.")
    mean: float = Field(description="Items expected before the week began.")
    low: float = Field(description="10% quantile: of the expected rate in the past, of the items ahead.")
    high: float = Field(description="90% quantile.")


class EffectOut(BaseModel):
    """Effect of one more preventive hour a week on arrivals."""

    is_shown: bool = Field(description="The whole 95% interval says that less arrives.")
    reduction_per_hour: float | None = Field(description="Relative reduction of arrivals.")
    low: float | None = Field(description="Lower end of the 95% interval.")
    high: float | None = Field(description="Upper end of the 95% interval.")
    usual_hours: float = Field(description="Preventive hours of a usual week of the last year.")
    reason: str = Field(description="Why there is no estimate.")


class ExperimentOut(BaseModel):
    """The experiment that would show an effect with 80% power at the 5% level."""

    extra_hours: float = Field(description="Preventive hours more in each week.")
    reduction: float = Field(description="Relative reduction that it is planned for.")
    weeks: int | None = Field(description="Weeks that show it; null when more than three years.")
    shown_in_a_year: float | None = Field(description="Smallest reduction that a year would show.")
    baseline_weeks: int = Field(description="Weeks before, to compare with.")


class ClassOut(BaseModel):
    """One class of work of one service."""

    service: str = Field(description="Service, repository or team asked for by `by`; empty for all.")
    work_class: str
    items: int
    still_open: int
    recent_per_week: float = Field(description="Arrivals a week over the last 13 weeks.")
    per_week: Expected = Field(description="Arrivals a week ahead.")
    hours_each: Expected = Field(description="Hours of an item.")
    hours_per_week: Expected = Field(description="Hours a week ahead.")
    spent_per_week: float = Field(description="Hours spent a week over the last 13 weeks.")
    waiting_half_s: Expected = Field(
        description="Seconds within which half of the items ended; 95% interval."
    )
    waiting_most_s: Expected = Field(description="Seconds within which nine in ten ended; 95% interval.")
    downtime_probability: Expected
    downtime_hours: Expected
    weeks: list[WeekOut]
    effect: EffectOut | None
    experiment: ExperimentOut | None
    notes: list[str]

    @classmethod
    def of(cls, given: ClassSummary) -> ClassOut:
        """A class as JSON has it."""
        effect, experiment = given.effect, given.experiment
        return cls(
            service=given.service,
            work_class=given.work_class.value,
            items=given.items,
            still_open=given.still_open,
            recent_per_week=given.recent_per_week,
            per_week=Expected.of(given.per_week),
            hours_each=Expected.of(given.hours_each),
            hours_per_week=Expected.of(given.hours_per_week),
            spent_per_week=given.spent_per_week,
            waiting_half_s=Expected.of(given.waiting_half),
            waiting_most_s=Expected.of(given.waiting_most),
            downtime_probability=Expected.of(given.downtime_probability),
            downtime_hours=Expected.of(given.downtime_hours),
            weeks=[
                WeekOut(start=w.start, seen=w.seen, mean=w.mean, low=w.low, high=w.high) for w in given.weeks
            ],
            effect=effect
            and EffectOut(
                is_shown=effect.is_shown,
                reduction_per_hour=effect.per_hour,
                low=effect.low,
                high=effect.high,
                usual_hours=effect.usual_hours,
                reason=effect.reason,
            ),
            experiment=experiment
            and ExperimentOut(
                extra_hours=experiment.extra_hours,
                reduction=experiment.fewer,
                weeks=experiment.weeks,
                shown_in_a_year=experiment.shown_in_a_year,
                baseline_weeks=experiment.baseline_weeks,
            ),
            notes=list(given.notes),
        )


class LoadOut(BaseModel):
    """What keeping the lights on asks for. Intervals are 80% unless said otherwise."""

    start: dt.date = Field(description="Monday of the first week ahead.")
    weeks_ahead: int
    history_start: dt.date
    history_weeks: int = Field(description="Complete weeks of records.")
    people: int = Field(description="People of a usual recent week.")
    hours_per_week: Expected = Field(description="Traced hours a week, all effort.")
    ktlo_share: Expected = Field(description="Share of it that has kept the lights on.")
    spent_per_week: float = Field(description="Hours a week spent on it over the last 13 weeks.")
    demanded: Expected = Field(description="Hours a week that arrive by themselves.")
    demanded_share: Expected = Field(description="Of the hours there are.")
    classes: list[ClassOut]
    notes: list[str] = Field(description="What cannot be said, and why.")
    seed: int = Field(description="The same records and seed give the same answer.")

    @classmethod
    def of(cls, given: LoadSummary) -> LoadOut:
        """A load as JSON has it."""
        return cls(
            start=given.start,
            weeks_ahead=given.weeks_ahead,
            history_start=given.history_start,
            history_weeks=given.history_weeks,
            people=given.people,
            hours_per_week=Expected.of(given.hours_per_week),
            ktlo_share=Expected.of(given.ktlo_share),
            spent_per_week=given.spent_per_week,
            demanded=Expected.of(given.demanded),
            demanded_share=Expected.of(given.demanded_share),
            classes=[ClassOut.of(each) for each in given.classes],
            notes=list(given.notes),
            seed=given.seed,
        )


@router.get("/plan/load")
def plan_load(
    running: Running,
    question: Asked,
    weeks: Annotated[int | None, Query(ge=1, le=52, description="Weeks ahead; else planning.weeks.")] = None,
    seed: Annotated[int | None, Query(ge=0, description="Seed of the draws; else planning.seed.")] = None,
) -> LoadOut:
    """What arrives by itself, how much work it is, and how sure that is; by service, repository or team.

    All records up to the period's end are used, whatever its start; weeks that are not complete are left out.
    """
    said = running.settings.planning
    return LoadOut.of(
        ask_load(
            running.store,
            question,
            running.settings,
            weeks=said.weeks if weeks is None else weeks,
            seed=said.seed if seed is None else seed,
        )
    )
