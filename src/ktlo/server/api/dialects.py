"""Dialects over HTTP: a metric as other products define it, with the causes of the differences and their rows."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.metrics.dialects.explain import COMPARED, Cause, Explained, Told, compared, dialect_named, explain
from ktlo.metrics.dialects.recipe import SAID, TITLES, Aspect, Counted, Dialect
from ktlo.server.api.metrics import Asked, Running

router = APIRouter(tags=["metrics"])

Only = Annotated[list[str], Query(description="Only these dialects, ktlo's besides; repeat for several.")]
Limit = Annotated[int, Query(ge=0, le=100_000, description="Most rows to give for each cause and kind.")]


class RowOut(BaseModel):
    """A row that a number rests on."""

    kind: str = Field(description="incident, deployment, change, commit or issue.")
    source: str
    external_id: str
    title: str
    url: str
    at: dt.datetime = Field(description="The instant that had to lie in the period.")
    amount: float = Field(description="Seconds, or how often it counts (as a failure).")
    is_open: bool = Field(description="The end was not seen: the amount is a lower limit.")

    @classmethod
    def of(cls, row: Counted) -> RowOut:
        """A row as JSON has it."""
        return cls(
            kind=row.kind,
            source=row.source,
            external_id=row.external_id,
            title=row.title,
            url=row.url,
            at=dt.datetime.fromtimestamp(row.at, dt.UTC),
            amount=row.amount,
            is_open=row.is_open,
        )


class ChangedOut(BaseModel):
    """A row that brings another amount."""

    before: RowOut
    after: RowOut


class CauseOut(BaseModel):
    """What one rule, or several told together, does to the number."""

    aspects: list[str] = Field(description="population, linking, clock, window, rounding, statistic, shown.")
    title: str
    ktlo: str = Field(description="ktlo's rule in words.")
    theirs: str = Field(description="The dialect's rule in words.")
    before: float | None
    after: float | None
    difference: float | None = Field(description="Null where one of both is not estimable.")
    came: int
    went: int
    changed: int
    rows_came: list[RowOut]
    rows_went: list[RowOut]
    rows_changed: list[ChangedOut]

    @classmethod
    def of(cls, cause: Cause, own: Told, told: Told, limit: int) -> CauseOut:
        """A cause as JSON has it."""

        def words(of: Told) -> str:
            return "; ".join(of.spoken.recipe.rule(aspect).words for aspect in cause.aspects)

        return cls(
            aspects=[aspect.value for aspect in cause.aspects],
            title="; ".join(SAID[aspect] for aspect in cause.aspects),
            ktlo=words(own),
            theirs=words(told),
            before=cause.before,
            after=cause.after,
            difference=cause.difference,
            came=len(cause.came),
            went=len(cause.went),
            changed=len(cause.changed),
            rows_came=[RowOut.of(row) for row in cause.came[:limit]],
            rows_went=[RowOut.of(row) for row in cause.went[:limit]],
            rows_changed=[
                ChangedOut(before=RowOut.of(was), after=RowOut.of(row)) for was, row in cause.changed[:limit]
            ],
        )


class DialectOut(BaseModel):
    """A metric in one dialect."""

    dialect: Dialect
    title: str
    definition: str
    unit: str = Field(description="Of the number that the product shows.")
    bands: str
    traps: list[str]
    source: str
    rules: dict[Aspect, str]
    value: float | None = Field(description="In the metric's unit; null when not estimable.")
    reason: str = Field(description="Why there is no value.")
    shown: str = Field(description="What the product would print.")
    band: str = Field(description="elite, high, medium or low; empty where the product has none.")
    n: int
    open: int
    difference: float | None = Field(description="Against ktlo: the sum of the causes.")
    causes: list[CauseOut]


class ExplainedOut(BaseModel):
    """A metric in all its dialects."""

    metric: str
    title: str
    own: str = Field(description="The metric of ktlo that it is compared with.")
    unit: str = Field(description="Of value and difference: s, share or per week.")
    start: dt.datetime
    end: dt.datetime
    filters: dict[str, list[str]]
    shows_none: list[Dialect]
    dialects: list[DialectOut]

    @classmethod
    def of(cls, found: Explained, only: list[Dialect], limit: int) -> ExplainedOut:
        """The whole as JSON has it."""
        return cls(
            metric=found.metric.name,
            title=found.metric.title,
            own=found.metric.own,
            unit=found.metric.unit,
            start=found.question.start,
            end=found.question.end,
            filters={str(name): list(values) for name, values in found.question.only.items()},
            shows_none=list(found.silent),
            dialects=[
                DialectOut(
                    dialect=told.dialect,
                    title=TITLES[told.dialect],
                    definition=told.spoken.about.definition,
                    unit=told.spoken.about.unit,
                    bands=told.spoken.about.bands,
                    traps=list(told.spoken.about.traps),
                    source=told.spoken.about.source,
                    rules={aspect: told.spoken.recipe.rule(aspect).words for aspect in Aspect},
                    value=told.measured.value,
                    reason=told.measured.reason,
                    shown=told.shown.text,
                    band=told.shown.band,
                    n=len(told.measured.rows),
                    open=sum(row.is_open for row in told.measured.rows),
                    difference=None if told.dialect is Dialect.KTLO else told.difference,
                    causes=[CauseOut.of(cause, found.own, told, limit) for cause in told.causes],
                )
                for told in found.told
                if not only or told.dialect in only or told.dialect is Dialect.KTLO
            ],
        )


class ComparedOut(BaseModel):
    """A metric that products define differently."""

    name: str
    title: str
    own: str
    unit: str
    dialects: list[Dialect]


@router.get("/dialects")
def list_dialects() -> list[ComparedOut]:
    """Every metric that can be explained, and by whom it is shown."""
    return [
        ComparedOut(name=one.name, title=one.title, own=one.own, unit=one.unit, dialects=list(one.spoken))
        for one in COMPARED.values()
    ]


@router.get("/dialects/{metric}")
def explain_metric(
    metric: str,
    running: Running,
    question: Asked,
    dialect: Only = [],  # noqa: B006 - FastAPI copies it
    limit: Limit = 100,
) -> ExplainedOut:
    """One metric in every dialect, from the same rows, and what each rule does to the number."""
    only = [dialect_named(name) for name in dialect]
    return ExplainedOut.of(explain(running.store, compared(metric), question), only, limit)
