"""What a person says once about who is on call: ``rota:`` in ktlo.yaml. See docs/rota.md."""

from __future__ import annotations

import datetime
from typing import Literal

from pydantic import Field

from ktlo.settings.strict import Strict

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class OnCallPersonSettings(Strict):
    """One person who is on call. See docs/rota.md."""

    name: str = Field("", description="Name as it is shown; the key when empty.")
    aliases: list[str] = Field(
        default_factory=list,
        description="Other names: mail, login, `pagerduty:ID`, `opsgenie:ID`.",
    )
    time_zone: str = Field(
        "", description="Where they live, such as Europe/Berlin; the rota's when left out."
    )
    country: str = Field("", description="Country of their public holidays, ISO 3166: DE, US…")
    subdivision: str = Field("", description="State or province, where holidays differ: BY, CA…")
    skills: list[str] = Field(default_factory=list, description="What they can mend.")
    hours: str = Field("09:00-17:00", description="Working hours where they live.")
    joined: datetime.date | None = Field(None, description="Not on call, and owing nothing, before this day.")
    shadows: int = Field(
        0, ge=0, le=50, description="Shifts to go along with before the first shift of their own."
    )


class RoleSettings(Strict):
    """One role of a rota."""

    skills: list[str] = Field(default_factory=list, description="Skills that whoever has the role must have.")
    schedule: str = Field(
        "",
        description="Schedule of PagerDuty or Opsgenie that says who really had it: its name or identifier, or"
        " `NAME/ROTATION`; found by name when empty.",
    )


class OneRotaSettings(Strict):
    """One rota: who takes turns, when, and by which rules."""

    members: list[str] = Field(min_length=1, description="Who takes turns: keys of `rota.people`.")
    time_zone: str = Field("UTC", description="Time zone of hand-overs and covered hours.")
    shift: Literal["weekly", "daily", "12h"] = Field(
        "weekly", description="Length of a shift; `12h` follows the sun."
    )
    handover_day: Weekday = Field("monday", description="Day of hand-over of weekly shifts.")
    handover_time: str = Field(
        "09:00", description="Local time of hand-over; `12h` has a second, 12 hours on."
    )
    hours: str = Field("", description="Hours of the day to cover, such as 08:00-20:00; all when empty.")
    days: list[Weekday] = Field(default_factory=list, description="Days to cover; all when empty.")
    roles: dict[str, RoleSettings] = Field(
        default_factory=lambda: {"primary": RoleSettings()},
        min_length=1,
        description="Who is needed at each moment: primary, secondary…",
    )
    skills: list[str] = Field(
        default_factory=list, description="Skills that somebody on duty must have, whatever the role."
    )
    rest_hours: float = Field(
        11, ge=0, le=24 * 28, description="Least rest between two shifts of one person, in hours."
    )
    most_share: float = Field(
        0.25, gt=0, le=1, description="Most of anybody's time on call, over `share_weeks`, 0 to 1."
    )
    share_weeks: int = Field(12, ge=1, le=52, description="Weeks over which `most_share` holds.")
    most_nights: float | None = Field(
        None, ge=0, le=28, description="Most nights of one person in any 4 weeks; no limit when left out."
    )
    night: str = Field("22:00-06:00", description="What counts as night, where the person lives.")
    page_hours: float = Field(
        2, ge=0, le=24, description="Hours of duty that each page counts for when work is shared out."
    )
    services: list[str] = Field(
        default_factory=list, description="Services whose incidents page this rota; all when empty."
    )
    approvers: list[str] = Field(
        default_factory=list, description="Who approves swaps; any member not involved when empty."
    )


class RotaSettings(Strict):
    """Who is on call, and by which rules. See docs/rota.md."""

    people: dict[str, OnCallPersonSettings] = Field(default_factory=dict)
    rotas: dict[str, OneRotaSettings] = Field(default_factory=dict)
