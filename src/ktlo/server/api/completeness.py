"""Completeness of sources over HTTP: what is missing, what the numbers lose by it, and mending it."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from ktlo.server.api.metrics import Running
from ktlo.server.api.sources import HealthOut, MissingOut, RunOut
from ktlo.server.mending import Completeness, Remedy, completeness, mend
from ktlo.server.missing import missing_of, were_deleted

router = APIRouter(tags=["sources"])


class GapOut(BaseModel):
    """A stretch of days without rows."""

    first: dt.date
    last: dt.date
    days: int
    chance: float = Field(description="Probability of a stretch as long, had nothing changed.")


class HiddenOut(BaseModel):
    """Items of one project that are not shown any more; they count as they were last seen."""

    project: str = Field(description="Project, repository or service; empty when none is known.")
    items: dict[str, int] = Field(description="How many, by table.")
    since: dt.datetime = Field(description="When the first of them was not found.")
    words: str


class TwiceOut(BaseModel):
    """Items that another source holds, too, so that they are counted twice."""

    noun: str = Field(description="The table.")
    other: str = Field(description="Identifier of the other source.")
    items: int = Field(
        description="How many are in both: same identifier, dated within a day, no other title."
    )
    example: str = Field(description="External identifier of one of them.")
    words: str
    fix: str


class CompletenessOut(BaseModel):
    """What of one source is in the numbers, and what is not."""

    source_id: str
    kind: str
    status: str = Field(
        description="Of the last reading: complete, partial, failed or never. Of a source that only listens:"
        " listening, waiting (no delivery taken yet) or silent (nothing for longer than chance would explain)."
        " removed where it is no longer read and its records still count."
    )
    message: str
    complete_at: dt.datetime | None = Field(description="Null for a source that only listens.")
    delivered_at: dt.datetime | None = Field(description="When the last webhook came that was not refused.")
    rows: dict[str, int] = Field(description="Rows in the store, by table.")
    rejected: int = Field(description="Pieces of input turned away; see /sources/rejections.")
    incomplete: int = Field(description="Rows that are in with something missing.")
    refused: int = Field(description="Webhooks refused for any reason; see /sources/deliveries.")
    not_understood: int = Field(description="Kept webhooks that were refused; see /sources/deliveries.")
    secret: MissingOut | None = Field(
        description="What is wrong with the secret of its webhooks, so that they are refused; null when nothing is."
    )
    gaps: list[GapOut]
    hidden: list[HiddenOut] = Field(
        description="Items that are not shown any more, so many at once that a right may be lost; see /sources/missing."
    )
    twice: list[TwiceOut]
    checked: HealthOut | None = Field(description="What the last check said; null when there was none.")
    metrics: list[str] = Field(description="Metrics that rest on it.")
    remedies: list[Remedy] = Field(description="What POST /sources/mend can do about it, the best first.")

    @classmethod
    def of(cls, found: Completeness) -> CompletenessOut:
        """One source as JSON has it."""
        state = found.state
        return cls(
            source_id=state.source_id,
            kind=state.kind,
            status=state.status,
            message=state.message,
            complete_at=state.complete_at,
            delivered_at=state.came.last_at,
            rows=dict(state.rows),
            rejected=state.rejected,
            incomplete=state.incomplete,
            refused=state.came.refused,
            not_understood=found.not_understood,
            secret=MissingOut.of(found.secret) if found.secret else None,
            gaps=[GapOut(first=g.first, last=g.last, days=g.days, chance=g.chance) for g in found.gaps],
            hidden=[
                HiddenOut(project=one.project, items=dict(one.items), since=one.since, words=one.words)
                for one in found.hidden
            ],
            twice=[
                TwiceOut(
                    noun=one.noun,
                    other=one.other if one.one == state.source_id else one.one,
                    items=one.items,
                    example=one.example,
                    words=one.words,
                    fix=one.fix,
                )
                for one in found.twice
            ],
            checked=HealthOut.of(found.health) if found.health else None,
            metrics=list(found.metrics),
            remedies=list(found.remedies),
        )


@router.get("/sources/completeness")
async def show_completeness(
    request: Request,
    running: Running,
    source: Annotated[str, Query(description="Only this one; all when empty.")] = "",
    check: Annotated[bool, Query(description="Ask each source now what it lacks.")] = False,
) -> list[CompletenessOut]:
    """What each source lacks (days, permissions, rows turned away), what rests on it, and what mends it."""
    checks = request.app.state.checks
    wanted = [running.entry(source)] if source else running.sources()
    if check:
        await asyncio.gather(*(checks.check(running.source(entry.source_id)) for entry in wanted))
    found = await run_in_threadpool(completeness, running, checks.health)
    return [CompletenessOut.of(one) for one in found if source in ("", one.state.source_id)]


@router.post("/sources/mend", status_code=202)
def mend_source(
    request: Request,
    running: Running,
    source: Annotated[str, Query(description="Identifier of the source.")],
    remedy: Annotated[Remedy, Query(description="What to do: see /sources/completeness.")],
) -> RunOut:
    """Read a source again in one of three ways; see GET /collections/latest for how far it is."""
    return RunOut.of(mend(running, request.app.state.collecting, source, remedy))


class MissingItemOut(BaseModel):
    """An item that its service no longer shows, until it is read again or a webhook tells of it."""

    noun: str = Field(description="The table.")
    external_id: str
    title: str
    project: str = Field(description="Project, repository or service; empty when none is known.")
    since: dt.datetime = Field(description="When it was not found, or a person said that it was deleted.")
    is_gone: bool = Field(
        description="True: it is out of every figure. False: it may be hidden, and counts as it was last seen."
    )


@router.get("/sources/missing")
def list_missing(
    running: Running,
    source: Annotated[str, Query(description="Identifier of the source.")],
    limit: Annotated[int, Query(ge=1, le=10_000)] = 200,
) -> list[MissingItemOut]:
    """Items that a source no longer shows, those that may be hidden first."""
    rows = missing_of(running.store, source, limit)
    if not rows:
        running.demand_known(source)
    return [MissingItemOut(**row) for row in rows]


class DeletedOut(BaseModel):
    """What a person said to be deleted."""

    items: int = Field(description="Items that are out of every figure now, until one is read again.")


@router.post("/sources/deleted")
def confirm_deleted(
    running: Running,
    source: Annotated[str, Query(description="Identifier of the source.")],
    project: Annotated[
        list[str] | None,
        Query(description="Only of these projects; all that have hidden items if none is given."),
    ] = None,
) -> DeletedOut:
    """Say that hidden items were deleted: they leave every figure. Undone for each that is read again."""
    return DeletedOut(items=were_deleted(running, source, project or ()))
