"""Staffing over HTTP: a dedicated team or a rotation, with probabilities and what would turn the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, ValidationError

from ktlo.errors import UsageError
from ktlo.metrics.estimate import Estimate
from ktlo.planning.staffing.answer import StaffingAnswer
from ktlo.planning.staffing.asking import ask_staffing
from ktlo.planning.staffing.outcome import Outcome
from ktlo.report.staffing_words import headline, saving, sentences
from ktlo.server.api.metrics import Asked, Running
from ktlo.settings.planning import StaffingSettings

router = APIRouter(tags=["plan"])

ASSUMPTIONS = {
    "engineers": "Engineers",
    "dedicated": "Dedicated team of",
    "on_duty": "On duty together",
    "hand_over_hours": "Hours of a change of shift",
    "unfamiliar": "Not knowing costs, 0.5 = half as long again",
    "idle_value": "Worth of an idle hour in the team, 0 to 1",
    "duty_value": "Worth of an idle hour on duty, 0 to 1",
}
"""Parameters of pages and API that stand for ``planning.staffing``, and how the page calls them."""


def assumed(settings: StaffingSettings, given: Mapping[str, object]) -> StaffingSettings:
    """The settings with what a request says instead.

    Raises:
        UsageError: a value that cannot be.
    """
    said = {name: value for name, value in given.items() if value not in (None, "")}
    try:
        return StaffingSettings.model_validate({**settings.model_dump(), **said})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise UsageError(
            f"{ASSUMPTIONS.get(name, name)}: {str(first['input'])[:40]!r} cannot be",
            where=name,
            fix=str(first["msg"]),
        ) from error


class SimulatedOut(BaseModel):
    """A mean over the simulated quarters, and the interval that holds 95% of them."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, given: Estimate) -> SimulatedOut:
        """An estimate as JSON has it."""
        return cls(value=given.value, low=given.low, high=given.high)


class OutcomeOut(BaseModel):
    """One staffing, as it went in the simulated quarters."""

    kind: str = Field(description="rotation, dedicated or ad hoc.")
    size: int = Field(description="People of the team, or on duty together; 0 for ad hoc.")
    cost_per_week: SimulatedOut
    parts: dict[str, SimulatedOut] = Field(description="The cost by what it is for.")
    begun_half_hours: float | None = Field(description="Hours until half of the ordinary items are begun.")
    begun_most_hours: float | None = Field(description="Hours until nine in ten are begun.")
    helped: float = Field(description="Share of items for which others were asked.")
    interruptions_per_week: float
    calls_per_month: float = Field(description="Calls outside somebody's working hours.")
    calls_per_month_of_one: float = Field(description="Of the person who has most.")
    busiest: float = Field(description="Share of the reactive hours that the busiest person carries.")
    on_call: float = Field(description="Share of their time that those who take turns are on call.")
    knowers_in_a_year: float = Field(description="People who know a place, on average over the work.")
    can_be_lost_in_a_year: int = Field(description="People who can leave before half of the work has nobody.")
    limits: list[str] = Field(description="Limits of on-call work that it breaks.")

    @classmethod
    def of(cls, given: Outcome) -> OutcomeOut:
        """An outcome as JSON has it."""
        return cls(
            kind=given.staffing.kind.value,
            size=given.staffing.size,
            cost_per_week=SimulatedOut.of(given.cost),
            parts={name: SimulatedOut.of(value) for name, value in given.parts},
            begun_half_hours=given.wait_median,
            begun_most_hours=given.wait_most,
            helped=given.helped,
            interruptions_per_week=given.interruptions,
            calls_per_month=given.woken,
            calls_per_month_of_one=given.woken_each,
            busiest=given.busiest,
            on_call=given.on_call,
            knowers_in_a_year=given.knowledge.knowers,
            can_be_lost_in_a_year=given.knowledge.bus_factor,
            limits=list(given.limits),
        )


