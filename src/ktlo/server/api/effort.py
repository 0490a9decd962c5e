"""Effort over HTTP: work items with their categories, why they have them, and corrections."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ktlo.effort.corrections import correct_category, correct_person, withdraw_category
from ktlo.effort.explain import explain
from ktlo.effort.items import ItemKey
from ktlo.effort.phases import read_phases
from ktlo.metrics.items import find_items, unsure_items
from ktlo.metrics.service_levels import read_service_levels
from ktlo.records.effort import Category, ItemKind
from ktlo.server.api.metrics import Running
from ktlo.server.tables import json_rows

router = APIRouter(prefix="/effort", tags=["effort"])

AUTHOR = "local user"
"""Who corrected, while ktlo has no users of its own."""


class CategoryCorrection(BaseModel):
    """What an item was for, as a person says."""

    item_kind: ItemKind
    source: str = Field(max_length=500)
    item_id: str = Field(max_length=500)
    category: Category | None = Field(description="The category; null takes an earlier correction back.")


class PersonCorrection(BaseModel):
    """Whose an account is, as a person says."""

    account: str = Field(max_length=500, description="mail:ADDRESS, login:HOST/LOGIN or name:FULL NAME.")
    person: str = Field(max_length=500, description="The person; empty takes an earlier correction back.")


class PartOut(BaseModel):
    """One item's part of a day."""

    item_kind: ItemKind
    source: str
    item_id: str
    title: str
    hours: float
    person_days: float
    activities: list[str]


class DayOut(BaseModel):
    """A person's day in which the item has a part."""

    day: dt.date
    person: str
    hours: float
    hours_per_day: float
    is_day_off: bool
    part: PartOut
    others: list[PartOut]


class SlaCycleOut(BaseModel):
    """One cycle of an SLA, as the service desk timed it."""

    sla: str
    cycle: int
    is_running: bool
    is_paused: bool
    is_missed: bool
    started_at: dt.datetime | None
    stopped_at: dt.datetime | None
    breach_at: dt.datetime | None
    goal_seconds: float | None
    elapsed_seconds: float | None
    told_at: dt.datetime


class EpisodeOut(BaseModel):
    """One stretch in which an item was open; see the records *phases*."""

    episode: int
    state: str
    detected_at: dt.datetime
    detected_by: str
    acknowledged_at: dt.datetime | None
    acknowledged_by: str
    mitigated_at: dt.datetime | None
    mitigated_by: str
    resolved_at: dt.datetime | None
    resolved_by: str
    is_adjusted: bool


class ExplanationOut(BaseModel):
    """Why an item has its category, and which days it took."""

    item_kind: ItemKind
    source: str
    item_id: str
    title: str
    category: Category
    layer: str
    confidence: float
    reason: str
    person_days: float
    days: list[DayOut]
    request_type: str = Field(description="Of a service desk's request; empty when it is none.")
    sla_cycles: list[SlaCycleOut]
    phases: list[EpisodeOut] = Field(description="Episodes of an incident or bug; empty for all else.")


@router.get("/items", response_model=list[dict[str, Any]])
def list_items(
    running: Running,
    item: Annotated[str, Query(max_length=500, description="Identifier: sha, number or key.")] = "",
    unsure: Annotated[bool, Query(description="Those whose category most needs a look.")] = False,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 20,
) -> Any:
    """Work items by identifier, or those with much effort and little confidence."""
    if item and not unsure:
        return json_rows(find_items(running.store, item, limit))
    return json_rows(unsure_items(running.store, limit))


@router.get("/explanation")
def explain_item(
    running: Running,
    item_kind: ItemKind,
    source: Annotated[str, Query(max_length=500)],
    item_id: Annotated[str, Query(max_length=500)],
) -> ExplanationOut:
    """Why an item has its category, who worked on it, and which part of which day that was."""
    key = ItemKey(item_kind, source, item_id)
    told = explain(running.store, running.settings.effort, key)
    levels = read_service_levels(running.store, source, item_id, dt.datetime.now(dt.UTC))

    def part(share: Any) -> PartOut:
        return PartOut(
            item_kind=share.key.item_kind,
            source=share.key.source,
            item_id=share.key.item_id,
            title=share.title,
            hours=share.hours,
            person_days=share.person_days,
            activities=list(share.activities),
        )

    return ExplanationOut(
        item_kind=item_kind,
        source=source,
        item_id=item_id,
        title=told.verdict.title,
        category=told.verdict.category,
        layer=told.verdict.layer,
        confidence=told.verdict.confidence,
        reason=told.verdict.reason,
        person_days=told.person_days,
        days=[
            DayOut(
                day=day.day,
                person=day.person,
                hours=day.hours,
                hours_per_day=day.hours_per_day,
                is_day_off=day.is_day_off,
                part=part(day.part),
                others=[part(other) for other in day.others],
            )
            for day in told.days
        ],
        request_type=levels.request_type,
        sla_cycles=[SlaCycleOut(**each) for each in levels.cycles],
        phases=[EpisodeOut(**asdict(each)) for each in read_phases(running.store, key)],
    )


@router.post("/corrections", status_code=201)
def correct_item(running: Running, correction: CategoryCorrection) -> CategoryCorrection:
    """Correct an item's category. In the numbers after the next collection, and learned from."""
    key = (correction.item_kind.value, correction.source, correction.item_id)
    if correction.category is None:
        withdraw_category(running.state, *key, author=AUTHOR)
    else:
        correct_category(running.store, running.state, *key, correction.category.value, author=AUTHOR)
    return correction


@router.post("/people/corrections", status_code=201)
def correct_account(running: Running, correction: PersonCorrection) -> PersonCorrection:
    """Say whose an account is. In the numbers after the next collection."""
    correct_person(running.store, running.state, correction.account, correction.person, author=AUTHOR)
    return correction
