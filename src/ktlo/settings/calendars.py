"""Business calendars, ``calendars:`` in ktlo.yaml: when somebody works on a service. See docs/calendars.md."""

from __future__ import annotations

import datetime
import functools
import itertools
import re
import zoneinfo
from typing import Literal

from pydantic import Field, field_validator, model_validator

from ktlo.settings.strict import Strict

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
_SPAN = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-4]):([0-5]\d)")
_OFFICE = {day: ["09:00-17:00"] for day in WEEKDAYS[:5]}


def read_span(text: str) -> tuple[int, int]:
    """Minutes of the day of ``09:00-17:30``; the end may be 24:00.

    Raises:
        ValueError: it is no such span, or it ends before it begins.
    """
    found = _SPAN.fullmatch(text.strip())
    if not found:
        raise ValueError(
            f"{text!r} is no span of hours; write 09:00-17:00 (a night as two: 22:00-24:00, 00:00-06:00)"
        )
    begin, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if not begin < end <= 24 * 60:
        raise ValueError(f"{text!r} ends before it begins; write a night as two: 22:00-24:00, 00:00-06:00")
    return begin, end


class CalendarSettings(Strict):
    """One business calendar: the hours in which time counts."""

    time_zone: str = Field("UTC", description="Time zone of the hours, such as Europe/Berlin.")
    hours: dict[Weekday, list[str]] = Field(
        default_factory=lambda: dict(_OFFICE),
        description="Working hours by weekday, `09:00-17:00`; several spans for breaks; a day left out is off.",
    )
    country: str = Field(
        "", description="Country of the public holidays, ISO 3166: DE, US…; none when empty."
    )
    subdivision: str = Field("", description="State or province, where holidays differ: BY, CA…")
    holidays: list[datetime.date] = Field(default_factory=list, description="Further days off.")
    working_days: list[datetime.date] = Field(
        default_factory=list,
        description="Days that count although they are holidays or days off: hours of their weekday, else Monday's.",
    )

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {value!r}; write one such as Europe/Berlin") from None
        return value

    @field_validator("hours")
    @classmethod
    def _readable(cls, value: dict[Weekday, list[str]]) -> dict[Weekday, list[str]]:
        for spans in value.values():
            ordered = sorted(read_span(text) for text in spans)
            for (_, end), (begin, _) in itertools.pairwise(ordered):
                if begin < end:
                    raise ValueError(f"spans of one day overlap: {', '.join(spans)}")
        if not any(value.values()):
            raise ValueError("a calendar without hours has no time that counts")
        return value

    @model_validator(mode="after")
    def _known_country(self) -> CalendarSettings:
        if self.subdivision and not self.country:
            raise ValueError("a subdivision needs its country")
        if self.country:
            public_holidays(self.country, self.subdivision, 2026)
        return self


@functools.lru_cache(maxsize=512)
def public_holidays(country: str, subdivision: str, year: int) -> frozenset[datetime.date]:
    """Public holidays of a country (or a part of it) in a year, as python-holidays knows them.

    Raises:
        ValueError: it does not know the country or the part.
    """
    import holidays

    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
    except NotImplementedError:
        raise ValueError(
            f"the public holidays of {country} {subdivision}".rstrip() + " are not known"
        ) from None