class FlipOut(BaseModel):
    """An input, and the value at which both cost the same on average."""

    name: str
    now: float | None = Field(description="Null where it is unknown.")
    at: float | None = Field(description="Null for nothing within reason.")
    low: float = Field(description="From where it was looked for.")
    high: float


class DriverOut(BaseModel):
    """An assumption, and how much of the variation of the difference follows it."""

    name: str
    share: float
    is_said: bool


class StaffingOut(BaseModel):
    """Dedicated team or rotation. Costs are in the currency; `h` is hours of labour."""

    headline: str
    saving: str
    sentences: list[str]
    currency: str
    people: int
    sites: int = Field(description="Groups of people who work at times far apart.")
    items_per_week: float
    probability_rotation_cheaper: float | None = Field(description="Null where nothing can be compared.")
    rotation_saves_per_week: SimulatedOut | None = Field(description="Below 0 where the team is cheaper.")
    rotation: OutcomeOut | None
    dedicated: OutcomeOut | None
    ad_hoc: OutcomeOut | None
    others: list[OutcomeOut] = Field(description="Other sizes that were tried.")
    flips: list[FlipOut]
    drivers: list[DriverOut]
    missing: str = Field(description="Why there is no comparison.")
    notes: list[str] = Field(description="What limits this answer.")
    gaps: list[str] = Field(description="What the records do not tell, and what stands in for it.")
    quarters: int = Field(description="Simulated quarters.")
    history_weeks: int
    seed: int = Field(description="The same records and seed give the same answer.")

    @classmethod
    def of(cls, given: StaffingAnswer) -> StaffingOut:
        """An answer as JSON has it."""
        found = given.comparison
        return cls(
            headline=headline(given),
            saving=saving(given),
            sentences=list(sentences(given)),
            currency=given.prices.currency,
            people=given.people,
            sites=given.sites,
            items_per_week=given.items_per_week,
            probability_rotation_cheaper=found.probability.value if found else None,
            rotation_saves_per_week=SimulatedOut.of(found.difference) if found else None,
            rotation=OutcomeOut.of(found.rotation) if found else None,
            dedicated=OutcomeOut.of(found.dedicated) if found else None,
            ad_hoc=OutcomeOut.of(found.ad_hoc) if found else None,
            others=[OutcomeOut.of(outcome) for outcome in found.others] if found else [],
            flips=[FlipOut(name=f.name, now=f.now, at=f.at, low=f.low, high=f.high) for f in found.flips]
            if found
            else [],
            drivers=[DriverOut(name=d.name, share=d.share, is_said=d.is_said) for d in found.drivers]
            if found
            else [],
            missing=given.missing,
            notes=list(given.notes),
            gaps=list(given.gaps),
            quarters=given.draws,
            history_weeks=given.history_weeks,
            seed=given.seed,
        )


Said = Annotated[float | None, Query(description="Instead of planning.staffing.")]
Count = Annotated[int | None, Query(description="Instead of what is found.")]


@router.get("/plan/staffing")
def plan_staffing(
    running: Running,
    question: Asked,
    engineers: Count = None,
    dedicated: Count = None,
    on_duty: Count = None,
    hand_over_hours: Said = None,
    unfamiliar: Said = None,
    idle_value: Said = None,
    duty_value: Said = None,
    weeks: Annotated[int | None, Query(ge=1, le=52, description="Weeks ahead; else planning.weeks.")] = None,
    seed: Annotated[int | None, Query(ge=0, description="Seed; else planning.seed.")] = None,
) -> StaffingOut:
    """A dedicated team or a rotation: which is cheaper, how likely, by how much, and what would turn it.

    All records up to the period's end are used, whatever its start.
    """
    said = assumed(
        running.settings.planning.staffing,
        {
            "engineers": engineers, "dedicated": dedicated, "on_duty": on_duty,
            "hand_over_hours": hand_over_hours, "unfamiliar": unfamiliar, "idle_value": idle_value,
            "duty_value": duty_value,
        },
    )  # fmt: skip
    return StaffingOut.of(
        ask_staffing(running.store, question, running.settings, said, weeks=weeks, seed=seed)
    )
