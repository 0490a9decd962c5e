"""The report to the business over HTTP: a quarter's account and the outlook on the next, in numbers and in words."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.report.business import business_section
from ktlo.report.sections import NoLinks
from ktlo.server.api.metrics import Asked, Running
from ktlo.server.api.plan_answer import SpreadOut
from ktlo.server.api.plan_load import Expected
from ktlo.server.business import Reported, quarter_of, report_business

router = APIRouter(tags=["plan"])


class SpentOut(BaseModel):
    """Effort that went into one kind of work."""

    category: str
    person_days: Expected
    pieces: int = Field(description="Pieces of work, as classified.")


class ChoiceOut(BaseModel):
    """A share for the next quarter, and what it brings."""

    why: list[str]
    share: float
    cost: SpreadOut
    extra_cost: float = Field(description="Beyond the first choice.")
    feature_person_weeks: float
    piles_up: float = Field(description="Probability that more arrives than is done.")


class BusinessOut(BaseModel):
    """A quarter and the next. Costs are in the currency; `h` is hours of labour."""

    quarter: str
    is_over: bool
    known_until: dt.datetime
    share: Expected = Field(description="Share of effort that kept existing systems running.")
    kept_person_days: Expected
    person_days: float
    unattributed_person_days: float
    spent: list[SpentOut]
    incidents: Expected
    restore_seconds: Expected = Field(description="Within which half of the incidents were over.")
    downtime_seconds: Expected
    bugs_opened: int
    bugs_closed: int
    closed_within_30_days: Expected
    next_quarter: str
    currency: str
    arriving_hours: SpreadOut | None = Field(description="Hours of work that arrive by themselves.")
    choices: list[ChoiceOut]
    lead: str
    sentences: list[str]
    not_known: list[str]

    @classmethod
    def of(cls, given: Reported) -> BusinessOut:
        """A report as JSON has it."""
        account, outlook = given.business.account, given.business.outlook
        section = business_section(given.business, NoLinks())
        return cls(
            quarter=account.quarter.name,
            is_over=account.is_over,
            known_until=account.known_until,
            share=Expected.of(account.share),
            kept_person_days=Expected.of(account.kept_days),
            person_days=account.total_days,
            unattributed_person_days=account.unattributed_days,
            spent=[
                SpentOut(category=each.category.value, person_days=Expected.of(each.days), pieces=each.pieces)
                for each in account.spent
            ],
            incidents=Expected.of(account.incidents),
            restore_seconds=Expected.of(account.restore),
            downtime_seconds=Expected.of(account.downtime),
            bugs_opened=account.bugs_opened,
            bugs_closed=account.bugs_closed,
            closed_within_30_days=Expected.of(account.closed_within),
            next_quarter=account.quarter.next().name,
            currency=account.currency or "h",
            arriving_hours=SpreadOut.of(outlook.arriving_hours) if outlook else None,
            choices=[
                ChoiceOut(
                    why=[why.value for why in option.why],
                    share=option.share,
                    cost=SpreadOut.of(option.cost),
                    extra_cost=option.extra_cost,
                    feature_person_weeks=option.feature_weeks.mean,
                    piles_up=option.piles_up,
                )
                for option in (outlook.plan.options if outlook else ())
            ],
            lead=section.answer.said,
            sentences=list(section.sentences),
            not_known=list(section.known.missing),
        )


@router.get("/plan/report")
def plan_report(
    running: Running,
    question: Asked,
    quarter: Annotated[
        str, Query(max_length=20, description="Such as 2026-Q3; the newest complete one when empty.")
    ] = "",
) -> BusinessOut:
    """Where effort went in a quarter, what it bought, what the next will cost, and the proposed budget."""
    return BusinessOut.of(report_business(running, question, quarter_of({"quarter": [quarter]}, question)))
