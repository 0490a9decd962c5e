"""People: who is who across tools, in which team, when they were away, and when they were on call.

Persons and aliases are derived by ``effort/identities`` from what the sources delivered and from people's
corrections; time off comes from ``sources/csv``, shifts on call from ``sources/pagerduty`` and ``sources/opsgenie``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, Life, record


@record("persons", key=("person",), life=Life.DERIVED)
@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One human (or bot), after merging the names, addresses and logins they use."""

    person: Annotated[
        str, Field("Stable identifier: the lexically first mail, else login, else no-reply mail, else name")
    ]
    name: Annotated[str, Field("Name most often used")]
    team: Annotated[str, Field("Team by `teams:` in ktlo.yaml; empty when none", label=True)]
    is_bot: Annotated[bool, Field("True for automation; left out of effort")]
    merged_because: Annotated[
        tuple[str, ...], Field("Why these aliases are one person: mail, login, name, correction")
    ]


@record("aliases", key=("kind", "alias"), life=Life.DERIVED)
@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A name, mail or login, and the person it belongs to."""

    kind: Annotated[str, Field("mail, login or name", label=True)]
    alias: Annotated[str, Field("The alias, lower case; a login as HOST/login")]
    person: Annotated[str, Field("The person")]


@record("time_off", key=("source", "external_id"), order=("source", "external_id"))
@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOff:
    """Days on which a person did not work."""

    source: Annotated[str, Field("Identifier of the source", label=True)]
    external_id: Annotated[str, Field("Identifier, or a digest of person and days")]
    person: Annotated[str, Field("Name, mail or login as the source has it")]
    first_day: Annotated[dt.date, Field("First day away")]
    last_day: Annotated[dt.date, Field("Last day away, included")]
    reason: Annotated[str, Field("Holiday, illness…; empty when not told", label=True)]


@record("on_call_shifts", key=("source", "external_id"), order=("source", "external_id"))
@dataclass(frozen=True, slots=True, kw_only=True)
class OnCallShift:
    """A person on call from one moment to another, as the schedule of a pager has it with its overrides.

    What lies ahead is planned; what lies behind is what was in force.
    """

    source: Annotated[str, Field("Identifier of the source", label=True)]
    external_id: Annotated[str, Field("Schedule, rotation, account and beginning")]
    schedule: Annotated[str, Field("Name of the schedule", label=True)]
    schedule_id: Annotated[str, Field("Identifier of the schedule in the source", label=True)]
    layer: Annotated[str, Field("Layer or rotation of the schedule; empty where not told", label=True)]
    is_override: Annotated[bool, Field("True for somebody who stands in, not in turn")]
    team: Annotated[str, Field("Team of the schedule; empty when none", label=True)]
    person: Annotated[str, Field("Mail of the person, else the name or identifier that the source has")]
    account: Annotated[str, Field("Identifier of the person there, as KIND:ID")]
    started_at: Annotated[dt.datetime, Field("On call from")]
    ended_at: Annotated[dt.datetime | None, Field("On call until, excluded; empty when it has no end")]
