"""What plans cannot read from records (docs/planning.md)."""

from __future__ import annotations

from pydantic import Field

from ktlo.settings.strict import Strict


class StaffingSettings(Strict):
    """What staffing cannot read from records; left out, it is drawn from a range (docs/planning-staffing.md)."""

    engineers: int | None = Field(
        None,
        ge=1,
        le=200,
        description="Engineers who can be on duty; those who worked lately when not given.",
    )
    dedicated: int | None = Field(
        None,
        ge=1,
        le=50,
        description="People of the dedicated team to compare with; the best size when not given.",
    )
    on_duty: int | None = Field(
        None,
        ge=1,
        le=50,
        description="People on duty together in a rotation; the best number when not given.",
    )
    hand_over_hours: float | None = Field(
        None,
        ge=0,
        le=80,
        description="Hours that a change of shift costs those who hand over and take over together.",
    )
    unfamiliar: float | None = Field(
        None,
        ge=0,
        le=10,
        description="How much longer an item takes somebody who does not know the place; 0.5 is half as long again.",
    )
    idle_value: float | None = Field(
        None, ge=0, le=1, description="Worth of an hour without items in a dedicated team, 0 to 1."
    )
    duty_value: float | None = Field(
        None, ge=0, le=1, description="Worth of an hour without items on duty in a rotation, 0 to 1."
    )


class PlanningSettings(Strict):
    """What a plan cannot read from records. Prices that are left out stay unknown; see docs/planning.md."""

    currency: str = Field("", max_length=8, description="Currency of the prices: EUR, USD…")
    labour_hour: float | None = Field(
        None,
        gt=0,
        le=10_000,
        description="Cost of an hour of labour; without it everything is told in hours.",
    )
    downtime_hour: float | None = Field(
        None, ge=0, le=1e9, description="Cost of an hour of downtime; without it the break-even is shown."
    )
    waiting_week: float | None = Field(
        None, ge=0, le=1e9, description="Cost of an open bug, request or update waiting for one week."
    )
    interruption_minutes: float = Field(
        12.5, ge=0, le=480, description="Minutes lost by each interruption (published: 10 to 15)."
    )
    share: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The share of effort for keeping the lights on that is in force, 0 to 1.",
    )
    weeks: int = Field(13, ge=1, le=52, description="Weeks that a plan looks ahead.")
    seed: int = Field(
        1, ge=0, description="Seed of the simulations: the same records and seed, the same plan."
    )
    staffing: StaffingSettings = StaffingSettings()
